//! Files in a temporary folder, imported into a home beside it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::TimestampNanosecondType;
use arrow::util::display::array_value_to_string;
use assay_core::Explain;
use assay_core::time::UtcNs;
use assay_data::import::{ImportReport, ImportRequest, import};
use assay_data::{Catalog, DataError};
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A folder with files, and a home beside it.
pub(crate) struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("in").join(name)
    }

    pub(crate) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn zip(self, name: &str, members: &[(&str, &str)]) -> Self {
        let bytes = zipped(members);
        self.file(name, bytes)
    }

    pub(crate) fn catalog(&self) -> Catalog {
        Catalog::open(&self.folder.path().join("home")).unwrap()
    }

    pub(crate) fn import(&self, edit: impl FnOnce(&mut ImportRequest)) -> Result<ImportReport, DataError> {
        let mut request = ImportRequest::new(vec![self.path("")], "X".parse().unwrap());
        edit(&mut request);
        import(&self.catalog(), &request, &|_| {})
    }

    /// Imports what must fail: message and hint. Nothing may be left in the catalog.
    pub(crate) fn error(&self, edit: impl FnOnce(&mut ImportRequest)) -> String {
        let error = self.import(edit).unwrap_err();
        assert!(self.catalog().datasets().unwrap().is_empty(), "{error}");
        let rows: Vec<PathBuf> = files_below(&self.folder.path().join("home"))
            .into_iter()
            .filter(|path| path.to_string_lossy().contains(".parquet"))
            .collect();
        assert!(rows.is_empty(), "{error} left {rows:?}");
        format!("{error} | {}", error.hint().expect("every import error has a hint"))
    }

    /// All rows of a dataset: time and values, as text.
    pub(crate) fn rows(&self, kind: &str) -> Vec<String> {
        let folder = self.folder.path().join("home/catalog/X").join(kind);
        let mut rows = Vec::new();
        for path in files_below(&folder)
            .into_iter()
            .filter(|p| p.extension().is_some_and(|e| e == "parquet"))
        {
            let file = fs::File::open(path).unwrap();
            let reader = ParquetRecordBatchReader::try_new(file, 1024).unwrap();
            for batch in reader {
                let batch = batch.unwrap();
                for row in 0..batch.num_rows() {
                    let cell = |column: &ArrayRef| match column.as_primitive_opt::<TimestampNanosecondType>() {
                        Some(times) => UtcNs(times.value(row)).to_string(),
                        None => array_value_to_string(column, row).unwrap(),
                    };
                    rows.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join(","));
                }
            }
        }
        rows
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files_below(&path) } else { vec![path] }
        })
        .collect();
    files.sort();
    files
}

pub(crate) fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(crate) fn gzipped(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

pub(crate) const TICKS: &str = "time_ms,bid,ask\n1000,1.5,1.6\n2000,1.7,1.65\n2000,1.6,1.7\n";

/// A change to a request.
pub(crate) type Edit<'a> = &'a dyn Fn(&mut ImportRequest);

pub(crate) fn minutes(request: &mut ImportRequest) {
    request.bar = "1m".parse().ok();
}

pub(crate) fn columns(names: &str) -> Vec<String> {
    names.split(',').map(str::to_owned).collect()
}
