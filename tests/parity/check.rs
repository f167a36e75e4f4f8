//! One golden against the engine: signals, trades, equity, our columns, the oracle's own columns.

use std::sync::Arc;

use assay_core::job::{Execution, MetricsSpec};
use assay_core::metrics::{Metric, Metrics};
use assay_core::space::{Point, Space};
use assay_core::time::UtcNs;
use assay_engine::{ExitReason, Market, Replay, Side};
use assay_strategies::{Evaluator, Program, Strategy, TILE};
use assay_tests::{agree, run_both};
use sha2::{Digest, Sha256};

use crate::golden::{Golden, TradeGolden};
use crate::market::hex;

/// Everything in which the engine and a golden differ.
pub(crate) fn check(golden: &Golden, market: &Arc<Market>) -> Vec<String> {
    let strategy = golden.strategy();
    let execution = &golden.case.execution;
    let mut findings = Vec::new();
    signals(golden, &strategy, execution, market, &mut findings);

    let (row, replay) = run_both(&strategy, execution, &golden.case.metrics, market);
    trades(golden, market, &replay, &mut findings);
    equity(golden, &replay, &mut findings);
    for metrics in [row.metrics().unwrap(), &replay.metrics] {
        for metric in Metric::ALL {
            let expected = golden.ours.get(metric.name());
            let expected = expected.unwrap_or_else(|| panic!("{}: the golden has no {metric}", golden.name));
            compare(metrics, metric, *expected, "ours", &mut findings);
        }
        for (metric, expected) in golden.own_columns() {
            compare(metrics, metric, expected, "the oracle's own", &mut findings);
        }
    }
    if let Some(daily) = &golden.ours_1d {
        let spec: MetricsSpec = serde_json::from_value(daily["metrics"].clone()).unwrap();
        let (row, _) = run_both(&strategy, execution, &spec, market);
        for (name, expected) in daily.iter().filter(|(name, _)| *name != "metrics") {
            compare(
                row.metrics().unwrap(),
                name.parse().unwrap(),
                expected.as_f64(),
                "ours by day",
                &mut findings,
            );
        }
    }
    findings
        .into_iter()
        .map(|finding| format!("{}: {finding}", golden.name))
        .collect()
}

fn compare(metrics: &Metrics, metric: Metric, expected: Option<f64>, whose: &str, findings: &mut Vec<String>) {
    let found = metrics.get(metric);
    let same = match (found, expected) {
        (Some(a), Some(b)) => agree(a, b),
        (None, None) => true,
        _ => false,
    };
    if !same {
        findings.push(format!("{metric}: {found:?}, {whose} {expected:?}"));
    }
}

/// The bars on which each rule holds, after the cancellations of `docs/semantics.md`.
fn signals(golden: &Golden, strategy: &Strategy, execution: &Execution, market: &Market, findings: &mut Vec<String>) {
    let points = [Point(Box::from([]))];
    let program = Program::build(strategy, execution, &Space::default(), &points, market).unwrap();
    let mut evaluator = Evaluator::new(&program, market);
    let mut held: [Vec<usize>; 4] = Default::default();
    for from in (0..market.len()).step_by(TILE) {
        let tile = from..market.len().min(from + TILE);
        evaluator.advance(tile.clone());
        let s = evaluator.signals(0);
        for bar in tile {
            let i = bar - from;
            let bit = |words: &[u64]| words.get(i / 64).is_some_and(|w| w >> (i % 64) & 1 == 1);
            let (el, xl, es, xs) = (bit(s.enter_long), bit(s.exit_long), bit(s.enter_short), bit(s.exit_short));
            let (el, xl, es, xs) = (el && !xl, xl && !el, es && !xs, xs && !es);
            for (bars, holds) in held.iter_mut().zip([el && !es, xl, es && !el, xs]) {
                if holds {
                    bars.push(bar);
                }
            }
        }
    }
    for (name, bars) in ["enter_long", "exit_long", "enter_short", "exit_short"].iter().zip(&held) {
        let Some(expected) = golden.signals.get(*name) else {
            if !bars.is_empty() {
                findings.push(format!("{name} holds on {} bars, and never for the oracle", bars.len()));
            }
            continue;
        };
        let text: Vec<String> = bars.iter().map(ToString::to_string).collect();
        let digest = hex(&Sha256::digest(text.join(",")));
        if digest != expected.sha256_of_indices_joined_by_commas {
            let found = (bars.len(), bars.first(), bars.last());
            let expected = (expected.count, expected.first, expected.last);
            findings.push(format!("{name}: count, first, last {found:?}, the oracle's {expected:?}"));
        }
    }
}

fn trades(golden: &Golden, market: &Market, replay: &Replay, findings: &mut Vec<String>) {
    let open = replay.trades.iter().filter(|t| t.reason == ExitReason::Open).count();
    let counts = (replay.trades.len() - open, open);
    let expected = (golden.trade_count.closed, golden.trade_count.open);
    if counts != expected {
        findings.push(format!("closed and open trades {counts:?}, the oracle's {expected:?}"));
        return;
    }
    for expected in &golden.trades {
        if let Some(difference) = trade(market, &replay.trades[expected.number], expected) {
            findings.push(format!("trade {}: {difference}", expected.number));
        }
    }
}

/// The first field in which a trade differs.
fn trade(market: &Market, found: &assay_engine::Trade, expected: &TradeGolden) -> Option<String> {
    let direction = if found.side == Side::Long { "long" } else { "short" };
    let mut texts = vec![
        ("direction", direction.to_owned(), expected.direction.clone()),
        ("entry_bar", found.entry_bar.to_string(), expected.entry_bar.to_string()),
        ("entry_time", UtcNs(found.entry_time).to_string(), expected.entry_time.clone()),
        ("exit_reason", found.reason.name().to_owned(), expected.exit_reason.clone()),
        (
            "open",
            (found.reason == ExitReason::Open).to_string(),
            expected.open.to_string(),
        ),
    ];
    let mut numbers = vec![
        ("entry_price", found.entry_price, expected.entry_price),
        ("units", found.units, expected.units),
        ("pnl", found.pnl, expected.pnl),
        ("return", found.ret, expected.ret),
        ("fees", found.fees, expected.fees),
    ];
    if let (Some(bar), Some(time), Some(price)) = (expected.exit_bar, &expected.exit_time, expected.exit_price) {
        texts.push(("exit_bar", found.exit_bar.to_string(), bar.to_string()));
        texts.push(("exit_time", UtcNs(found.exit_time).to_string(), time.clone()));
        numbers.push(("exit_price", found.exit_price, price));
    } else {
        // An open trade is marked at the last close.
        numbers.push(("exit_price", found.exit_price, *market.mid.close.last()?));
    }
    let text = texts.into_iter().find(|(_, found, expected)| found != expected);
    let number = numbers.into_iter().find(|(_, found, expected)| !agree(*found, *expected));
    let number = number.map(|(name, found, expected)| format!("{name} {found}, the oracle's {expected}"));
    text.map(|(name, found, expected)| format!("{name} {found}, the oracle's {expected}"))
        .or(number)
}

fn equity(golden: &Golden, replay: &Replay, findings: &mut Vec<String>) {
    let expected = &golden.equity;
    let pairs = expected.rows.iter().zip(&expected.values);
    let wrong = pairs.clone().find(|(row, value)| !agree(replay.equity[**row], **value));
    if let Some((row, value)) = wrong {
        findings.push(format!("equity at bar {row}: {}, the oracle's {value}", replay.equity[*row]));
    }
    let n = replay.equity.len() as f64;
    let mean = replay.equity.iter().sum::<f64>() / n;
    let squares = replay.equity.iter().map(|e| e * e).sum::<f64>() / n;
    for (name, found, expected) in [
        ("mean equity", mean, expected.mean),
        ("mean squared equity", squares, expected.mean_of_squares),
    ] {
        if !agree(found, expected) {
            findings.push(format!("{name} {found}, the oracle's {expected}"));
        }
    }
}
