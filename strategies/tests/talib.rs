//! Functions against TA-Lib's numbers, to 1e-9: on a small random walk, and on a year of real hours.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

mod support;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use assay_strategies::evaluate_expression;
use serde_json::Value;
use support::{Bars, market};

const HOUR_MS: i64 = 3_600_000;

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

/// Hours from candles of a minute: time in ms, open, close, high, low, volume.
fn hours(csv: &str) -> Bars {
    let mut hours: BTreeMap<i64, [f64; 5]> = BTreeMap::new();
    for line in csv.lines() {
        let fields: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        let [time, open, close, high, low, volume] = fields[..] else {
            continue;
        };
        let bar = hours.entry(time as i64 / HOUR_MS).or_insert([open, high, low, close, 0.0]);
        bar[1] = bar[1].max(high);
        bar[2] = bar[2].min(low);
        bar[3] = close;
        bar[4] += volume;
    }
    let column = |at: usize| hours.values().map(|bar| bar[at]).collect();
    Bars {
        open: column(0),
        high: column(1),
        low: column(2),
        close: column(3),
        volume: column(4),
    }
}

#[test]
fn a_year_of_real_hours() {
    let golden = read_json(&root().join("tests/goldens/talib_btcusd.json"));
    let folder = std::env::var_os("ASSAY_MARKET").map_or_else(|| root().join("../shared/market"), PathBuf::from);
    let file = folder.join("bars_1m/bitfinex_btcusd_2015.csv.gz");
    let Ok(compressed) = std::fs::File::open(&file) else {
        println!("skipped: {} is not there", file.display());
        return;
    };
    let mut csv = String::new();
    flate2::read::MultiGzDecoder::new(compressed)
        .read_to_string(&mut csv)
        .unwrap();
    let bars = hours(&csv);
    assert_eq!(bars.close.len() as u64, golden["bars"]["rows"].as_u64().unwrap());
    let sum: f64 = bars.close.iter().sum();
    assert!(close_enough(sum, golden["bars"]["sum_close"].as_f64().unwrap()), "{sum}");
    let market = market(&bars);
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
