//! Tables to files: Parquet or CSV by the ending of the name.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Schema, TimestampNanosecondType};
use serde::Serialize;

use crate::bars::BarRequest;
use crate::catalog::{Catalog, NewFile, schema, sync, sync_folder, write_parquet};
use crate::error::DataError;

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The file.
    pub path: PathBuf,
    /// Number of rows.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// The dataset that the bars were made from.
    pub source: String,
}

/// Writes bars to a file: `time, open, high, low, close, volume` and, from quotes, `bid_open` to `ask_close`.
pub fn export(catalog: &Catalog, request: &BarRequest, to: &Path) -> Result<ExportReport, DataError> {
    let format = Format::of(to)?;
    let table = catalog.bars(request)?;
    Ok(ExportReport {
        path: to.to_owned(),
        rows: table.batch.num_rows() as u64,
        bytes: write(&table.batch, to, format)?,
        source: table.source,
    })
}

/// Writes any table to a `.parquet` or `.csv` file that appears whole or not at all; returns its size. In CSV times are RFC 3339,
/// numbers have the fewest digits that read back exactly, absent values are empty.
pub fn write_table(batch: &RecordBatch, to: &Path) -> Result<u64, DataError> {
    write(batch, to, Format::of(to)?)
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Parquet,
    Csv,
}

impl Format {
    fn of(path: &Path) -> Result<Self, DataError> {
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("parquet") => Ok(Self::Parquet),
            Some("csv") => Ok(Self::Csv),
            _ => Err(DataError::ExportFormat { path: path.to_owned() }),
        }
    }
}

fn write(batch: &RecordBatch, to: &Path, format: Format) -> Result<u64, DataError> {
    let name = to.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| DataError::ExportFormat { path: to.to_owned() })?;
    let folder = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match format {
        Format::Parquet => write_parquet(folder, name, batch)?,
        Format::Csv => {
            let (new, file) = NewFile::create(folder, name)?;
            let file = write_csv(batch, file, new.path())?;
            sync(&file, new.path())?;
            new.commit(name)?;
            sync_folder(folder)?;
        }
    }
    let size = std::fs::metadata(to).map_err(|e| DataError::io("read", to, e))?.len();
    Ok(size)
}

fn write_csv(batch: &RecordBatch, file: File, path: &Path) -> Result<File, DataError> {
    let batch = with_offset(batch)?;
    let mut buffer = BufWriter::new(file);
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut buffer);
    let written = writer.write(&batch);
    drop(writer);
    written.map_err(|error| match error {
        arrow::error::ArrowError::IoError(_, source) => DataError::io("write", path, source),
        source => DataError::Arrow {
            action: "write text",
            source,
        },
    })?;
    buffer.flush().map_err(|e| DataError::io("write", path, e))?;
    buffer.into_inner().map_err(|e| DataError::io("write", path, e.into_error()))
}

/// The same times with the zone named by its offset, the only form that the text writer understands.
fn with_offset(batch: &RecordBatch) -> Result<RecordBatch, DataError> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.data_type() == &schema::time_type() {
            let times = column
                .as_primitive::<TimestampNanosecondType>()
                .clone()
                .with_timezone("+00:00");
            fields.push(field.as_ref().clone().with_data_type(times.data_type().clone()));
            columns.push(Arc::new(times) as ArrayRef);
        } else {
            fields.push(field.as_ref().clone());
            columns.push(Arc::clone(column));
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|source| DataError::Arrow {
        action: "write text",
        source,
    })
}
