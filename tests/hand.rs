//! Cases computed by hand: each rule of `docs/semantics.md` on a handful of bars, in `hand/*.toml`.
//!
//! A case says on which bars each rule holds, and what must come of it; the arithmetic stands beside the numbers.
//!
//! | key | meaning |
//! |---|---|
//! | `bars` | open, high, low, close; or bid open .. close, ask open .. close; without them, those that the ticks make |
//! | `ticks` | place on the raster of bars (1.25 is a quarter of an hour into bar 1), then a price, or bid and ask |
//! | `rules` | by name the bars on which a rule holds, or an expression |
//! | `start`, `length`, `at` | first bar (2024-01-01, a Monday), length of a bar (1h), places of the bars on that raster (0, 1, 2 ...) |
//! | `from`, `until` | the first bar that is traded; the place at which trading ends |
//! | `execution`, `sampling` | tables of a job; `[metrics]` is `sampling` |
//! | `funding` | rates: place on the raster of bars (1.5 is the middle of bar 1), rate |
//! | `instrument` | lot, multiplier, calendar |
//! | `trades` | `in` and `out`: bar, `open` or `end` of it or the share of it that has passed (`0.25`), price paid or got |
//! | `equity`, `metrics` | at each traded close; columns of the row, `"null"` for undefined |
#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use assay_core::instrument::Facts;
use assay_core::job::{Execution, MetricsSpec};
use assay_core::metrics::{Metric, Metrics};
use assay_core::time::{BarLength, UtcNs};
use assay_engine::{ExitReason, Market, Side, Trade};
use assay_strategies::Strategy;
use assay_tests::{agree, batch, run_both};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    bars: Vec<Vec<f64>>,
    #[serde(default)]
    ticks: Vec<Vec<f64>>,
    rules: BTreeMap<String, Rule>,
    start: Option<UtcNs>,
    length: Option<BarLength>,
    at: Option<Vec<i64>>,
    from: Option<usize>,
    until: Option<f64>,
    #[serde(default)]
    execution: Execution,
    #[serde(default)]
    sampling: MetricsSpec,
    funding: Option<Vec<(f64, f64)>>,
    instrument: Option<Facts>,
    trades: Vec<TradeExpected>,
    equity: Option<Vec<f64>>,
    #[serde(default)]
    metrics: BTreeMap<String, toml::Value>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Rule {
    Bars(Vec<usize>),
    Expression(String),
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TradeExpected {
    side: String,
    #[serde(rename = "in")]
    entry: (usize, String, f64),
    out: (usize, String, f64),
    units: f64,
    pnl: f64,
    #[serde(default)]
    fees: f64,
    reason: String,
}

impl Case {
    /// A strategy whose rules hold where the case says: volume numbers the bars.
    fn strategy(&self) -> Strategy {
        let expression = |rule: &Rule| match rule {
            Rule::Expression(text) => text.clone(),
            Rule::Bars(bars) if bars.is_empty() => "volume < 0".to_owned(),
            Rule::Bars(bars) => {
                let terms: Vec<String> = bars.iter().map(|bar| format!("volume == {bar}")).collect();
                terms.join(" or ")
            }
        };
        let rules: BTreeMap<&String, String> = self.rules.iter().map(|(name, rule)| (name, expression(rule))).collect();
        let text = toml::to_string(&BTreeMap::from([("rules", rules)])).unwrap();
        let name = toml::Value::from(self.name.as_str());
        Strategy::parse(&format!("name = {name}\n{text}"), &self.name).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Bars that the ticks make, and their places on the raster.
    fn bars_of_ticks(&self) -> (Vec<Vec<f64>>, Vec<i64>) {
        let (mut bars, mut places): (Vec<Vec<f64>>, Vec<i64>) = Default::default();
        for tick in &self.ticks {
            let prices = &tick[1..];
            if places.last() != Some(&(tick[0] as i64)) {
                places.push(tick[0] as i64);
                bars.push(prices.iter().flat_map(|price| [*price; 4]).collect());
            }
            for (side, price) in bars.last_mut().unwrap().chunks_mut(4).zip(prices) {
                (side[1], side[2], side[3]) = (side[1].max(*price), side[2].min(*price), *price);
            }
        }
        (bars, places)
    }

    fn market(&self) -> Arc<Market> {
        if self.bars.is_empty() && !self.ticks.is_empty() {
            let (bars, places) = self.bars_of_ticks();
            return Self {
                bars,
                at: Some(places),
                ..self.clone()
            }
            .market();
        }
        let count = self.bars.len();
        let length = self.length.map_or(3_600_000_000_000, BarLength::ns);
        let start = self.start.unwrap_or_else(|| "2024-01-01".parse().unwrap()).0;
        let places = self.at.clone().unwrap_or_else(|| (0..count as i64).collect());
        assert_eq!(places.len(), count, "{}: places of bars", self.name);
        let times: Vec<i64> = places.iter().map(|place| start + place * length).collect();
        let column = |k: usize| -> Vec<f64> { self.bars.iter().map(|bar| bar[k]).collect() };
        let quotes = self.bars[0].len() == 8;
        let mut columns = Vec::new();
        for (k, name) in ["open", "high", "low", "close"].into_iter().enumerate() {
            let mid = || self.bars.iter().map(|bar| f64::midpoint(bar[k], bar[k + 4])).collect();
            columns.push((name, if quotes { mid() } else { column(k) }));
        }
        columns.push(("volume", (0..count).map(|bar| bar as f64).collect()));
        let sides = [
            "bid_open",
            "bid_high",
            "bid_low",
            "bid_close",
            "ask_open",
            "ask_high",
            "ask_low",
            "ask_close",
        ];
        if quotes {
            columns.extend(sides.into_iter().enumerate().map(|(k, name)| (name, column(k))));
        }
        let mut instrument = assay_core::instrument::Instrument::unknown("HAND".parse().unwrap());
        if let Some(facts) = &self.instrument {
            instrument.facts = facts.clone();
        }
        let from = self.from.map(|bar| times[bar]);
        let moment = |place: f64| start + (place * length as f64) as i64;
        let until = self.until.map(moment);
        let mut market = Market::new(&batch(times, &columns), instrument, length, from, until).unwrap();
        if let Some(tick) = self.ticks.first() {
            let names: &[&str] = if tick.len() == 3 { &["bid", "ask"] } else { &["price"] };
            let column = |k: usize| self.ticks.iter().map(|tick| tick[k]).collect();
            let columns: Vec<_> = names.iter().zip(1..).map(|(name, k)| (*name, column(k))).collect();
            let times = self.ticks.iter().map(|tick| moment(tick[0])).collect();
            market = market.with_ticks(&batch(times, &columns), true).unwrap();
        }
        let Some(funding) = &self.funding else {
            return Arc::new(market);
        };
        let times = funding.iter().map(|(place, _)| moment(*place)).collect();
        let rates = funding.iter().map(|(_, rate)| *rate).collect();
        Arc::new(market.with_funding(&batch(times, &[("rate", rates)])).unwrap())
    }
}

/// Runs the cases of a file, each by every way there is.
fn check(file: &str) {
    let text = std::fs::read_to_string(assay_tests::folder().join("hand").join(file)).unwrap();
    let cases: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let findings: Vec<String> = cases.case.iter().flat_map(check_case).collect();
    assert!(
        findings.is_empty(),
        "{file}, {} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

fn check_case(case: &Case) -> Vec<String> {
    let market = case.market();
    let (row, replay) = run_both(&case.strategy(), &case.execution, &case.sampling, &market);
    let mut findings = Vec::new();
    if replay.trades.len() != case.trades.len() {
        findings.push(format!(
            "{} trades, not {}: {:#?}",
            replay.trades.len(),
            case.trades.len(),
            replay.trades
        ));
    }
    for (k, (found, expected)) in replay.trades.iter().zip(&case.trades).enumerate() {
        findings.extend(check_trade(&market, found, expected).map(|finding| format!("trade {k}: {finding}")));
    }
    if let Some(expected) = &case.equity {
        let same = expected.len() == replay.equity.len() && expected.iter().zip(&replay.equity).all(|(a, b)| agree(*a, *b));
        if !same {
            findings.push(format!("equity {:?}, not {expected:?}", replay.equity));
        }
    }
    let closed = case.trades.iter().filter(|t| t.reason != "open").count();
    let stated = [("trades", closed), ("open_trades", case.trades.len() - closed)];
    let stated = stated.map(|(name, count)| (name.to_owned(), toml::Value::from(count as i64)));
    // A case that does not speak of these columns means that nothing of the kind happens.
    let quiet = ["skipped_orders", "ambiguous_bars", "margin_calls"].map(|name| (name.to_owned(), toml::Value::from(0)));
    let mut expected: BTreeMap<String, toml::Value> = quiet.into_iter().chain(stated).collect();
    expected.extend(case.metrics.clone());
    for metrics in [row.metrics().unwrap(), &replay.metrics] {
        findings.extend(expected.iter().filter_map(|(name, value)| check_metric(metrics, name, value)));
    }
    findings
        .into_iter()
        .map(|finding| format!("{}: {finding}", case.name))
        .collect()
}

fn check_metric(metrics: &Metrics, name: &str, expected: &toml::Value) -> Option<String> {
    let metric: Metric = name.parse().unwrap_or_else(|error| panic!("{error}"));
    let number = expected.as_float().or(expected.as_integer().map(|n| n as f64));
    assert!(
        number.is_some() || expected.as_str() == Some("null"),
        "{name} is a number or \"null\""
    );
    let found = metrics.get(metric);
    let same = match (found, number) {
        (Some(a), Some(b)) => agree(a, b),
        (None, None) => true,
        _ => false,
    };
    (!same).then(|| format!("{name}: {found:?}, not {number:?}"))
}

/// The first field that differs.
fn check_trade(market: &Market, found: &Trade, expected: &TradeExpected) -> Option<String> {
    let side = if found.side == Side::Long { "long" } else { "short" };
    let moment = |bar: usize, time: i64| {
        let start = market.time[bar];
        match time - start {
            0 => "open".to_owned(),
            after if after == market.bar_ns => "end".to_owned(),
            after => (after as f64 / market.bar_ns as f64).to_string(),
        }
    };
    let entry = (found.entry_bar, moment(found.entry_bar, found.entry_time));
    let exit = (found.exit_bar, moment(found.exit_bar, found.exit_time));
    let texts = [
        ("side", side.to_owned(), expected.side.clone()),
        (
            "entry",
            format!("{entry:?}"),
            format!("{:?}", (expected.entry.0, &expected.entry.1)),
        ),
        (
            "exit",
            format!("{exit:?}"),
            format!("{:?}", (expected.out.0, &expected.out.1)),
        ),
        ("reason", found.reason.name().to_owned(), expected.reason.clone()),
    ];
    let text = texts
        .into_iter()
        .find(|(_, a, b)| a != b)
        .map(|(name, a, b)| format!("{name} {a}, not {b}"));
    let ret = expected.pnl / (expected.units * expected.entry.2 * market.instrument.facts.multiplier);
    let numbers = [
        ("entry price", found.entry_price, expected.entry.2),
        ("exit price", found.exit_price, expected.out.2),
        ("units", found.units, expected.units),
        ("fees", found.fees, expected.fees),
        ("pnl", found.pnl, expected.pnl),
        ("return", found.ret, ret),
    ];
    let number = numbers.into_iter().find(|(_, a, b)| !agree(*a, *b));
    text.or(number.map(|(name, a, b)| format!("{name} {a}, not {b}")))
}

#[test]
fn fills() {
    check("fills.toml");
}

#[test]
fn orders() {
    check("orders.toml");
}

#[test]
fn stops() {
    check("stops.toml");
}

#[test]
fn trailing_and_time() {
    check("trailing_and_time.toml");
}

#[test]
fn sizes() {
    check("sizes.toml");
}

#[test]
fn costs() {
    check("costs.toml");
}

#[test]
fn funding() {
    check("funding.toml");
}

#[test]
fn accounts() {
    check("accounts.toml");
}

#[test]
fn sampling() {
    check("sampling.toml");
}

#[test]
fn ticks() {
    check("ticks.toml");
}

#[test]
fn every_file_has_a_test_and_every_reason_a_case() {
    let own = include_str!("hand.rs");
    let mut reasons = Vec::new();
    for entry in std::fs::read_dir(assay_tests::folder().join("hand")).unwrap() {
        let path = entry.unwrap().path();
        let name = Path::new(path.file_name().unwrap()).display().to_string();
        assert!(own.contains(&format!("check(\"{name}\")")), "{name} is not run");
        let cases: Cases = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        reasons.extend(cases.case.into_iter().flat_map(|case| case.trades).map(|trade| trade.reason));
    }
    use ExitReason::{Margin, Open, Reverse, Rule, Stop, Target, Time, Trail};
    for reason in [Rule, Reverse, Stop, Target, Trail, Time, Margin, Open] {
        assert!(
            reasons.iter().any(|r| r == reason.name()),
            "no case ends with {}",
            reason.name()
        );
    }
}
