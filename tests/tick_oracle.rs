//! Every trade of a crossover on real ticks, as `scripts/tick_oracle.py` finds them with a plain loop over the raw files.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use assay_core::ids::Symbol;
use assay_core::job::{Execution, FillGaps, JobSpec, MetricsSpec};
use assay_data::import::{ImportRequest, import};
use assay_data::{BarRequest, Catalog};
use assay_engine::{ExitReason, Market, Side};
use assay_strategies::Strategy;
use assay_tests::{agree, run_both};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    ticks: usize,
    job: Job,
    trades: Vec<GoldenTrade>,
}

/// Side, entry and exit time, entry and exit price, units, pnl, reason.
type GoldenTrade = (f64, i64, i64, f64, f64, f64, f64, String);

#[derive(Deserialize)]
struct Job {
    fast: u32,
    slow: u32,
    stop: f64,
    target: f64,
    latency_ns: i64,
    capital: f64,
    commission: f64,
}

impl Job {
    fn strategy(&self) -> Strategy {
        let Self { fast, slow, .. } = self;
        let (up, down) = (
            format!("crossover(sma(close, {fast}), sma(close, {slow}))"),
            format!("crossunder(sma(close, {fast}), sma(close, {slow}))"),
        );
        let rules = format!("enter_long = '{up}'\nexit_long = '{down}'\nenter_short = '{down}'\nexit_short = '{up}'");
        Strategy::parse(&format!("name = 'cross'\n[rules]\n{rules}"), "cross.toml").unwrap()
    }

    fn execution(&self) -> Execution {
        let head = "name = 'x'\n[data]\ninstruments = ['EURUSD']\nbars = '1m'\n[strategy]\nuse = 'x'\n";
        let knobs = format!(
            "[execution]\nfill = 'next_tick'\ndirection = 'both'\nlatency = '{}ns'\ncapital = {}\ncommission = {}\n\
             stop_loss = '{}%'\ntake_profit = '{}%'\n",
            self.latency_ns,
            self.capital,
            self.commission,
            self.stop * 100.0,
            self.target * 100.0
        );
        JobSpec::from_toml(&format!("{head}{knobs}")).unwrap().execution
    }
}

#[test]
fn trades_on_real_ticks_are_those_of_a_plain_loop() {
    let Some(folder) = assay_tests::market_folder() else { return };
    let text = std::fs::read_to_string(assay_tests::folder().join("goldens/ticks/eurusd.json")).unwrap();
    let golden: Golden = serde_json::from_str(&text).unwrap();
    let home = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(home.path()).unwrap();
    let symbol: Symbol = "EURUSD".parse().unwrap();
    let request = ImportRequest::new(vec![folder.join("fx_ticks/fxcm_eurusd")], symbol.clone());
    import(&catalog, &request, &|_| {}).unwrap();
    let bars = catalog
        .bars(&BarRequest {
            symbol: symbol.clone(),
            bars: "1m".parse().unwrap(),
            fill_gaps: FillGaps::None,
            source: None,
        })
        .unwrap();
    let ticks = catalog.ticks(&catalog.tick_source(&symbol, None).unwrap()).unwrap();
    assert_eq!(ticks.num_rows(), golden.ticks);
    let mut instrument = bars.instrument;
    instrument.facts.lot = 0.0;
    let market = Market::new(&bars.batch, instrument, bars.bars.bar_ns(), None, None).unwrap();
    let market = Arc::new(market.with_ticks(&ticks, true).unwrap());

    // The fast path against the replay, which is tick by tick, and the replay against the oracle.
    let (row, replay) = run_both(
        &golden.job.strategy(),
        &golden.job.execution(),
        &MetricsSpec::default(),
        &market,
    );
    let closed: Vec<_> = replay
        .trades
        .iter()
        .filter(|trade| trade.reason != ExitReason::Open)
        .collect();
    assert_eq!(closed.len(), golden.trades.len());
    assert!(golden.trades.len() > 200 && row.metrics().is_some());
    for (k, (found, expected)) in closed.into_iter().zip(&golden.trades).enumerate() {
        let (side, entry, exit, entry_price, exit_price, units, pnl, reason) = expected;
        let wanted = if *side > 0.0 { Side::Long } else { Side::Short };
        assert_eq!(
            (found.side, found.entry_time, found.exit_time, found.reason.name()),
            (wanted, *entry, *exit, reason.as_str()),
            "trade {k}"
        );
        for (name, a, b) in [
            ("entry price", found.entry_price, *entry_price),
            ("exit price", found.exit_price, *exit_price),
            ("units", found.units, *units),
            ("pnl", found.pnl, *pnl),
        ] {
            assert!(agree(a, b), "trade {k}, {name}: {a}, not {b}");
        }
    }
}
