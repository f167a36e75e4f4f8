//! What the cross-crate tests share. The tests themselves lie beside this folder: `parity/` against other engines on real market
//! data, `determinism.rs`, and `hand.rs` with the cases of `hand/`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic and talk as tests do"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::job::{Execution, MetricsSpec};
use assay_core::metrics::Metric;
use assay_core::row::{Outcome, TrialRow};
use assay_core::space::{Point, Space};
use assay_engine::{Market, Replay, SimdLevel};
use assay_strategies::Strategy;
use assay_strategies::sweep::Sweep;

/// Two computations of one number agree within this share of the larger, or of 1.
pub const TOLERANCE: f64 = 1e-9;

/// The folder of this crate.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The real market files, from `ASSAY_MARKET` or beside the workspace; says so where there are none.
pub fn market_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("ASSAY_MARKET").map_or_else(|| self::folder().join("../../shared/market"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no market data at {}", folder.display());
    None
}

/// Whether two numbers agree within [`TOLERANCE`].
pub fn agree(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
}

/// Bars as the engine takes them: starts in UTC nanoseconds, then named columns.
pub fn batch(times: Vec<i64>, columns: &[(&str, Vec<f64>)]) -> RecordBatch {
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"));
    let prices = columns
        .iter()
        .map(|(name, values)| (*name, Arc::new(Float64Array::from(values.clone())) as ArrayRef));
    RecordBatch::try_from_iter(std::iter::once(("time", time)).chain(prices)).unwrap()
}

/// One trial without parameters by both ways, which must agree: the row of the sweep at every instruction level, and the replay.
///
/// # Panics
/// They differ, or the trial cannot run.
pub fn run_both(strategy: &Strategy, execution: &Execution, metrics: &MetricsSpec, market: &Arc<Market>) -> (TrialRow, Replay) {
    let name = &strategy.name;
    let nothing = Point(Box::from([]));
    let points = [(assay_core::ids::Ordinal(0), nothing.clone())];
    let at = |level| Sweep::new(strategy, execution, metrics, &Space::default(), Arc::clone(market), level);
    let sweep = at(SimdLevel::detect()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let row = sweep.run(0, &points).remove(0);
    if let Outcome::Failed(reason) = &row.outcome {
        panic!("{name}: {reason}");
    }
    let baseline = at(SimdLevel::Baseline).unwrap().run(0, &points).remove(0);
    assert_eq!(row, baseline, "{name}: other bits without AVX2");
    let replay = sweep.replay(&nothing).unwrap_or_else(|e| panic!("{name}: {e}"));
    let metrics = row.metrics().unwrap();
    let different: Vec<(Metric, Option<f64>, Option<f64>)> = metrics
        .differences(&replay.metrics, TOLERANCE)
        .into_iter()
        .map(|m| (m, metrics.get(m), replay.metrics.get(m)))
        .collect();
    assert_eq!(different, [], "{name}: {} against replay", sweep.path());
    (row, replay)
}
