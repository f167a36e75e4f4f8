//! Entries and exits that a program computed trade as the rules that say the same.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

mod support;

use std::sync::Arc;

use assay_core::ids::Ordinal;
use assay_core::job::{Direction, Execution, MetricsSpec};
use assay_core::row::TrialRow;
use assay_core::signals::SignalTable;
use assay_core::space::Point;
use assay_engine::{Market, SimdLevel};
use assay_strategies::sweep::{Sweep, SweepError};
use assay_strategies::{Strategy, StrategyError, evaluate_expression};
use support::{both_sides, market, walk};

const LENGTHS: [u32; 3] = [5, 12, 30];
const ENTER: &str = "crossover(close, sma(close, N))";
const EXIT: &str = "crossunder(close, sma(close, N))";

fn words(values: &[f64]) -> Vec<u64> {
    let word = |chunk: &[f64]| {
        let bits = chunk.iter().enumerate();
        bits.fold(0, |word, (bit, value)| word | u64::from(*value == 1.0) << bit)
    };
    values.chunks(64).map(word).collect()
}

/// Columns of a rule, one for each length.
fn columns(market: &Market, rule: &str) -> Vec<Vec<u64>> {
    let column = |n: &u32| words(&evaluate_expression(market, &rule.replace('N', &n.to_string())).unwrap());
    LENGTHS.iter().map(column).collect()
}

fn sweep(text: &str, execution: &Execution, market: &Arc<Market>, table: Option<SignalTable>) -> Result<Sweep, SweepError> {
    let strategy = Strategy::parse(text, "test").unwrap();
    let space = strategy.resolve_space(None).unwrap();
    let metrics = MetricsSpec::default();
    let sweep = Sweep::new(
        &strategy,
        execution,
        &metrics,
        &space,
        Arc::clone(market),
        SimdLevel::detect(),
    )?;
    match table {
        Some(table) => sweep.with_signals(table),
        None => Ok(sweep),
    }
}

fn with_signals(table: &SignalTable, rules: &str) -> String {
    format!(
        "name = 's'\n[params]\ntrial = {{ int = [0, 9], default = 0 }}\n[signals]\ntable = '{}'\nrules = [{rules}]",
        table.hash()
    )
}

const ALL: &str = "'enter_long', 'exit_long', 'enter_short', 'exit_short'";

fn table(market: &Market) -> SignalTable {
    let rules = [ENTER, EXIT, EXIT, ENTER].map(|rule| columns(market, rule));
    SignalTable::new(market.len(), rules).unwrap()
}

fn points(values: impl Iterator<Item = f64>) -> Vec<(Ordinal, Point)> {
    (0..).map(Ordinal).zip(values.map(|value| Point([value].into()))).collect()
}

fn outcomes(rows: &[TrialRow]) -> Vec<assay_core::metrics::Metrics> {
    rows.iter().map(|row| *row.metrics().unwrap()).collect()
}

#[test]
fn a_table_of_what_rules_say_trades_as_they_do() {
    let market = Arc::new(market(&walk(5_000, 3, true)));
    let rules = format!(
        "name = 'r'\n[params]\nn = {{ int = [1, 50], default = 5 }}\n[rules]\nenter_long = '{ENTER}'\nexit_long = '{EXIT}'\nenter_short = '{EXIT}'\nexit_short = '{ENTER}'"
    );
    let rules = rules.replace('N', "n");
    let table = table(&market);
    for direction in [Direction::Both, Direction::Long, Direction::Short] {
        let execution = Execution {
            direction,
            ..both_sides()
        };
        let by_rules = sweep(&rules, &execution, &market, None).unwrap();
        let by_table = sweep(&with_signals(&table, ALL), &execution, &market, Some(table.clone())).unwrap();
        let expected = by_rules.run(0, &points(LENGTHS.iter().map(|n| f64::from(*n))));
        let found = by_table.run(0, &points((0..3).map(f64::from)));
        assert_eq!(outcomes(&found), outcomes(&expected), "{direction:?}");
        let replayed = by_table.replay(&Point([1.0].into())).unwrap();
        assert_eq!(
            replayed.trades,
            by_rules.replay(&Point([f64::from(LENGTHS[1])].into())).unwrap().trades
        );
        assert!(!replayed.trades.is_empty());
    }
}

#[test]
fn rules_that_the_table_lacks_may_be_written() {
    let market = Arc::new(market(&walk(2_000, 4, true)));
    let table = table(&market);
    let mixed = with_signals(&table, "'enter_long'") + "\n[rules]\nexit_long = 'crossunder(close, sma(close, 12))'";
    let both = with_signals(&table, "'enter_long', 'exit_long'");
    let of = |text: &str| {
        let sweep = sweep(text, &Execution::default(), &market, Some(table.clone())).unwrap();
        outcomes(&sweep.run(0, &points([1.0].into_iter())))
    };
    assert_eq!(of(&mixed), of(&both));
}

#[test]
fn what_does_not_fit_is_refused() {
    let bars = walk(1_000, 5, true);
    let small = Arc::new(market(&bars));
    let table = table(&small);
    let text = with_signals(&table, ALL);
    let other = Arc::new(market(&walk(900, 5, true)));
    let error = sweep(&text, &both_sides(), &other, Some(table.clone())).unwrap_err();
    assert!(
        error.to_string().contains("they are of 1000 bars, and there are 900"),
        "{error}"
    );
    // A column that the table does not have fails its trial alone.
    let rows = sweep(&text, &both_sides(), &small, Some(table))
        .unwrap()
        .run(0, &points([0.0, 7.0].into_iter()));
    assert!(rows[0].metrics().is_some() && rows[1].metrics().is_none());
    for (text, reason) in [
        (text.replace("'enter_long'", "'buy'"), "no rule `buy`"),
        (text.replace("trial =", "number ="), "no parameter `trial`"),
        (text + "\n[rules]\nexit_long = 'close > open'", "exit_long is a rule"),
    ] {
        let error = Strategy::parse(&text, "test").unwrap_err();
        assert!(matches!(&error, StrategyError::Signals { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert!(matches!(
        Strategy::parse("name = 'x'", "test"),
        Err(StrategyError::NoEntry { .. })
    ));
}

#[test]
fn tables_are_told_apart_in_the_text_that_identifies_a_strategy() {
    let market = market(&walk(500, 6, true));
    let table = table(&market);
    let canonical = |text: &str| Strategy::parse(text, "test").unwrap().canonical();
    let one = canonical(&with_signals(&table, ALL));
    assert!(one.contains(table.hash()));
    assert_ne!(one, canonical(&with_signals(&table, ALL).replace(table.hash(), "another")));
    assert_ne!(one, canonical(&with_signals(&table, "'enter_long'")));
}
