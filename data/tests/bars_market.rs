//! Bars made from real ticks equal the vendor's own bars, price by price.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampNanosecondType};
use assay_core::ids::Symbol;
use assay_core::job::{DataKind, FillGaps};
use assay_data::import::{ImportRequest, import};
use assay_data::{BarRequest, Catalog};

const SIDES: [&str; 8] = [
    "bid_open",
    "bid_high",
    "bid_low",
    "bid_close",
    "ask_open",
    "ask_high",
    "ask_low",
    "ask_close",
];
const PRICES: [&str; 4] = ["open", "high", "low", "close"];

fn market() -> Option<PathBuf> {
    let folder = std::env::var_os("ASSAY_MARKET").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/market"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no market data at {}", folder.display());
    None
}

/// Ticks and the vendor's minutes in one catalog.
fn imported(folders: [&str; 2], symbol: &str) -> Option<(tempfile::TempDir, Catalog)> {
    let market = market()?;
    let home = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(home.path()).unwrap();
    for folder in folders {
        let request = ImportRequest::new(vec![market.join(folder)], symbol.parse().unwrap());
        import(&catalog, &request, &|_| {}).unwrap();
    }
    Some((home, catalog))
}

fn bars(catalog: &Catalog, symbol: &Symbol, length: &str, source: DataKind) -> RecordBatch {
    let request = BarRequest {
        symbol: symbol.clone(),
        bars: length.parse().unwrap(),
        fill_gaps: FillGaps::None,
        source: Some(source),
    };
    catalog.bars(&request).unwrap().batch
}

/// Times and the bits of prices.
fn values(batch: &RecordBatch, columns: &[&str]) -> Vec<(i64, Vec<u64>)> {
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
    let columns: Vec<&[f64]> = columns
        .iter()
        .map(|name| &batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().values()[..])
        .collect();
    let row = |i: usize| columns.iter().map(|column| column[i].to_bits()).collect();
    times.iter().enumerate().map(|(i, time)| (*time, row(i))).collect()
}

/// Compares every minute, and quarters of an hour made from ticks with those made from the vendor's minutes.
fn compare(catalog: &Catalog, symbol: &Symbol, ticks: DataKind, columns: &[&str]) -> usize {
    let vendor = values(&bars(catalog, symbol, "1m", DataKind::Bars), columns);
    let ours = values(&bars(catalog, symbol, "1m", ticks), columns);
    assert_eq!(ours.len(), vendor.len(), "{symbol}");
    for (ours, vendor) in ours.iter().zip(&vendor) {
        assert_eq!(ours, vendor, "{symbol}");
    }
    // Made again: read from the cache.
    assert_eq!(values(&bars(catalog, symbol, "1m", ticks), columns), ours);
    for longer in ["15m", "1d"] {
        assert_eq!(
            values(&bars(catalog, symbol, longer, ticks), columns),
            values(&bars(catalog, symbol, longer, DataKind::Bars), columns),
            "{symbol} {longer}"
        );
    }
    ours.len()
}

#[test]
fn euro_minutes() {
    let symbol: Symbol = "EURUSD".parse().unwrap();
    if let Some((_home, catalog)) = imported(["fx_ticks/fxcm_eurusd", "fx_minute/fxcm_eurusd"], "EURUSD") {
        let columns = [&SIDES[..], &PRICES[..]].concat();
        assert_eq!(compare(&catalog, &symbol, DataKind::Quotes, &columns), 15_857);
        // Also those of the minutes, whose mids are not counted.
        let decimals: Vec<_> = catalog.datasets().unwrap().iter().map(|d| d.decimals).collect();
        assert_eq!(decimals, [Some(5), Some(5)]);
    }
}

#[test]
fn gold_minutes() {
    let symbol: Symbol = "XAUUSD".parse().unwrap();
    if let Some((_home, catalog)) = imported(["cfd_ticks/oanda_xauusd", "cfd_minute/oanda_xauusd"], "XAUUSD") {
        let columns = [&SIDES[..], &PRICES[..]].concat();
        assert_eq!(compare(&catalog, &symbol, DataKind::Quotes, &columns), 1_495);
    }
}

#[test]
fn gold_future_minutes_of_every_contract() {
    let Some((_home, catalog)) = imported(["futures_ticks/comex_gc", "futures_minute/comex_gc"], "GC") else {
        return;
    };
    let mut symbols: Vec<Symbol> = catalog.datasets().unwrap().into_iter().map(|d| d.symbol).collect();
    symbols.dedup();
    let minutes: usize = symbols
        .iter()
        .map(|symbol| compare(&catalog, symbol, DataKind::Trades, &PRICES))
        .sum();
    assert_eq!(minutes, 3_037);
}
