//! Every strategy of the library through the engine: on generated hours always, on a year of real ones where they are at hand.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use assay_core::ids::Ordinal;
use assay_core::job::MetricsSpec;
use assay_core::metrics::Metric;
use assay_core::row::Outcome;
use assay_engine::{Market, SimdLevel};
use assay_strategies::sweep::Sweep;
use assay_strategies::{Strategy, library};
use support::{HOUR_NS, both_sides, market_at, market_of, real_hours, walk};

/// Runs the default point of every strategy, both sides, and wants each of them to trade.
fn run(mut market: Market) {
    // The second market of the pairs follows another path at the same times.
    let other = market_at(&walk(market.len(), 77, true), &market.time, HOUR_NS);
    market.others = Arc::new([("SPY".to_owned(), Arc::new(other))].into());
    let market = Arc::new(market);
    let mut wrong = Vec::new();
    for (name, source) in library() {
        let strategy = Strategy::parse(source, name).unwrap_or_else(|error| panic!("{error}"));
        let space = strategy.resolve_space(None).unwrap();
        let (execution, metrics) = (both_sides(), MetricsSpec::default());
        let sweep = Sweep::new(
            &strategy,
            &execution,
            &metrics,
            &space,
            Arc::clone(&market),
            SimdLevel::detect(),
        );
        let sweep = sweep.unwrap_or_else(|error| panic!("{name}: {error}"));
        let rows = sweep.run(0, &[(Ordinal(0), strategy.default_point())]);
        match &rows[0].outcome {
            Outcome::Failed(reason) => wrong.push(format!("{name}: {reason}")),
            Outcome::Done { metrics, .. } => {
                let trades = metrics.get(Metric::Trades).unwrap_or(0.0);
                if trades < 3.0 {
                    wrong.push(format!("{name}: {trades} trades"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_strategy_trades_on_generated_hours() {
    run(market_of(&walk(9_000, 21, true), HOUR_NS));
}

#[test]
fn every_strategy_trades_on_a_year_of_real_hours() {
    let Some((bars, times)) = real_hours("bitfinex_btcusd_2015") else {
        return;
    };
    run(market_at(&bars, &times, HOUR_NS));
}

#[test]
fn families_are_those_of_the_reference() {
    let families: BTreeSet<String> = library()
        .iter()
        .map(|(name, source)| Strategy::parse(source, name).unwrap().family)
        .collect();
    let expected = [
        "breakout",
        "grid",
        "mean reversion",
        "momentum",
        "pairs",
        "seasonality",
        "session",
        "trend",
        "volatility",
    ];
    assert_eq!(families.into_iter().collect::<Vec<_>>(), expected);
}
