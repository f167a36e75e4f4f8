//! The cluster's catalog: which data was uploaded, and where it lies.

use std::fmt;
use std::path::Path;

use assay_core::ids::Symbol;
use assay_core::time::UtcNs;
use serde::{Deserialize, Serialize};

use crate::database::Database;
#[cfg(feature = "objects")]
use crate::depot::FileId;
use crate::error::StoreError;
use crate::files;
use crate::sql::{Row, values};

/// Which dataset: one of an instrument's, with these values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatasetId {
    /// The instrument.
    pub symbol: Symbol,
    /// Ticks, or bars of some length: `quotes`, `trades`, `bars-1m`, `funding`.
    pub kind: String,
    /// Hexadecimal hash of its values.
    pub hash: String,
}

impl fmt::Display for DatasetId {
    /// `bars-1m of EURUSD (1f2e3d4c5b6a)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short: String = self.hash.chars().take(12).collect();
        write!(f, "{} of {} ({short})", self.kind, self.symbol)
    }
}

/// A file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetFile {
    /// Its name beside the manifest.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its bytes, in hexadecimal.
    pub hash: String,
}

impl DatasetFile {
    /// The file at a path, under that name.
    pub fn measure(name: &str, path: &Path) -> Result<Self, StoreError> {
        let found = files::measure(path).map_err(|e| StoreError::io("read", path, e))?;
        Ok(Self {
            name: name.to_owned(),
            bytes: found.bytes,
            hash: blake3::Hash::from_bytes(found.hash).to_hex().to_string(),
        })
    }

    /// By its content.
    #[cfg(feature = "objects")]
    pub fn id(&self) -> Result<FileId, StoreError> {
        let hash = blake3::Hash::from_hex(&self.hash).map_err(|_| StoreError::Damaged {
            what: self.name.clone(),
            reason: format!("`{}` is not a hash", self.hash),
        })?;
        Ok(FileId {
            hash: *hash.as_bytes(),
            bytes: self.bytes,
        })
    }
}

/// A dataset: what the depot has of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetIndex {
    /// Its manifest, to the byte.
    pub manifest: String,
    /// Its files.
    pub files: Vec<DatasetFile>,
}

/// An uploaded dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetRecord {
    /// The instrument.
    pub symbol: Symbol,
    /// Ticks, or bars of some length.
    pub kind: String,
    /// Hexadecimal hash of its values.
    pub hash: String,
    /// Its manifest: JSON.
    pub manifest: String,
    /// Where it lies in the object store.
    pub object: String,
    /// Its size there.
    pub bytes: u64,
    /// Who uploaded it.
    pub owner: String,
    /// When.
    pub uploaded: UtcNs,
}

impl DatasetRecord {
    /// Which dataset it is.
    pub fn id(&self) -> DatasetId {
        DatasetId {
            symbol: self.symbol.clone(),
            kind: self.kind.clone(),
            hash: self.hash.clone(),
        }
    }
}

pub(crate) async fn add(database: &Database, new: &DatasetRecord) -> Result<bool, StoreError> {
    let sql = "INSERT INTO datasets (symbol, kind, hash, manifest, object, bytes, owner, uploaded_ns) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let values = values![
        new.symbol.as_str(),
        new.kind.as_str(),
        new.hash.as_str(),
        new.manifest.as_str(),
        new.object.as_str(),
        new.bytes,
        new.owner.as_str(),
        new.uploaded.0,
    ];
    Ok(database.execute("record the dataset", sql, values).await? == 1)
}

pub(crate) async fn all(database: &Database) -> Result<Vec<DatasetRecord>, StoreError> {
    let sql = "SELECT * FROM datasets ORDER BY uploaded_ns DESC, symbol, kind, hash";
    let rows = database.rows("list the datasets", sql, &[]).await?;
    rows.iter().map(dataset).collect()
}

pub(crate) async fn by_hash(database: &Database, hash: &str) -> Result<Option<DatasetRecord>, StoreError> {
    let sql = "SELECT * FROM datasets WHERE hash = $1 ORDER BY uploaded_ns DESC, symbol, kind LIMIT 1";
    let row = database.row("find the dataset", sql, values![hash]).await?;
    row.as_ref().map(dataset).transpose()
}

pub(crate) async fn has(database: &Database, id: &DatasetId) -> Result<bool, StoreError> {
    let sql = "SELECT hash FROM datasets WHERE symbol = $1 AND kind = $2 AND hash = $3";
    let values = values![id.symbol.as_str(), id.kind.as_str(), id.hash.as_str()];
    Ok(database.row("find the dataset", sql, values).await?.is_some())
}

fn dataset(row: &Row) -> Result<DatasetRecord, StoreError> {
    Ok(DatasetRecord {
        symbol: row.parse("symbol")?,
        kind: row.get("kind")?,
        hash: row.get("hash")?,
        manifest: row.get("manifest")?,
        object: row.get("object")?,
        bytes: row.count("bytes")?,
        owner: row.get("owner")?,
        uploaded: UtcNs(row.get("uploaded_ns")?),
    })
}
