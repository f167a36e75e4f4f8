//! The cluster's catalog: which data was uploaded, and where it lies.

use assay_core::ids::Symbol;
use assay_core::time::UtcNs;

use crate::database::Database;
use crate::error::StoreError;
use crate::sql::{Row, values};

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
