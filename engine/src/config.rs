//! The rules of a job on one instrument: execution knobs, the instrument's facts, sampling.

use assay_core::job::{Direction, Execution, Fill, Intrabar, MetricsSpec, OnOpposite, Sampling};
use assay_core::time::{DAY_NS, UtcNs};

use crate::market::Market;
use crate::signals::{Level, Size};

/// Nanoseconds in the year by which annual rates accrue: 365 days.
pub const YEAR_NS: f64 = 365.0 * DAY_NS as f64;

/// A lot boundary is reached when units come within this share of it: dust of the division must not cost a lot.
const LOT_DUST: f64 = 1e-12;

/// Side of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Gains when the price rises.
    Long,
    /// Gains when the price falls.
    Short,
}

impl Side {
    /// +1 for long, -1 for short.
    pub const fn sign(self) -> f64 {
        match self {
            Self::Long => 1.0,
            Self::Short => -1.0,
        }
    }
}

/// An execution that the engine cannot carry out on this market.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Bars from quotes already have a spread.
    #[error("execution.spread is for bars without quotes, and {0} has quotes")]
    SpreadOnQuotes(String),
    /// Tick-level fills need ticks.
    #[error("execution.{knob} needs ticks, and there are none of {symbol}")]
    NeedsTicks {
        /// What needs them.
        knob: &'static str,
        /// The instrument.
        symbol: String,
    },
    /// Ticks that cover only some of the traded bars.
    #[error("execution.{knob} needs ticks, and {symbol} has none for the bar of {bar}")]
    BarWithoutTicks {
        /// What needs them.
        knob: &'static str,
        /// The instrument.
        symbol: String,
        /// Start of the first such bar.
        bar: UtcNs,
    },
    /// No rates to apply.
    #[error("execution.funding needs the funding rates of {0}")]
    NeedsFunding(String),
}

/// Everything the engine needs to know besides bars and signals.
#[derive(Debug, Clone)]
pub struct Config {
    /// When orders fill.
    pub fill: Fill,
    /// From the end of a signal's bar to the first tick that may fill its order.
    pub latency_ns: i64,
    /// Sides traded.
    pub direction: Direction,
    /// What an entry against the position does.
    pub on_opposite: OnOpposite,
    /// Entries in one position.
    pub pyramiding: u32,
    /// Stop against target inside one bar.
    pub intrabar: Intrabar,
    /// Starting equity.
    pub capital: f64,
    /// Position value allowed per equity.
    pub leverage: f64,
    /// Share of position value below which equity is called.
    pub maintenance_margin: f64,
    /// Fee as a share of value.
    pub commission: f64,
    /// Fee per side.
    pub commission_fixed: f64,
    /// Fee per unit.
    pub commission_per_unit: f64,
    /// Least fee per side.
    pub commission_min: f64,
    /// Share of the price lost on every fill.
    pub slippage: f64,
    /// Half the spread in price, 0 with quotes.
    pub half_spread: f64,
    /// Annual rate on long notional.
    pub carry_long: f64,
    /// Annual rate on short notional, borrowing included.
    pub carry_short: f64,
    /// The market's funding is paid.
    pub funding: bool,
    /// Contract multiplier.
    pub multiplier: f64,
    /// Lot; 0 is any fraction.
    pub lot: f64,
    /// How equity is sampled.
    pub sampling: Sampling,
    /// Returns a year.
    pub periods_per_year: f64,
    /// Risk-free return per period.
    pub risk_free: f64,
}

/// Refuses ticks that do not cover the bars of the window: without them orders would wait for what never comes. A bar whose price does
/// not move asks for no tick, so that bars which fill gaps are none of them.
fn check_ticks(market: &Market, execution: &Execution) -> Result<(), ConfigError> {
    let knob = match execution.fill {
        Fill::NextTick => "fill = \"next_tick\"",
        _ => "intrabar = \"ticks\"",
    };
    let symbol = market.instrument.symbol.to_string();
    let Some(ticks) = &market.ticks else {
        return Err(ConfigError::NeedsTicks { knob, symbol });
    };
    let without = |bar: &usize| ticks.first_of(*bar) == ticks.first_of(bar + 1) && market.mid.high[*bar] > market.mid.low[*bar];
    match market.window.clone().find(without) {
        None => Ok(()),
        Some(bar) => Err(ConfigError::BarWithoutTicks {
            knob,
            symbol,
            bar: UtcNs(market.time[bar]),
        }),
    }
}

impl Config {
    /// Combines a job's knobs with the instrument's facts.
    pub fn new(market: &Market, execution: &Execution, metrics: &MetricsSpec) -> Result<Self, ConfigError> {
        let symbol = || market.instrument.symbol.to_string();
        let quoted = market.quotes.is_some() || market.ticks.as_ref().is_some_and(|ticks| ticks.quotes);
        if execution.spread > 0.0 && quoted {
            return Err(ConfigError::SpreadOnQuotes(symbol()));
        }
        if execution.needs_ticks() {
            check_ticks(market, execution)?;
        }
        if execution.funding && market.funding.is_none() {
            return Err(ConfigError::NeedsFunding(symbol()));
        }
        let facts = &market.instrument.facts;
        let intraday = market.bar_ns < DAY_NS;
        let sampling = metrics
            .sampling
            .unwrap_or(if intraday { Sampling::Day } else { Sampling::Bar });
        let natural = match sampling {
            Sampling::Day if intraday => facts.calendar.days_per_year(),
            _ => market.bars_per_year(),
        };
        let periods_per_year = metrics.periods_per_year.unwrap_or(natural);
        Ok(Self {
            fill: execution.fill,
            latency_ns: execution.latency.0,
            direction: execution.direction,
            on_opposite: execution.on_opposite,
            pyramiding: execution.pyramiding,
            intrabar: execution.intrabar,
            capital: execution.capital,
            leverage: execution.leverage,
            maintenance_margin: execution.maintenance_margin,
            commission: execution.commission,
            commission_fixed: execution.commission_fixed,
            commission_per_unit: execution.commission_per_unit,
            commission_min: execution.commission_min,
            slippage: execution.slippage,
            half_spread: execution.spread / 2.0,
            carry_long: execution.financing_long,
            carry_short: execution.financing_short + execution.borrow,
            funding: execution.funding,
            multiplier: facts.multiplier,
            lot: facts.lot,
            sampling,
            periods_per_year,
            risk_free: metrics.risk_free / periods_per_year,
        })
    }

    /// What a buyer pays where the executable price is `price`.
    #[inline(always)]
    pub fn bought_at(&self, price: f64) -> f64 {
        price * (1.0 + self.slippage)
    }

    /// What a seller gets where the executable price is `price`.
    #[inline(always)]
    pub fn sold_at(&self, price: f64) -> f64 {
        price * (1.0 - self.slippage)
    }

    /// What a unit brings where the executable price is `price` and all costs are in proportion to value.
    #[inline(always)]
    pub fn proceeds(&self, price: f64) -> f64 {
        self.sold_at(price) * self.multiplier * (1.0 - self.commission)
    }

    /// Fee of one side of `units` worth `value`.
    #[inline(always)]
    pub fn fee(&self, units: f64, value: f64) -> f64 {
        let fee = value * self.commission + self.commission_fixed + units * self.commission_per_unit;
        if fee < self.commission_min { self.commission_min } else { fee }
    }

    /// Price distance of a level, `None` where it is undefined or not positive.
    #[inline(always)]
    pub fn distance(level: Option<Level>, price_paid: f64, column: f64) -> Option<f64> {
        let distance = match level? {
            Level::Share(share) => share * price_paid,
            Level::Distance => column,
        };
        (distance > 0.0).then_some(distance)
    }

    /// The largest units with `units x price x m + leverage x fee(units) <= leverage x equity`, before lots.
    #[inline(always)]
    fn affordable(&self, equity: f64, price: f64) -> f64 {
        let l = self.leverage;
        let unit_value = price * self.multiplier;
        let linear = (l * (equity - self.commission_fixed)) / self.bound_by_unit(price);
        if self.commission_min > 0.0 {
            let at_least = (l * (equity - self.commission_min)) / unit_value;
            linear.min(at_least)
        } else {
            linear
        }
    }

    /// Leverage x equity that a unit takes, but for the fixed fee.
    #[inline(always)]
    fn bound_by_unit(&self, price: f64) -> f64 {
        let l = self.leverage;
        price * self.multiplier * (1.0 + l * self.commission) + l * self.commission_per_unit
    }

    /// Units, or lots where there are lots, that 1 of equity after the fixed fee pays for, before rounding; without a least fee.
    pub(crate) fn affordable_by_one(&self, price: f64) -> f64 {
        let units = self.leverage / self.bound_by_unit(price);
        if self.lot > 0.0 {
            units / self.lot * (1.0 + LOT_DUST)
        } else {
            units
        }
    }

    /// Units of an entry, rounded down to the lot; 0 where the order is to be skipped.
    ///
    /// `held` units count against what equity can still pay for. `stop` is the stop's price distance, for [`Size::Risk`].
    #[inline(always)]
    pub fn units(&self, size: Size, equity: f64, price: f64, held: f64, stop: Option<f64>, volatility: f64) -> f64 {
        if !(equity > 0.0 && price > 0.0) {
            return 0.0;
        }
        let wanted = match size {
            Size::AllIn => self.affordable(equity, price) - held,
            Size::Fraction(f) => {
                let most = self.affordable(equity, price);
                if held > 0.0 { (f * most).min(most - held) } else { f * most }
            }
            Size::Units(n) => n,
            Size::Notional(x) => x / (price * self.multiplier),
            Size::Risk(r) => match stop {
                Some(distance) => (r * equity / (distance * self.multiplier)).min(self.affordable(equity, price) - held),
                None => return 0.0,
            },
            Size::VolTarget(v) => {
                let wanted = equity * v / (volatility * price * self.multiplier);
                if volatility > 0.0 {
                    wanted.min(self.affordable(equity, price) - held)
                } else {
                    return 0.0;
                }
            }
        };
        self.round_to_lot(wanted)
    }

    #[inline(always)]
    fn round_to_lot(&self, units: f64) -> f64 {
        if !(units > 0.0 && units.is_finite()) {
            0.0
        } else if self.lot > 0.0 {
            (units / self.lot * (1.0 + LOT_DUST)).floor() * self.lot
        } else {
            units
        }
    }

    /// Units of an all-in purchase at `price` without leverage or lots: what buy-and-hold holds.
    pub fn buy_and_hold_units(&self, price: f64) -> f64 {
        let unlevered = Self {
            leverage: 1.0,
            lot: 0.0,
            ..self.clone()
        };
        unlevered.units(Size::AllIn, self.capital, price, 0.0, None, f64::NAN)
    }

    /// Nothing accrues while a position is held.
    pub fn carries_nothing(&self) -> bool {
        self.carry_long == 0.0 && self.carry_short == 0.0 && !self.funding
    }
}

/// Why a position ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitReason {
    /// An exit rule.
    Rule,
    /// An entry of the other side.
    Reverse,
    /// The stop loss.
    Stop,
    /// The take profit.
    Target,
    /// The trailing stop.
    Trail,
    /// `max_bars`.
    Time,
    /// A margin call.
    Margin,
    /// The end of a fold.
    Seam,
    /// Still open at the end.
    Open,
}

impl ExitReason {
    /// As written in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Reverse => "reverse",
            Self::Stop => "stop",
            Self::Target => "target",
            Self::Trail => "trail",
            Self::Time => "time",
            Self::Margin => "margin",
            Self::Seam => "seam",
            Self::Open => "open",
        }
    }
}

/// A stop or target that ended a position inside a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelHit {
    /// Executable price, before slippage.
    pub price: f64,
    /// The target rather than the stop.
    pub target: bool,
    /// Decided by the bar's open.
    pub at_open: bool,
    /// Both levels lay inside the bar.
    pub ambiguous: bool,
}

/// Tests one bar's exit-side prices against the levels of a position. An absent level lies at infinity on its side.
#[inline(always)]
pub fn test_levels(side: Side, open: f64, high: f64, low: f64, stop: f64, target: f64, intrabar: Intrabar) -> Option<LevelHit> {
    // A short position is a long one in the mirrored price.
    let (open, high, low, stop_, target_) = match side {
        Side::Long => (open, high, low, stop, target),
        Side::Short => (-open, -low, -high, -stop, -target),
    };
    let hit = |price, target, at_open, ambiguous| {
        Some(LevelHit {
            price: side.sign() * price,
            target,
            at_open,
            ambiguous,
        })
    };
    if open <= stop_ {
        return hit(open, false, true, false);
    }
    if open >= target_ {
        return hit(open, true, true, false);
    }
    match (low <= stop_, high >= target_) {
        (false, false) => None,
        (true, false) => hit(stop_, false, false, false),
        (false, true) => hit(target_, true, false, false),
        (true, true) if intrabar == Intrabar::Best => hit(target_, true, false, true),
        (true, true) => hit(stop_, false, false, true),
    }
}
