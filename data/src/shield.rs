//! The Parquet library behind a shield: it panics on some damaged files.

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use assay_core::shield::shielded;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::errors::ParquetError;

/// Work of the library, whose panics are errors.
pub(crate) fn shield<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    shielded(work).unwrap_or_else(|panic| Err(damaged(&panic)))
}

fn damaged(panic: &str) -> ParquetError {
    ParquetError::General(format!("the file is damaged: {panic}"))
}

/// The batches of a file, in order, up to the first one that cannot be read.
#[derive(Debug)]
pub(crate) struct Batches {
    schema: SchemaRef,
    reader: Option<ParquetRecordBatchReader>,
}

impl Batches {
    pub(crate) fn open(open: impl FnOnce() -> Result<ParquetRecordBatchReader, ParquetError>) -> Result<Self, ParquetError> {
        let reader = shield(open)?;
        Ok(Self {
            schema: reader.schema(),
            reader: Some(reader),
        })
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let next = match shielded(|| reader.next()) {
            Ok(next) => next.map(|batch| batch.map_err(ParquetError::from)),
            Err(panic) => Some(Err(damaged(&panic))),
        };
        if !matches!(next, Some(Ok(_))) {
            self.reader = None;
        }
        next
    }
}
