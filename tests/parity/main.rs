//! The numbers of vectorbt and backtesting.py on real instruments: `goldens/*.json`, made by `scripts/goldens.py`.
//!
//! Each instrument's files are imported once as a user would, made into bars, and checked by hash before any case runs.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

mod check;
mod golden;
mod market;

use golden::{Golden, goldens};
use market::Instrument;

/// Instruments of the goldens: each has a test below.
const SYMBOLS: [&str; 7] = ["AAPL", "BTCUSD", "EURUSD", "GBPUSD", "LTCUSD", "SPY", "XAUUSD"];

fn check_instrument(symbol: &str) {
    let cases: Vec<Golden> = goldens().into_iter().filter(|g| g.bars.symbol == symbol).collect();
    assert!(cases.len() >= 3, "{symbol} has {} cases", cases.len());
    let Some(instrument) = Instrument::import(&cases[0]) else {
        return;
    };
    let findings: Vec<String> = cases
        .iter()
        .flat_map(|golden| {
            let market = instrument.market(golden);
            check::check(golden, &market)
        })
        .collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn aapl() {
    check_instrument("AAPL");
}

#[test]
fn btcusd() {
    check_instrument("BTCUSD");
}

#[test]
fn eurusd() {
    check_instrument("EURUSD");
}

#[test]
fn gbpusd() {
    check_instrument("GBPUSD");
}

#[test]
fn ltcusd() {
    check_instrument("LTCUSD");
}

#[test]
fn spy() {
    check_instrument("SPY");
}

#[test]
fn xauusd() {
    check_instrument("XAUUSD");
}

#[test]
fn every_golden_reads_and_belongs_to_a_test() {
    let goldens = goldens();
    let own = |oracle: &str| goldens.iter().filter(|g| g.name.starts_with(oracle)).count();
    assert_eq!((own("vectorbt_"), own("backtesting_")), (24, 9));
    for golden in &goldens {
        assert!(SYMBOLS.contains(&golden.bars.symbol.as_str()), "{}", golden.name);
        let strategy = golden.strategy();
        assert_eq!(strategy.name, golden.case.name);
        assert!(golden.own_columns().count() >= 5, "{}", golden.name);
    }
}
