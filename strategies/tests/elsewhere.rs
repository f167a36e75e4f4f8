//! `tf` and `ref`: what is seen of other bars, and that nothing is seen of those that have not ended.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

mod support;

use std::sync::Arc;

use assay_engine::Market;
use assay_strategies::{StrategyError, evaluate_expression};
use support::{Bars, HOUR_NS, market, market_at, walk};

const MINUTE_NS: i64 = HOUR_NS / 60;

/// The first bars of a market.
fn cut(market: &Market, bars: usize) -> Market {
    let column = |values: &[f64]| values[..bars].to_vec();
    let bars = Bars {
        open: column(&market.mid.open),
        high: column(&market.mid.high),
        low: column(&market.mid.low),
        close: column(&market.mid.close),
        volume: column(&market.volume),
    };
    market_at(&bars, &market.time[..bars.close.len()], market.bar_ns)
}

/// Every bar but some, at its own time.
fn with_gaps(seed: u64, bars: usize) -> Market {
    let (all, times) = (walk(bars, seed, true), market(&walk(bars, seed, true)).time);
    let kept: Vec<usize> = (0..bars).filter(|i| i % 7 != 3 && !(200..330).contains(i)).collect();
    let column = |values: &[f64]| kept.iter().map(|i| values[*i]).collect();
    let bars = Bars {
        open: column(&all.open),
        high: column(&all.high),
        low: column(&all.low),
        close: column(&all.close),
        volume: column(&all.volume),
    };
    let times: Vec<i64> = kept.iter().map(|i| times[*i]).collect();
    market_at(&bars, &times, MINUTE_NS)
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

#[test]
fn an_hour_is_seen_from_its_last_minute_on() {
    let market = market(&walk(600, 4, true));
    let seen = evaluate_expression(&market, "tf(\"1h\", close)").unwrap();
    let high = evaluate_expression(&market, "tf(\"1h\", highest(high, 2))").unwrap();
    let up = evaluate_expression(&market, "tf(\"1h\", close > open)").unwrap();
    for bar in 0..600 {
        // Hours that have ended by the end of this minute.
        let hours = (bar + 1) / 60;
        if hours == 0 {
            assert!(seen[bar].is_nan() && up[bar].is_nan(), "{bar}");
            continue;
        }
        let last = hours * 60 - 1;
        assert_eq!(seen[bar], market.mid.close[last], "{bar}");
        let rises = market.mid.close[last] > market.mid.open[last - 59];
        assert_eq!(up[bar], f64::from(u8::from(rises)), "{bar}");
        if hours < 2 {
            assert!(high[bar].is_nan(), "{bar}");
        } else {
            let highest = market.mid.high[last - 119..=last].iter().copied().fold(f64::MIN, f64::max);
            assert_eq!(high[bar], highest, "{bar}");
        }
    }
}

#[test]
fn the_other_instrument_is_seen_up_to_its_last_bar_that_has_ended() {
    let mut own = market(&walk(900, 4, true));
    let other = Arc::new(with_gaps(5, 900));
    own.others = Arc::new([("OTHER".to_owned(), Arc::clone(&other))].into());
    let seen = evaluate_expression(&own, "ref(\"OTHER\", sma(close, 3))").unwrap();
    let its_own = evaluate_expression(&other, "sma(close, 3)").unwrap();
    for (bar, seen) in seen.iter().enumerate() {
        let end = own.time[bar] + MINUTE_NS;
        let ended = other.time.iter().filter(|time| **time + MINUTE_NS <= end).count();
        let expected = ended.checked_sub(1).map_or(f64::NAN, |last| its_own[last]);
        assert!(same(&[*seen], &[expected]), "{bar}: {seen} {expected}");
    }
    let error = evaluate_expression(&own, "ref(\"NOBODY\", close)").unwrap_err();
    assert!(matches!(error, StrategyError::NoReference { symbol } if symbol == "NOBODY"));
}

#[test]
fn values_do_not_change_when_later_bars_come() {
    let whole = with_gaps(6, 5_000);
    let other = with_gaps(7, 5_000);
    let expressions = [
        "tf(\"5m\", close)",
        "tf(\"1h\", ema(close, 3))",
        "tf(\"1d\", high)",
        "tf(\"4h\", close > open)",
        "tf(\"1h\", tf(\"4h\", low))",
        "ref(\"OTHER\", close)",
        "ref(\"OTHER\", rsi(close, 5) > 50)",
        "ref(\"OTHER\", tf(\"15m\", close - open))",
        "correl(close, ref(\"OTHER\", close), 20) + tf(\"15m\", atr(3))",
    ];
    let with = |market: &Market, other: Market| {
        let mut market = market.clone();
        market.others = Arc::new([("OTHER".to_owned(), Arc::new(other))].into());
        market
    };
    for expression in expressions {
        let long = evaluate_expression(&with(&whole, other.clone()), expression).unwrap();
        assert!(long.iter().any(|value| !value.is_nan()), "{expression}");
        for bars in [61, 64, 700, 1_439, 2_048, 2_049, 3_333] {
            let short = cut(&whole, bars);
            // Of the other only what has ended by then is known.
            let end = short.time[bars - 1] + MINUTE_NS;
            let known = other.time.iter().filter(|time| **time + MINUTE_NS <= end).count();
            let short = with(&short, cut(&other, known));
            let values = evaluate_expression(&short, expression).unwrap();
            assert!(same(&values, &long[..bars]), "{expression} of {bars} bars");
        }
    }
}

#[test]
fn frames_that_cannot_be_made_are_refused() {
    let market = market(&walk(100, 1, true));
    assert!(same(
        &evaluate_expression(&market, "tf(\"1m\", close)").unwrap(),
        &market.mid.close
    ));
    for frame in ["30s", "90s"] {
        let error = evaluate_expression(&market, &format!("tf(\"{frame}\", close)")).unwrap_err();
        assert!(matches!(error, StrategyError::BadFrame { .. }), "{error}");
    }
    for wrong in [
        "tf(1, close)",
        "tf(\"soon\", close)",
        "ref(close, close)",
        "tf(\"1h\")",
        "tf(\"1h\", 3)",
        "ref(\"A B\", close)",
    ] {
        assert!(evaluate_expression(&market, wrong).is_err(), "{wrong}");
    }
}
