//! Functions against TA-Lib's numbers, to 1e-9: on a small random walk, and on a year of real hours.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

mod support;

use std::path::{Path, PathBuf};

use assay_strategies::evaluate_expression;
use serde_json::Value;
use support::{Bars, market, real_hours};

fn close_enough(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// The numbers of a JSON list; null is NaN.
fn numbers(list: &Value) -> Vec<f64> {
    let list = list.as_array().expect("a list");
    list.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_bar_of_a_small_walk() {
    let golden = read_json(&root().join("strategies/tests/goldens/talib_walk.json"));
    let column = |name: &str| numbers(&golden["bars"][name]);
    let close = column("close");
    let volume = (0..close.len()).map(|i| (i % 11) as f64 * 10.0).collect();
    let bars = Bars {
        open: column("open"),
        high: column("high"),
        low: column("low"),
        close,
        volume,
    };
    let market = market(&bars);
    let series = golden["series"].as_object().unwrap();
    assert!(series.len() > 20);
    for (expression, expected) in series {
        let found = evaluate_expression(&market, expression).unwrap();
        for (i, (found, expected)) in found.iter().zip(numbers(expected)).enumerate() {
            assert!(
                close_enough(*found, expected),
                "{expression} at {i}: {found}, TA-Lib {expected}"
            );
        }
    }
}

/// Volumes as `scripts/goldens` makes them up.
fn volume(n: usize) -> Vec<f64> {
    (0..n).map(|i| 1.0 + (i * 7_919 % 1_009) as f64).collect()
}

/// The rest of TA-Lib's functions: how many values, where they begin, some of them, and a sum over all. Everything that differs is
/// listed at once.
fn compare_table(market: &assay_engine::Market, table: &Value) {
    let table = table.as_array().unwrap();
    assert!(table.len() > 200);
    let mut wrong = Vec::new();
    for item in table {
        let expression = item["expression"].as_str().unwrap();
        let candle = expression.starts_with("cdl");
        let found = match evaluate_expression(market, expression) {
            Ok(found) => found,
            Err(error) => {
                wrong.push(format!("{expression}: {error}"));
                continue;
            }
        };
        let first = item["first"].as_u64().unwrap() as usize;
        let begins = found.iter().position(|value| !value.is_nan());
        let count = found
            .iter()
            .filter(|value| if candle { value.abs() > 0.0 } else { !value.is_nan() });
        let count = count.count() as u64;
        let weighted = found.iter().enumerate().filter(|(_, value)| !value.is_nan());
        let (mut sum, mut scale) = (0.0, 1.0);
        for (i, value) in weighted {
            sum += value * (1 + i % 97) as f64;
            scale += value.abs() * (1 + i % 97) as f64;
        }
        let expected = item["sum"].as_f64().unwrap();
        let values = item["values"].as_object().unwrap();
        let differs = values.iter().find_map(|(row, value)| {
            let row: usize = row.parse().unwrap();
            let value = value.as_f64().unwrap_or(f64::NAN);
            (!close_enough(found[row], value)).then(|| format!("at {row} {}, TA-Lib {value}", found[row]))
        });
        if begins != Some(first) {
            wrong.push(format!("{expression}: begins at {begins:?}, TA-Lib at {first}; {differs:?}"));
        } else if let Some(differs) = differs {
            wrong.push(format!("{expression}: {differs}"));
        } else if count != item["found"].as_u64().unwrap() {
            wrong.push(format!("{expression}: {count} values, TA-Lib {}", item["found"]));
        } else if (sum - expected).abs() > 1e-9 * scale {
            wrong.push(format!("{expression}: the sum is {sum}, TA-Lib {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn the_whole_table_on_a_walk() {
    let golden = read_json(&root().join("strategies/tests/goldens/talib_table.json"));
    let column = |name: &str| numbers(&golden["bars"][name]);
    let close = column("close");
    let bars = Bars {
        open: column("open"),
        high: column("high"),
        low: column("low"),
        volume: volume(close.len()),
        close,
    };
    compare_table(&market(&bars), &golden["table"]);
}

#[test]
fn a_year_of_real_hours() {
    let golden = read_json(&root().join("tests/goldens/talib_btcusd.json"));
    let Some((bars, _)) = real_hours("bitfinex_btcusd_2015") else {
        return;
    };
    assert_eq!(bars.close.len() as u64, golden["bars"]["rows"].as_u64().unwrap());
    let sum: f64 = bars.close.iter().sum();
    assert!(close_enough(sum, golden["bars"]["sum_close"].as_f64().unwrap()), "{sum}");
    let bars = Bars {
        volume: volume(bars.close.len()),
        ..bars
    };
    let market = market(&bars);
    compare_table(&market, &golden["table"]);
    let rows: Vec<usize> = numbers(&golden["rows"]).iter().map(|row| *row as usize).collect();
    let series = golden["series"].as_array().unwrap();
    assert!(series.len() > 30);
    for item in series {
        let expression = item["expression"].as_str().unwrap();
        let found = evaluate_expression(&market, expression).unwrap();
        let first = item["first"].as_u64().unwrap() as usize;
        assert!(
            found[..first].iter().all(|value| value.is_nan()) && !found[first].is_nan(),
            "{expression} begins elsewhere"
        );
        let begins = numbers(&item["first_values"])
            .into_iter()
            .enumerate()
            .map(|(k, value)| (first + k, value));
        let values = rows.iter().copied().zip(numbers(&item["values"]));
        for (row, expected) in begins.chain(values) {
            assert!(
                close_enough(found[row], expected),
                "{expression} at {row}: {}, TA-Lib {expected}",
                found[row]
            );
        }
    }
}
