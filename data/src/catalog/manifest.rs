//! `manifest.json`: what a dataset holds. Replacing it is the moment at which new rows become visible.

use std::fs;
use std::path::{Path, PathBuf};

use assay_core::ids::Symbol;
use assay_core::job::DataKind;
use assay_core::time::{BarLength, UtcNs};
use serde::{Deserialize, Serialize};

use super::values::{Decimals, ValuesHash};
use super::{DatasetKind, files};
use crate::error::DataError;

/// Name of the file in a dataset's folder.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Version of the files and of the manifest.
const SCHEMA_VERSION: u32 = 1;

/// What a dataset holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this layout.
    pub schema_version: u32,
    /// The instrument.
    pub symbol: Symbol,
    /// Quotes, trades, bars or funding.
    pub kind: DataKind,
    /// Length of bars.
    pub bar: Option<BarLength>,
    /// Number of rows.
    pub rows: u64,
    /// Time of the first row.
    pub first: UtcNs,
    /// Time of the last row.
    pub last: UtcNs,
    /// Smallest k such that every price x 10^k is an integer within 2^53; absent if there is none up to 12.
    pub decimals: Option<u8>,
    /// Hash of all values, however they were split into imports.
    pub hash: ValuesHash,
    /// The columns in which there is any value.
    pub columns: Vec<ColumnInfo>,
    /// Where the rows came from.
    pub sources: Vec<SourceInfo>,
    /// The files, by time.
    pub files: Vec<FileEntry>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What a 1 in it is.
    pub unit: String,
}

/// Where rows came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceInfo {
    /// The file's name as it was given, or a description such as `generated, seed 7`.
    pub name: String,
    /// Format it was read as.
    pub format: String,
    /// Size of the file; 0 if it was not a file.
    pub bytes: u64,
    /// Hash of the file's bytes in hexadecimal, if it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// One Parquet file of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its span: `2014-05-01`, `2014-05` or `all`.
    pub partition: String,
    /// Its name in the dataset's folder.
    pub name: String,
    /// Number of rows.
    pub rows: u64,
    /// Time of the first row.
    pub first: UtcNs,
    /// Time of the last row.
    pub last: UtcNs,
    /// Size of the file.
    pub bytes: u64,
    /// Decimals its prices need; absent if more than 12.
    pub decimals: Option<u8>,
    /// Largest magnitude of a price.
    pub largest_price: f64,
    /// Hash of its values.
    pub hash: ValuesHash,
    /// The columns in which there is any value.
    pub columns: Vec<String>,
    /// Positions in the manifest's `sources`.
    pub sources: Vec<usize>,
}

impl Manifest {
    /// Reads the manifest of the dataset in `folder`; `None` if there is no dataset.
    pub(crate) fn load(folder: &Path) -> Result<Option<Self>, DataError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(DataError::io("read", &path, e)),
        };
        let fail = |reason: String| DataError::Manifest {
            path: path.clone(),
            reason,
        };
        let manifest: Self = serde_json::from_slice(&text).map_err(|e| fail(e.to_string()))?;
        if manifest.schema_version != SCHEMA_VERSION {
            return Err(fail(format!("its version is {}", manifest.schema_version)));
        }
        let safe = |name: &str| !name.contains(['/', '\\']) && !name.starts_with('.');
        if let Some(file) = manifest.files.iter().find(|file| !safe(&file.name)) {
            return Err(fail(format!("`{}` is not a file name", file.name)));
        }
        if manifest.files.is_empty() || (manifest.kind == DataKind::Bars) != manifest.bar.is_some() {
            return Err(fail("it is incomplete".to_owned()));
        }
        Ok(Some(manifest))
    }

    /// The hash of a dataset from those of its partitions.
    pub(crate) fn hash_of<'a>(kind: DatasetKind, files: impl Iterator<Item = (&'a str, &'a ValuesHash)>) -> ValuesHash {
        let mut hasher = blake3::Hasher::new();
        let name = kind.to_string();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        for (partition, hash) in files {
            hasher.update(&(partition.len() as u64).to_le_bytes());
            hasher.update(partition.as_bytes());
            hasher.update(&hash.0);
        }
        ValuesHash(*hasher.finalize().as_bytes())
    }

    /// Puts a manifest together from its files, in time order.
    pub(crate) fn assemble(
        symbol: &Symbol,
        kind: DatasetKind,
        currency: &str,
        sources: Vec<SourceInfo>,
        files: Vec<FileEntry>,
    ) -> Self {
        let decimals = files
            .iter()
            .map(|f| Decimals::from_parts(f.decimals, f.largest_price))
            .fold(Decimals::default(), Decimals::merge);
        let hash = Self::hash_of(kind, files.iter().map(|file| (file.partition.as_str(), &file.hash)));
        let present = |name: &str| files.iter().any(|f| f.columns.iter().any(|c| c == name));
        let columns = super::schema::widest(kind)
            .fields()
            .iter()
            .filter(|field| present(field.name()))
            .map(|field| ColumnInfo {
                name: field.name().clone(),
                unit: super::schema::unit(field.name(), currency),
            })
            .collect();
        Self {
            schema_version: SCHEMA_VERSION,
            symbol: symbol.clone(),
            kind: kind.data_kind(),
            bar: kind.bar(),
            rows: files.iter().map(|f| f.rows).sum(),
            first: files.first().map_or(UtcNs(0), |f| f.first),
            last: files.last().map_or(UtcNs(0), |f| f.last),
            decimals: decimals.get(),
            hash,
            columns,
            sources,
            files,
        }
    }

    /// Makes it the dataset's manifest.
    pub(crate) fn store(&self, folder: &Path) -> Result<PathBuf, DataError> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest has text keys and finite numbers");
        text.push(b'\n');
        files::write_whole(folder, MANIFEST, &text)
    }

    /// Which dataset it describes.
    pub fn dataset_kind(&self) -> DatasetKind {
        match (self.kind, self.bar) {
            (DataKind::Quotes, _) => DatasetKind::Quotes,
            (DataKind::Trades, _) => DatasetKind::Trades,
            (DataKind::Funding, _) => DatasetKind::Funding,
            (DataKind::Bars, bar) => DatasetKind::Bars(bar.expect("loading refuses bars without a length")),
        }
    }

    /// Size of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }

    /// Whether the dataset has this column.
    pub fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|c| c.name == name)
    }
}
