//! Markets and programs for tests.
#![allow(dead_code, reason = "each test binary uses its part")]

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

/// One-minute bars from 2024-01-01 on.
pub(crate) fn market(bars: &Bars) -> Market {
    let n = bars.close.len();
    let times = (0..n as i64).map(|i| 1_704_067_200_000_000_000 + i * MINUTE_NS);
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
    Market::new(&batch.expect("columns of one length"), instrument, MINUTE_NS, None, None).expect("bars")
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
