//! Markets, signals and jobs made from a seed.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by test binaries, each of which uses its part"
)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::calendar::{Calendar, Week};
use assay_core::instrument::Instrument;
use assay_core::job::{Direction, Execution, Fill, Intrabar, MetricsSpec, OnOpposite, Sampling};
use assay_engine::replay::SignalSource;
use assay_engine::signals::{Level, Settings, SignalTile, Size};
use assay_engine::{Account, Market, Pass, Plan, SimdLevel, TILE, TileBuffers, TrialBuffers, simulate};

/// `SplitMix64` (Steele, Lea and Flood, 2014): enough randomness for a test, the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

pub const MINUTE: i64 = 60_000_000_000;

/// A random walk in cents with gaps in time; `quotes` adds a bid and an ask, now and then crossed.
pub fn market(random: &mut Random, bars: usize, bar_ns: i64, quotes: bool, lot: f64) -> Market {
    let mut time = 1_398_902_400_000_000_000i64;
    let mut price = 100.0f64;
    let mut columns: [Vec<f64>; 13] = Default::default();
    let mut times = Vec::new();
    let cents = |x: f64| (x * 100.0).round() / 100.0;
    for _ in 0..bars {
        let mut path = [0.0; 5];
        for p in &mut path {
            price = (price * (1.0 + (random.unit() - 0.5) * 0.01)).max(1.0);
            *p = cents(price);
        }
        let spread = if random.chance(0.02) {
            -0.03
        } else {
            cents(random.unit() * 0.05)
        };
        let ohlc = |shift: f64| {
            let p = path.map(|p| cents(p + shift));
            let high = p.iter().copied().fold(f64::MIN, f64::max);
            let low = p.iter().copied().fold(f64::MAX, f64::min);
            [p[0], high, low, p[4]]
        };
        let (bid, ask) = (ohlc(0.0), ohlc(spread));
        let mid: Vec<f64> = bid
            .iter()
            .zip(ask)
            .map(|(b, a)| if quotes { f64::midpoint(*b, a) } else { *b })
            .collect();
        for (column, value) in columns.iter_mut().zip(mid.into_iter().chain([1.0]).chain(bid).chain(ask)) {
            column.push(value);
        }
        times.push(time);
        time += bar_ns
            * if random.chance(0.01) {
                1 + random.below(400) as i64
            } else {
                1
            };
    }
    let names = [
        "open",
        "high",
        "low",
        "close",
        "volume",
        "bid_open",
        "bid_high",
        "bid_low",
        "bid_close",
        "ask_open",
        "ask_high",
        "ask_low",
        "ask_close",
    ];
    let mut fields: Vec<(&str, ArrayRef)> =
        vec![("time", Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC")))];
    for (name, column) in names.iter().zip(columns).take(if quotes { 13 } else { 5 }) {
        fields.push((name, Arc::new(Float64Array::from(column))));
    }
    let batch = RecordBatch::try_from_iter(fields).unwrap();
    let mut instrument = Instrument::unknown("TEST".parse().unwrap());
    instrument.facts.lot = lot;
    instrument.facts.multiplier = if lot > 0.0 { 2.0 } else { 1.0 };
    instrument.facts.calendar = Calendar {
        week: Week::Weekdays,
        ..Calendar::always_open()
    };
    let from = Some(1_398_902_400_000_000_000 + random.below(bars as u64 / 2) as i64 * bar_ns);
    Market::new(&batch, instrument, bar_ns, from, None).unwrap()
}

/// Funding from before a market's first bar to after its last: on starts of bars, inside them, in gaps, several in a bar.
pub fn rates(random: &mut Random, market: &Market, most: f64) -> RecordBatch {
    let step = market.bar_ns * random.pick(&[1, 2, 7, 60]) / random.pick(&[1, 1, 3]);
    let mut time = market.time[0] - 2 * step + random.pick(&[0, 0, market.bar_ns / 5]);
    let end = market.time[market.len() - 1] + market.bar_ns;
    let (mut times, mut rates) = (Vec::new(), Vec::new());
    while time <= end + step {
        times.push(time);
        rates.push((random.unit() - 0.5) * 2.0 * most);
        time += step;
    }
    funding(times, rates)
}

/// Funding as the engine takes it.
pub fn funding(times: Vec<i64>, rates: Vec<f64>) -> RecordBatch {
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"));
    RecordBatch::try_from_iter([("time", time), ("rate", Arc::new(Float64Array::from(rates)))]).unwrap()
}

/// Signals of one trial over a whole market.
#[derive(Clone, Default)]
pub struct Signals {
    pub words: [Vec<u64>; 4],
    pub columns: [Vec<f64>; 4],
}

impl Signals {
    pub fn random(random: &mut Random, bars: usize, density: f64) -> Self {
        let mut words: [Vec<u64>; 4] = std::array::from_fn(|_| vec![0; bars.div_ceil(64)]);
        for column in &mut words {
            for i in 0..bars {
                column[i / 64] |= u64::from(random.chance(density)) << (i % 64);
            }
        }
        let mut column = |scale: f64| {
            (0..bars)
                .map(|_| {
                    if random.chance(0.02) {
                        f64::NAN
                    } else {
                        (random.unit() + 0.05) * scale
                    }
                })
                .collect()
        };
        let columns = [column(1.0), column(2.0), column(1.0), column(0.5)];
        Self { words, columns }
    }

    pub fn of(&self, start: usize, len: usize) -> SignalTile<'_> {
        let w = |k: usize| &self.words[k][start / 64..(start + len).div_ceil(64)];
        let c = |k: usize| &self.columns[k][start..start + len];
        SignalTile {
            enter_long: w(0),
            exit_long: w(1),
            enter_short: w(2),
            exit_short: w(3),
            stop: c(0),
            target: c(1),
            trail: c(2),
            volatility: c(3),
        }
    }
}

impl SignalSource for &Signals {
    fn tile(&mut self, start: usize, len: usize) -> SignalTile<'_> {
        self.of(start, len)
    }
}

/// A random job; `events` leaves out what only the bar-by-bar engine can do.
pub fn job(random: &mut Random, events: bool, quotes: bool) -> (Execution, MetricsSpec, Settings) {
    let maybe = |random: &mut Random, value: f64| if random.chance(0.5) { value } else { 0.0 };
    let level = |random: &mut Random, scale: f64| match random.below(3) {
        0 => None,
        1 => Some(Level::Distance),
        _ => Some(Level::Share(random.unit() * scale)),
    };
    let execution = Execution {
        fill: random.pick(&[Fill::Close, Fill::NextOpen]),
        direction: random.pick(&[Direction::Long, Direction::Long, Direction::Short, Direction::Both]),
        on_opposite: random.pick(&[OnOpposite::Reverse, OnOpposite::Close, OnOpposite::Ignore]),
        pyramiding: if events { 1 } else { random.pick(&[1, 1, 3]) },
        leverage: random.pick(&[1.0, 1.0, 1.0, 0.5, 5.0]),
        maintenance_margin: maybe(random, 0.05),
        commission: maybe(random, 0.0005),
        commission_fixed: maybe(random, 0.5),
        commission_per_unit: maybe(random, 0.01),
        commission_min: maybe(random, 1.0),
        slippage: maybe(random, 0.0002),
        spread: if quotes { 0.0 } else { maybe(random, 0.04) },
        financing_long: if events { 0.0 } else { maybe(random, 0.05) },
        financing_short: if events { 0.0 } else { maybe(random, -0.01) },
        borrow: if events { 0.0 } else { maybe(random, 0.02) },
        intrabar: random.pick(&[Intrabar::Worst, Intrabar::Best]),
        ..Execution::default()
    };
    let metrics = MetricsSpec {
        sampling: random.pick(&[None, Some(Sampling::Bar), Some(Sampling::Day)]),
        risk_free: maybe(random, 0.02),
        ..MetricsSpec::default()
    };
    let stop = level(random, 0.02);
    let trail = if events { None } else { level(random, 0.02) };
    let size = match random.below(8) {
        0 => Size::Fraction(random.unit()),
        1 => Size::Units(1.0 + 30.0 * random.unit()),
        2 => Size::Notional(8_000.0 * random.unit()),
        3 if stop.is_some() || trail.is_some() => Size::Risk(0.02 * random.unit()),
        4 => Size::VolTarget(0.3),
        _ => Size::AllIn,
    };
    let max_bars = random.chance(0.3).then(|| 1 + random.below(20) as u32);
    (
        execution,
        metrics,
        Settings {
            size,
            stop,
            target: level(random, 0.03),
            trail,
            max_bars,
        },
    )
}

/// A job of the fastest paths: long, all-in, by rules and levels, mostly with costs in proportion to value.
pub fn plain_job(random: &mut Random) -> (Execution, MetricsSpec, Settings) {
    let (mut execution, metrics, drawn) = job(random, true, true);
    execution.direction = Direction::Long;
    execution.leverage = 1.0;
    if random.chance(0.8) {
        execution.commission_fixed = 0.0;
        execution.commission_per_unit = 0.0;
        execution.commission_min = 0.0;
    }
    let rules_only = random.chance(0.4);
    let settings = Settings {
        stop: drawn.stop.filter(|_| !rules_only),
        target: drawn.target.filter(|_| !rules_only),
        ..Settings::default()
    };
    (execution, metrics, settings)
}

/// A job whose positions turn by rules alone, mostly as a share of equity; sometimes so poor that orders are skipped, or so bold that
/// margins are called.
pub fn turning_job(random: &mut Random, quotes: bool) -> (Execution, MetricsSpec, Settings) {
    let (mut execution, metrics, drawn) = job(random, true, quotes);
    if random.chance(0.8) {
        execution.on_opposite = OnOpposite::Reverse;
        execution.commission_min = 0.0;
    }
    if random.chance(0.2) {
        execution.capital = 200.0 * random.unit() + 1.0;
    }
    if random.chance(0.1) {
        execution.leverage = 50.0;
    }
    let size = match drawn.size {
        Size::Risk(_) => Size::AllIn,
        size => size,
    };
    (
        execution,
        metrics,
        Settings {
            size,
            ..Settings::default()
        },
    )
}

/// Runs a trial through the tiles of its market.
pub fn run(level: SimdLevel, plan: &Plan, settings: &Settings, signals: &Signals) -> Account {
    let (mut account, mut buffers, mut tiles) = (Account::new(plan), TrialBuffers::default(), TileBuffers::default());
    let window = plan.market.window.clone();
    for start in (0..window.end).step_by(TILE) {
        let range = start..window.end.min(start + TILE);
        if range.end > window.start {
            let tile = tiles.load(plan, range.clone());
            let pass = Pass {
                plan,
                tile: &tile,
                settings,
                signals: signals.of(start, range.len()),
            };
            simulate::advance(level, &pass, &mut account, &mut buffers);
        }
    }
    account
}
