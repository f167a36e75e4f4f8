//! Reading the files of a dataset.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use assay_core::ids::Symbol;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::{Catalog, DatasetKind, FileEntry, Manifest, schema};
use crate::error::DataError;
use crate::shield::{Batches, shield};

/// Rows read at once where memory is bounded.
const BATCH_ROWS: usize = 65_536;
/// Rows read at once where a file is to become one batch.
const MOST_ROWS: usize = 1 << 24;

impl Catalog {
    /// The rows of a dataset, batch by batch in time order, all with the dataset's columns. Holds one batch at a time.
    pub fn rows(&self, manifest: &Manifest) -> RowBatches {
        let kind = manifest.dataset_kind();
        RowBatches {
            folder: self.folder(&manifest.symbol, kind),
            files: manifest.files.clone().into_iter(),
            schema: stored_columns(manifest),
            open: None,
        }
    }

    /// The first `count` rows of a dataset.
    pub fn head(&self, symbol: &Symbol, kind: DatasetKind, count: usize) -> Result<RecordBatch, DataError> {
        let manifest = self.manifest(symbol, kind)?;
        let rows = self.rows(&manifest);
        let schema = Arc::clone(&rows.schema);
        let (mut parts, mut have) = (Vec::new(), 0);
        for batch in rows {
            let batch = batch?;
            let take = batch.num_rows().min(count - have);
            parts.push(batch.slice(0, take));
            have += take;
            if have == count {
                break;
            }
        }
        concat_batches(&schema, &parts).map_err(|source| DataError::Arrow {
            action: "join rows",
            source,
        })
    }

    /// All funding rates of an instrument: `time` (UTC nanoseconds, strictly ascending) and `rate`, without nulls.
    pub fn funding(&self, symbol: &Symbol) -> Result<RecordBatch, DataError> {
        self.head(symbol, DatasetKind::Funding, usize::MAX)
    }
}

impl Catalog {
    /// One file of a dataset as one batch with these columns.
    pub(crate) fn read_file(
        &self,
        manifest: &Manifest,
        file: &FileEntry,
        columns: &SchemaRef,
    ) -> Result<RecordBatch, DataError> {
        let path = self.folder(&manifest.symbol, manifest.dataset_kind()).join(&file.name);
        let batch = read_parquet(&path, Some(columns))?;
        schema::widen(&batch, columns)
    }

    /// The row groups of a file, for reading in parallel.
    pub(crate) fn row_groups(&self, manifest: &Manifest, file: &FileEntry) -> Result<Vec<RowGroup>, DataError> {
        let path = self.folder(&manifest.symbol, manifest.dataset_kind()).join(&file.name);
        let file = open_file(&path)?;
        let metadata = shield(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()));
        let metadata = metadata.map_err(|e| DataError::parquet(&path, e))?;
        let count = metadata.metadata().num_row_groups();
        let group = |index| RowGroup {
            path: path.clone(),
            metadata: metadata.clone(),
            index,
        };
        Ok((0..count).map(group).collect())
    }
}

/// About a million consecutive rows of a file.
#[derive(Debug)]
pub(crate) struct RowGroup {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    index: usize,
}

impl RowGroup {
    /// Its rows, batch by batch, with those of these columns that the file has.
    pub(crate) fn rows(
        &self,
        columns: &SchemaRef,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, DataError>> + use<'_>, DataError> {
        let file = open_file(&self.path)?;
        let reader = batches(&self.path, Some(columns), || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            project(builder, Some(columns))
                .with_row_groups(vec![self.index])
                .with_batch_size(BATCH_ROWS)
                .build()
        })?;
        Ok(reader.map(|batch| batch.map_err(|e| DataError::parquet(&self.path, e))))
    }
}

/// Iterator over the rows of a dataset; see [`Catalog::rows`].
#[derive(Debug)]
pub struct RowBatches {
    folder: PathBuf,
    files: std::vec::IntoIter<FileEntry>,
    schema: SchemaRef,
    open: Option<(PathBuf, Batches)>,
}

impl RowBatches {
    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, DataError> {
        loop {
            if let Some((path, reader)) = &mut self.open {
                match reader.next() {
                    Some(Ok(batch)) => return schema::widen(&batch, &self.schema).map(Some),
                    Some(Err(source)) => return Err(DataError::parquet(path, source)),
                    None => self.open = None,
                }
            }
            let Some(file) = self.files.next() else { return Ok(None) };
            let path = self.folder.join(&file.name);
            let reader = open(&path, Some(&self.schema), BATCH_ROWS)?;
            self.open = Some((path, reader));
        }
    }
}

impl Iterator for RowBatches {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_batch().transpose();
        if matches!(next, Some(Err(_))) {
            // After an error there is nothing more.
            self.open = None;
            self.files = Vec::new().into_iter();
        }
        next
    }
}

/// The columns that a dataset's rows have: those of its kind that hold any value.
pub(crate) fn stored_columns(manifest: &Manifest) -> SchemaRef {
    let widest = schema::widest(manifest.dataset_kind());
    let fields: Vec<_> = widest
        .fields()
        .iter()
        .filter(|field| manifest.has_column(field.name()))
        .cloned()
        .collect();
    Arc::new(Schema::new(fields))
}

/// A whole file as one batch, with those of the named columns that it has (all by default).
pub(crate) fn read_parquet(path: &Path, columns: Option<&SchemaRef>) -> Result<RecordBatch, DataError> {
    let file = open_file(path)?;
    let reader = batches(path, columns, || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        // A damaged footer may promise any number.
        let promised = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or_default();
        let rows = promised.clamp(1, MOST_ROWS);
        project(builder, columns).with_batch_size(rows).build()
    })?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<RecordBatch>, _>>();
    let batches = batches.map_err(|e| DataError::parquet(path, e))?;
    match <[RecordBatch; 1]>::try_from(batches) {
        Ok([batch]) => Ok(batch),
        Err(batches) => concat_batches(&schema, &batches).map_err(|e| DataError::parquet(path, e.into())),
    }
}

fn open(path: &Path, columns: Option<&SchemaRef>, batch_rows: usize) -> Result<Batches, DataError> {
    let file = open_file(path)?;
    batches(path, columns, || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        project(builder, columns).with_batch_size(batch_rows).build()
    })
}

fn open_file(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => DataError::Replaced { path: path.to_owned() },
        _ => DataError::io("read", path, e),
    })
}

/// What does not fit: a column of another type than the dataset's, or a missing one that must be there.
fn misfit(found: &Schema, wanted: &SchemaRef) -> Option<String> {
    wanted
        .fields()
        .iter()
        .find_map(|field| match found.field_with_name(field.name()) {
            Ok(column) if column.data_type() == field.data_type() => None,
            Ok(column) => Some(format!(
                "column `{}` is {} instead of {}",
                field.name(),
                column.data_type(),
                field.data_type()
            )),
            Err(_) if field.is_nullable() => None,
            Err(_) => Some(format!("there is no column `{}`", field.name())),
        })
}

/// Opens a file, which must have the columns of its dataset.
fn batches(
    path: &Path,
    columns: Option<&SchemaRef>,
    open: impl FnOnce() -> Result<ParquetRecordBatchReader, ParquetError>,
) -> Result<Batches, DataError> {
    let reader = Batches::open(open).map_err(|e| DataError::parquet(path, e))?;
    match columns.and_then(|columns| misfit(&reader.schema(), columns)) {
        None => Ok(reader),
        Some(reason) => Err(DataError::parquet(path, ParquetError::General(reason))),
    }
}

fn project(
    builder: ParquetRecordBatchReaderBuilder<File>,
    columns: Option<&SchemaRef>,
) -> ParquetRecordBatchReaderBuilder<File> {
    let Some(columns) = columns else { return builder };
    let mask = ProjectionMask::columns(
        builder.parquet_schema(),
        columns.fields().iter().map(|field| field.name().as_str()),
    );
    builder.with_projection(mask)
}
