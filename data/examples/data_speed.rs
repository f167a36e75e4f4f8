//! Measures writing, reading and resampling: `cargo run --release -p assay-data --example data_speed -- 10000000`.

#![allow(clippy::print_stdout, reason = "a measurement prints")]

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::compute::concat_batches;
use assay_core::calendar::Calendar;
use assay_core::job::FillGaps;
use assay_data::catalog::schema;
use assay_data::{
    BarRequest, Catalog, CheckOptions, DataError, DatasetKind, GenerateRequest, SourceInfo, check, generate, resample_rows,
};

const BATCH_ROWS: usize = 65_536;
/// Ticks of a busy currency pair in a day.
const TICKS_PER_DAY: usize = 150_000;

fn main() -> Result<(), DataError> {
    let rows: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10_000_000);
    let home = tempfile::tempdir().expect("a temporary folder");
    let catalog = Catalog::open(home.path())?;
    let batches = ticks(rows);

    let symbol = "SPEED".parse().expect("a symbol");
    let source = SourceInfo {
        name: "memory".to_owned(),
        format: "generated".to_owned(),
        bytes: 0,
        hash: None,
    };
    let start = Instant::now();
    let mut writer = catalog.writer(&symbol, DatasetKind::Quotes, source)?;
    for batch in &batches {
        writer.append(batch)?;
    }
    let dataset = writer.finish()?.dataset.expect("rows were written");
    let bytes = dataset.bytes as f64 / rows as f64;
    report(&format!("write {} files, {bytes:.2} bytes a row", dataset.files), rows, start);

    let start = Instant::now();
    let whole = concat_batches(batches[0].schema_ref(), &batches).expect("batches of one schema");
    report("join in memory", rows, start);
    let minute = "1m".parse().expect("a length");
    let start = Instant::now();
    let bars = resample_rows(DatasetKind::Quotes, &whole, minute, &Calendar::always_open())?;
    report(&format!("{} bars from memory", bars.num_rows()), rows, start);

    let request = BarRequest {
        symbol,
        bars: minute.into(),
        fill_gaps: FillGaps::None,
        source: None,
    };
    for what in ["bars from parquet", "bars from the cache"] {
        let start = Instant::now();
        let table = catalog.bars(&request)?;
        assert_eq!(table.batch, bars);
        report(what, rows, start);
    }
    let start = Instant::now();
    check(&catalog, &request.symbol, None, &CheckOptions::default())?;
    report("check", rows, start);

    let start = Instant::now();
    let generated = generate(&catalog, &GenerateRequest::demo(1))?;
    report("generate", generated.rows as usize, start);
    Ok(())
}

fn report(what: &str, rows: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{what:<40} {seconds:8.3} s  {:8.1} ns a row", seconds * 1e9 / rows as f64);
}

/// A random walk of quotes in batches, in milliseconds and points.
fn ticks(rows: usize) -> Vec<RecordBatch> {
    let mut state = 7_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let step = 86_400_000 / TICKS_PER_DAY as u64 * 2;
    let (mut time, mut mid) = (1_700_000_000_000_i64, 110_000_i64);
    let mut batches = Vec::new();
    let mut left = rows;
    while left > 0 {
        let count = left.min(BATCH_ROWS);
        left -= count;
        let (mut times, mut bids, mut asks) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            time += (random() % step) as i64;
            mid += (random() % 7) as i64 - 3;
            times.push(time * 1_000_000);
            bids.push(mid as f64 / 100_000.0);
            asks.push((mid + 5 + (random() % 10) as i64) as f64 / 100_000.0);
        }
        let time = TimestampNanosecondArray::from(times).with_timezone("UTC");
        let [bid, ask] = [Float64Array::from(bids), Float64Array::from(asks)].map(Arc::new);
        let columns = vec![Arc::new(time) as _, bid as _, ask as _];
        batches.push(RecordBatch::try_new(schema::quotes(false), columns).expect("three columns of one length"));
    }
    batches
}
