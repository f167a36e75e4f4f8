//! Files of finished tasks, kept until the whole job is done.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::JobId;
use assay_core::row::{Outcome, TrialRow};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::columns;
use crate::error::StoreError;
use crate::files::{self, HashingWriter};
use crate::layout::{Layout, ParamColumn};
use crate::parts::Batches;

/// Rows that are converted at a time.
pub(crate) const BATCH_ROWS: usize = 8_192;
const GROUP_ROWS: usize = 16_384;

/// A run of blocks on all instruments of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskRange {
    /// First block.
    pub first_block: u64,
    /// How many.
    pub blocks: u64,
}

impl TaskRange {
    /// The block after the last.
    pub fn end(self) -> u64 {
        self.first_block + self.blocks
    }
}

/// A task whose rows lie in a staging file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The job.
    pub job: JobId,
    /// Its blocks.
    pub range: TaskRange,
    /// Which try this was.
    pub attempt: u32,
    /// Name inside the job's staging folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its BLAKE3 hash.
    pub hash: [u8; 32],
    /// Rows in it.
    pub rows: u64,
    /// Those that failed.
    pub failed: u64,
    /// Fingerprint of the rows.
    pub fingerprint: Fingerprint,
}

impl Staged {
    /// The name of the file of a task's rows.
    pub fn file_name(range: TaskRange, attempt: u32) -> String {
        format!("t{}-{}.{attempt}.parquet", range.first_block, range.blocks)
    }

    /// Where the file lies.
    pub fn path(&self, home: &Path) -> PathBuf {
        files::staging(home, self.job).join(&self.file)
    }

    /// Whether the file is there as it was written; `Err` says what is wrong with it.
    pub fn verify(&self, home: &Path) -> Result<(), String> {
        let found = files::measure(&self.path(home)).map_err(|e| e.to_string())?;
        if found.bytes != self.bytes {
            return Err(format!("it has {} bytes instead of {}", found.bytes, self.bytes));
        }
        if found.hash != self.hash {
            return Err("its content has changed".to_owned());
        }
        Ok(())
    }

    /// Its rows, by ordinal and instrument, sketches included.
    pub fn read(&self, home: &Path, layout: &Layout) -> Result<Vec<TrialRow>, StoreError> {
        let path = self.path(home);
        let mut rows = Vec::new();
        for batch in batches(&path)? {
            rows.extend(columns::rows_of(layout, &batch?).map_err(|reason| StoreError::unreadable(&path, reason))?);
        }
        Ok(rows)
    }
}

/// Writes the rows of a task, in any order, to its staging file: under a temporary name, made durable, renamed.
pub fn write_staged(
    home: &Path,
    layout: &Layout,
    range: TaskRange,
    attempt: u32,
    rows: &[TrialRow],
) -> Result<Staged, StoreError> {
    let folder = files::staging(home, layout.job);
    files::create_folder(&folder)?;
    let file = Staged::file_name(range, attempt);
    let (path, temporary) = (folder.join(&file), folder.join(format!("{file}.tmp")));
    let written = write(&temporary, layout, rows).inspect_err(|_| {
        // The error at hand is the one to report; a leftover is removed with the folder.
        let _ = fs::remove_file(&temporary);
    })?;
    fs::rename(&temporary, &path).map_err(|e| StoreError::io("rename", &temporary, e))?;
    files::sync(&folder)?;
    let (fingerprint, failed) = summary(rows);
    Ok(Staged {
        job: layout.job,
        range,
        attempt,
        file,
        bytes: written.bytes,
        hash: written.hash,
        rows: rows.len() as u64,
        failed,
        fingerprint,
    })
}

/// Removes what a finished job left in staging.
pub fn remove_staging(home: &Path, job: JobId) -> Result<(), StoreError> {
    files::remove_folder(&files::staging(home, job))
}

/// Fingerprint of rows, and how many of them failed.
pub(crate) fn summary(rows: &[TrialRow]) -> (Fingerprint, u64) {
    let mut fingerprint = Fingerprint::default();
    for row in rows {
        row.fingerprint(&mut fingerprint);
    }
    let failed = rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_))).count();
    (fingerprint, failed as u64)
}

/// Rows by ordinal and instrument.
pub(crate) fn in_order(rows: &[TrialRow]) -> Vec<&TrialRow> {
    let key = |row: &&TrialRow| (row.ordinal, row.instrument);
    let mut sorted: Vec<&TrialRow> = rows.iter().collect();
    if !sorted.is_sorted_by_key(key) {
        sorted.sort_unstable_by_key(key);
    }
    sorted
}

fn write(path: &Path, layout: &Layout, rows: &[TrialRow]) -> Result<files::Written, StoreError> {
    let properties = WriterProperties::builder()
        // Short-lived, and mostly numbers that do not compress.
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let unwritable = |e| StoreError::unwritable(path, e);
    let writer = HashingWriter::create(path)?;
    let mut writer = ArrowWriter::try_new(writer, layout.staging_schema(), Some(properties)).map_err(unwritable)?;
    for chunk in in_order(rows).chunks(BATCH_ROWS) {
        writer.write(&columns::staging_batch(layout, chunk)).map_err(unwritable)?;
    }
    writer.into_inner().map_err(unwritable)?.finish(path)
}

/// The batches of a staging file with nothing but points and sketches.
pub(crate) fn brief_batches(path: &Path, layout: &Layout) -> Result<Batches, StoreError> {
    let file = File::open(path).map_err(|e| StoreError::io("open", path, e))?;
    Batches::open(path, || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let params = layout.params.iter().map(ParamColumn::column);
        let names: Vec<String> = ["instrument", "sketch"]
            .map(str::to_owned)
            .into_iter()
            .chain(params)
            .collect();
        let schema = builder.schema();
        // By position: a dot in a name would be taken for a path.
        let roots: Vec<usize> = names.iter().filter_map(|name| schema.index_of(name).ok()).collect();
        let columns = ProjectionMask::roots(builder.parquet_schema(), roots);
        builder.with_projection(columns).with_batch_size(BATCH_ROWS).build()
    })
}

/// The batches of a Parquet file of ours.
pub(crate) fn batches(path: &Path) -> Result<Batches, StoreError> {
    let file = File::open(path).map_err(|e| StoreError::io("open", path, e))?;
    Batches::open(path, || {
        ParquetRecordBatchReaderBuilder::try_new(file)?
            .with_batch_size(BATCH_ROWS)
            .build()
    })
}

#[cfg(test)]
mod tests {
    use assay_core::row::Sketch;
    use assay_core::space::Point;

    use super::*;
    use crate::compact::TaskRows;
    use crate::testing::{layout, row};

    #[test]
    fn a_task_reads_back_in_order_and_damage_is_noticed() {
        let home = tempfile::tempdir().unwrap();
        let layout = layout(2);
        let range = TaskRange {
            first_block: 3,
            blocks: 2,
        };
        let by_instrument = (0..2u32).flat_map(|instrument| (3072..5120).map(move |ordinal| row(ordinal, instrument)));
        let rows: Vec<TrialRow> = by_instrument.collect();
        let staged = write_staged(home.path(), &layout, range, 1, &rows).unwrap();
        assert_eq!(staged.verify(home.path()), Ok(()));
        let read = staged.read(home.path(), &layout).unwrap();
        assert_eq!(read, in_order(&rows).into_iter().cloned().collect::<Vec<_>>());
        assert_eq!((staged.fingerprint, staged.failed), summary(&read));
        // Points and sketches alone, from the file and from memory.
        let brief = |task: TaskRows<'_>| {
            let mut seen = Vec::new();
            let mut see = |instrument: u32, point: &Point, sketch: Option<&Sketch>| {
                seen.push((instrument, point.clone(), sketch.copied()));
            };
            task.each_sketch(home.path(), &layout, &mut see).unwrap();
            seen
        };
        let from_memory = brief(TaskRows::Memory { range, rows: &rows });
        assert_eq!(brief(TaskRows::Staged(&staged)), from_memory);
        assert_eq!((from_memory.len(), from_memory[3].0), (rows.len(), 1));

        let path = staged.path(home.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes[1000] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(staged.verify(home.path()).unwrap_err().contains("changed"));
        fs::write(&path, &bytes[..5000]).unwrap();
        assert!(staged.verify(home.path()).unwrap_err().contains("5000 bytes"));
        assert!(matches!(
            staged.read(home.path(), &layout),
            Err(StoreError::Unreadable { .. })
        ));
        remove_staging(home.path(), layout.job).unwrap();
        assert!(staged.verify(home.path()).is_err());
    }

    #[test]
    fn an_unwritable_folder_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("staging"), "a file where a folder should be").unwrap();
        let range = TaskRange {
            first_block: 0,
            blocks: 1,
        };
        let error = write_staged(home.path(), &layout(1), range, 1, &[row(0, 0)]).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
}
