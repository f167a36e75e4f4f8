//! Cash, the open position and its fills: the part of a trial that both engines share.

use crate::config::{Config, ExitReason, LevelHit, Side, test_levels};
use crate::holdings::Open;
use crate::signals::Settings;
use crate::trades::{Journal, Trade, TradeStats};

/// What was read on the signal's bar and travels with the order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Price distance of the stop.
    pub stop: f64,
    /// Price distance of the target.
    pub target: f64,
    /// Price distance of the trailing stop.
    pub trail: f64,
    /// Annual volatility.
    pub volatility: f64,
}

/// Where and when a fill happens.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// UTC nanoseconds.
    pub time: i64,
    /// Bar.
    pub bar: usize,
}

/// Distances of an open position's levels, to place them again when the average price changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Distances {
    stop: Option<f64>,
    target: Option<f64>,
    /// The trailing stop's, for the engine that follows it.
    pub trail: Option<f64>,
}

/// Cash and position.
#[derive(Debug, Clone)]
pub struct Book {
    /// Cash; equity is `cash + value_per_price x price`.
    pub cash: f64,
    /// Signed units x multiplier; 0 when flat.
    pub value_per_price: f64,
    /// Units, not signed; 0 when flat.
    pub units: f64,
    /// Average price paid.
    pub entry_price: f64,
    /// Price of the stop; at minus infinity for a long position without one, at plus infinity for a short one.
    pub stop: f64,
    /// Price of the target; at the other infinity when absent.
    pub target: f64,
    /// First bar of the position.
    pub entry_bar: usize,
    /// Entries so far.
    pub entries: u32,
    /// Orders skipped.
    pub skipped: u32,
    /// Margin calls.
    pub margin_calls: u32,
    /// Bars in which both stop and target were reached.
    pub ambiguous: u32,
    /// Distances of the levels.
    pub distances: Distances,
    /// Trade statistics.
    pub stats: TradeStats,
    entry_time: i64,
    paid: f64,
}

impl Book {
    /// Flat with the starting capital.
    pub fn new(capital: f64) -> Self {
        Self {
            cash: capital,
            value_per_price: 0.0,
            units: 0.0,
            entry_price: 0.0,
            stop: 0.0,
            target: 0.0,
            entry_bar: 0,
            entries: 0,
            skipped: 0,
            margin_calls: 0,
            ambiguous: 0,
            distances: Distances::default(),
            stats: TradeStats::default(),
            entry_time: 0,
            paid: 0.0,
        }
    }

    /// The open position as the paths of holdings and turns carry it; 0 units are none.
    #[inline(always)]
    pub(crate) fn holding(&self) -> Open {
        Open {
            units: if self.value_per_price < 0.0 { -self.units } else { self.units },
            price: self.entry_price,
            time: self.entry_time,
        }
    }

    /// Fees and accruals of the open position.
    #[inline(always)]
    pub(crate) fn paid(&self) -> f64 {
        self.paid
    }

    /// Takes a position over from the paths of holdings and turns, which leave out what only a journal asks for.
    #[inline(always)]
    pub(crate) fn set_holding(&mut self, config: &Config, open: Open) {
        self.units = open.units.abs();
        self.value_per_price = open.units * config.multiplier;
        self.entry_price = open.price;
        self.paid = config.fee(self.units, self.value_per_price.abs() * open.price);
        self.entry_time = open.time;
    }

    /// [`Self::set_holding`] of one entry without levels, which other paths may go on with.
    #[inline(always)]
    pub(crate) fn set_bare_holding(&mut self, config: &Config, open: Open) {
        self.set_holding(config, open);
        self.entries = u32::from(open.units != 0.0);
        self.distances = Distances::default();
        let side = if open.units < 0.0 { Side::Short } else { Side::Long };
        self.place_levels(&Settings::default(), side);
    }

    /// The open position's side.
    #[inline(always)]
    pub fn side(&self) -> Option<Side> {
        if self.value_per_price > 0.0 {
            Some(Side::Long)
        } else if self.value_per_price < 0.0 {
            Some(Side::Short)
        } else {
            None
        }
    }

    /// No position.
    #[inline(always)]
    pub fn is_flat(&self) -> bool {
        self.value_per_price == 0.0
    }

    /// Equity with the position marked at `price`.
    #[inline(always)]
    pub fn equity(&self, price: f64) -> f64 {
        self.cash + self.value_per_price * price
    }

    /// Opens a position, or adds to one of the same side, where one can get in at the first and out at the second price; `false`
    /// and one more skipped order where the size, the stop or the target is unusable, or nothing of equity would be left.
    #[inline(always)]
    pub fn enter(
        &mut self,
        config: &Config,
        settings: &Settings,
        side: Side,
        (executable, back): (f64, f64),
        reading: &Reading,
        at: Moment,
    ) -> bool {
        let price = match side {
            Side::Long => config.bought_at(executable),
            Side::Short => config.sold_at(executable),
        };
        let stop = Config::distance(settings.stop, price, reading.stop);
        let target = Config::distance(settings.target, price, reading.target);
        let trail = Config::distance(settings.trail, price, reading.trail);
        let levels_ok = stop.is_some() == settings.stop.is_some()
            && target.is_some() == settings.target.is_some()
            && trail.is_some() == settings.trail.is_some();
        let equity = self.equity(price);
        let units = if levels_ok {
            config.units(settings.size, equity, price, self.units, stop.or(trail), reading.volatility)
        } else {
            0.0
        };
        let value = units * price * config.multiplier;
        let fee = config.fee(units, value);
        let left = self.equity(back) - fee + side.sign() * units * config.multiplier * (back - price);
        if units <= 0.0 || left <= 0.0 {
            self.skipped += 1;
            return false;
        }
        self.cash -= side.sign() * value + fee;
        self.stats.fill(value, fee);
        if self.is_flat() {
            self.entry_price = price;
            self.entry_time = at.time;
            self.entry_bar = at.bar;
            self.entries = 1;
            self.units = units;
            self.paid = fee;
            self.distances = Distances { stop, target, trail };
        } else {
            self.entry_price = (self.entry_price * self.units + price * units) / (self.units + units);
            self.entries += 1;
            self.units += units;
            self.paid += fee;
        }
        self.value_per_price = side.sign() * self.units * config.multiplier;
        self.place_levels(settings, side);
        true
    }

    /// Levels from the (average) price paid: shares follow it, distances keep their length.
    #[inline(always)]
    fn place_levels(&mut self, settings: &Settings, side: Side) {
        let again = |level, distance: Option<f64>| distance.and_then(|d| Config::distance(level, self.entry_price, d));
        let sign = side.sign();
        self.stop = self.entry_price - sign * again(settings.stop, self.distances.stop).unwrap_or(f64::INFINITY);
        self.target = self.entry_price + sign * again(settings.target, self.distances.target).unwrap_or(f64::INFINITY);
    }

    /// Pays `amount` for holding the position; negative is received.
    pub fn accrue(&mut self, amount: f64) {
        self.cash -= amount;
        self.paid += amount;
        self.stats.fees += amount;
    }

    /// Closes the position at the executable price.
    #[inline(always)]
    pub fn exit(&mut self, config: &Config, executable: f64, at: Moment, reason: ExitReason, journal: &mut impl Journal) {
        let long = self.value_per_price > 0.0;
        let price = if long {
            config.sold_at(executable)
        } else {
            config.bought_at(executable)
        };
        let value = (self.units * price * config.multiplier).abs();
        let fee = config.fee(self.units, value);
        self.stats.fill(value, fee);
        self.cash += self.value_per_price * price - fee;
        self.paid += fee;
        let trade = self.trade(price, at, reason, config.multiplier);
        self.stats.close(trade.pnl, trade.ret, at.time - self.entry_time);
        journal.trade(&trade);
        self.value_per_price = 0.0;
        self.units = 0.0;
        self.entries = 0;
    }

    /// The position as a trade that ends at `price`.
    #[inline(always)]
    pub fn trade(&self, price: f64, at: Moment, reason: ExitReason, multiplier: f64) -> Trade {
        let pnl = self.value_per_price * (price - self.entry_price) - self.paid;
        Trade {
            side: if self.value_per_price > 0.0 { Side::Long } else { Side::Short },
            entry_time: self.entry_time,
            exit_time: at.time,
            entry_bar: self.entry_bar,
            exit_bar: at.bar,
            entry_price: self.entry_price,
            exit_price: price,
            units: self.units,
            pnl,
            ret: pnl / (self.units * self.entry_price * multiplier),
            fees: self.paid,
            reason,
        }
    }

    /// Tests a bar's exit-side prices against the position's levels, with `stop` standing for the tighter of stop and trail.
    #[inline(always)]
    pub fn test(&self, config: &Config, open: f64, high: f64, low: f64, stop: f64) -> Option<LevelHit> {
        let side = if self.value_per_price > 0.0 { Side::Long } else { Side::Short };
        test_levels(side, open, high, low, stop, self.target, config.intrabar)
    }

    /// Equity at `price` does not exceed the maintenance margin.
    #[inline(always)]
    pub fn is_called(&self, config: &Config, price: f64) -> bool {
        self.equity(price) <= config.maintenance_margin * (self.value_per_price * price).abs()
    }
}
