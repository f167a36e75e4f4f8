//! Fills from ticks: the path from tick to tick, the tick-by-tick engine and the replay's textbook formulas agree on random jobs, and
//! trades are what a few plain lines over the raw ticks say.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::job::{Execution, Fill, Intrabar};
use assay_core::metrics::Metric;
use assay_core::time::DurationNs;
use assay_engine::signals::{Level, Settings, Size};
use assay_engine::{ConfigError, ExitReason, Market, Path, Plan, SimdLevel, replay, simulate};
use common::{MINUTE, Random, Signals, job, run};
use proptest::prelude::*;

/// Ticks, and the bars that they make.
struct Feed {
    times: Vec<i64>,
    bid: Vec<f64>,
    ask: Vec<f64>,
    bar_ns: i64,
    quotes: bool,
}

fn column(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn stamps(times: &[i64]) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(times.to_vec()).with_timezone("UTC"))
}

impl Feed {
    /// A random walk in cents; some ticks share a time, some stretches are empty, some quotes are crossed.
    fn random(random: &mut Random, ticks: usize, bar_ns: i64, quotes: bool) -> Self {
        let (mut time, mut price) = (1_398_902_400_000_000_000i64, 10_000i64);
        let gap = bar_ns / (1 + random.below(40) as i64);
        let (mut times, mut bid, mut ask) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ticks {
            time += match random.below(100) {
                0 => bar_ns * (1 + random.below(5) as i64),
                1..20 => 0,
                _ => random.below(2 * gap as u64) as i64,
            };
            price = (price + random.below(21) as i64 - 10).max(100);
            let spread = if random.chance(0.03) { -2 } else { random.below(4) as i64 };
            times.push(time);
            bid.push(price as f64 / 100.0);
            ask.push((price + if quotes { spread } else { 0 }) as f64 / 100.0);
        }
        Self {
            times,
            bid,
            ask,
            bar_ns,
            quotes,
        }
    }

    fn batch(&self) -> RecordBatch {
        if self.quotes {
            RecordBatch::try_from_iter([
                ("time", stamps(&self.times)),
                ("bid", column(&self.bid)),
                ("ask", column(&self.ask)),
            ])
        } else {
            RecordBatch::try_from_iter([("time", stamps(&self.times)), ("price", column(&self.bid))])
        }
        .unwrap()
    }

    fn market(&self, random: &mut Random) -> Market {
        let mut starts: Vec<i64> = Vec::new();
        let mut sides: [[Vec<f64>; 4]; 2] = Default::default();
        for k in 0..self.times.len() {
            let start = self.times[k] - self.times[k].rem_euclid(self.bar_ns);
            let fresh = starts.last() != Some(&start);
            if fresh {
                starts.push(start);
            }
            for ([open, high, low, close], price) in sides.iter_mut().zip([self.bid[k], self.ask[k]]) {
                if fresh {
                    for column in [&mut *open, high, low, close] {
                        column.push(price);
                    }
                }
                let last = open.len() - 1;
                high[last] = high[last].max(price);
                low[last] = low[last].min(price);
                close[last] = price;
            }
        }
        let mut fields = vec![
            ("time".to_owned(), stamps(&starts)),
            ("volume".to_owned(), column(&vec![1.0; starts.len()])),
        ];
        for (c, name) in ["open", "high", "low", "close"].into_iter().enumerate() {
            let (bid, ask) = (&sides[0][c], &sides[1][c]);
            let mid: Vec<f64> = bid.iter().zip(ask).map(|(b, a)| f64::midpoint(*b, *a)).collect();
            fields.push((name.to_owned(), column(&mid)));
            if self.quotes {
                fields.push((format!("bid_{name}"), column(bid)));
                fields.push((format!("ask_{name}"), column(ask)));
            }
        }
        let batch = RecordBatch::try_from_iter(fields).unwrap();
        let mut instrument = assay_core::instrument::Instrument::unknown("TEST".parse().unwrap());
        instrument.facts.lot = random.pick(&[0.0, 0.0, 0.01, 1.0]);
        let at = |random: &mut Random, share: f64| self.times[(self.times.len() as f64 * share * random.unit()) as usize];
        let from = random.chance(0.5).then(|| at(random, 0.4));
        let to = random
            .chance(0.5)
            .then(|| self.times[self.times.len() - 1] - (at(random, 0.2) - self.times[0]));
        let market = Market::new(&batch, instrument, self.bar_ns, from, to).unwrap();
        market.with_ticks(&self.batch(), true).unwrap()
    }
}

fn check(seed: u64, events: bool) -> Result<(), TestCaseError> {
    let random = &mut Random(seed);
    let quotes = random.chance(0.5);
    let count = 500 + random.below(12_000) as usize;
    let feed = Feed::random(random, count, random_length(seed), quotes);
    let market = feed.market(random);
    let (mut execution, metrics, mut settings) = job(random, events, quotes);
    execution.fill = Fill::NextTick;
    execution.latency = DurationNs(random.pick(&[0, 1, feed.bar_ns / 7, feed.bar_ns, 5 * feed.bar_ns]));
    if settings.trail.is_none() && random.chance(0.4) {
        settings.trail = Some(random.pick(&[Level::Distance, Level::Share(0.004)]));
    }
    let density = random.pick(&[0.01, 0.05, 0.3]);
    let signals = Signals::random(random, market.len(), density);
    let plan = Plan::new(Arc::new(market), &execution, &metrics, &settings).unwrap();
    prop_assert_eq!(
        plan.path,
        if plan.config.carries_nothing() {
            Path::Ticks
        } else {
            Path::EachTick
        }
    );
    let fast = simulate::finish(&plan, &run(SimdLevel::Baseline, &plan, &settings, &signals));
    let slow = simulate::finish(&plan, &run(SimdLevel::Baseline, &plan.reference(), &settings, &signals));
    let replayed = replay(&plan, &settings, &mut &signals);
    for (name, other) in [("tick by tick", &slow.0), ("replay", &replayed.metrics)] {
        let differences: Vec<_> = fast
            .0
            .differences(other, 1e-9)
            .into_iter()
            .map(|m| (m, fast.0.get(m), other.get(m)))
            .collect();
        prop_assert_eq!(differences, vec![], "against {}: {:?} {:?}", name, &execution, &settings);
    }
    let best = simulate::finish(&plan, &run(SimdLevel::detect(), &plan, &settings, &signals));
    prop_assert!(best.0 == fast.0, "{:?} gives other bits", SimdLevel::detect());
    if let (Some(a), Some(b)) = (&fast.1, &slow.1) {
        prop_assert!(a.sums.iter().zip(&b.sums).all(|(a, b)| (a - b).abs() <= 1e-9));
    }
    let earned: f64 = replayed.trades.iter().map(|t| t.pnl).sum();
    prop_assert!((execution.capital + earned - replayed.equity.last().unwrap()).abs() < 1e-6);
    let until = plan.market.ticks.as_ref().unwrap().end;
    for trade in &replayed.trades {
        let ticked = |time| feed.times[..until].binary_search(&time).is_ok();
        prop_assert!(ticked(trade.entry_time), "{trade:?}");
        prop_assert!(trade.reason == ExitReason::Open || ticked(trade.exit_time), "{trade:?}");
    }
    Ok(())
}

fn random_length(seed: u64) -> i64 {
    Random(seed ^ 1).pick(&[MINUTE, 5 * MINUTE, 60 * MINUTE, 1_440 * MINUTE])
}

/// One plain loop over ticks for long trades with a stop and a target, all else left out: entry and exit ticks of each trade.
fn oracle(feed: &Feed, market: &Market, signals: &Signals, latency: i64, [stop, target]: [f64; 2]) -> Vec<(usize, usize, f64)> {
    let ticks = market.ticks.as_ref().unwrap();
    let bit = |k: usize, bar: usize| signals.words[k][bar / 64] >> (bar % 64) & 1 == 1;
    let (mut trades, mut held, mut order, mut suppressed) = (Vec::new(), None, None, false);
    let mut bar = market.window.start;
    for k in ticks.first_of(bar)..ticks.end {
        while bar + 1 < market.window.end && k >= ticks.first_of(bar + 1) {
            let (enter, exit) = (bit(0, bar) && !bit(1, bar), bit(1, bar) && !bit(0, bar));
            if !suppressed && order.is_none() && ((held.is_none() && enter) || (held.is_some() && exit)) {
                order = Some((market.time[bar] + feed.bar_ns).min(market.time[bar + 1]) + latency);
            }
            suppressed = false;
            bar += 1;
        }
        let (buy, sell) = (feed.bid[k].max(feed.ask[k]), feed.bid[k].min(feed.ask[k]));
        if order.is_some_and(|time| feed.times[k] >= time) {
            order = None;
            held = match held {
                None => Some((k, buy)),
                Some((entry, _)) => {
                    trades.push((entry, k, sell));
                    None
                }
            };
        } else if let Some((entry, paid)) = held
            && (sell <= paid - stop * paid || sell >= paid + target * paid)
        {
            trades.push((entry, k, sell.min(paid + target * paid)));
            (held, order, suppressed) = (None, None, true);
        }
    }
    trades
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn from_tick_to_tick_is_tick_by_tick(seed in any::<u64>()) {
        check(seed, true)?;
    }

    #[test]
    fn holding_costs_and_further_entries_are_those_of_the_replay(seed in any::<u64>()) {
        check(seed, false)?;
    }

    #[test]
    fn trades_are_those_of_a_plain_loop(seed in any::<u64>()) {
        let random = &mut Random(seed);
        let feed = Feed::random(random, 6_000, random_length(seed), true);
        let mut market = feed.market(random);
        market.instrument.facts.lot = 0.0;
        let signals = Signals::random(random, market.len(), 0.1);
        let latency = random.pick(&[0, feed.bar_ns / 3, 2 * feed.bar_ns]);
        let levels = [0.002 + 0.01 * random.unit(), 0.002 + 0.01 * random.unit()];
        let expected = oracle(&feed, &market, &signals, latency, levels);
        let execution = Execution { fill: Fill::NextTick, latency: DurationNs(latency), ..Execution::default() };
        let settings = Settings {
            stop: Some(Level::Share(levels[0])),
            target: Some(Level::Share(levels[1])),
            ..Settings::default()
        };
        let plan = Plan::new(Arc::new(market), &execution, &assay_core::job::MetricsSpec::default(), &settings).unwrap();
        let replayed = replay(&plan, &settings, &mut &signals);
        let found: Vec<_> = replayed.trades.iter().filter(|t| t.reason != ExitReason::Open).collect();
        prop_assert_eq!(found.len(), expected.len());
        for (trade, (entry, exit, price)) in found.into_iter().zip(expected) {
            prop_assert_eq!((trade.entry_time, trade.exit_time), (feed.times[entry], feed.times[exit]));
            prop_assert_eq!(trade.exit_price, price);
        }
    }

    /// What ticks decide of stop against target lies between the worst and the best reading of a bar.
    #[test]
    fn asking_ticks_is_between_worst_and_best(seed in any::<u64>()) {
        let random = &mut Random(seed);
        let quotes = random.chance(0.5);
        let feed = Feed::random(random, 4_000, 30 * MINUTE, quotes);
        let market = Arc::new(feed.market(random));
        let settings = Settings {
            size: Size::Units(1.0),
            stop: Some(Level::Share(0.001 + 0.002 * random.unit())),
            target: Some(Level::Share(0.001 + 0.002 * random.unit())),
            ..Settings::default()
        };
        let signals = Signals::random(random, market.len(), 0.3);
        let result = |intrabar| {
            let execution = Execution { intrabar, ..Execution::default() };
            let plan = Plan::new(Arc::clone(&market), &execution, &assay_core::job::MetricsSpec::default(), &settings).unwrap();
            let metrics = simulate::finish(&plan, &run(SimdLevel::detect(), &plan, &settings, &signals)).0;
            let replayed = replay(&plan, &settings, &mut &signals);
            assert_eq!(metrics.differences(&replayed.metrics, 1e-9), []);
            (metrics.get(Metric::AmbiguousBars), metrics.get(Metric::FinalEquity).unwrap())
        };
        let [worst, ticks, best] = [Intrabar::Worst, Intrabar::Ticks, Intrabar::Best].map(result);
        prop_assert_eq!((worst.0, best.0), (ticks.0, ticks.0));
        prop_assert!(worst.1 <= ticks.1 + 1e-9 && ticks.1 <= best.1 + 1e-9, "{} {} {}", worst.1, ticks.1, best.1);
    }
}

#[test]
fn ticks_that_are_not_there_are_an_error() {
    let random = &mut Random(3);
    let feed = Feed::random(random, 2_000, 60 * MINUTE, true);
    let market = feed.market(random);
    let refused = |market: &Market, execution: Execution| {
        let market = Arc::new(market.clone());
        Plan::new(
            market,
            &execution,
            &assay_core::job::MetricsSpec::default(),
            &Settings::default(),
        )
        .unwrap_err()
    };
    let at_ticks = Execution {
        fill: Fill::NextTick,
        ..Execution::default()
    };
    let asking = Execution {
        intrabar: Intrabar::Ticks,
        ..Execution::default()
    };
    let mut bare = market.clone();
    bare.ticks = None;
    assert!(matches!(refused(&bare, at_ticks.clone()), ConfigError::NeedsTicks { .. }));
    assert!(matches!(refused(&bare, asking), ConfigError::NeedsTicks { .. }));
    let some = bare.with_ticks(&feed.batch().slice(0, 1_500), false).unwrap();
    assert!(matches!(
        refused(&some, at_ticks.clone()),
        ConfigError::BarWithoutTicks { .. }
    ));
    let spread = Execution { spread: 0.1, ..at_ticks };
    assert!(matches!(refused(&market, spread), ConfigError::SpreadOnQuotes(_)));
}
