//! Batches of Parquet files, behind a shield: the library panics on some damaged files.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use assay_core::shield::shielded;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::errors::ParquetError;

use crate::error::StoreError;

/// Work of the Parquet library on a file of ours.
pub(crate) fn shield<T>(path: &Path, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, StoreError> {
    match shielded(work) {
        Ok(done) => done.map_err(|error| StoreError::unreadable(path, error)),
        Err(panic) => Err(damaged(path, &panic)),
    }
}

fn damaged(path: &Path, panic: &str) -> StoreError {
    StoreError::unreadable(path, format!("the file is damaged: {panic}"))
}

/// The batches of a file, in order, up to the first one that cannot be read.
pub(crate) struct Batches {
    path: Arc<Path>,
    reader: Option<ParquetRecordBatchReader>,
}

impl Batches {
    pub(crate) fn open(
        path: &Path,
        open: impl FnOnce() -> Result<ParquetRecordBatchReader, ParquetError>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            path: Arc::from(path),
            reader: Some(shield(path, open)?),
        })
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let next = match shielded(|| reader.next()) {
            Ok(next) => next.map(|batch| batch.map_err(|error| StoreError::unreadable(&self.path, error))),
            Err(panic) => Some(Err(damaged(&self.path, &panic))),
        };
        if !matches!(next, Some(Ok(_))) {
            self.reader = None;
        }
        next
    }
}
