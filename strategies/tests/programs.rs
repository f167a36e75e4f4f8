//! Programs: what they share, and what their values never depend on.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

mod support;

use std::sync::Arc;

use assay_core::job::{Direction, Execution, Size};
use assay_core::space::Point;
use assay_engine::{Market, SimdLevel};
use assay_lang::FUNCTIONS;
use assay_strategies::{Evaluator, Program, Strategy, evaluate_expression, explain_expression, library, look_ahead};
use proptest::prelude::{Just, ProptestConfig, prop, prop_oneof, proptest};
use proptest::strategy::Strategy as Generator;
use support::{HOUR_NS, market, market_of, program, walk};

fn bit(words: &[u64], i: usize) -> bool {
    words[i / 64] >> (i % 64) & 1 == 1
}

/// NaN made one, so that results compare by their bits.
fn to_bits(values: &[f64]) -> Vec<u64> {
    values
        .iter()
        .map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() })
        .collect()
}

#[derive(Debug, PartialEq, Default)]
struct Signals {
    bits: [Vec<bool>; 4],
    columns: [Vec<u64>; 4],
}

/// The signals of a trial over the whole market, taken in tiles.
fn signals(program: &Program, market: &Market, trial: usize, tile: usize) -> Signals {
    signals_at(SimdLevel::detect(), program, market, trial, tile)
}

fn signals_at(level: SimdLevel, program: &Program, market: &Market, trial: usize, tile: usize) -> Signals {
    let scales = Evaluator::scales(program, market);
    let mut evaluator = Evaluator::with(program, market, &scales, level);
    let mut all = Signals::default();
    for from in (0..market.len()).step_by(tile) {
        let range = from..market.len().min(from + tile);
        evaluator.advance(range.clone());
        let s = evaluator.signals(trial);
        for (all, words) in all
            .bits
            .iter_mut()
            .zip([s.enter_long, s.exit_long, s.enter_short, s.exit_short])
        {
            assert!(words.is_empty() || words.len() == range.len().div_ceil(64));
            if let (Some(last), false) = (words.last(), range.len().is_multiple_of(64)) {
                assert_eq!(last >> (range.len() % 64), 0, "bits past the end");
            }
            all.extend((0..range.len()).map(|i| !words.is_empty() && bit(words, i)));
        }
        for (all, values) in all.columns.iter_mut().zip([s.stop, s.target, s.trail, s.volatility]) {
            all.extend(to_bits(values));
        }
    }
    all
}

#[test]
fn averages_are_shared_and_crossings_follow_their_definition() {
    let strategy = assay_strategies::library_strategy("ma_cross").unwrap();
    let market = market(&walk(3_000, 1, true));
    let points: Vec<Point> = (5..15)
        .flat_map(|fast| (20..30).map(move |slow| Point(Box::from([f64::from(fast), f64::from(slow)]))))
        .collect();
    let program = program(&strategy, &points, &market);
    assert_eq!(program.nodes().columns, 20);
    assert_eq!(program.nodes().bits, 200);
    assert!(program.failures.is_empty() && program.memory_bytes() > 20 * 2_048 * 8);
    assert_eq!(program.warmup(0), 20);
    let averages: Vec<Vec<f64>> = (0..30)
        .map(|n| evaluate_expression(&market, &format!("sma(close, {})", n.max(1))).unwrap())
        .collect();
    let mut entries = 0;
    for (trial, point) in points.iter().enumerate() {
        let found = signals(&program, &market, trial, 1_024);
        let (f, s) = (&averages[point.0[0] as usize], &averages[point.0[1] as usize]);
        for i in 1..market.len() {
            let up = f[i] > s[i] && f[i - 1] <= s[i - 1];
            let down = f[i] < s[i] && f[i - 1] >= s[i - 1];
            assert_eq!(
                found.bits.each_ref().map(|bits| bits[i]),
                [up, down, down, up],
                "{point:?} at {i}"
            );
            entries += usize::from(up);
        }
    }
    assert!(entries > 1_000);
}

#[test]
fn chains_of_steps_share_what_others_computed() {
    // The difference is wanted by a comparison before its absolute value is.
    let market = market(&walk(700, 5, true));
    let of = |source: &str| evaluate_expression(&market, source).unwrap();
    let hist = of("macd(close, 3, 8, 4).hist");
    let found = of("if(macd(close, 3, 8, 4).hist > 0, 1, abs(macd(close, 3, 8, 4).hist) * 2)");
    for (hist, found) in hist.iter().zip(found) {
        let expected = if *hist > 0.0 { 1.0 } else { hist.abs() * 2.0 };
        assert!(found == expected || (found.is_nan() && hist.is_nan()), "{hist}: {found}");
    }
}

#[test]
fn equal_averages_compare_equal() {
    // In binary fractions 0.1 + 0.2 + 0.3 is not 0.6, and running sums leave dust.
    let mut bars = walk(400, 3, true);
    for (i, close) in bars.close.iter_mut().enumerate() {
        *close = [100.1, 100.2, 100.3, 100.2][i % 4];
    }
    let market = market(&bars);
    let ties = evaluate_expression(&market, "sma(close, 4) == sma(close, 8) and sma(close, 8) == 100.2").unwrap();
    assert!(ties[7..].iter().all(|tie| *tie == 1.0), "{ties:?}");
    let crossings = evaluate_expression(&market, "crossover(sma(close, 4), sma(close, 8))").unwrap();
    assert!(crossings[8..].iter().all(|crossing| *crossing == 0.0));
}

#[test]
fn conditions_know_three_values() {
    let market = market(&walk(10, 1, true));
    let null = "(close / 0 > 1)";
    for (expression, expected) in [
        (format!("{null} and close < 0"), Some(0.0)),
        (format!("{null} and close > 0"), None),
        (format!("{null} or close > 0"), Some(1.0)),
        (format!("{null} or close < 0"), None),
        (format!("not {null}"), None),
        ("not (not (close > 0)) and not (close < 0)".to_owned(), Some(1.0)),
        (format!("is_null({null})"), Some(1.0)),
        ("is_null(close > 0)".to_owned(), Some(0.0)),
        ("nz(close / 0, 7) == 7".to_owned(), Some(1.0)),
        (format!("if({null}, 1, 2) > 0"), None),
        ("(close > 0) == (close < 0)".to_owned(), Some(0.0)),
        ("(close > 0) != (close < 0)".to_owned(), Some(1.0)),
        (format!("{null} == (close > 0)"), None),
        ("log(close - 1000)".to_owned(), None),
        ("sqrt(0 - close)".to_owned(), None),
        ("close % 0".to_owned(), None),
        ("exp(close * 100)".to_owned(), None),
        ("if(close > 0, close / close, close)".to_owned(), Some(1.0)),
        ("if(close > 0, close < 0, close > 0)".to_owned(), Some(0.0)),
    ] {
        let found = evaluate_expression(&market, &expression).unwrap()[9];
        assert_eq!((!found.is_nan()).then_some(found), expected, "{expression}");
    }
}

#[test]
fn events_and_delays() {
    let mut bars = walk(200, 1, true);
    for (i, close) in bars.close.iter_mut().enumerate() {
        *close = f64::from(u8::from(i % 10 == 4)) + 1.0;
    }
    let market = market(&bars);
    let run = |source: &str| evaluate_expression(&market, source).unwrap();
    let since = run("barssince(close > 1.5)");
    let before = run("(close > 1.5)[70]");
    let change = run("change(close, 3)");
    let hour = run("hour() * 60 + minute()");
    for i in 0..200 {
        let expected = if i < 4 { f64::NAN } else { ((i + 6) % 10) as f64 };
        assert_eq!(to_bits(&[since[i]]), to_bits(&[expected]), "{i}");
        let expected = if i < 70 {
            f64::NAN
        } else {
            f64::from(u8::from((i - 70) % 10 == 4))
        };
        assert_eq!(to_bits(&[before[i]]), to_bits(&[expected]), "{i}");
        let expected = if i < 3 { f64::NAN } else { bars.close[i] - bars.close[i - 3] };
        assert_eq!(to_bits(&[change[i]]), to_bits(&[expected]), "{i}");
        assert_eq!(hour[i], i as f64);
    }
    assert!(run("close[500]").iter().all(|value| value.is_nan()));
    assert!(run("sma(close, 201)").iter().all(|value| value.is_nan()));
    assert_eq!(run("sma(close, 200)")[199], 1.1);
    assert!(
        run("dayofweek() == 1 and dayofmonth() == 1 and month() == 1")
            .iter()
            .all(|value| *value == 1.0)
    );
}

#[test]
fn a_window_is_null_until_it_is_defined_again_and_a_recursion_goes_on() {
    let mut bars = walk(60, 5, true);
    bars.open[30] = 0.0;
    let market = market(&bars);
    let hole = "(close / open * open)";
    for function in ["sma", "wma", "stddev", "highest", "lowest", "sum", "zscore"] {
        let values = evaluate_expression(&market, &format!("{function}({hole}, 5)")).unwrap();
        for (i, value) in values.iter().enumerate() {
            assert_eq!(value.is_nan(), i < 4 || (30..35).contains(&i), "{function} at {i}");
        }
    }
    for function in ["ema", "rma"] {
        let values = evaluate_expression(&market, &format!("{function}({hole}, 5)")).unwrap();
        for (i, value) in values.iter().enumerate() {
            assert_eq!(value.is_nan(), i < 4 || i == 30, "{function} at {i}");
        }
    }
}

#[test]
fn order_terms_come_with_the_signals() {
    let text = "name = 'x'\n[params]\nn = { int = [0, 20], default = 5 }\n[rules]\nenter_long = 'close > sma(close, n)'\n\
                stop_loss = '2 * atr(n)'\ntrailing_stop = '1.5%'\nmax_bars = 'n'";
    let strategy = Strategy::parse(text, "x").unwrap();
    let market = market(&walk(500, 1, true));
    let execution = Execution {
        size: Some(Size::VolTarget {
            target: assay_core::job::Amount::Number(0.1),
            bars: assay_core::job::Amount::Expression("n * 2".to_owned()),
        }),
        direction: Direction::Long,
        ..Execution::default()
    };
    let points = [Point(Box::from([5.0])), Point(Box::from([0.0]))];
    let program = Program::build(&strategy, &execution, &strategy.space, &points, &market).unwrap();
    let error = program.failures[&1].to_string();
    assert!(
        error.contains("x, rules.enter_long, column 20") && error.contains("found 0"),
        "{error}"
    );
    let plan = &program.trials[0];
    assert_eq!(plan.settings.max_bars, Some(5));
    assert_eq!(plan.settings.trail, Some(assay_engine::signals::Level::Share(0.015)));
    let found = signals(&program, &market, 0, 128);
    let atr = evaluate_expression(&market, "2 * atr(5)").unwrap();
    assert_eq!(found.columns[0], to_bits(&atr));
    let close = &market.mid.close;
    let returns: Vec<f64> = (1..500).map(|i| close[i] / close[i - 1] - 1.0).collect();
    let mean = returns[489..].iter().sum::<f64>() / 10.0;
    let variance = returns[489..].iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / 9.0;
    let expected = variance.sqrt() * (365.0f64 * 1_440.0).sqrt();
    let volatility = f64::from_bits(found.columns[3][499]);
    assert!((volatility / expected - 1.0).abs() < 1e-9, "{volatility} {expected}");
}

#[test]
fn the_library_does_not_look_ahead_and_trades() {
    // Hours, so that weeks and months pass; the pairs look at a second market.
    let mut market = market_of(&walk(20_000, 9, true), HOUR_NS);
    let other = Arc::new(market_of(&walk(20_000, 10, true), HOUR_NS));
    market.others = Arc::new([("SPY".to_owned(), other)].into());
    for (name, source) in library() {
        let strategy = Strategy::parse(source, name).unwrap();
        assert!(!strategy.family.is_empty() && source.starts_with("# "), "{name}");
        let point = strategy.default_point();
        let report = look_ahead(&strategy, &market, &point).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(report.difference, None, "{name}");
        assert!(report.cuts.len() >= 5 && report.nodes.bits > 0);
        let found = signals(&program(&strategy, &[point], &market), &market, 0, 2_048);
        let [enter_long, exit_long, enter_short, exit_short] = found.bits;
        for (rule, bits) in [("el", enter_long), ("xl", exit_long), ("es", enter_short), ("xs", exit_short)] {
            assert!(bits.iter().filter(|bit| **bit).count() > 5, "{name} {rule}");
        }
    }
}

/// Bars of several trading days with a null in a computed series, and stretches that do not move.
fn varied() -> Market {
    let mut bars = walk(3_400, 2, true);
    for i in 2_000..2_030 {
        let close = bars.close[1_999];
        for column in [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close] {
            column[i] = close;
        }
    }
    market(&bars)
}

#[test]
fn every_function_gives_values_from_its_warmup_on() {
    let market = varied();
    // Mostly null by their meaning, or null for prices.
    let rare = ["fractal", "asin", "acos", "pow", "exp", "cosh", "sinh", "product"];
    for function in FUNCTIONS.iter() {
        let call = function.example();
        let values = evaluate_expression(&market, &call).unwrap_or_else(|error| panic!("{call}: {error}"));
        assert!(values.iter().all(|value| value.is_nan() || value.is_finite()), "{call}");
        let defined = values.iter().filter(|value| !value.is_nan()).count();
        if rare.iter().any(|name| function.name.starts_with(name)) {
            continue;
        }
        assert!(defined > values.len() / 2, "{call}: {defined} values");
        let warmup = explain_expression(&call).unwrap().warmup;
        assert!(
            values[..warmup].iter().all(|value| value.is_nan()),
            "{call} begins before bar {warmup}"
        );
        let sessions = [
            "prev_session",
            "opening_range",
            "pivot",
            "vwap_anchored",
            "barssince",
            "valuewhen",
        ];
        if !sessions.iter().any(|name| function.name.starts_with(name)) {
            assert!(!values[warmup].is_nan(), "{call} has no value at bar {warmup}");
        }
    }
}

#[test]
fn no_function_sees_later_bars_or_tiles_and_all_get_over_a_null() {
    let market = varied();
    for function in FUNCTIONS.iter() {
        let call = function.example();
        let holes = call.replacen("(close", "((close / (bar_index() % 700) * 3)", 1);
        for call in [call.clone(), holes] {
            let rule = if explain_expression(&call).unwrap().condition {
                call.clone()
            } else {
                format!("nz({call}) > 1")
            };
            let text = format!("name = 'x'\n[rules]\nenter_long = '{rule}'\nstop_loss = '{}'", level(&call));
            let strategy = Strategy::parse(&text, "x").unwrap_or_else(|error| panic!("{error}"));
            let point = strategy.default_point();
            let found = look_ahead(&strategy, &market, &point).unwrap();
            assert_eq!(found.difference, None, "{call}");
            let together = program(&strategy, std::slice::from_ref(&point), &market);
            let whole = signals(&together, &market, 0, 2_048);
            for tile in [64, 448] {
                assert_eq!(whole, signals(&together, &market, 0, tile), "{call} with tiles of {tile}");
            }
            assert_eq!(whole, signals_at(SimdLevel::Baseline, &together, &market, 0, 2_048), "{call}");
        }
    }
}

/// The value as a price distance, so that it comes with the signals bit by bit.
fn level(call: &str) -> String {
    if explain_expression(call).unwrap().condition {
        format!("if({call}, 1, 2)")
    } else {
        call.to_owned()
    }
}

#[test]
fn quotes_are_asked_for_by_name() {
    let error = evaluate_expression(&market(&walk(10, 1, true)), "spread").unwrap_err();
    assert_eq!(error.to_string(), "`spread` needs bars made from quotes, TEST has none");
}

/// Expressions of numbers, nested a few levels.
fn number() -> impl Generator<Value = String> {
    let leaf = prop_oneof![
        Just("close".to_owned()),
        Just("open".to_owned()),
        Just("hlc3".to_owned()),
        Just("volume".to_owned()),
        Just("hour()".to_owned()),
        (1u32..60).prop_map(|n| format!("{n} / 4")),
        Just("macd(close, 3, 8, 4).hist".to_owned()),
        Just("stoch(6, 3, 2).d".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let window = (
            prop::sample::select(vec![
                "sma", "ema", "wma", "rma", "rsi", "stddev", "zscore", "highest", "lowest", "sum", "roc", "change", "delay",
            ]),
            inner.clone(),
            1u32..90,
        );
        prop_oneof![
            window.prop_map(|(function, x, n)| format!("{function}({x}, {n})")),
            (
                inner.clone(),
                prop::sample::select(vec!["+", "-", "*", "/", "%"]),
                inner.clone()
            )
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), 0u32..200).prop_map(|(x, n)| format!("({x} + 0 * close)[{n}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("if({a} > {b}, {b}, {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("barssince(crossover({a}, {b}))")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("max(abs({a}), nz({b}, 1))")),
        ]
    })
}

/// Conditions over them.
fn condition() -> impl Generator<Value = String> {
    let pair = (
        number(),
        prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]),
        number(),
    );
    let leaf = prop_oneof![
        pair.prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (number(), number()).prop_map(|(a, b)| format!("crossover({a}, {b})")),
        (number(), number()).prop_map(|(a, b)| format!("crossunder({a}, {b})")),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["and", "or", "!="]), inner.clone())
                .prop_map(|(a, op, b)| format!("(({a}) {op} ({b}))")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            (inner, 0u32..130).prop_map(|(a, n)| format!("({a} or close < open)[{n}]")),
        ]
    })
}

fn strategy_of(rules: &[String]) -> Strategy {
    let keys = ["enter_long", "exit_long", "enter_short", "exit_short"];
    let rules: Vec<String> = keys
        .iter()
        .zip(rules)
        .map(|(key, rule)| format!("{key} = '{rule}'"))
        .collect();
    Strategy::parse(&format!("name = 'random'\n[rules]\n{}", rules.join("\n")), "random")
        .unwrap_or_else(|error| panic!("{error}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn tiles_later_bars_and_company_change_nothing(rules in prop::collection::vec(condition(), 4), seed in 0u64..1_000, decimal: bool) {
        let strategy = strategy_of(&rules);
        let mut bars = walk(1_100, seed, decimal);
        bars.open[500] = 0.0;
        bars.close[700] = bars.open[699];
        let market = market(&bars);
        let point = strategy.default_point();
        let together = program(&strategy, std::slice::from_ref(&point), &market);
        let whole = signals(&together, &market, 0, 1_152);
        for tile in [64, 192, 512] {
            assert_eq!(whole, signals(&together, &market, 0, tile), "tile {tile}");
        }
        assert_eq!(whole, signals_at(SimdLevel::Baseline, &together, &market, 0, 192));
        assert_eq!(look_ahead(&strategy, &market, &point).unwrap().difference, None);
        for (rule, bits) in rules.iter().zip(&whole.bits) {
            let alone = evaluate_expression(&market, rule).unwrap();
            let alone: Vec<bool> = alone.iter().map(|value| *value == 1.0).collect();
            assert_eq!(&alone, bits, "{rule}");
        }
    }
}
