//! Bars that count ticks or volume.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampNanosecondType};
use assay_core::bars::BarSpec;

use super::resample::Bars;
use super::to_batch;
use crate::catalog::{Catalog, Manifest, schema};
use crate::error::DataError;
use crate::ticks::{sizes, times, volumes};

/// A sum of sizes reaches a volume when it comes within this share of it: ten times 0.1 is 1.
const VOLUME_DUST: f64 = 1e-12;

/// Bars under construction.
struct Counter {
    spec: BarSpec,
    bars: Bars,
    /// Time of each bar's last tick.
    end: Vec<i64>,
    /// Ticks of each bar.
    ticks: Vec<i64>,
    /// The last bar is complete: the next tick begins another.
    full: bool,
}

impl Counter {
    fn add(&mut self, time: i64, prices: &[f64], volume: f64) {
        let fresh = self.full;
        if fresh {
            self.bars.time.push(time);
            self.bars.volume.push(0.0);
            self.end.push(time);
            self.ticks.push(0);
        }
        for (side, price) in self.bars.sides.iter_mut().zip(prices) {
            side.put(fresh, [*price; 4]);
        }
        let last = self.ticks.len() - 1;
        self.end[last] = time;
        self.ticks[last] += 1;
        self.bars.volume[last] += volume;
        self.full = match self.spec {
            BarSpec::Ticks(count) => self.ticks[last] >= i64::from(count.get()),
            BarSpec::Volume(most) => self.bars.volume[last] >= most * (1.0 - VOLUME_DUST),
            BarSpec::Time(_) => false,
        };
    }
}

/// Bars of a dataset of ticks by their number or volume, from the dataset's first tick on; the last may be incomplete.
pub(super) fn bars(catalog: &Catalog, manifest: &Manifest, spec: BarSpec) -> Result<RecordBatch, DataError> {
    let sizes = sizes(manifest);
    let sides: &[&str] = if manifest.has_column("bid") {
        &["bid", "ask"]
    } else {
        &["price"]
    };
    let mut counter = Counter {
        spec,
        bars: Bars::default(),
        end: Vec::new(),
        ticks: Vec::new(),
        full: true,
    };
    counter.bars.sides.resize_with(sides.len(), Default::default);
    let mut prices = vec![0.0; sides.len()];
    for rows in catalog.rows(manifest) {
        let rows = rows?;
        let stamps = rows.column(0).as_primitive::<TimestampNanosecondType>().values();
        let columns: Vec<&[f64]> = sides
            .iter()
            .filter_map(|name| rows.column_by_name(name))
            .map(|column| column.as_primitive::<Float64Type>().values().as_ref())
            .collect();
        let volumes = volumes(&rows, &sizes);
        for (row, time) in stamps.iter().enumerate() {
            for (price, column) in prices.iter_mut().zip(&columns) {
                *price = column[row];
            }
            counter.add(*time, &prices, volumes[row]);
        }
    }
    if matches!(spec, BarSpec::Volume(_)) && counter.bars.volume.iter().all(|volume| *volume == 0.0) {
        return Err(DataError::NoSizes {
            symbol: manifest.symbol.clone(),
            kind: manifest.dataset_kind(),
        });
    }
    let bars = to_batch(counter.bars);
    let mut columns: Vec<ArrayRef> = bars.columns().to_vec();
    columns.push(Arc::new(times(counter.end.into())));
    columns.push(Arc::new(Int64Array::from(counter.ticks)));
    let schema = schema::counted_bars(sides.len() == 2, true);
    Ok(RecordBatch::try_new(schema, columns).expect("columns of one length in the order of the schema"))
}
