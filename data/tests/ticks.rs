//! Ticks that are mapped into memory, and bars that count them.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType};
use assay_core::job::{DataKind, FillGaps};
use assay_core::time::DAY_NS;
use assay_core::{Domain, Explain};
use assay_data::catalog::schema;
use assay_data::{BarRequest, Catalog, DataError, DatasetKind, GenerateRequest, SourceInfo, generate};

struct Home {
    folder: tempfile::TempDir,
    catalog: Catalog,
}

fn source() -> SourceInfo {
    SourceInfo {
        name: "test".to_owned(),
        format: "generated".to_owned(),
        bytes: 0,
        hash: None,
    }
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        Self { folder, catalog }
    }

    /// Trades: seconds, price, size.
    fn with_trades(rows: &[(i64, f64, f64)]) -> Self {
        let home = Self::new();
        let time = TimestampNanosecondArray::from_iter_values(rows.iter().map(|r| r.0 * 1_000_000_000)).with_timezone("UTC");
        let column = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
        let (prices, sizes) = rows.iter().map(|r| (r.1, r.2)).unzip();
        let columns = vec![Arc::new(time) as ArrayRef, column(prices), column(sizes)];
        let batch = RecordBatch::try_new(schema::trades(false), columns).unwrap();
        let mut writer = home
            .catalog
            .writer(&"COIN".parse().unwrap(), DatasetKind::Trades, source())
            .unwrap();
        writer.append(&batch).unwrap();
        writer.finish().unwrap();
        home
    }

    fn bars(&self, symbol: &str, bars: &str) -> Result<RecordBatch, DataError> {
        let request = BarRequest {
            symbol: symbol.parse().unwrap(),
            bars: bars.parse().unwrap(),
            fill_gaps: FillGaps::None,
            source: None,
        };
        self.catalog.bars(&request).map(|table| table.batch)
    }

    fn cached(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("cache").join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn floats(batch: &RecordBatch, name: &str) -> Vec<f64> {
    batch
        .column_by_name(name)
        .unwrap()
        .as_primitive::<Float64Type>()
        .values()
        .to_vec()
}

fn seconds(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch.column_by_name(name).unwrap().as_primitive::<TimestampNanosecondType>();
    column.values().iter().map(|time| time / 1_000_000_000).collect()
}

#[test]
fn bars_of_three_ticks_and_of_a_volume() {
    // Midnight between the fourth and the fifth; two ticks share a time.
    let midnight = DAY_NS / 1_000_000_000;
    let home = Home::with_trades(&[
        (10, 5.0, 0.1),
        (11, 7.0, 0.1),
        (11, 4.0, 0.1),
        (12, 6.0, 0.5),
        (midnight, 8.0, 0.2),
        (midnight + 1, 3.0, 2.5),
        (midnight + 2, 9.0, 0.3),
    ]);
    let three = home.bars("COIN", "3t").unwrap();
    assert_eq!(seconds(&three, "time"), [10, 12, midnight + 2]);
    assert_eq!(seconds(&three, "end"), [11, midnight + 1, midnight + 2]);
    assert_eq!(
        three.column_by_name("ticks").unwrap().as_primitive::<Int64Type>().values(),
        &[3, 3, 1]
    );
    for (name, values) in [
        ("open", [5.0, 6.0, 9.0]),
        ("high", [7.0, 8.0, 9.0]),
        ("low", [4.0, 3.0, 9.0]),
        ("close", [4.0, 3.0, 9.0]),
    ] {
        assert_eq!(floats(&three, name), values, "{name}");
    }
    // Three tenths are 0.3, whatever their sum in floating point; a tick is never split.
    let volume = home.bars("COIN", "0.3v").unwrap();
    assert_eq!(
        volume.column_by_name("ticks").unwrap().as_primitive::<Int64Type>().values(),
        &[3, 1, 2, 1]
    );
    assert_eq!(home.bars("COIN", "3t").unwrap(), three, "from the cache");
    assert_eq!(home.cached("bars").len(), 2);
}

#[test]
fn each_tick_is_a_bar() {
    let home = Home::with_trades(&[(10, 5.0, 0.1), (11, 7.0, 0.2), (11, 4.0, 0.3)]);
    let bars = home.bars("COIN", "ticks").unwrap();
    assert_eq!(
        (seconds(&bars, "time"), seconds(&bars, "end")),
        (vec![10, 11, 11], vec![10, 11, 11])
    );
    for name in ["open", "high", "low", "close"] {
        assert_eq!(floats(&bars, name), [5.0, 7.0, 4.0]);
    }
    assert_eq!(floats(&bars, "volume"), [0.1, 0.2, 0.3]);
}

#[test]
fn mapped_quotes_are_the_stored_ones_and_a_damaged_file_is_made_again() {
    let home = Home::new();
    let request = GenerateRequest {
        days: 4,
        ticks_per_day: 30_000,
        ..GenerateRequest::demo(5)
    };
    generate(&home.catalog, &request).unwrap();
    let manifest = home.catalog.tick_source(&request.symbol, None).unwrap();
    let stored: Vec<RecordBatch> = home.catalog.rows(&manifest).collect::<Result<_, _>>().unwrap();
    let stored = arrow::compute::concat_batches(&stored[0].schema(), &stored).unwrap();
    let ticks = home.catalog.ticks(&manifest).unwrap();
    assert!(ticks.num_rows() > 65_536, "several batches");
    assert_eq!(ticks, stored);
    let bars = home.bars("DEMO", "ticks").unwrap();
    assert_eq!(
        (floats(&bars, "bid_low"), floats(&bars, "ask_close")),
        (floats(&stored, "bid"), floats(&stored, "ask"))
    );
    assert_eq!(floats(&bars, "close"), floats(&home.bars("DEMO", "1t").unwrap(), "close"));

    let mut files = home.cached("ticks");
    files.sort();
    assert_eq!(files.len(), 2);
    for file in files {
        // A file of its own: the old one is mapped, and stays as it is.
        fs::remove_file(&file).unwrap();
        fs::write(&file, b"cut").unwrap();
    }
    assert_eq!(home.catalog.ticks(&manifest).unwrap(), stored);
    assert_eq!(home.bars("DEMO", "ticks").unwrap(), bars);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let home = Home::with_trades(&[(10, 5.0, 0.0), (11, 7.0, 0.0)]);
    let error = home.bars("COIN", "10v").unwrap_err();
    assert!(matches!(error, DataError::NoSizes { .. }) && error.hint().unwrap().contains("100t"));
    let request = BarRequest {
        symbol: "COIN".parse().unwrap(),
        bars: "100t".parse().unwrap(),
        fill_gaps: FillGaps::Forward,
        source: None,
    };
    assert_eq!(home.catalog.bars(&request).unwrap_err().domain(), Domain::Usage);
    let stored_bars = BarRequest {
        source: Some(DataKind::Bars),
        fill_gaps: FillGaps::None,
        ..request
    };
    let error = home.catalog.bars(&stored_bars).unwrap_err();
    assert!(error.to_string().contains("no ticks for bars of 100t"), "{error}");
}
