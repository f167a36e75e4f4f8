//! Questions to the result files of a finished job.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_core::ids::{Ordinal, TrialId};
use assay_core::job::Objective;
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::{Ranked, Standing};
use assay_core::row::TrialRow;
use assay_core::space::Point;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::columns;
use crate::compact::TRIALS;
use crate::error::StoreError;
use crate::files;
use crate::layout::{Layout, ParamColumn};
use crate::parts::{Batches, shield};

/// Rows decoded at a time.
const READ_ROWS: usize = 65_536;

/// The row of a trial, without its sketch; `None` if the result files do not have it.
pub(crate) fn find_row(home: &Path, layout: &Layout, trial: &TrialId) -> Result<Option<TrialRow>, StoreError> {
    let parts = parts(home, layout)?;
    let wanted = trial.ordinal.0;
    // The last part that begins at or before the ordinal; a point's rows may begin at the end of the one before.
    let (mut low, mut high) = (0, parts.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let begins = Part::open(&parts[middle])?.ordinals().map_or(0, |range| range.0);
        if begins <= wanted { low = middle + 1 } else { high = middle }
    }
    for path in parts[..low].iter().rev().take(2) {
        let part = Part::open(path)?;
        if let Some(row) = part.find(layout, trial)? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// By how much a point violates what its job requires, from the metrics of its trials; `None` where one failed.
pub type Judge = Arc<dyn Fn(&[Option<&Metrics>]) -> f64 + Send + Sync>;

/// The best `count` points by an objective.
pub(crate) fn top(
    home: &Path,
    layout: &Layout,
    count: usize,
    objective: &Objective,
    judge: Option<&Judge>,
) -> Result<Vec<Ranked>, StoreError> {
    let parts = parts(home, layout)?;
    let best = best_points(&parts, layout, count, objective, judge)?;
    let mut wanted: Vec<u64> = best.iter().flat_map(|point| point.rows.clone()).collect();
    wanted.sort_unstable();
    let mut rows = Vec::with_capacity(wanted.len());
    let (mut before, mut rest) = (0, wanted.as_slice());
    for path in &parts {
        if rest.is_empty() {
            break;
        }
        let part = Part::open(path)?;
        let end = before + part.rows();
        let (here, later) = rest.split_at(rest.partition_point(|position| *position < end));
        let here: Vec<usize> = here.iter().map(|position| (position - before) as usize).collect();
        rows.extend(part.rows_at(layout, None, &here)?);
        (before, rest) = (end, later);
    }
    let ranked = |point: BestPoint| {
        let of_point = point.rows.map(|position| &rows[wanted.partition_point(|w| *w < position)]);
        let of_point: Vec<&TrialRow> = of_point.collect();
        Ranked {
            ordinal: point.standing.ordinal,
            point: of_point[0].point.clone(),
            objective: point.standing.score.map(|score| objective.value(score)),
            violation: point.standing.violation,
            metrics: of_point.iter().map(|row| row.metrics().copied()).collect(),
        }
    };
    Ok(best.into_iter().map(ranked).collect())
}

/// All points that were kept and what each came to by an objective: the larger, the better.
pub(crate) fn scores(home: &Path, layout: &Layout, objective: &Objective) -> Result<Vec<Scored>, StoreError> {
    let metric = objective.maximize.metric;
    let names: Vec<String> = layout.params.iter().map(ParamColumn::column).collect();
    let mut columns = vec!["ordinal", metric.name()];
    columns.extend(names.iter().map(String::as_str));
    let mut scored = Vec::new();
    let mut values = Vec::with_capacity(layout.instruments.len());
    for path in &parts(home, layout)? {
        for batch in Part::open(path)?.read(&columns, None, None)? {
            let batch = batch?;
            let bad = |reason| StoreError::unreadable(path, reason);
            let ordinals = columns::ordinals(&batch).map_err(bad)?;
            let metrics = columns::metric_values(&batch, metric).map_err(bad)?;
            let points = columns::points(layout, &batch).map_err(bad)?;
            for ((ordinal, value), point) in ordinals.iter().zip(metrics).zip(points) {
                values.push((!value.is_nan()).then_some(value));
                if values.len() == layout.instruments.len() {
                    scored.push(Scored {
                        ordinal: Ordinal(*ordinal),
                        point,
                        score: objective.score(values.drain(..)),
                    });
                }
            }
        }
    }
    Ok(scored)
}

/// A point by its coordinates, and what became of it; `None` if the result files do not have it.
pub(crate) fn find_point(
    home: &Path,
    layout: &Layout,
    point: &Point,
    objective: &Objective,
) -> Result<Option<Ranked>, StoreError> {
    let names: Vec<String> = layout.params.iter().map(ParamColumn::column).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rows = Vec::new();
    for path in &parts(home, layout)? {
        let part = Part::open(path)?;
        let (mut found, mut before) = (Vec::new(), 0);
        for batch in part.read(&names, None, None)? {
            let batch = batch?;
            let coordinates = columns::coordinates_of(layout, &batch).map_err(|reason| StoreError::unreadable(path, reason))?;
            let same = |i: &usize| coordinates.iter().zip(&point.0).all(|(column, x)| column[*i] == *x);
            found.extend((0..batch.num_rows()).filter(same).map(|i| before + i));
            before += batch.num_rows();
        }
        rows.extend(part.rows_at(layout, None, &found)?);
        if rows.len() >= layout.instruments.len() {
            break;
        }
    }
    let Some(first) = rows.first() else { return Ok(None) };
    let metric = objective.maximize.metric;
    let score = objective.score(rows.iter().map(|row| row.metrics().and_then(|metrics| metrics.get(metric))));
    Ok(Some(Ranked {
        ordinal: first.ordinal,
        point: point.clone(),
        objective: score.map(|score| objective.value(score)),
        violation: 0.0,
        metrics: rows.iter().map(|row| row.metrics().copied()).collect(),
    }))
}

/// The reason of the first failed row, and how many rows share it.
pub(crate) fn first_failure(home: &Path, layout: &Layout) -> Result<Option<(String, u64)>, StoreError> {
    let mut first: Option<(String, u64)> = None;
    for path in &parts(home, layout)? {
        for batch in Part::open(path)?.read(&["error"], None, None)? {
            let batch = batch?;
            let reasons = columns::failures(&batch).map_err(|reason| StoreError::unreadable(path, reason))?;
            for reason in reasons {
                let (shared, count) = first.get_or_insert_with(|| (reason.to_owned(), 0));
                *count += u64::from(shared == reason);
            }
        }
    }
    Ok(first)
}

/// A point and what it came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its position in the job.
    pub ordinal: Ordinal,
    /// Its coordinates.
    pub point: Point,
    /// The larger, the better; `None` where it is undefined.
    pub score: Option<f64>,
}

/// A point and the positions of its rows, counted over all parts. The larger, the worse.
struct BestPoint {
    standing: Standing,
    rows: Range<u64>,
}

impl PartialEq for BestPoint {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for BestPoint {}

impl PartialOrd for BestPoint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BestPoint {
    fn cmp(&self, other: &Self) -> Ordering {
        self.standing.compare(&other.standing)
    }
}

/// Reads ordinals and one metric of all rows, or all metrics where they are to be judged.
fn best_points(
    parts: &[PathBuf],
    layout: &Layout,
    count: usize,
    objective: &Objective,
    judge: Option<&Judge>,
) -> Result<Vec<BestPoint>, StoreError> {
    let mut wanted = vec!["ordinal", objective.maximize.metric.name()];
    if !layout.windows.is_empty() {
        wanted.push("window");
    }
    if judge.is_some() {
        wanted.extend(Metric::ALL.map(Metric::name));
        wanted.sort_unstable();
        wanted.dedup();
    }
    let metric = objective.maximize.metric;
    let per_point = layout.instruments.len();
    let mut best = BinaryHeap::new();
    let mut values = Vec::with_capacity(per_point);
    let mut all: Vec<Metrics> = Vec::new();
    let mut position = 0;
    for path in parts {
        let part = Part::open(path)?;
        for batch in part.read(&wanted, None, None)? {
            let batch = batch?;
            let bad = |reason| StoreError::unreadable(path, reason);
            let ordinals = columns::ordinals(&batch).map_err(bad)?;
            let metrics = columns::metric_values(&batch, metric).map_err(bad)?;
            let windows = columns::windows(layout, &batch).map_err(bad)?;
            let judged = match judge {
                Some(_) => Some(columns::all_metrics(&batch).map_err(bad)?),
                None => None,
            };
            for (row, (ordinal, value)) in ordinals.iter().zip(metrics).enumerate() {
                values.push((!value.is_nan()).then_some(value));
                if let Some(judged) = &judged {
                    all.push(judged[row]);
                }
                position += 1;
                if values.len() < per_point {
                    continue;
                }
                let violation = judge.map_or(0.0, |judge| judge(&all.iter().map(Some).collect::<Vec<_>>()));
                all.clear();
                let score = objective.score(values.drain(..));
                if windows.as_ref().is_some_and(|windows| !layout.ranks(windows[row])) {
                    continue;
                }
                let point = BestPoint {
                    standing: Standing {
                        violation,
                        score,
                        ordinal: Ordinal(*ordinal),
                    },
                    rows: position - per_point as u64..position,
                };
                if best.len() < count {
                    best.push(point);
                } else if best.peek().is_some_and(|worst| point < *worst) {
                    best.pop();
                    best.push(point);
                }
            }
        }
    }
    Ok(best.into_sorted_vec())
}

/// All rows of the result files in a folder, which have the columns of trials.
pub(crate) fn all_rows(folder: &Path, layout: &Layout) -> Result<Vec<TrialRow>, StoreError> {
    let mut rows = Vec::new();
    for path in parts_in(folder, layout)? {
        let part = Part::open(&path)?;
        let every: Vec<usize> = (0..part.rows() as usize).collect();
        rows.extend(part.rows_at(layout, None, &every)?);
    }
    Ok(rows)
}

/// The files with all rows of a finished job in a home, in the order of the rows.
pub fn result_files(home: &Path, layout: &Layout) -> Result<Vec<PathBuf>, StoreError> {
    parts(home, layout)
}

/// Result files of a job, in the order of their rows.
pub(crate) fn parts(home: &Path, layout: &Layout) -> Result<Vec<PathBuf>, StoreError> {
    parts_in(&files::results_folder(home, TRIALS, layout.job), layout)
}

pub(crate) fn parts_in(folder: &Path, layout: &Layout) -> Result<Vec<PathBuf>, StoreError> {
    let missing = || StoreError::MissingResults {
        job: layout.job.to_string(),
        path: folder.to_owned(),
    };
    let entries = fs::read_dir(folder).map_err(|_| missing())?;
    let mut parts = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| StoreError::io("list", folder, e))?.path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            parts.push(path);
        }
    }
    parts.sort();
    if parts.is_empty() { Err(missing()) } else { Ok(parts) }
}

/// An open part and its footer.
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
    ordinal_column: usize,
}

impl Part {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|e| StoreError::io("open", path, e))?;
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = shield(path, || ArrowReaderMetadata::load(&file, options))?;
        let columns = metadata.parquet_schema().columns();
        let ordinal_column = columns.iter().position(|column| column.name() == "ordinal");
        Ok(Self {
            path: path.to_owned(),
            file,
            ordinal_column: ordinal_column.ok_or_else(|| StoreError::unreadable(path, "there is no column `ordinal`"))?,
            metadata,
        })
    }

    fn groups(&self) -> &[RowGroupMetaData] {
        self.metadata.metadata().row_groups()
    }

    fn rows(&self) -> u64 {
        self.groups().iter().map(|group| group.num_rows() as u64).sum()
    }

    /// Least and largest ordinal of a row group.
    fn group_ordinals(&self, group: &RowGroupMetaData) -> Option<(u64, u64)> {
        match group.column(self.ordinal_column).statistics()? {
            Statistics::Int64(range) => Some((*range.min_opt()? as u64, *range.max_opt()? as u64)),
            _ => None,
        }
    }

    fn ordinals(&self) -> Option<(u64, u64)> {
        let first = self.group_ordinals(self.groups().first()?)?;
        let last = self.group_ordinals(self.groups().last()?)?;
        Some((first.0, last.1))
    }

    pub(crate) fn read(
        &self,
        columns: &[&str],
        groups: Option<Vec<usize>>,
        selection: Option<RowSelection>,
    ) -> Result<Batches, StoreError> {
        let file = self.file.try_clone().map_err(|e| StoreError::io("open", &self.path, e))?;
        Batches::open(&self.path, || {
            let mut builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()).with_batch_size(READ_ROWS);
            if !columns.is_empty() {
                let schema = builder.schema();
                // By position: a dot in a name would be taken for a path.
                let roots: Vec<usize> = columns.iter().filter_map(|name| schema.index_of(name).ok()).collect();
                let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
                builder = builder.with_projection(mask);
            }
            if let Some(groups) = groups {
                builder = builder.with_row_groups(groups);
            }
            if let Some(selection) = selection {
                builder = builder.with_row_selection(selection);
            }
            builder.build()
        })
    }

    /// All columns of the rows at ascending positions, counted over the part or over some of its row groups.
    fn rows_at(&self, layout: &Layout, groups: Option<Vec<usize>>, positions: &[usize]) -> Result<Vec<TrialRow>, StoreError> {
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let total = match &groups {
            Some(groups) => groups.iter().map(|i| self.groups()[*i].num_rows() as usize).sum(),
            None => self.rows() as usize,
        };
        let ranges = positions.iter().map(|position| *position..position + 1);
        let selection = RowSelection::from_consecutive_ranges(ranges, total);
        let mut rows = Vec::with_capacity(positions.len());
        for batch in self.read(&[], groups, Some(selection))? {
            let batch = batch?;
            rows.extend(columns::rows_of(layout, &batch).map_err(|reason| StoreError::unreadable(&self.path, reason))?);
        }
        Ok(rows)
    }

    fn find(&self, layout: &Layout, trial: &TrialId) -> Result<Option<TrialRow>, StoreError> {
        let wanted = trial.ordinal.0;
        let may_hold = |group: &RowGroupMetaData| {
            self.group_ordinals(group)
                .is_none_or(|(low, high)| (low..=high).contains(&wanted))
        };
        let groups: Vec<usize> = (0..self.groups().len()).filter(|i| may_hold(&self.groups()[*i])).collect();
        if groups.is_empty() {
            return Ok(None);
        }
        let bad = |reason: String| StoreError::unreadable(&self.path, reason);
        let mut before = 0;
        for batch in self.read(&["ordinal", "instrument"], Some(groups.clone()), None)? {
            let batch = batch?;
            let ordinals = columns::ordinals(&batch).map_err(bad)?;
            let first = ordinals.partition_point(|ordinal| *ordinal < wanted);
            let last = ordinals.partition_point(|ordinal| *ordinal <= wanted);
            let instruments = columns::instrument_indices(layout, &batch.slice(first, last - first)).map_err(bad)?;
            if let Some(offset) = instruments.iter().position(|instrument| *instrument == trial.instrument) {
                let rows = self.rows_at(layout, Some(groups), &[before + first + offset])?;
                return Ok(rows.into_iter().next());
            }
            before += batch.num_rows();
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use assay_core::BLOCK;

    use super::*;
    use crate::compact::{Cut, TaskRows, compact_cut};
    use crate::staging::TaskRange;
    use crate::testing::{layout, row};

    #[test]
    fn points_that_lie_across_groups_and_parts_are_found_and_ranked() {
        let home = tempfile::tempdir().unwrap();
        let layout = layout(3);
        let range = TaskRange {
            first_block: 0,
            blocks: 1,
        };
        let rows: Vec<TrialRow> = (0..BLOCK).flat_map(|o| (0..3).map(move |i| row(o, i))).collect();
        let tasks = [TaskRows::Memory { range, rows: &rows }];
        // Neither divides the three rows of a point.
        let cut = Cut { group: 100, part: 700 };
        compact_cut(home.path(), &layout, Some(1), &tasks, None, cut).unwrap();
        assert_eq!(parts(home.path(), &layout).unwrap().len(), 5);
        for wanted in &rows {
            let trial = layout.trial_id(wanted.instrument, wanted.ordinal);
            let found = find_row(home.path(), &layout, &trial).unwrap().unwrap();
            assert_eq!((&found.point, found.metrics()), (&wanted.point, wanted.metrics()));
        }
        let objective = Objective::default();
        let all = top(home.path(), &layout, usize::MAX, &objective, None).unwrap();
        assert_eq!(all.len() as u64, BLOCK);
        let less = |a: &Ranked, b: &Ranked| a.standing(&objective).compare(&b.standing(&objective)) == Ordering::Less;
        assert!(all.is_sorted_by(less));
        for point in &all {
            let of_point = &rows[point.ordinal.0 as usize * 3..][..3];
            let metrics: Vec<_> = of_point.iter().map(|row| row.metrics().copied()).collect();
            assert_eq!((&point.point, &point.metrics), (&of_point[0].point, &metrics));
        }
        assert_eq!(top(home.path(), &layout, 10, &objective, None).unwrap(), all[..10]);
        for point in all.iter().step_by(61) {
            let found = find_point(home.path(), &layout, &point.point, &objective).unwrap();
            assert_eq!(found.as_ref(), Some(point));
        }
        let elsewhere = Point(rows[0].point.0.iter().map(|x| x - 1e9).collect());
        assert_eq!(find_point(home.path(), &layout, &elsewhere, &objective).unwrap(), None);
        assert!(top(home.path(), &layout, 0, &objective, None).unwrap().is_empty());
        let scored = scores(home.path(), &layout, &objective).unwrap();
        assert!(scored.is_sorted_by_key(|of| of.ordinal) && scored.len() == all.len());
        for point in &all {
            let of = &scored[point.ordinal.0 as usize];
            assert_eq!((&of.point, of.score), (&point.point, point.objective));
        }
    }
}
