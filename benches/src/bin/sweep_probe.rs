//! Times the sweep of the peers on bars that their script dumped: little-endian f64 columns open, high, low, close.
//!
//! usage: sweep-probe FILE MAX_WINDOW [toml of [execution] and [metrics]]...

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::ids::Ordinal;
use assay_core::instrument::Instrument;
use assay_core::job::JobSpec;
use assay_core::metrics::Metric;
use assay_core::space::Point;
use assay_engine::{Market, SimdLevel};
use assay_strategies::Strategy;
use assay_strategies::sweep::Sweep;

#[allow(clippy::print_stdout, clippy::unwrap_used)]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let bytes = std::fs::read(&args[1]).unwrap();
    let widest: i64 = args[2].parse().unwrap();
    let n = bytes.len() / 32;
    let column = |k: usize| -> ArrayRef {
        let part = &bytes[k * n * 8..(k + 1) * n * 8];
        Arc::new(Float64Array::from_iter_values(
            part.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())),
        ))
    };
    let time = TimestampNanosecondArray::from_iter_values((0..n as i64).map(|i| i * 60_000_000_000)).with_timezone("UTC");
    let fields: Vec<(&str, ArrayRef)> = vec![
        ("time", Arc::new(time)),
        ("open", column(0)),
        ("high", column(1)),
        ("low", column(2)),
        ("close", column(3)),
        ("volume", Arc::new(Float64Array::from(vec![1.0; n]))),
    ];
    let batch = RecordBatch::try_from_iter(fields).unwrap();
    let instrument = Instrument::unknown("X".parse().unwrap());
    let market = Arc::new(Market::new(&batch, instrument, 60_000_000_000, None, None).unwrap());
    let strategy = Strategy::parse(
        "name = \"cross\"\n[params]\nfast = { int = [2, 60], default = 5 }\nslow = { int = [2, 60], default = 20 }\nwhere = \"fast < slow\"\n[let]\nf = \"sma(close, fast)\"\ns = \"sma(close, slow)\"\n[rules]\nenter_long = \"crossover(f, s)\"\nexit_long = \"crossunder(f, s)\"\nenter_short = \"crossunder(f, s)\"\nexit_short = \"crossover(f, s)\"",
        "cross.toml",
    )
    .unwrap();
    let points: Vec<(Ordinal, Point)> = (2..=widest)
        .flat_map(|f| (f + 1..=widest).map(move |s| Point(Box::from([f as f64, s as f64]))))
        .enumerate()
        .map(|(i, p)| (Ordinal(i as u64), p))
        .collect();
    let base = "name = \"x\"\n[data]\ninstruments = [\"X\"]\nbars = \"1m\"\n[strategy]\nuse = \"x\"\n";
    let peer = "[execution]\nfill = \"close\"\ncommission = 0.0005\ncapital = 100\n[metrics]\nsampling = \"bar\"\n".to_owned();
    let jobs = if args.len() > 3 { args[3..].to_vec() } else { vec![peer] };
    for job in jobs {
        let job = JobSpec::from_toml(&format!("{base}{job}")).unwrap();
        let space = strategy.space.clone();
        let sweep = Sweep::new(
            &strategy,
            &job.execution,
            &job.metrics,
            &space,
            Arc::clone(&market),
            SimdLevel::detect(),
        )
        .unwrap();
        let mut best = f64::INFINITY;
        let mut rows = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            rows = sweep.run(0, &points);
            best = best.min(start.elapsed().as_secs_f64());
        }
        let sum = |metric| rows.iter().filter_map(|r| r.metrics()?.get(metric)).sum::<f64>();
        println!(
            "{}: bars={n} combos={} seconds={best:.4} ns_per_bar_combo={:.3} sum_ret={:.6} sum_sharpe={:.6} sum_mdd={:.6} trades={}",
            sweep.path(),
            points.len(),
            best * 1e9 / n as f64 / points.len() as f64,
            sum(Metric::TotalReturn),
            sum(Metric::Sharpe),
            sum(Metric::MaxDrawdown),
            sum(Metric::Trades) + sum(Metric::OpenTrades)
        );
    }
}
