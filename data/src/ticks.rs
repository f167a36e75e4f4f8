//! Ticks as the engine takes them: whole columns, mapped from a cache beside the catalog.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimestampNanosecondType};
use assay_core::ids::Symbol;
use assay_core::job::DataKind;

use crate::catalog::{Catalog, DatasetKind, Manifest, mids, schema};
use crate::error::DataError;
use crate::mapped::{self, Mapped};

/// Raised when the same ticks would make other files.
const VERSION: u32 = 1;

impl Catalog {
    /// The dataset of an instrument's ticks: of this kind, or quotes before trades.
    pub fn tick_source(&self, symbol: &Symbol, kind: Option<DataKind>) -> Result<Manifest, DataError> {
        let is_wanted = |manifest: &Manifest| {
            let found = manifest.dataset_kind();
            matches!(found, DatasetKind::Quotes | DatasetKind::Trades) && kind.is_none_or(|kind| manifest.kind == kind)
        };
        let found = self.manifests(symbol)?.into_iter().find(is_wanted);
        found.ok_or_else(|| self.no_dataset(symbol, "ticks"))
    }

    /// All ticks of a dataset, mapped into memory: `time` and `bid`, `ask`, or `time` and `price`, without nulls.
    ///
    /// They are written out once, under `<home>/cache/ticks`, with memory for one batch.
    pub fn ticks(&self, manifest: &Manifest) -> Result<RecordBatch, DataError> {
        let names = prices(manifest);
        let mapped = self.mapped(manifest, "ticks", 1 + names.len(), |rows| {
            let mut columns = vec![
                rows.column(0)
                    .as_primitive::<TimestampNanosecondType>()
                    .values()
                    .inner()
                    .clone(),
            ];
            columns.extend(names.iter().map(|name| values(rows, name).inner().clone()));
            columns
        })?;
        let mut fields = vec![Field::new("time", schema::time_type(), false)];
        let mut columns: Vec<ArrayRef> = vec![Arc::new(times(mapped.column(0)))];
        for (k, name) in names.iter().enumerate() {
            fields.push(Field::new(*name, DataType::Float64, false));
            columns.push(Arc::new(Float64Array::new(mapped.column(k + 1), None)));
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length"))
    }

    /// Each tick as a bar, mapped as well: the columns of bars, and `end`, which is `time` again.
    pub(crate) fn tick_bars(&self, manifest: &Manifest) -> Result<RecordBatch, DataError> {
        let ticks = self.ticks(manifest)?;
        let names = prices(manifest);
        let sizes: Vec<&str> = sizes(manifest);
        let from_quotes = names.len() == 2;
        // Mids of quotes, and sums of sizes.
        let mapped = self.mapped(manifest, "bars", 1 + usize::from(from_quotes), |rows| {
            let volume = volumes(rows, &sizes);
            let mut columns = vec![Buffer::from_vec(volume)];
            if from_quotes {
                columns.push(Buffer::from_vec(mids(values(rows, "bid"), values(rows, "ask"))));
            }
            columns
        })?;
        let column = |k: usize| -> ArrayRef { Arc::new(Float64Array::new(mapped.column(k), None)) };
        let (time, volume) = (ticks.column(0), column(0));
        let price = if from_quotes { column(1) } else { Arc::clone(ticks.column(1)) };
        let mut columns = vec![Arc::clone(time)];
        columns.extend(std::iter::repeat_n(price, 4));
        columns.push(volume);
        if from_quotes {
            columns.extend(
                [1, 2]
                    .into_iter()
                    .flat_map(|side| std::iter::repeat_n(Arc::clone(ticks.column(side)), 4)),
            );
        }
        columns.push(Arc::clone(time));
        Ok(
            RecordBatch::try_new(schema::counted_bars(from_quotes, false), columns)
                .expect("columns in the order of the schema"),
        )
    }

    /// The file of a dataset's columns that `make` gives for each batch of rows, written if it does not exist.
    fn mapped(
        &self,
        manifest: &Manifest,
        what: &str,
        columns: usize,
        make: impl Fn(&RecordBatch) -> Vec<Buffer>,
    ) -> Result<Mapped, DataError> {
        let folder: PathBuf = self.home().join("cache").join("ticks");
        let hash = manifest.hash.to_string();
        let name = format!("{}-{}-{what}{VERSION}", &hash[..32], manifest.kind);
        let (path, rows) = (folder.join(&name), manifest.rows as usize);
        if let Some(mapped) = Mapped::open(&path, columns, rows) {
            return Ok(mapped);
        }
        let parts = self.rows(manifest).map(|rows| rows.map(|rows| make(&rows)));
        mapped::write(&folder, &name, columns, rows, parts)?;
        Mapped::open(&path, columns, rows).ok_or(DataError::Unmapped { path })
    }
}

/// Names of the columns of prices.
fn prices(manifest: &Manifest) -> &'static [&'static str] {
    match manifest.dataset_kind() {
        DatasetKind::Quotes => &["bid", "ask"],
        _ => &["price"],
    }
}

/// Names of the columns of sizes that a dataset has.
pub(crate) fn sizes(manifest: &Manifest) -> Vec<&'static str> {
    let all = ["size", "bid_size", "ask_size"];
    all.into_iter().filter(|name| manifest.has_column(name)).collect()
}

/// The sum of these sizes in each row; an absent size is 0.
pub(crate) fn volumes(rows: &RecordBatch, sizes: &[&str]) -> Vec<f64> {
    let mut volumes = vec![0.0; rows.num_rows()];
    for name in sizes {
        let column = rows
            .column_by_name(name)
            .expect("the dataset has it")
            .as_primitive::<Float64Type>();
        for (row, volume) in volumes.iter_mut().enumerate() {
            *volume += if column.is_valid(row) { column.value(row) } else { 0.0 };
        }
    }
    volumes
}

fn values<'a>(rows: &'a RecordBatch, name: &str) -> &'a arrow::buffer::ScalarBuffer<f64> {
    let column = rows.column_by_name(name).expect("the schema of the kind has it");
    column.as_primitive::<Float64Type>().values()
}

pub(crate) fn times(values: arrow::buffer::ScalarBuffer<i64>) -> TimestampNanosecondArray {
    TimestampNanosecondArray::new(values, None).with_timezone("UTC")
}
