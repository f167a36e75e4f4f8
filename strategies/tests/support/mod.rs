//! Markets and programs for tests.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::instrument::Instrument;
use assay_core::job::{Direction, Execution};
use assay_core::space::{Point, Space};
use assay_engine::Market;
use assay_strategies::{Program, Strategy};

/// Columns of bars.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bars {
    pub(crate) open: Vec<f64>,
    pub(crate) high: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) close: Vec<f64>,
    pub(crate) volume: Vec<f64>,
}

const MINUTE_NS: i64 = 60_000_000_000;

pub(crate) const HOUR_NS: i64 = 60 * MINUTE_NS;

/// One-minute bars from 2024-01-01 on.
pub(crate) fn market(bars: &Bars) -> Market {
    market_of(bars, MINUTE_NS)
}

/// Bars of that length from 2024-01-01 on.
pub(crate) fn market_of(bars: &Bars, bar_ns: i64) -> Market {
    let times: Vec<i64> = (0..bars.close.len() as i64)
        .map(|i| 1_704_067_200_000_000_000 + i * bar_ns)
        .collect();
    market_at(bars, &times, bar_ns)
}

/// Bars that begin at these times.
pub(crate) fn market_at(bars: &Bars, times: &[i64], bar_ns: i64) -> Market {
    let times = times.iter().copied();
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"));
    let column = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let batch = RecordBatch::try_from_iter([
        ("time", time),
        ("open", column(&bars.open)),
        ("high", column(&bars.high)),
        ("low", column(&bars.low)),
        ("close", column(&bars.close)),
        ("volume", column(&bars.volume)),
    ]);
    let instrument = Instrument::unknown("TEST".parse().expect("a symbol"));
    Market::new(&batch.expect("columns of one length"), instrument, bar_ns, None, None).expect("bars")
}

/// A random walk, decimal with two digits or not at all.
pub(crate) fn walk(n: usize, seed: u64, decimal: bool) -> Bars {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let round = |x: f64| if decimal { (x * 100.0).round() / 100.0 } else { x };
    let mut bars = Bars::default();
    let mut price = 100.0;
    for _ in 0..n {
        let path: Vec<f64> = (0..4)
            .map(|_| {
                price *= 1.0 + 0.002 * (uniform() - 0.5);
                round(price)
            })
            .collect();
        bars.open.push(path[0]);
        bars.close.push(path[3]);
        bars.high.push(path.iter().copied().fold(f64::MIN, f64::max));
        bars.low.push(path.iter().copied().fold(f64::MAX, f64::min));
        bars.volume.push((uniform() * 1_000.0).round());
    }
    bars
}

/// Trades of both sides, everything else by default.
pub(crate) fn both_sides() -> Execution {
    Execution {
        direction: Direction::Both,
        ..Execution::default()
    }
}

/// A program of points of the strategy's own space.
pub(crate) fn program(strategy: &Strategy, points: &[Point], market: &Market) -> Program {
    let space: Space = strategy.resolve_space(None).expect("a space");
    Program::build(strategy, &both_sides(), &space, points, market).expect("a program")
}

/// Hours of a year of real candles with the times at which they begin; `None`, with a printed reason, where the file is absent.
pub(crate) fn real_hours(name: &str) -> Option<(Bars, Vec<i64>)> {
    let folder = std::env::var_os("ASSAY_MARKET").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/market"),
        PathBuf::from,
    );
    let file = folder.join(format!("bars_1m/{name}.csv.gz"));
    let Ok(compressed) = std::fs::File::open(&file) else {
        println!("skipped: {} is not there", file.display());
        return None;
    };
    let mut csv = String::new();
    let mut reader = flate2::read::MultiGzDecoder::new(compressed);
    reader.read_to_string(&mut csv).expect("a compressed text");
    Some(hours(&csv))
}

/// Hours from candles of a minute: time in ms, open, close, high, low, volume.
fn hours(csv: &str) -> (Bars, Vec<i64>) {
    const HOUR_MS: i64 = 3_600_000;
    let mut hours: BTreeMap<i64, [f64; 5]> = BTreeMap::new();
    for line in csv.lines() {
        let fields: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        let [time, open, close, high, low, volume] = fields[..] else {
            continue;
        };
        let bar = hours.entry(time as i64 / HOUR_MS).or_insert([open, high, low, close, 0.0]);
        bar[1] = bar[1].max(high);
        bar[2] = bar[2].min(low);
        bar[3] = close;
        bar[4] += volume;
    }
    let column = |at: usize| hours.values().map(|bar| bar[at]).collect();
    let bars = Bars {
        open: column(0),
        high: column(1),
        low: column(2),
        close: column(3),
        volume: column(4),
    };
    (bars, hours.keys().map(|hour| hour * HOUR_NS).collect())
}
