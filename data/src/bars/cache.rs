//! Bars that were made before: `<home>/cache/bars/<key>-<length>.parquet`.
//!
//! The key covers everything the bars depend on, so an entry is never wrong, only unused. Reading and writing it may fail without
//! harm: the bars are made again.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use assay_core::calendar::Calendar;
use assay_core::job::FillGaps;
use assay_core::time::BarLength;

use super::BarRequest;
use crate::catalog::{Manifest, read_parquet, write_parquet};

/// Raised when the same ticks would make other bars.
const VERSION: u32 = 2;

/// Name of the entry.
pub(super) fn key(manifest: &Manifest, request: &BarRequest, calendar: &Calendar) -> String {
    let mut hasher = blake3::Hasher::new();
    let fill = match request.fill_gaps {
        FillGaps::None => "none",
        FillGaps::Forward => "forward",
    };
    // Only bars of whole days and filled bars depend on the calendar; the others survive a change of the symbol table.
    let days = request.bars.length().is_some_and(BarLength::is_daily_or_longer);
    let calendar = if days || request.fill_gaps == FillGaps::Forward {
        serde_json::to_string(calendar).expect("a calendar is plain data")
    } else {
        String::new()
    };
    for part in [
        &format!("bars {VERSION}"),
        &manifest.dataset_kind().to_string(),
        &manifest.hash.to_string(),
        &request.bars.to_string(),
        fill,
        &calendar,
    ] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize().to_hex();
    format!("{}-{}.parquet", &hash.as_str()[..32], request.bars)
}

pub(super) fn load(home: &Path, key: &str, schema: &SchemaRef) -> Option<RecordBatch> {
    let path = folder(home).join(key);
    if !path.exists() {
        return None;
    }
    let batch = read_parquet(&path, Some(schema)).ok()?;
    let whole = batch.num_rows() > 0 && batch.schema_ref().fields() == schema.fields();
    let full = batch.columns().iter().all(|column| column.null_count() == 0);
    (whole && full).then_some(batch)
}

pub(super) fn store(home: &Path, key: &str, batch: &RecordBatch) {
    let folder = folder(home);
    if fs::create_dir_all(&folder).is_ok() {
        let _ = write_parquet(&folder, key, batch);
    }
}

fn folder(home: &Path) -> PathBuf {
    home.join("cache").join("bars")
}
