//! A trial that goes wrong is one failed row, and its neighbours never notice.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::sync::Arc;

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::Ordinal;
use assay_core::instrument::Instrument;
use assay_core::job::{Execution, MetricsSpec};
use assay_core::row::{Outcome, TrialRow};
use assay_core::space::Point;
use assay_core::time::MINUTE_NS;
use assay_engine::{Market, SimdLevel};
use assay_strategies::Strategy;
use assay_strategies::sweep::Sweep;
use assay_tests::batch;

const DIP: &str = r#"
name = "dip"
[params]
n = { int = [0, 9], default = 3 }
[rules]
enter_long = "close < sma(close, n)"
exit_long = "close > sma(close, n)"
"#;

fn sweep() -> Sweep {
    let close: Vec<f64> = (0..500).map(|i| 100.0 + f64::from(i * 7 % 13)).collect();
    let times = (0..500).map(|i| i * MINUTE_NS).collect();
    let columns = ["open", "high", "low", "close", "volume"].map(|name| (name, close.clone()));
    let instrument = Instrument::unknown("T".parse().unwrap());
    let market = Market::new(&batch(times, &columns), instrument, MINUTE_NS, None, None).unwrap();
    let strategy = Strategy::parse(DIP, "dip.toml").unwrap();
    let space = strategy.space.clone();
    let (execution, metrics) = (Execution::default(), MetricsSpec::default());
    Sweep::new(&strategy, &execution, &metrics, &space, Arc::new(market), SimdLevel::detect()).unwrap()
}

fn fingerprint(rows: &[&TrialRow]) -> Fingerprint {
    let mut sum = Fingerprint::default();
    for row in rows {
        row.fingerprint(&mut sum);
    }
    sum
}

#[test]
fn a_panic_fails_its_trial_alone() {
    let sweep = sweep();
    let good = |ordinal, n: f64| (Ordinal(ordinal), Point(Box::from([n])));
    // No space gives a point without its coordinate: reading it is a defect, and panics.
    let points = [good(0, 3.0), (Ordinal(1), Point(Box::from([]))), good(2, 5.0)];
    let rows = sweep.run(0, &points);
    let Outcome::Failed(reason) = &rows[1].outcome else {
        panic!("{:?}", rows[1])
    };
    assert!(reason.starts_with("defect: "), "{reason}");
    let alone = sweep.run(0, &[good(0, 3.0), good(2, 5.0)]);
    assert_eq!(fingerprint(&[&rows[0], &rows[2]]), fingerprint(&[&alone[0], &alone[1]]));
}

#[test]
fn parameters_without_a_meaning_fail_their_trial_with_the_reason() {
    let points: Vec<_> = (0..4u32)
        .map(|n| (Ordinal(u64::from(n)), Point(Box::from([f64::from(n)]))))
        .collect();
    let rows = sweep().run(0, &points);
    let Outcome::Failed(reason) = &rows[0].outcome else {
        panic!("{:?}", rows[0])
    };
    assert!(reason.contains("sma"), "{reason}");
    assert!(rows[1..].iter().all(|row| row.metrics().is_some()));
}
