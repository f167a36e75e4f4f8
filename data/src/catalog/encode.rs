//! One Parquet file of a partition.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use assay_core::time::UtcNs;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::FileEntry;
use super::files::{NewFile, sync, sync_folder};
use super::values::Facts;
use crate::error::DataError;

/// Rows in a row group.
const ROW_GROUP_ROWS: usize = 1_048_576;

/// A file that is being written under a temporary name.
pub(crate) struct PartitionFile {
    new: NewFile,
    writer: ArrowWriter<File>,
    facts: Facts,
}

impl PartitionFile {
    pub(crate) fn create(folder: &Path, name: &str, schema: &SchemaRef) -> Result<Self, DataError> {
        let (new, file) = NewFile::create(folder, name)?;
        let writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties()))
            .map_err(|e| DataError::parquet(new.path(), e))?;
        Ok(Self {
            new,
            writer,
            facts: Facts::default(),
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        self.facts.add(batch);
        self.writer.write(batch).map_err(|e| DataError::parquet(self.new.path(), e))
    }

    /// Completes the file on the disk. The entry has the temporary name and no sources.
    pub(crate) fn close(mut self, partition: &str) -> Result<(NewFile, FileEntry), DataError> {
        let path = self.new.path().to_owned();
        self.writer.finish().map_err(|e| DataError::parquet(&path, e))?;
        let bytes = self.writer.bytes_written() as u64;
        sync(self.writer.inner(), &path)?;
        let decimals = self.facts.decimals();
        let entry = FileEntry {
            partition: partition.to_owned(),
            name: String::new(),
            rows: self.facts.rows,
            first: UtcNs(self.facts.first),
            last: UtcNs(self.facts.last),
            bytes,
            decimals: decimals.needed(),
            largest_price: decimals.largest(),
            hash: self.facts.hash(),
            columns: self.facts.present(),
            sources: Vec::new(),
        };
        Ok((self.new, entry))
    }
}

/// Writes one batch as a Parquet file that appears whole or not at all.
pub(crate) fn write_parquet(folder: &Path, name: &str, batch: &RecordBatch) -> Result<(), DataError> {
    let (new, file) = NewFile::create(folder, name)?;
    let fail = |e| DataError::parquet(new.path(), e);
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties())).map_err(fail)?;
    writer.write(batch).map_err(fail)?;
    writer.finish().map_err(fail)?;
    sync(writer.inner(), new.path())?;
    new.commit(name)?;
    sync_folder(folder)
}

/// How Parquet files are written: times as packed differences, prices by dictionary as long as they repeat.
fn properties() -> WriterProperties {
    let time = ColumnPath::from("time");
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_column_dictionary_enabled(time.clone(), false)
        .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED)
        .set_offset_index_disabled(true)
        .build()
}
