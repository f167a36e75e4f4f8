//! Staging files and rows in memory to the result files of a finished job.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use assay_core::fingerprint::Fingerprint;
use assay_core::ids::Ordinal;
use assay_core::row::{Outcome, Sketch, TrialRow};
use assay_core::space::Point;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::Value;

use crate::columns;
use crate::error::StoreError;
use crate::files;
use crate::layout::{Layout, sketches_schema};
use crate::staging::{self, BATCH_ROWS, Staged, TaskRange};

/// How result files are cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Rows of a row group.
    pub(crate) group: usize,
    /// Rows of a part.
    pub(crate) part: usize,
}

/// Parts of about a million rows.
pub(crate) const CUT: Cut = Cut {
    group: 65_536,
    part: 16 * 65_536,
};
/// Rows of a page, the least that is decoded to see one row.
const PAGE_ROWS: usize = 4_096;
/// Kinds of result files.
pub(crate) const TRIALS: &str = "trials";
pub(crate) const SKETCHES: &str = "sketches";

/// Where the rows of a task are.
#[derive(Debug, Clone, Copy)]
pub enum TaskRows<'a> {
    /// In a recorded staging file.
    Staged(&'a Staged),
    /// In memory, in any order: tasks that ran just now need no file of their own.
    Memory {
        /// Their blocks.
        range: TaskRange,
        /// All rows of these blocks.
        rows: &'a [TrialRow],
    },
}

impl TaskRows<'_> {
    /// Its blocks.
    pub fn range(&self) -> TaskRange {
        match self {
            Self::Staged(staged) => staged.range,
            Self::Memory { range, .. } => *range,
        }
    }

    /// Shows all rows: instrument, point and, if it has one, the sketch of each, by ordinal and instrument.
    pub fn each_sketch(
        &self,
        home: &Path,
        layout: &Layout,
        mut see: impl FnMut(u32, &Point, Option<&Sketch>),
    ) -> Result<(), StoreError> {
        match self {
            Self::Staged(staged) => {
                let path = staged.path(home);
                for batch in staging::brief_batches(&path, layout)? {
                    columns::each_sketch(layout, &batch?, &mut see).map_err(|reason| StoreError::unreadable(&path, reason))?;
                }
            }
            Self::Memory { rows, .. } => {
                for row in staging::in_order(rows) {
                    let sketch = match &row.outcome {
                        Outcome::Done { sketch, .. } => sketch.as_deref(),
                        Outcome::Failed(_) => None,
                    };
                    see(row.instrument, &row.point, sketch);
                }
            }
        }
        Ok(())
    }

    fn rows(&self) -> u64 {
        match self {
            Self::Staged(staged) => staged.rows,
            Self::Memory { rows, .. } => rows.len() as u64,
        }
    }
}

/// What the result files of a job hold, and what all of its rows were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// Rows of the job, kept or not.
    pub trials: u64,
    /// Those that failed.
    pub failed: u64,
    /// Rows in the result files.
    pub kept: u64,
    /// Fingerprint of all rows of the job.
    pub fingerprint: Fingerprint,
}

/// Writes the result files of a job from the rows of its tasks, which together cover its `blocks` where these are all known: parts in the order of
/// (ordinal, instrument), then `_schema.json`, then `_SUCCESS`. `keep` names the points whose rows are kept; without it all are.
///
/// Everything is written beside the final place and moved there as a whole. Files of an earlier, interrupted try are replaced.
pub fn compact(
    home: &Path,
    layout: &Layout,
    blocks: Option<u64>,
    tasks: &[TaskRows<'_>],
    keep: Option<&BTreeSet<Ordinal>>,
) -> Result<Compacted, StoreError> {
    compact_cut(home, layout, blocks, tasks, keep, CUT).inspect_err(|_| {
        // The error at hand is the one to report; what is left behind would be removed by the next try.
        let _ = fs::remove_dir_all(work_folder(home, layout));
    })
}

/// Where result files are written before they are moved to their place.
fn work_folder(home: &Path, layout: &Layout) -> PathBuf {
    files::staging(home, layout.job).join("results")
}

pub(crate) fn compact_cut(
    home: &Path,
    layout: &Layout,
    blocks: Option<u64>,
    tasks: &[TaskRows<'_>],
    keep: Option<&BTreeSet<Ordinal>>,
    cut: Cut,
) -> Result<Compacted, StoreError> {
    let tasks = covering(layout, blocks, tasks)?;
    let work = work_folder(home, layout);
    files::remove_folder(&work)?;
    // A zstd context costs more than the rows of a small job.
    let compression = if tasks.iter().map(TaskRows::rows).sum::<u64>() <= cut.group as u64 {
        Compression::SNAPPY
    } else {
        Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1"))
    };
    let mut trials = PartWriter::new(&work, TRIALS, layout, layout.trials_schema(), compression, cut)?;
    let mut sketches = PartWriter::new(&work, SKETCHES, layout, sketches_schema(), compression, cut)?;
    let mut total = Compacted {
        trials: 0,
        failed: 0,
        kept: 0,
        fingerprint: Fingerprint::default(),
    };
    let mut write = |batch: &RecordBatch| -> Result<(), StoreError> {
        let batch = match keep {
            None => batch.clone(),
            Some(keep) => keep_points(batch, keep).map_err(|reason| StoreError::unreadable(&work, reason))?,
        };
        total.kept += batch.num_rows() as u64;
        trials.write(&columns::trials_of(layout, &batch))?;
        sketches.write(&columns::sketches_of(&batch))
    };
    for task in &tasks {
        let (fingerprint, rows, failed) = match task {
            TaskRows::Staged(staged) => {
                let path = staged.path(home);
                let mut found = 0;
                for batch in staging::batches(&path)? {
                    let batch = batch?;
                    found += batch.num_rows() as u64;
                    write(&batch)?;
                }
                if found != staged.rows {
                    let reason = format!("it has {found} rows instead of {}", staged.rows);
                    return Err(StoreError::unreadable(&path, reason));
                }
                (staged.fingerprint, found, staged.failed)
            }
            TaskRows::Memory { rows, .. } => {
                for chunk in staging::in_order(rows).chunks(BATCH_ROWS) {
                    write(&columns::staging_batch(layout, chunk))?;
                }
                let (fingerprint, failed) = staging::summary(rows);
                (fingerprint, rows.len() as u64, failed)
            }
        };
        total.fingerprint.merge(fingerprint);
        total.trials += rows;
        total.failed += failed;
    }
    let mut written = trials.finish()?;
    written.extend(sketches.finish()?);
    files::sync_all(&written)?;
    publish(home, layout, &work, &[TRIALS, SKETCHES])?;
    Ok(total)
}

/// Whether the result files of a job are in place.
pub fn has_results(home: &Path, layout: &Layout) -> bool {
    let done = |kind| files::results_folder(home, kind, layout.job).join("_SUCCESS").exists();
    done(TRIALS) && done(SKETCHES)
}

/// The tasks by block, if they cover all blocks, as far as these are known, and none twice.
fn covering<'a>(layout: &Layout, blocks: Option<u64>, tasks: &[TaskRows<'a>]) -> Result<Vec<TaskRows<'a>>, StoreError> {
    let gap = |expected, found| StoreError::Gap {
        job: layout.job.to_string(),
        expected,
        found,
    };
    let mut sorted = tasks.to_vec();
    sorted.sort_by_key(TaskRows::range);
    let mut next = 0;
    for task in &sorted {
        let range = task.range();
        if range.first_block < next || blocks.is_some() && range.first_block != next {
            return Err(gap(next, range.first_block));
        }
        next = range.end();
    }
    if let Some(blocks) = blocks
        && next != blocks
    {
        return Err(gap(next, blocks));
    }
    Ok(sorted)
}

fn keep_points(batch: &RecordBatch, keep: &BTreeSet<Ordinal>) -> Result<RecordBatch, String> {
    let ordinals = columns::ordinals(batch)?.iter();
    let mask: BooleanArray = ordinals.map(|ordinal| Some(keep.contains(&Ordinal(*ordinal)))).collect();
    arrow::compute::filter_record_batch(batch, &mask).map_err(|e| e.to_string())
}

/// Moves finished folders to where readers look for them.
pub(crate) fn publish(home: &Path, layout: &Layout, work: &Path, kinds: &[&str]) -> Result<(), StoreError> {
    let folders: Vec<PathBuf> = kinds.iter().map(|kind| work.join(kind)).collect();
    files::sync_all(&folders)?;
    let mut parents = Vec::new();
    for (kind, from) in kinds.iter().zip(&folders) {
        let place = files::results_folder(home, kind, layout.job);
        let parent = place.parent().expect("result folders have a parent").to_owned();
        files::create_folder(&parent)?;
        files::remove_folder(&place)?;
        fs::rename(from, &place).map_err(|e| StoreError::io("rename", from, e))?;
        parents.push(parent);
    }
    files::sync_all(&parents)
}

/// Writes rows into `part-00000.parquet` and so on.
pub(crate) struct PartWriter {
    folder: PathBuf,
    schema: SchemaRef,
    description: Value,
    compression: Compression,
    cut: Cut,
    /// All files begun.
    written: Vec<PathBuf>,
    /// The part at hand and how many rows it has.
    open: Option<(PathBuf, ArrowWriter<BufWriter<File>>, usize)>,
}

impl PartWriter {
    pub(crate) fn new(
        work: &Path,
        kind: &str,
        layout: &Layout,
        schema: SchemaRef,
        compression: Compression,
        cut: Cut,
    ) -> Result<Self, StoreError> {
        let folder = work.join(kind);
        files::create_folder(&folder)?;
        Ok(Self {
            folder,
            description: layout.describe(kind, &schema),
            schema,
            compression,
            cut,
            written: Vec::new(),
            open: None,
        })
    }

    /// Of some thousand rows with the columns of trials.
    pub(crate) fn small(work: &Path, kind: &str, layout: &Layout) -> Result<Self, StoreError> {
        Self::new(work, kind, layout, layout.trials_schema(), Compression::SNAPPY, CUT)
    }

    /// Says something more in the description beside the parts.
    pub(crate) fn describe(&mut self, key: &str, value: Value) {
        self.description[key] = value;
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let mut done = 0;
        while done < batch.num_rows() {
            if self.open.is_none() {
                self.open = Some(self.open_part()?);
            }
            let (path, writer, rows) = self.open.as_mut().expect("a part was opened just now");
            let count = (self.cut.part - *rows).min(batch.num_rows() - done);
            let slice = batch.slice(done, count);
            writer.write(&slice).map_err(|e| StoreError::unwritable(path, e))?;
            done += count;
            *rows += count;
            if *rows == self.cut.part {
                self.close_part()?;
            }
        }
        Ok(())
    }

    fn open_part(&mut self) -> Result<(PathBuf, ArrowWriter<BufWriter<File>>, usize), StoreError> {
        let path = self.folder.join(format!("part-{:05}.parquet", self.written.len()));
        self.written.push(path.clone());
        let file = File::create(&path).map_err(|e| StoreError::io("create", &path, e))?;
        let file = BufWriter::with_capacity(1 << 17, file);
        let properties = properties(&self.schema, self.description.to_string(), self.compression, self.cut.group);
        let writer = ArrowWriter::try_new(file, self.schema.clone(), Some(properties));
        let writer = writer.map_err(|e| StoreError::unwritable(&path, e))?;
        Ok((path, writer, 0))
    }

    fn close_part(&mut self) -> Result<(), StoreError> {
        if let Some((path, writer, _)) = self.open.take() {
            let mut file = writer.into_inner().map_err(|e| StoreError::unwritable(&path, e))?;
            file.flush().map_err(|e| StoreError::io("write", &path, e))?;
        }
        Ok(())
    }

    /// Ends the last part, adds schema and mark of success, and names all files. A job without rows has one part without rows.
    pub(crate) fn finish(mut self) -> Result<Vec<PathBuf>, StoreError> {
        if self.written.is_empty() {
            self.open = Some(self.open_part()?);
        }
        self.close_part()?;
        let schema = serde_json::to_vec_pretty(&self.description).expect("JSON values print");
        for (name, content) in [("_schema.json", schema), ("_SUCCESS", Vec::new())] {
            let path = self.folder.join(name);
            fs::write(&path, content).map_err(|e| StoreError::io("write", &path, e))?;
            self.written.push(path);
        }
        Ok(self.written)
    }
}

fn properties(schema: &Schema, description: String, compression: Compression, group_rows: usize) -> WriterProperties {
    let trial_id = ColumnPath::from("trial_id");
    let ordinal = ColumnPath::from("ordinal");
    let sorted_by = schema.index_of("ordinal").expect("every kind has ordinals");
    let mut properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(group_rows))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(ordinal.clone(), EnabledStatistics::Page)
        .set_dictionary_enabled(false)
        // Neighbours share most of their bytes.
        .set_column_encoding(trial_id, Encoding::DELTA_BYTE_ARRAY)
        .set_column_encoding(ordinal, Encoding::DELTA_BINARY_PACKED)
        .set_key_value_metadata(Some(vec![KeyValue::new("assay".to_owned(), description)]));
    // Rows that are about no point are in no order of points.
    if !schema.field(sorted_by).is_nullable() {
        properties = properties.set_sorting_columns(Some(vec![SortingColumn {
            column_idx: sorted_by as i32,
            descending: false,
            nulls_first: false,
        }]));
    }
    // Numbers hardly repeat; symbols and choices do.
    for field in schema.fields() {
        let text = matches!(field.data_type(), DataType::Utf8 | DataType::Dictionary(..));
        if text && field.name() != "trial_id" {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(field.name().as_str()), true);
        }
    }
    properties.build()
}
