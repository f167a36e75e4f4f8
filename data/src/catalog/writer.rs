//! Writing a dataset: rows in, one atomic change of the catalog out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, SchemaRef, TimestampNanosecondType};
use assay_core::ids::Symbol;
use assay_core::time::UtcNs;
use serde::Serialize;

use super::lock::WriteLock;
use super::pool::{EncodePool, Outcome, Rows, Task, WriteContext};
use super::{Catalog, Dataset, DatasetKind, FileEntry, Manifest, SourceInfo, ValuesHash, files, partition, schema, values};
use crate::error::DataError;

/// What to do with a day (month, for bars) that is stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// Join the rows if they do not contradict each other, else refuse.
    #[default]
    Merge,
    /// The new rows replace all stored rows of the days (months) that they touch.
    Replace,
}

/// What a write did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WriteReport {
    /// The instrument.
    pub symbol: Symbol,
    /// The dataset.
    pub kind: DatasetKind,
    /// Rows that were given to the writer.
    pub rows: u64,
    /// Days (months) that are new or were replaced.
    pub written: Vec<String>,
    /// Days (months) whose rows were joined with stored ones.
    pub merged: Vec<String>,
    /// Days (months) that held these rows already.
    pub unchanged: Vec<String>,
    /// The dataset afterwards; nothing if no rows were given and none were stored.
    pub dataset: Option<Dataset>,
}

/// Writes one dataset. Rows become visible together at [`DatasetWriter::finish`]; a writer dropped before leaves nothing behind.
#[derive(Debug)]
pub struct DatasetWriter {
    catalog: Catalog,
    symbol: Symbol,
    kind: DatasetKind,
    overlap: Overlap,
    folder: PathBuf,
    old: Option<Manifest>,
    sources: Arc<Mutex<Vec<SourceInfo>>>,
    source: usize,
    schema: Option<SchemaRef>,
    rows: u64,
    last_time: Option<i64>,
    // Dropped before `pool`, whose threads wait for the end of the open partition.
    open: Option<OpenPartition>,
    pool: Option<EncodePool>,
    // Released last.
    lock: Arc<WriteLock>,
}

#[derive(Debug)]
struct OpenPartition {
    end: i64,
    batches: Sender<Rows>,
}

impl DatasetWriter {
    pub(crate) fn begin(catalog: &Catalog, symbol: &Symbol, kind: DatasetKind, source: SourceInfo) -> Result<Self, DataError> {
        let lock = catalog.lock()?;
        if !lock.begin(symbol, kind) {
            return Err(DataError::Busy {
                symbol: symbol.clone(),
                kind,
            });
        }
        let folder = catalog.folder(symbol, kind);
        let mut writer = Self {
            catalog: catalog.clone(),
            symbol: symbol.clone(),
            kind,
            overlap: Overlap::Merge,
            folder: folder.clone(),
            old: None,
            sources: Arc::new(Mutex::new(vec![source])),
            source: 0,
            schema: None,
            rows: 0,
            last_time: None,
            open: None,
            pool: None,
            lock,
        };
        // From here on dropping the writer frees the dataset again.
        writer.old = Manifest::load(&folder)?;
        remove_unnamed(&folder, writer.old.as_ref())?;
        Ok(writer)
    }

    /// What to do with stored days; to be said before the first row.
    #[must_use]
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// The rows that follow come from another source, such as the next file.
    pub fn next_source(&mut self, source: SourceInfo) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        self.source = sources.iter().position(|known| *known == source).unwrap_or_else(|| {
            sources.push(source);
            sources.len() - 1
        });
    }

    /// Rows appended so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds rows in time order; equal times keep their order. Columns as in [`schema`], in any order, the same in every call.
    ///
    /// Errors name the row by its position among all rows given to this writer. After an error the writer can only be dropped.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        let batch = schema::conform(self.kind, batch).map_err(|error| self.shift_row(error))?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        match &self.schema {
            None => self.schema = Some(batch.schema()),
            Some(first) if *first == batch.schema() => {}
            Some(first) => {
                let reason = format!("rows with {} follow rows with {}", names(batch.schema_ref()), names(first));
                return Err(DataError::Columns { kind: self.kind, reason });
            }
        }
        self.check_values(&batch)?;
        let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let mut row = 0;
        while row < times.len() {
            let end = self.partition_for(times[row])?;
            let count = times[row..].partition_point(|time| *time < end);
            self.send(batch.slice(row, count))?;
            row += count;
        }
        self.last_time = times.last().copied();
        self.rows += times.len() as u64;
        Ok(())
    }

    /// Completes the files and makes them the dataset in one step.
    pub fn finish(mut self) -> Result<WriteReport, DataError> {
        self.open = None;
        let outcomes = match self.pool.take() {
            Some(pool) => pool.finish()?,
            None => Vec::new(),
        };
        let mut report = WriteReport {
            symbol: self.symbol.clone(),
            kind: self.kind,
            rows: self.rows,
            written: Vec::new(),
            merged: Vec::new(),
            unchanged: Vec::new(),
            dataset: self.old.as_ref().map(Dataset::from),
        };
        let mut new_files = Vec::new();
        for outcome in outcomes {
            match outcome {
                Outcome::Unchanged { partition } => report.unchanged.push(partition),
                Outcome::Written(written) => {
                    let list = if written.merged {
                        &mut report.merged
                    } else {
                        &mut report.written
                    };
                    list.push(written.entry.partition.clone());
                    new_files.push(written);
                }
            }
        }
        for list in [&mut report.written, &mut report.merged, &mut report.unchanged] {
            list.sort();
        }
        if new_files.is_empty() {
            return Ok(report);
        }

        let mut sources = self.old.as_ref().map_or_else(Vec::new, |old| old.sources.clone());
        let mut entries: BTreeMap<String, FileEntry> = BTreeMap::new();
        for file in self.old.iter().flat_map(|old| &old.files) {
            entries.insert(file.partition.clone(), file.clone());
        }
        let new_sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut temporary = Vec::with_capacity(new_files.len());
        for written in new_files {
            let mut entry = written.entry;
            entry.name = format!("{}-{}.parquet", entry.partition, &entry.hash.to_string()[..16]);
            if written.merged
                && let Some(stored) = entries.get(&entry.partition)
            {
                entry.sources.clone_from(&stored.sources);
            }
            for source in written.new_sources {
                let index = position_or_push(&mut sources, &new_sources[source]);
                if !entry.sources.contains(&index) {
                    entry.sources.push(index);
                }
            }
            temporary.push((written.file, entry.name.clone()));
            entries.insert(entry.partition.clone(), entry);
        }
        let mut entries: Vec<FileEntry> = entries.into_values().collect();
        // Days before the year 0 do not exist here, so that names sort as times do.
        let sources = keep_used(&sources, &mut entries);
        let currency = self.catalog.instrument(&self.symbol).facts.currency;
        let manifest = Manifest::assemble(&self.symbol, self.kind, &currency, sources, entries);
        self.check_columns(&manifest)?;
        self.commit(&manifest, temporary)?;
        report.dataset = Some(Dataset::from(&manifest));
        Ok(report)
    }

    fn commit(&self, manifest: &Manifest, temporary: Vec<(files::NewFile, String)>) -> Result<(), DataError> {
        for (file, name) in temporary {
            // If this or a later step fails, the files renamed so far are strangers to the old manifest: the next writer of the
            // dataset removes them, and so does this one when it is dropped.
            file.commit(&name)?;
        }
        files::sync_folder(&self.folder)?;
        manifest.store(&self.folder)?;
        // The folders on the way may be new as well.
        for folder in self.folder.ancestors().skip(1).take(3) {
            files::sync_folder(folder)?;
        }
        Ok(())
    }

    /// Bars from quotes and bars from trades cannot share a dataset.
    fn check_columns(&self, manifest: &Manifest) -> Result<(), DataError> {
        if !matches!(self.kind, DatasetKind::Bars(_)) {
            return Ok(());
        }
        let odd = manifest
            .files
            .iter()
            .find(|file| file.columns.len() != manifest.columns.len());
        match odd {
            None => Ok(()),
            Some(file) => Err(DataError::Columns {
                kind: self.kind,
                reason: format!(
                    "bars with bid and ask and bars without them meet; {} has {}",
                    file.partition,
                    file.columns.join(", ")
                ),
            }),
        }
    }

    fn check_values(&self, batch: &RecordBatch) -> Result<(), DataError> {
        let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let mut previous = self.last_time.unwrap_or(i64::MIN);
        if times[0] < previous || !times.is_sorted() {
            for (index, &time) in times.iter().enumerate() {
                if time < previous {
                    return Err(DataError::Backward {
                        row: self.rows + index as u64,
                        time: UtcNs(time),
                        previous: UtcNs(previous),
                    });
                }
                previous = time;
            }
        }
        if !self.kind.times_repeat() {
            let before = std::iter::once(self.last_time.unwrap_or(i64::MIN)).chain(times.iter().copied());
            if let Some(index) = before.zip(times.iter()).position(|(previous, time)| previous == *time) {
                return Err(DataError::Repeated {
                    row: self.rows + index as u64,
                    time: UtcNs(times[index]),
                });
            }
        }
        for index in [0, times.len() - 1] {
            if !(partition::FIRST_TIME..partition::END_TIME).contains(&times[index]) {
                return Err(DataError::TimeRange {
                    row: self.rows + index as u64,
                });
            }
        }
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if field.data_type() != &DataType::Float64 {
                continue;
            }
            let column = column.as_primitive::<Float64Type>();
            // Values under a null are arbitrary: look closer only if something is wrong at all.
            if column.values().iter().fold(true, |all, value| all & value.is_finite()) {
                continue;
            }
            let bad = (0..column.len()).find(|row| column.is_valid(*row) && !column.value(*row).is_finite());
            if let Some(row) = bad {
                return Err(DataError::Value {
                    row: self.rows + row as u64,
                    column: field.name().clone(),
                    value: column.value(row).to_string(),
                });
            }
        }
        Ok(())
    }

    /// Opens the partition of `time` unless it is open; the first moment after it.
    fn partition_for(&mut self, time: i64) -> Result<i64, DataError> {
        if let Some(open) = &self.open
            && time < open.end
        {
            return Ok(open.end);
        }
        let next = partition::of(self.kind, time);
        let pool = match &mut self.pool {
            Some(pool) => pool,
            none => {
                fs::create_dir_all(&self.folder).map_err(|e| DataError::io("create", &self.folder, e))?;
                none.insert(EncodePool::start(WriteContext {
                    folder: self.folder.clone(),
                    symbol: self.symbol.clone(),
                    kind: self.kind,
                    overlap: self.overlap,
                    stored: self.old.as_ref().map_or_else(Vec::new, |old| old.files.clone()),
                    stored_sources: self.old.as_ref().map_or_else(Vec::new, |old| old.sources.clone()),
                    new_sources: Arc::clone(&self.sources),
                }))
            }
        };
        let (batches, receiver) = channel();
        pool.begin(Task {
            partition: next.key,
            batches: receiver,
        });
        self.open = Some(OpenPartition { end: next.end, batches });
        Ok(next.end)
    }

    fn send(&mut self, batch: RecordBatch) -> Result<(), DataError> {
        let alive = self.pool.as_ref().is_some_and(|pool| pool.reserve(batch.num_rows()));
        let rows = Rows {
            batch,
            source: self.source,
        };
        let sent = alive && self.open.as_ref().is_some_and(|open| open.batches.send(rows).is_ok());
        if sent {
            return Ok(());
        }
        // An encoder gave up: its error is the reason.
        self.open = None;
        if let Some(pool) = self.pool.take() {
            pool.finish()?;
        }
        let reason = std::io::Error::other("an encoder stopped without a reason");
        Err(DataError::io("write", &self.folder, reason))
    }

    fn shift_row(&self, error: DataError) -> DataError {
        match error {
            DataError::Value { row, column, value } => DataError::Value {
                row: self.rows + row,
                column,
                value,
            },
            other => other,
        }
    }
}

impl Drop for DatasetWriter {
    /// Removes what was not committed, and after a commit the files that were replaced.
    fn drop(&mut self) {
        self.open = None;
        self.pool = None;
        // What cannot be removed now is removed by the next writer.
        if let Ok(current) = Manifest::load(&self.folder) {
            let _ = remove_unnamed(&self.folder, current.as_ref());
            if current.is_none() {
                // Only empty folders go: the dataset's, then the symbol's.
                for folder in self.folder.ancestors().take(2) {
                    let _ = fs::remove_dir(folder);
                }
            }
        }
        self.lock.end(&self.symbol, self.kind);
    }
}

/// The hash of the dataset that these rows make.
pub(crate) fn hash_of_files(kind: DatasetKind, batch: &RecordBatch) -> Result<ValuesHash, DataError> {
    let batch = schema::conform(kind, batch)?;
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
    let mut files = Vec::new();
    let mut row = 0;
    while row < times.len() {
        let partition = partition::of(kind, times[row]);
        let count = times[row..].partition_point(|time| *time < partition.end);
        files.push((partition.key, values::hash_of(&batch.slice(row, count))));
        row += count;
    }
    Ok(Manifest::hash_of(kind, files.iter().map(|(key, hash)| (key.as_str(), hash))))
}

fn remove_unnamed(folder: &Path, manifest: Option<&Manifest>) -> Result<(), DataError> {
    files::remove_stale(folder, |name| {
        manifest.is_some_and(|manifest| manifest.files.iter().any(|file| file.name == name))
    })
}

fn position_or_push(sources: &mut Vec<SourceInfo>, source: &SourceInfo) -> usize {
    sources.iter().position(|known| known == source).unwrap_or_else(|| {
        sources.push(source.clone());
        sources.len() - 1
    })
}

/// The sources that some file still has rows of, with the files' positions adjusted.
fn keep_used(sources: &[SourceInfo], files: &mut [FileEntry]) -> Vec<SourceInfo> {
    let mut kept = Vec::new();
    let positions: Vec<usize> = (0..sources.len())
        .map(|index| {
            let used = files.iter().any(|file| file.sources.contains(&index));
            if used {
                kept.push(sources[index].clone());
            }
            kept.len().saturating_sub(1)
        })
        .collect();
    for source in files.iter_mut().flat_map(|file| &mut file.sources) {
        *source = positions[*source];
    }
    kept
}

fn names(schema: &SchemaRef) -> String {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.join(", ")
}
