//! What a walk forward came to, as result files: `kind=folds`, and the curve of all test windows as `kind=equity`.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use assay_core::metrics::Metric;
use assay_core::time::UtcNs;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use crate::change::FoldRecord;
use crate::error::StoreError;
use crate::files;
use crate::layout::Layout;

const KINDS: [&str; 2] = ["folds", "equity"];

/// Writes the folds of a job beside its trials. Files of an earlier try are replaced.
pub fn write_folds(home: &Path, layout: &Layout, folds: &[FoldRecord]) -> Result<(), StoreError> {
    let read =
        |fold: &FoldRecord| -> Option<(FoldRecord, Value)> { Some((fold.clone(), serde_json::from_str(&fold.record).ok()?)) };
    let records: Vec<(FoldRecord, Value)> = folds.iter().filter_map(read).collect();
    let (whole, single): (Vec<_>, Vec<_>) = records.into_iter().partition(|(fold, _)| fold.fold < 0);
    let batches = [folds_batch(layout, &single), equity_batch(layout, &whole)];
    for (kind, batch) in KINDS.into_iter().zip(batches) {
        let place = files::results_folder(home, kind, layout.job);
        let work = files::staging(home, layout.job).join(kind);
        files::remove_folder(&work)?;
        files::create_folder(&work)?;
        write(&work, layout, kind, &batch)?;
        let parent = place.parent().expect("result folders have a parent").to_owned();
        files::create_folder(&parent)?;
        files::remove_folder(&place)?;
        fs::rename(&work, &place).map_err(|e| StoreError::io("rename", &work, e))?;
        files::sync_all(&[place, parent])?;
    }
    Ok(())
}

fn write(work: &Path, layout: &Layout, kind: &str, batch: &RecordBatch) -> Result<(), StoreError> {
    let columns: Vec<Value> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| json!({ "name": field.name(), "type": field.data_type().to_string() }))
        .collect();
    let description = json!({ "version": 1, "kind": kind, "job": layout.job, "columns": columns, "layout": layout });
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![KeyValue::new("assay".to_owned(), description.to_string())]))
        .build();
    let path = work.join("part-00000.parquet");
    let unwritable = |e| StoreError::unwritable(&path, e);
    let file = File::create(&path).map_err(|e| StoreError::io("create", &path, e))?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(unwritable)?;
    writer.write(batch).map_err(unwritable)?;
    writer.close().map_err(unwritable)?;
    let mut written = vec![path.clone()];
    let schema = serde_json::to_vec_pretty(&description).expect("JSON values print");
    for (name, content) in [("_schema.json", schema), ("_SUCCESS", Vec::new())] {
        let path = work.join(name);
        fs::write(&path, content).map_err(|e| StoreError::io("write", &path, e))?;
        written.push(path);
    }
    files::sync_all(&written)
}

/// A row per fold and instrument: its windows, its winner, and the metrics out of sample and in sample.
fn folds_batch(layout: &Layout, folds: &[(FoldRecord, Value)]) -> RecordBatch {
    let number = |path: &[&str]| -> ArrayRef {
        let value =
            |(_, record): &(FoldRecord, Value)| path.iter().try_fold(record, |at, key| at.get(key)).and_then(Value::as_f64);
        Arc::new(folds.iter().map(value).collect::<Float64Array>())
    };
    let time = |key: &str| -> ArrayRef {
        let moment = |(_, record): &(FoldRecord, Value)| record.get(key)?.as_str()?.parse::<UtcNs>().ok().map(|at| at.0);
        Arc::new(
            folds
                .iter()
                .map(moment)
                .collect::<TimestampNanosecondArray>()
                .with_timezone("UTC"),
        )
    };
    let text = |path: &[&str]| -> ArrayRef {
        let value = |(_, record): &(FoldRecord, Value)| match path.iter().try_fold(record, |at, key| at.get(key))? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        Arc::new(folds.iter().map(value).collect::<StringArray>())
    };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "fold".to_owned(),
            Arc::new(folds.iter().map(|(fold, _)| Some(fold.fold)).collect::<Int64Array>()),
        ),
        ("instrument".to_owned(), text(&["instrument"])),
    ];
    for key in ["train_from", "train_to", "test_from", "test_to"] {
        columns.push((key.to_owned(), time(key)));
    }
    columns.push(("trial_id".to_owned(), text(&["trial_id"])));
    for param in &layout.params {
        let array = match param.kind {
            crate::layout::ParamKind::Text => text(&["params", param.name.as_str()]),
            _ => number(&["params", param.name.as_str()]),
        };
        columns.push((param.column(), array));
    }
    columns.push(("capital".to_owned(), number(&["capital"])));
    columns.push(("efficiency".to_owned(), number(&["efficiency"])));
    for metric in Metric::ALL {
        columns.push((metric.name().to_owned(), number(&["out_of_sample", metric.name()])));
    }
    for metric in Metric::ALL {
        columns.push((format!("in_sample.{metric}"), number(&["in_sample", metric.name()])));
    }
    batch(columns)
}

/// Equity at the end of each period of the job's sampling, over all test windows.
fn equity_batch(layout: &Layout, whole: &[(FoldRecord, Value)]) -> RecordBatch {
    let (mut instruments, mut times, mut equity) = (Vec::new(), Vec::new(), Vec::new());
    for (fold, record) in whole {
        let symbol = layout.instruments.get(fold.instrument as usize);
        for point in record["equity"].as_array().into_iter().flatten() {
            if let (Some(time), Some(value)) = (point[0].as_i64(), point[1].as_f64()) {
                instruments.push(symbol.map(String::as_str));
                times.push(time);
                equity.push(value);
            }
        }
    }
    batch(vec![
        (
            "instrument".to_owned(),
            Arc::new(instruments.into_iter().collect::<StringArray>()),
        ),
        (
            "time".to_owned(),
            Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC")),
        ),
        ("equity".to_owned(), Arc::new(Float64Array::from(equity))),
    ])
}

fn batch(columns: Vec<(String, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("the columns have one length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::layout;

    #[test]
    fn folds_become_files_and_are_replaced() {
        let home = tempfile::tempdir().unwrap();
        let layout = layout(1);
        let record = |fold, record: Value| FoldRecord {
            fold,
            instrument: 0,
            record: record.to_string(),
        };
        let one = json!({ "fold": 0, "test_from": "2024-01-02T00:00:00Z", "out_of_sample": { "sharpe": 1.5 }, "params": {} });
        let whole = json!({ "equity": [[10, 1.0], [20, 2.5]] });
        for _ in 0..2 {
            write_folds(home.path(), &layout, &[record(-1, whole.clone()), record(0, one.clone())]).unwrap();
        }
        for (kind, rows) in [("folds", 1), ("equity", 2)] {
            let folder = files::results_folder(home.path(), kind, layout.job);
            let part = folder.join("part-00000.parquet");
            let batches = crate::staging::batches(&part).unwrap();
            let found: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
            assert_eq!(found, rows, "{kind}");
            assert!(folder.join("_SUCCESS").exists());
        }
    }
}
