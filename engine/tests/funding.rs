//! Funding: who pays which rate on what notional, and what a market refuses.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::sync::Arc;

use assay_core::job::{Execution, MetricsSpec};
use assay_engine::market::MarketError;
use assay_engine::{ConfigError, Market, Path, Plan, Settings, SimdLevel, Trade, replay, simulate};
use common::{MINUTE, Random, Signals, funding, job, market, plain_job, rates, run};
use proptest::prelude::*;

/// What a trade of one entry pays, from its times alone: each rate after the entry, up to and with the exit, on the notional at
/// the last mark before it.
fn owed(market: &Market, trade: &Trade) -> f64 {
    let series = market.funding.as_ref().unwrap();
    let value = trade.units * market.instrument.facts.multiplier;
    let mark_before = |time: i64| {
        let closes = (trade.entry_bar..=trade.exit_bar).map(|bar| (market.time[bar] + market.bar_ns, market.mid.close[bar]));
        let marks = std::iter::once((trade.entry_time, trade.entry_price)).chain(closes);
        marks.take_while(|(at, _)| *at < time).last().unwrap().1
    };
    let due = series.time.iter().zip(series.rate.iter());
    due.filter(|(time, _)| (trade.entry_time + 1..=trade.exit_time).contains(time))
        .map(|(time, rate)| trade.side.sign() * rate * value * mark_before(*time))
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_trade_pays_the_rates_from_its_entry_to_its_exit(seed in any::<u64>()) {
        let random = &mut Random(seed);
        let bar_ns = random.pick(&[MINUTE, 60 * MINUTE, 1_440 * MINUTE]);
        let quotes = random.chance(0.5);
        let lot = random.pick(&[0.0, 1.0]);
        let market = market(random, 800, bar_ns, quotes, lot);
        let rates = rates(random, &market, 0.002);
        let market = Arc::new(market.with_funding(&rates).unwrap());
        let (drawn, metrics, settings) = job(random, false, quotes);
        let execution = Execution {
            funding: true,
            fill: drawn.fill,
            direction: drawn.direction,
            on_opposite: drawn.on_opposite,
            leverage: drawn.leverage,
            slippage: drawn.slippage,
            ..Execution::default()
        };
        let plan = Plan::new(Arc::clone(&market), &execution, &metrics, &settings).unwrap();
        let density = random.pick(&[0.02, 0.2]);
        let signals = Signals::random(random, 800, density);
        let replayed = replay(&plan, &settings, &mut &signals);
        for trade in &replayed.trades {
            let expected = owed(&market, trade);
            prop_assert!((trade.fees - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{expected}, not {trade:?}");
        }
    }

    #[test]
    fn rates_of_zero_change_no_bit(seed in any::<u64>()) {
        let random = &mut Random(seed);
        let quotes = random.chance(0.5);
        let plain = market(random, 900, 5 * MINUTE, quotes, 0.0);
        let zero = rates(random, &plain, 0.0);
        let (execution, metrics, settings) = if random.chance(0.5) { plain_job(random) } else { job(random, false, quotes) };
        let execution = Execution { spread: 0.0, ..execution };
        let signals = Signals::random(random, 900, 0.05);
        let of = |market: Market, funding| {
            let execution = Execution { funding, ..execution.clone() };
            let plan = Plan::new(Arc::new(market), &execution, &metrics, &settings).unwrap();
            let plan = if funding { plan } else { plan.reference() };
            simulate::finish(&plan, &run(SimdLevel::detect(), &plan, &settings, &signals)).0
        };
        prop_assert!(of(plain.clone(), false) == of(plain.with_funding(&zero).unwrap(), true));
    }
}

#[test]
fn a_job_with_funding_runs_bar_by_bar_and_one_without_never_looks_at_the_rates() {
    let random = &mut Random(1);
    let bars = market(random, 200, MINUTE, false, 0.0);
    let rates = rates(random, &bars, 0.001);
    let with = Arc::new(bars.clone().with_funding(&rates).unwrap());
    let settings = Settings::default();
    let plan = |market: &Arc<Market>, funding| {
        let execution = Execution {
            funding,
            ..Execution::default()
        };
        Plan::new(Arc::clone(market), &execution, &MetricsSpec::default(), &settings)
    };
    assert_eq!(plan(&with, true).unwrap().path, Path::Bars);
    assert_eq!(plan(&with, false).unwrap().path, Path::Events);
    let bare = Arc::new(bars);
    assert_eq!(plan(&bare, true).unwrap_err(), ConfigError::NeedsFunding("TEST".to_owned()));
    let signals = Signals::random(random, 200, 0.1);
    let metrics = |plan: Plan| simulate::finish(&plan, &run(SimdLevel::detect(), &plan, &settings, &signals)).0;
    assert!(metrics(plan(&with, false).unwrap()) == metrics(plan(&bare, false).unwrap()));
}

#[test]
fn series_that_make_no_sense_or_do_not_cover_the_window_are_refused() {
    let random = &mut Random(2);
    let bars = market(random, 500, MINUTE, false, 0.0);
    let (from, to) = (bars.time[bars.window.start], bars.time[bars.window.end - 1] + bars.bar_ns);
    let with = |times: Vec<i64>, rates: Vec<f64>| bars.clone().with_funding(&funding(times, rates)).map(|_| ());
    let step = to - from;
    assert_eq!(with(vec![from, to], vec![0.1, f64::NAN]), Err(MarketError::Funding));
    assert_eq!(with(vec![to, from], vec![0.1, 0.1]), Err(MarketError::Funding));
    assert_eq!(with(vec![from, from], vec![0.1, 0.1]), Err(MarketError::Funding));
    assert_eq!(with(vec![], vec![]), Err(MarketError::Funding));
    // Up to one and a half intervals may be missing on either side.
    assert_eq!(
        with(vec![from - step, to - step - step / 2], vec![0.1; 2]),
        Err(uncovered(&bars, from - step, to - step - step / 2))
    );
    assert_eq!(with(vec![from - step, from], vec![0.1; 2]), Ok(()));
    assert_eq!(with(vec![to, to + step], vec![0.1; 2]), Ok(()));
    assert_eq!(with(vec![from - step, to - step], vec![0.1; 2]), Ok(()));
    let late = from + 7;
    assert_eq!(
        with(vec![late, late + 4], vec![0.1; 2]),
        Err(uncovered(&bars, late, late + 4))
    );
    assert_eq!(with(vec![from - 1], vec![0.1]), Err(uncovered(&bars, from - 1, from - 1)));
}

fn uncovered(bars: &Market, first: i64, last: i64) -> MarketError {
    let [from, to, first, last] = [
        bars.time[bars.window.start],
        bars.time[bars.window.end - 1] + bars.bar_ns,
        first,
        last,
    ]
    .map(assay_core::time::UtcNs);
    MarketError::FundingWindow { from, to, first, last }
}
