//! The path of alternating holdings with a stop or a target: long, all-in, with costs in proportion to value.
//!
//! Whether a holding ends by rule or at a level is asked of range tables of the sellers' lows and highs; only where a level was
//! reached are bars compared. The accounts are those of `holdings.rs`.

use crate::account::{Account, Order, read};
use crate::book::Reading;
use crate::config::{Config, Side, test_levels};
use crate::course::{Course, wishes};
use crate::equity::simple_return;
use crate::holdings::{Open, Run, hold};
use crate::line::Line;
use crate::search::Exits;
use crate::signals::Settings;
use crate::simulate::Pass;
use crate::tile::TILE;

/// Signals of a trial in a tile.
type Words = [u64; TILE / 64];

/// The first bar from `from` on whose bit is set, or [`TILE`].
#[inline(always)]
fn next_bit(words: &Words, from: usize) -> usize {
    let mut mask = !0u64 << (from % 64);
    for (w, word) in words.iter().enumerate().skip(from / 64) {
        let word = word & mask;
        if word != 0 {
            return w * 64 + word.trailing_zeros() as usize;
        }
        mask = !0;
    }
    TILE
}

/// Stop and target of a long position, at infinity where absent; `None` where a distance is undefined or not positive.
#[inline(always)]
fn levels(settings: &Settings, paid: f64, reading: &Reading) -> Option<(f64, f64)> {
    let distance = |level: Option<_>, column| match level {
        Some(_) => Config::distance(level, paid, column),
        None => Some(f64::INFINITY),
    };
    let (stop, target) = (
        distance(settings.stop, reading.stop)?,
        distance(settings.target, reading.target)?,
    );
    Some((paid - stop, paid + target))
}

/// A trial on its way through a tile.
struct Trip<'a> {
    pass: &'a Pass<'a>,
    account: &'a mut Account,
    course: &'a mut Course,
    run: Run,
    open: Open,
    /// Bar of the entry; `None` for a holding from the tile before.
    entered: Option<usize>,
    stop: f64,
    target: f64,
    highest: f64,
    /// Changes of cash and position, by bar.
    places: usize,
    ended: usize,
}

/// How a holding ends.
struct End {
    bar: usize,
    /// What a unit brings.
    proceeds: f64,
    /// At a level, nanoseconds from where the bar is filled by rule.
    at_level: Option<i64>,
}

/// Runs one tile.
#[inline(always)]
pub(crate) fn advance<const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account, course: &mut Course) {
    let (tile, window) = (pass.tile, &pass.plan.market.window);
    let (mut enter, mut exit): (Words, Words) = ([0; TILE / 64], [0; TILE / 64]);
    for (w, (enter, exit)) in enter.iter_mut().zip(&mut exit).enumerate() {
        [*enter, *exit] = wishes(pass, w);
    }
    course.clear();
    let open = account.book.holding();
    course.standing[0] = [account.book.cash, open.units * pass.plan.config.multiplier];
    let mut trip = Trip {
        run: Run::new(account.book.cash),
        open,
        entered: None,
        stop: account.book.stop,
        target: account.book.target,
        highest: tile.highs.max(0, tile.len),
        places: 0,
        ended: 0,
        pass,
        account,
        course,
    };
    if let Some(order) = trip.account.pending.take() {
        if trip.open.units == 0.0 {
            trip.enter(0, &order.reading);
        } else {
            trip.leave_by_rule(0);
        }
    }
    // The first bar whose levels and rules are still to be looked at.
    let mut next = tile.first;
    loop {
        if trip.open.units == 0.0 {
            let signal = next_bit(&enter, next);
            let bar = signal + usize::from(!CLOSE);
            if bar >= tile.len {
                trip.wait(signal, window.end);
                break;
            }
            next = signal + 1;
            trip.enter(bar, &read(&pass.signals, signal));
            continue;
        }
        let signal = next_bit(&exit, next);
        let until = tile.len.min(signal + 1);
        let reached = if next < until {
            trip.first_reached(next, until)
        } else {
            until
        };
        if reached < until {
            trip.leave_at_level(reached);
            next = reached + 1;
            continue;
        }
        let bar = signal + usize::from(!CLOSE);
        if bar >= tile.len {
            trip.wait(signal, window.end);
            break;
        }
        next = signal + 1;
        trip.leave_by_rule(bar);
    }
    trip.arrive();
}

impl Trip<'_> {
    /// An order for the next tile, where `signal` is the last bar of this one.
    fn wait(&mut self, signal: usize, end: usize) {
        let tile = self.pass.tile;
        if signal + 1 == tile.len && tile.start + tile.len < end {
            self.account.pending = Some(Order {
                exit: None,
                enter: None,
                reading: read(&self.pass.signals, signal),
                tick: 0,
            });
        }
    }

    #[inline(always)]
    fn enter(&mut self, i: usize, reading: &Reading) {
        let table = self.pass.tile.fills;
        let Some((stop, target)) = levels(self.pass.settings, table.prices[i].paid, reading) else {
            self.account.book.skipped += 1;
            return;
        };
        (self.stop, self.target) = (stop, target);
        self.open = Open::at(self.pass.tile, i, self.run.cash);
        self.entered = Some(i);
        self.run.exchanged[0] += self.run.cash;
        self.stand(i, [0.0, self.open.units * self.pass.plan.config.multiplier]);
    }

    /// The first bar of `from..to`, not empty, that reaches a level; `to` if none does.
    #[inline(always)]
    fn first_reached(&self, from: usize, to: usize) -> usize {
        let tile = self.pass.tile;
        if tile.sell_lows.min(from, to) > self.stop && tile.sell_highs.max(from, to) < self.target {
            return to;
        }
        Exits::long(tile, self.stop, self.target).first(from, to)
    }

    #[inline(always)]
    fn leave_by_rule(&mut self, i: usize) {
        self.leave(&End {
            bar: i,
            proceeds: self.pass.tile.fills.prices[i].proceeds,
            at_level: None,
        });
    }

    #[inline(always)]
    fn leave_at_level(&mut self, i: usize) {
        let (config, tile) = (&self.pass.plan.config, self.pass.tile);
        let (open, high, low) = (tile.sell.open[i], tile.sell.high[i], tile.sell.low[i]);
        let hit = test_levels(Side::Long, open, high, low, self.stop, self.target, config.intrabar)
            .expect("the search stops where a level is reached");
        self.account.book.ambiguous += u32::from(hit.ambiguous);
        let time = if hit.at_open { 0 } else { tile.times.length };
        self.leave(&End {
            bar: i,
            proceeds: config.proceeds(hit.price),
            at_level: Some(time - tile.fills.delay),
        });
    }

    #[inline(always)]
    fn leave(&mut self, end: &End) {
        let (config, tile, i) = (&self.pass.plan.config, self.pass.tile, end.bar);
        let cost = self.open.price * tile.fills.cost_factor;
        let q = self.open.units * config.multiplier;
        let invested = self.open.units * cost;
        let profit = self.open.units * (end.proceeds - cost);
        let gain = profit / invested;
        let from = self.entered.unwrap_or(0);
        self.run.sums = self.run.sums + self.sums_until(end, gain);
        if self.entered.is_none() {
            self.run.sums.others[3] += self.open.age(tile);
        }
        self.run.cash = invested;
        self.run.end(profit, gain);
        self.run.descend(tile, &mut self.account.drawdown, self.highest, q, from, i);
        self.course.profits[self.ended] = profit;
        self.ended += 1;
        self.open.units = 0.0;
        let cash = self.run.cash;
        self.stand(i, [cash, 0.0]);
    }

    /// Sums over the bars of a holding with the one in which it ends.
    #[inline(always)]
    fn sums_until(&self, end: &End, gain: f64) -> Line {
        let (config, tile, i) = (&self.pass.plan.config, self.pass.tile, end.bar);
        let left = &tile.fills.left[i];
        let Some(later) = end.at_level else {
            return tile.sums(self.entered, i) + *left;
        };
        let term = |r: f64| Line::of_return(r, config.risk_free, tile.benchmark_at(i));
        if self.entered == Some(i) {
            let mut whole = term(gain);
            whole.set_place(0, later as f64);
            return whole;
        }
        let before = if i > 0 { tile.close[i - 1] } else { tile.close_before };
        let mut last = term(simple_return(config.multiplier * before, end.proceeds));
        last.set_place(0, left.elapsed_ns() + later as f64);
        tile.sums(self.entered, i) + last
    }

    /// Cash and value per price from bar `i` on.
    #[inline(always)]
    fn stand(&mut self, i: usize, standing: [f64; 2]) {
        // A position may be entered and left in one bar.
        self.places += usize::from(self.course.note(i));
        self.course.standing[self.places] = standing;
    }

    /// The end of the tile.
    #[inline(always)]
    fn arrive(mut self) {
        let tile = self.pass.tile;
        let q = self.open.units * self.pass.plan.config.multiplier;
        if q != 0.0 {
            let from = self.entered.unwrap_or(0);
            self.run.sums = self.run.sums + tile.sums(self.entered, tile.len);
            if let Some(e) = self.entered {
                // The time of a holding counts when it ends.
                self.run.sums.others[3] -= tile.fills.entered[e].elapsed_ns();
            }
            self.run.cash = 0.0;
            hold(&mut self.account.drawdown, tile, q, from, tile.len);
            (self.account.book.stop, self.account.book.target) = (self.stop, self.target);
        }
        self.course.count();
        self.course.sample(self.pass, self.account);
        self.run
            .settle(self.pass, self.account, self.open, &self.course.profits[..self.ended]);
    }
}
