//! Writing a partition, and joining new rows with those stored for the same span of time.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Schema, SchemaRef, TimestampNanosecondType};
use assay_core::time::UtcNs;

use super::encode::PartitionFile;
use super::pool::{Budget, Outcome, Task, WriteContext, WrittenPartition};
use super::values::column_bits;
use super::writer::Overlap;
use super::{FileEntry, SourceInfo, read_parquet, schema};
use crate::error::DataError;

/// Rows gathered at once when two files are joined.
const GATHER_ROWS: usize = 65_536;

/// Encodes the batches of a partition as they arrive, then compares with what is stored.
pub(crate) fn write_partition(context: &WriteContext, task: &Task, budget: &Budget) -> Result<Outcome, DataError> {
    let partition = task.partition.as_str();
    let mut file: Option<PartitionFile> = None;
    let mut new_sources = BTreeSet::new();
    for rows in &task.batches {
        let open = match &mut file {
            Some(open) => open,
            none => none.insert(PartitionFile::create(
                &context.folder,
                &format!("{partition}.parquet"),
                rows.batch.schema_ref(),
            )?),
        };
        open.write(&rows.batch)?;
        new_sources.insert(rows.source);
        budget.release(rows.batch.num_rows());
    }
    let unchanged = || Outcome::Unchanged {
        partition: partition.to_owned(),
    };
    let Some(file) = file else { return Ok(unchanged()) };
    let (file, entry) = file.close(partition)?;
    let stored = context.stored.iter().find(|stored| stored.partition == partition);
    match stored {
        Some(stored) if stored.hash == entry.hash => Ok(unchanged()),
        Some(stored) if context.overlap == Overlap::Merge => {
            let old = read_parquet(&context.folder.join(&stored.name), None)?;
            let new = read_parquet(file.path(), None)?;
            let schema = union(context, &old, &new);
            let (old, new) = (schema::widen(&old, &schema)?, schema::widen(&new, &schema)?);
            let order = merge_order(&old, &new, context.kind.times_repeat())
                .map_err(|time| conflict(context, stored, &new_sources, time))?;
            let (file, entry) = write_joined(context, partition, &schema, [&old, &new], &order)?;
            if entry.hash == stored.hash {
                return Ok(unchanged());
            }
            Ok(Outcome::Written(Box::new(WrittenPartition {
                file,
                entry,
                new_sources,
                merged: true,
            })))
        }
        _ => Ok(Outcome::Written(Box::new(WrittenPartition {
            file,
            entry,
            new_sources,
            merged: false,
        }))),
    }
}

/// The columns of both, in the kind's order.
fn union(context: &WriteContext, old: &RecordBatch, new: &RecordBatch) -> SchemaRef {
    let has = |name: &str| old.column_by_name(name).is_some() || new.column_by_name(name).is_some();
    let widest = schema::widest(context.kind);
    let fields: Vec<_> = widest.fields().iter().filter(|f| has(f.name())).cloned().collect();
    Arc::new(Schema::new(fields))
}

fn write_joined(
    context: &WriteContext,
    partition: &str,
    schema: &SchemaRef,
    parts: [&RecordBatch; 2],
    order: &[(Part, Range<usize>)],
) -> Result<(super::files::NewFile, FileEntry), DataError> {
    let mut file = PartitionFile::create(&context.folder, &format!("{partition}-joined.parquet"), schema)?;
    let mut rows = order
        .iter()
        .flat_map(|(part, range)| range.clone().map(move |row| (*part as usize, row)))
        .peekable();
    while rows.peek().is_some() {
        let indices: Vec<(usize, usize)> = rows.by_ref().take(GATHER_ROWS).collect();
        let batch = interleave_record_batch(&parts, &indices).map_err(|source| DataError::Arrow {
            action: "join rows",
            source,
        })?;
        file.write(&batch)?;
    }
    file.close(partition)
}

fn conflict(context: &WriteContext, stored: &FileEntry, new_sources: &BTreeSet<usize>, time: i64) -> DataError {
    let list = |sources: &[SourceInfo], wanted: &mut dyn Iterator<Item = usize>| {
        let names: BTreeSet<&str> = wanted
            .filter_map(|index| sources.get(index))
            .map(|source| source.name.as_str())
            .collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let new = context.new_sources.lock().unwrap_or_else(PoisonError::into_inner);
    DataError::Conflict {
        symbol: context.symbol.clone(),
        kind: context.kind,
        partition: stored.partition.clone(),
        old: list(&context.stored_sources, &mut stored.sources.iter().copied()),
        new: list(&new, &mut new_sources.iter().copied()),
        time: UtcNs(time),
    }
}

/// One of the two things being joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Old = 0,
    New = 1,
}

/// The rows of the join in time order, or the first time at which the parts contradict each other.
///
/// They may be joined if, over the time that both cover, one of them has every row of the other: then nothing is doubled and
/// nothing is lost. Where one begins in the very nanosecond in which the other ends, and they share no row in it, both are kept
/// if `times_repeat` (two bars cannot have one start).
fn merge_order(old: &RecordBatch, new: &RecordBatch, times_repeat: bool) -> Result<Vec<(Part, Range<usize>)>, i64> {
    let times = |batch: &RecordBatch| batch.column(0).as_primitive::<TimestampNanosecondType>().values().clone();
    let (old_times, new_times) = (times(old), times(new));
    let (Some(old_last), Some(new_last)) = (old_times.last().copied(), new_times.last().copied()) else {
        return Ok(vec![(Part::Old, 0..old_times.len()), (Part::New, 0..new_times.len())]);
    };
    let (from, to) = (old_times[0].max(new_times[0]), old_last.min(new_last));
    if from > to {
        let (old, new) = ((Part::Old, 0..old_times.len()), (Part::New, 0..new_times.len()));
        return Ok(if old_last < new_times[0] {
            vec![old, new]
        } else {
            vec![new, old]
        });
    }
    let shared = |times: &[i64]| times.partition_point(|t| *t < from)..times.partition_point(|t| *t <= to);
    let (old_shared, new_shared) = (shared(&old_times), shared(&new_times));
    let old_rows = Bits::of(old, &old_shared);
    let new_rows = Bits::of(new, &new_shared);
    // Only rows before the shared span of one part, and after it of one part, exist.
    let mut order = vec![(Part::Old, 0..old_shared.start), (Part::New, 0..new_shared.start)];
    let (mut i, mut j) = (old_shared.start, new_shared.start);
    let (mut old_extra, mut new_extra) = (false, false);
    let touching = times_repeat && from == to && old_times[0] != new_times[0] && old_last != new_last;
    while i < old_shared.end || j < new_shared.end {
        let at = |times: &[i64], row: usize, end: usize| if row < end { times[row] } else { i64::MAX };
        let time = at(&old_times, i, old_shared.end).min(at(&new_times, j, new_shared.end));
        let group_end = |times: &[i64], row: usize, end: usize| row + times[row..end].partition_point(|t| *t <= time);
        let (a, b) = (
            i..group_end(&old_times, i, old_shared.end),
            j..group_end(&new_times, j, new_shared.end),
        );
        (i, j) = (a.end, b.end);
        if new_rows.within(&b, &old_rows, &a) {
            old_extra |= a.len() > b.len();
            order.push((Part::Old, a));
        } else if old_rows.within(&a, &new_rows, &b) {
            new_extra = true;
            order.push((Part::New, b));
        } else if touching && !old_rows.share(&a, &new_rows, &b) {
            let (old, new) = ((Part::Old, a), (Part::New, b));
            order.extend(if old_times[0] < new_times[0] { [old, new] } else { [new, old] });
        } else {
            return Err(time);
        }
        if old_extra && new_extra {
            return Err(time);
        }
    }
    order.extend([
        (Part::Old, old_shared.end..old_times.len()),
        (Part::New, new_shared.end..new_times.len()),
    ]);
    Ok(order)
}

/// The bits of some rows, for exact comparison.
struct Bits {
    start: usize,
    columns: Vec<Vec<u64>>,
}

impl Bits {
    fn of(batch: &RecordBatch, rows: &Range<usize>) -> Self {
        let columns = batch.columns()[1..]
            .iter()
            .map(|column| column_bits(column.slice(rows.start, rows.len()).as_ref()))
            .collect();
        Self {
            start: rows.start,
            columns,
        }
    }

    fn same(&self, row: usize, other: &Self, other_row: usize) -> bool {
        let pairs = self.columns.iter().zip(&other.columns);
        pairs
            .into_iter()
            .all(|(a, b)| a[row - self.start] == b[other_row - other.start])
    }

    /// Whether `rows` are, in their order, among `others`.
    fn within(&self, rows: &Range<usize>, other: &Self, others: &Range<usize>) -> bool {
        let mut candidates = others.clone();
        rows.clone()
            .all(|row| candidates.any(|candidate| self.same(row, other, candidate)))
    }

    /// Whether any row is in both.
    fn share(&self, rows: &Range<usize>, other: &Self, others: &Range<usize>) -> bool {
        rows.clone()
            .any(|row| others.clone().any(|candidate| self.same(row, other, candidate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, TimestampNanosecondArray};

    fn rows(pairs: &[(i64, f64)]) -> RecordBatch {
        let times = TimestampNanosecondArray::from_iter_values(pairs.iter().map(|p| p.0)).with_timezone("UTC");
        let prices = || Arc::new(Float64Array::from_iter_values(pairs.iter().map(|p| p.1)));
        RecordBatch::try_new(schema::quotes(false), vec![Arc::new(times), prices(), prices()]).unwrap()
    }

    fn joined(old: &[(i64, f64)], new: &[(i64, f64)]) -> Result<Vec<(i64, f64)>, i64> {
        let order = merge_order(&rows(old), &rows(new), true)?;
        let all = [old, new];
        Ok(order
            .into_iter()
            .flat_map(|(part, range)| range.map(move |row| all[part as usize][row]))
            .collect())
    }

    #[test]
    fn disjoint_parts_are_put_in_time_order() {
        let (a, b) = ([(1, 1.0), (2, 2.0)], [(3, 3.0), (4, 4.0)]);
        let whole = vec![(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)];
        assert_eq!(joined(&a, &b), Ok(whole.clone()));
        assert_eq!(joined(&b, &a), Ok(whole));
        let around = [(1, 1.0), (5, 5.0)];
        assert_eq!(joined(&around, &b), Ok(vec![(1, 1.0), (3, 3.0), (4, 4.0), (5, 5.0)]));
    }

    #[test]
    fn an_overlap_with_equal_rows_is_kept_once_with_its_multiplicity() {
        let old = [(1, 1.0), (2, 2.0), (2, 2.0), (3, 3.0)];
        let new = [(2, 2.0), (2, 2.0), (3, 3.0), (4, 4.0)];
        let whole = vec![(1, 1.0), (2, 2.0), (2, 2.0), (3, 3.0), (4, 4.0)];
        assert_eq!(joined(&old, &new), Ok(whole.clone()));
        assert_eq!(joined(&new, &old), Ok(whole.clone()));
        assert_eq!(joined(&whole, &old), Ok(whole.clone()));
        assert_eq!(joined(&old, &whole), Ok(whole));
    }

    #[test]
    fn a_file_cut_within_one_nanosecond_is_joined() {
        let (first, second) = ([(1, 1.0), (2, 2.0)], [(2, 2.5), (3, 3.0)]);
        let whole = vec![(1, 1.0), (2, 2.0), (2, 2.5), (3, 3.0)];
        assert_eq!(joined(&first, &second), Ok(whole.clone()));
        assert_eq!(joined(&second, &first), Ok(whole));
        assert_eq!(merge_order(&rows(&first), &rows(&second), false), Err(2));
    }

    #[test]
    fn contradictions_name_the_first_time() {
        let old = [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)];
        assert_eq!(joined(&old, &[(2, 2.0), (3, 3.1), (4, 4.0)]), Err(3));
        // Each has a row that the other lacks.
        assert_eq!(joined(&old, &[(1, 1.0), (3, 3.0), (4, 4.0), (4, 4.1)]), Err(4));
        assert_eq!(joined(&[(5, 1.0)], &[(5, 2.0)]), Err(5));
        // The same rows of one nanosecond in another order are not the same data.
        assert_eq!(
            joined(&[(5, 1.0), (5, 2.0), (6, 1.0)], &[(5, 2.0), (5, 1.0), (6, 1.0)]),
            Err(5)
        );
    }
}
