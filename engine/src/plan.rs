//! What all trials of a job on one market share.

use std::ops::Range;
use std::sync::Arc;

use assay_core::job::{Direction, Execution, Fill, Intrabar, MetricsSpec, OnOpposite, Sampling};
use assay_core::row::SKETCH_BLOCKS;
use assay_core::time::{DAY_NS, HOUR_NS};

use crate::config::{Config, ConfigError};
use crate::equity::{Central, Moments, simple_return};
use crate::market::Market;
use crate::signals::{Settings, Size};

/// Fewest observations in a block of a sketch.
const SKETCH_OBSERVATIONS: usize = 8;

/// A bar at whose close something is sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checkpoint {
    /// The bar.
    pub bar: u32,
    /// Block of the sketch to which the observation belongs.
    pub block: u8,
    /// The last bar of a trading day, when equity is sampled by day.
    pub day: bool,
    /// A grid point of the sketch.
    pub grid: bool,
    /// Buy-and-hold's return of the day.
    pub benchmark: f64,
}

/// Which engine runs the trials of a job. It depends on the job alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// From signal to signal; holdings follow from sums and range minima of the tile.
    Events,
    /// Bar by bar.
    Bars,
    /// From tick to tick.
    Ticks,
    /// Tick by tick.
    EachTick,
}

/// What the trials of a job on one market share. Cheap to clone and to send to threads.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The bars.
    pub market: Arc<Market>,
    /// The rules.
    pub config: Config,
    /// Which engine runs the trials.
    pub path: Path,
    /// A position is always worth all of equity (long, all-in, unlevered, any fraction of a unit), so that returns inside a
    /// holding are the instrument's own.
    pub compounds: bool,
    /// Entries and exits alternate and nothing else can happen: compounding, no trailing stop, no expiry, costs in proportion to
    /// value, no traded bar that reaches a price of 0 or less.
    pub alternates: bool,
    /// A position may end at a stop or a target.
    pub has_levels: bool,
    /// Positions turn by rules alone: not compounding, on one side or reversing, a share of equity without a least fee.
    pub turns: bool,
    /// What is sampled where, by bar.
    checkpoints: Arc<[Checkpoint]>,
    /// Returns in each block of the sketch; `None` where the window is too short.
    pub sketch_counts: Option<[u32; SKETCH_BLOCKS]>,
    /// Buy-and-hold.
    pub benchmark: Benchmark,
}

/// Buy-and-hold of the instrument: all-in at the first bar's open with entry costs, never left.
#[derive(Debug, Clone, Copy, Default)]
pub struct Benchmark {
    units_value: f64,
    cash: f64,
    /// Raw sums over its returns by bar.
    pub moments: Moments,
    /// Central moments of its returns under the job's sampling.
    pub central: Central,
    /// Final equity / capital - 1.
    pub total_return: f64,
}

impl Plan {
    /// Prepares a job's execution on a market. `settings` are those of any trial: which of stop, target, trail and what kind of
    /// size a job uses is the same for all of its trials.
    pub fn new(
        market: Arc<Market>,
        execution: &Execution,
        metrics: &MetricsSpec,
        settings: &Settings,
    ) -> Result<Self, ConfigError> {
        let config = Config::new(&market, execution, metrics)?;
        let events = config.carries_nothing();
        let compounds = events
            && settings.size == Size::AllIn
            && config.direction == Direction::Long
            && config.pyramiding == 1
            && config.leverage == 1.0
            && config.lot == 0.0;
        let low = match &market.quotes {
            Some(quotes) => &quotes.bid.low,
            None => &market.mid.low,
        };
        let positive_prices = low[market.window.clone()].iter().all(|p| *p > config.half_spread);
        let rules_only = settings.rules_only() && config.pyramiding == 1;
        let latches = config.direction != Direction::Both || config.on_opposite == OnOpposite::Reverse;
        let share_of_equity = matches!(settings.size, Size::AllIn | Size::Fraction(_)) && config.commission_min == 0.0;
        let proportional = config.commission_fixed == 0.0 && config.commission_per_unit == 0.0 && config.commission_min == 0.0;
        let at_ticks = config.fill == Fill::NextTick;
        let made_the_bars = market.ticks.as_ref().is_some_and(|ticks| ticks.made_the_bars);
        let path = match (at_ticks, events) {
            (false, true) => Path::Events,
            (false, false) => Path::Bars,
            // Marks of other data than the ticks may ruin an account between two of them.
            (true, true) if made_the_bars => Path::Ticks,
            (true, _) => Path::EachTick,
        };
        let has_levels = settings.stop.is_some() || settings.target.is_some();
        // Paths over fills at bars count on bars of one length, and do not ask for their ticks.
        let over_bars = !at_ticks && (market.ends.is_none() || (config.fill == Fill::NextOpen && !has_levels));
        let asks_ticks = config.intrabar == Intrabar::Ticks && has_levels;
        let mut plan = Self {
            alternates: over_bars
                && !asks_ticks
                && compounds
                && settings.trail.is_none()
                && settings.max_bars.is_none()
                && proportional
                && positive_prices,
            has_levels,
            turns: over_bars && events && !compounds && rules_only && latches && share_of_equity && positive_prices,
            market,
            config,
            path,
            compounds,
            checkpoints: Arc::from([]),
            sketch_counts: None,
            benchmark: Benchmark::default(),
        };
        plan.hold_benchmark();
        plan.place_checkpoints();
        plan.sum_benchmark();
        Ok(plan)
    }

    /// The same plan bar by bar, or tick by tick where orders fill at ticks: plainly, as every job can be carried out.
    #[must_use]
    pub fn reference(&self) -> Self {
        Self {
            path: match self.path {
                Path::Events | Path::Bars => Path::Bars,
                Path::Ticks | Path::EachTick => Path::EachTick,
            },
            compounds: false,
            alternates: false,
            turns: false,
            ..self.clone()
        }
    }

    /// Returns are taken every bar.
    pub fn samples_bars(&self) -> bool {
        self.config.sampling == Sampling::Bar
    }

    /// Returns in the window.
    pub fn observations(&self) -> usize {
        match self.config.sampling {
            Sampling::Bar => self.market.window.len(),
            Sampling::Day => self.checkpoints.iter().filter(|c| c.day).count(),
        }
    }

    /// Checkpoints on the bars of `range`.
    pub fn checkpoints_in(&self, range: Range<usize>) -> &[Checkpoint] {
        let from = self.checkpoints.partition_point(|c| (c.bar as usize) < range.start);
        let to = self.checkpoints.partition_point(|c| (c.bar as usize) < range.end);
        &self.checkpoints[from..to]
    }

    /// Returns of buy-and-hold under the job's sampling, one for each return of a trial.
    pub fn benchmark_returns(&self) -> Vec<f64> {
        let window = self.market.window.clone();
        if !self.samples_bars() {
            let days = self.checkpoints_in(window).iter().filter(|c| c.day);
            return days.map(|c| c.benchmark).collect();
        }
        let mut before = self.config.capital;
        let returns = window.map(|bar| {
            let equity = self.buy_and_hold_equity(bar);
            simple_return(std::mem::replace(&mut before, equity), equity)
        });
        returns.collect()
    }

    /// Equity of buy-and-hold at the close of a bar of the window.
    #[inline(always)]
    pub fn buy_and_hold_equity(&self, bar: usize) -> f64 {
        self.benchmark.cash + self.benchmark.units_value * self.market.mid.close[bar]
    }

    fn hold_benchmark(&mut self) {
        let bar = self.market.window.start;
        let open = match &self.market.quotes {
            Some(quotes) => quotes.ask.open[bar].max(quotes.bid.open[bar]),
            None => self.market.mid.open[bar] + self.config.half_spread,
        };
        let config = &self.config;
        let price = config.bought_at(open);
        let units = config.buy_and_hold_units(price);
        let value = units * price * config.multiplier;
        let cost = if units > 0.0 { config.fee(units, value) } else { 0.0 };
        self.benchmark.cash = config.capital - value - cost;
        self.benchmark.units_value = units * config.multiplier;
    }

    /// Days that end in the window, and the sketch's grid: the coarsest of day, hour and bar that gives every block enough returns.
    fn place_checkpoints(&mut self) {
        let market = &self.market;
        let window = market.window.clone();
        let ends = |same: &dyn Fn(usize, usize) -> bool| -> Vec<u32> {
            window
                .clone()
                .filter(|&i| i + 1 == window.end || !same(i, i + 1))
                .map(|i| i as u32)
                .collect()
        };
        let days = ends(&|a, b| market.days[a] == market.days[b]);
        let enough = |n: usize| n >= SKETCH_OBSERVATIONS * SKETCH_BLOCKS;
        let hour = |i: usize| market.time[i].div_euclid(HOUR_NS);
        let grid = if enough(days.len()) || market.bar_ns >= DAY_NS {
            days.clone()
        } else {
            let hours = if market.bar_ns < HOUR_NS {
                ends(&|a, b| hour(a) == hour(b))
            } else {
                Vec::new()
            };
            if enough(hours.len()) {
                hours
            } else {
                window.clone().map(|i| i as u32).collect()
            }
        };
        let mut points: Vec<Checkpoint> = Vec::new();
        let at = |bar| Checkpoint {
            bar,
            block: 0,
            day: false,
            grid: false,
            benchmark: 0.0,
        };
        if enough(grid.len()) {
            let mut counts = [0; SKETCH_BLOCKS];
            points.extend(grid.iter().enumerate().map(|(k, &bar)| {
                let block = k * SKETCH_BLOCKS / grid.len();
                counts[block] += 1;
                Checkpoint {
                    block: block as u8,
                    grid: true,
                    ..at(bar)
                }
            }));
            self.sketch_counts = Some(counts);
        }
        if !self.samples_bars() {
            let mut before = self.config.capital;
            for bar in days {
                let equity = self.buy_and_hold_equity(bar as usize);
                points.push(Checkpoint {
                    day: true,
                    benchmark: simple_return(before, equity),
                    ..at(bar)
                });
                before = equity;
            }
        }
        points.sort_by_key(|c| c.bar);
        points.dedup_by(|later, kept| {
            let same = later.bar == kept.bar;
            if same {
                kept.day |= later.day;
                kept.benchmark += later.benchmark;
                kept.block = kept.block.max(later.block);
                kept.grid |= later.grid;
            }
            same
        });
        self.checkpoints = points.into();
    }

    fn sum_benchmark(&mut self) {
        let (capital, rf) = (self.config.capital, self.config.risk_free);
        let window = self.market.window.clone();
        if self.samples_bars() {
            let mut moments = Moments::default();
            let mut before = capital;
            for bar in window.clone() {
                let equity = self.buy_and_hold_equity(bar);
                let r = simple_return(before, equity);
                moments.push(r, rf, r);
                before = equity;
            }
            self.benchmark.moments = moments;
            self.benchmark.central = Central::from_raw(window.len() as f64, &moments, &moments);
        } else {
            let days = self.checkpoints.iter().filter(|c| c.day);
            let mut central = Central::default();
            days.for_each(|c| central.push(c.benchmark, rf, c.benchmark));
            self.benchmark.central = central;
        }
        self.benchmark.total_return = self.buy_and_hold_equity(window.end - 1) / capital - 1.0;
    }

    /// What a return of 0 adds to the sum of squared shortfalls.
    pub fn flat_shortfall(&self) -> f64 {
        let short = (-self.config.risk_free).min(0.0);
        short * short
    }
}
