//! The bar-by-bar engine: every rule of `docs/semantics.md` over bars, in the order in which a bar happens.
//!
//! ```text
//! pending order fills at the open -> holding costs -> stop, target, trail -> margin -> rules -> mark at the close
//! ```

use assay_core::job::{Direction, Fill, Intrabar, OnOpposite};

use crate::account::{Account, EquityBuffer, Order, read};
use crate::config::{Config, ExitReason, LevelHit, Side, YEAR_NS};
use crate::plan::Plan;
use crate::signals::{Level, Settings, SignalTile};
use crate::simulate::Pass;
use crate::ticks::Fixed;
use crate::tile::Quote;
use crate::trades::Journal;

/// Signals of one bar after the direction filter and the cancellations.
#[derive(Debug, Clone, Copy)]
struct Wishes {
    enter_long: bool,
    exit_long: bool,
    enter_short: bool,
    exit_short: bool,
}

#[inline(always)]
fn wishes(config: &Config, signals: &SignalTile<'_>, i: usize) -> Wishes {
    let bit = |words: &[u64]| words.get(i / 64).is_some_and(|w| w >> (i % 64) & 1 == 1);
    let (long, short) = (config.direction != Direction::Short, config.direction != Direction::Long);
    let (el, xl) = (long && bit(signals.enter_long), long && bit(signals.exit_long));
    let (es, xs) = (short && bit(signals.enter_short), short && bit(signals.exit_short));
    // Entry and exit of one direction cancel first, then entries of both directions.
    let (el, xl) = (el && !xl, xl && !el);
    let (es, xs) = (es && !xs, xs && !es);
    Wishes {
        enter_long: el && !es,
        exit_long: xl,
        enter_short: es && !el,
        exit_short: xs,
    }
}

/// Runs one tile.
pub(crate) fn advance(pass: &Pass<'_>, account: &mut Account, buffer: &mut EquityBuffer, journal: &mut impl Journal) {
    let (plan, tile) = (pass.plan, pass.tile);
    let mut i = tile.first;
    while i < tile.len {
        if account.book.is_flat() && account.pending.is_none() {
            // Nothing can happen before the next entry: equity stays where it is.
            let next = if account.ruined { tile.len } else { next_entry(pass, i) };
            buffer.range_mut(i, next).fill(account.book.cash);
            i = next;
            if i == tile.len {
                break;
            }
        }
        step(pass, account, i, journal);
        let equity = account.book.equity(tile.close[i]);
        buffer.set(i, equity);
        account.bars_held += u64::from(!account.book.is_flat());
        account.ruined |= equity <= 0.0;
        i += 1;
    }
    account.absorb(plan, tile, buffer);
}

/// First bar from `from` on with an entry signal of a traded side, else the tile's length.
#[inline(always)]
fn next_entry(pass: &Pass<'_>, from: usize) -> usize {
    let (direction, to) = (pass.plan.config.direction, pass.tile.len);
    let side = |traded: bool, words: &[u64], w: usize| if traded { words.get(w).copied().unwrap_or(0) } else { 0 };
    let mut mask = !0u64 << (from % 64);
    for w in from / 64..to.div_ceil(64) {
        let word = side(direction != Direction::Short, pass.signals.enter_long, w)
            | side(direction != Direction::Long, pass.signals.enter_short, w);
        if word & mask != 0 {
            return (w * 64 + (word & mask).trailing_zeros() as usize).min(to);
        }
        mask = !0;
    }
    to
}

/// Everything that happens in the tile's bar `i`.
#[inline(always)]
pub(crate) fn step(pass: &Pass<'_>, account: &mut Account, i: usize, journal: &mut impl Journal) {
    let (plan, tile) = (pass.plan, pass.tile);
    let config = &plan.config;
    let bar = tile.start + i;
    if let Some(order) = account.pending.take() {
        fill(pass, account, pass.settings, &order, tile.opens(i), journal);
    }
    if account.book.is_flat() || !exit_inside(pass, account, i, journal) {
        let order = decide(pass, account, i);
        if let Some(order) = order {
            if config.fill == Fill::Close {
                fill(pass, account, pass.settings, &order, tile.closes(i), journal);
            } else if bar + 1 < plan.market.window.end {
                account.pending = Some(order);
            }
        }
    }
    accrue_bar(pass, account, i);
}

/// Holding costs up to the end of bar `i`, and the notional there.
#[inline(always)]
pub(crate) fn accrue_bar(pass: &Pass<'_>, account: &mut Account, i: usize) {
    let tile = pass.tile;
    if !account.book.is_flat() && !pass.plan.config.carries_nothing() {
        accrue(pass.plan, account, tile.closes(i).at.time);
        account.accrued.1 = (account.book.value_per_price * tile.close[i]).abs();
    }
}

/// Pays what holding the position costs from the last payment to `time`, on the notional at the last mark.
pub(crate) fn accrue(plan: &Plan, account: &mut Account, time: i64) {
    let Some(side) = account.book.side() else { return };
    let config = &plan.config;
    if config.funding {
        let rates = pass_rates(plan, account, time);
        account.book.accrue(side.sign() * rates * account.accrued.1);
    }
    let rate = match side {
        Side::Long => config.carry_long,
        Side::Short => config.carry_short,
    };
    if rate != 0.0 {
        let (since, notional) = account.accrued;
        account.book.accrue(rate * notional * ((time - since) as f64 / YEAR_NS));
    }
    account.accrued.0 = time;
}

/// The sum of the funding rates up to and with `time` that have not passed yet. Apart from what the event engine shares.
#[inline(never)]
fn pass_rates(plan: &Plan, account: &mut Account, time: i64) -> f64 {
    let Some(funding) = &plan.market.funding else { return 0.0 };
    let due = funding.time[account.rates_passed..].iter().take_while(|at| **at <= time);
    let from = account.rates_passed;
    account.rates_passed += due.count();
    funding.rate[from..account.rates_passed].iter().sum()
}

/// Carries out an order.
#[inline(always)]
pub(crate) fn fill(
    pass: &Pass<'_>,
    account: &mut Account,
    settings: &Settings,
    order: &Order,
    quote: Quote,
    journal: &mut impl Journal,
) {
    let Quote { buy, sell, at } = quote;
    let config = &pass.plan.config;
    if let (Some(reason), Some(side)) = (order.exit, account.book.side()) {
        accrue(pass.plan, account, at.time);
        account
            .book
            .exit(config, if side == Side::Long { sell } else { buy }, at, reason, journal);
        account.ruined |= account.book.cash <= 0.0;
    }
    if let Some(side) = order.enter
        && !account.ruined
    {
        let was_flat = account.book.is_flat();
        if !was_flat {
            accrue(pass.plan, account, at.time);
        } else if config.funding {
            pass_rates(pass.plan, account, at.time);
        }
        let prices = if side == Side::Long { (buy, sell) } else { (sell, buy) };
        if account.book.enter(config, settings, side, prices, &order.reading, at) {
            if was_flat {
                account.best = account.book.entry_price;
            }
            // Units held before are worth this fill's price too, not their average.
            let paid = match side {
                Side::Long => config.bought_at(buy),
                Side::Short => config.sold_at(sell),
            };
            account.accrued = (at.time, (account.book.value_per_price * paid).abs());
        }
    }
}

/// Stop, target and trail, then the margin; true if the position ended.
#[inline(always)]
fn exit_inside(pass: &Pass<'_>, account: &mut Account, i: usize, journal: &mut impl Journal) -> bool {
    let (config, tile) = (&pass.plan.config, pass.tile);
    let (opens, closes) = (tile.opens(i).at, tile.closes(i).at);
    let Some(side) = account.book.side() else { return false };
    let exits = if side == Side::Long { &tile.sell } else { &tile.buy };
    let (open, high, low) = (exits.open[i], exits.high[i], exits.low[i]);
    let (stop, reason) = tighter_stop(pass.settings, account, side);
    if let Some(mut hit) = account.book.test(config, open, high, low, stop) {
        if hit.ambiguous && config.intrabar == Intrabar::Ticks {
            hit = ask_ticks(pass, account, tile.start + i, side, stop, hit);
        }
        let reason = if hit.target { ExitReason::Target } else { reason };
        let at = if hit.at_open { opens } else { closes };
        accrue(pass.plan, account, at.time);
        account.book.ambiguous += u32::from(hit.ambiguous);
        account.book.exit(config, hit.price, at, reason, journal);
        account.ruined |= account.book.cash <= 0.0;
        return true;
    }
    let worst = if side == Side::Long { low } else { high };
    if account.ruined || account.book.is_called(config, worst) {
        accrue(pass.plan, account, closes.time);
        account.book.margin_calls += 1;
        account.book.exit(config, worst, closes, ExitReason::Margin, journal);
        account.ruined |= account.book.cash <= 0.0;
        return true;
    }
    account.best = match side {
        Side::Long => account.best.max(high),
        Side::Short => account.best.min(low),
    };
    false
}

/// Which of a bar's two levels its ticks reached first; the stop, where they reach neither.
#[inline(never)]
fn ask_ticks(pass: &Pass<'_>, account: &Account, bar: usize, side: Side, stop: f64, hit: LevelHit) -> LevelHit {
    let Some(ticks) = &pass.plan.market.ticks else { return hit };
    let (sign, half, target) = (side.sign(), pass.plan.config.half_spread, account.book.target);
    let mut levels = Fixed {
        worse: sign * stop,
        better: sign * target,
    };
    let until = ticks.first_of(bar + 1);
    let first = ticks.first(side, half, ticks.first_of(bar), until, &mut levels);
    let better = first < until && {
        let price = match side {
            Side::Long => ticks.sell(first) - half,
            Side::Short => ticks.buy(first) + half,
        };
        sign * price >= sign * target
    };
    LevelHit {
        price: if better { target } else { stop },
        target: better,
        ..hit
    }
}

/// The tighter of stop and trailing stop, and the reason for which a position ends there.
#[inline(always)]
pub(crate) fn tighter_stop(settings: &Settings, account: &Account, side: Side) -> (f64, ExitReason) {
    let (trail, stop) = (trailing_level(settings, account, side), account.book.stop);
    let trails = match side {
        Side::Long => trail > stop,
        Side::Short => trail < stop,
    };
    if trails {
        (trail, ExitReason::Trail)
    } else {
        (stop, ExitReason::Stop)
    }
}

/// Where the trailing stop lies; at infinity on the losing side without one.
#[inline(always)]
fn trailing_level(settings: &Settings, account: &Account, side: Side) -> f64 {
    let sign = side.sign();
    match (settings.trail, account.book.distances.trail) {
        (Some(Level::Share(share)), Some(_)) => account.best * (1.0 - sign * share),
        (Some(Level::Distance), Some(distance)) => account.best - sign * distance,
        _ => -sign * f64::INFINITY,
    }
}

/// The order that the rules give at the end of a bar.
#[inline(always)]
pub(crate) fn decide(pass: &Pass<'_>, account: &Account, i: usize) -> Option<Order> {
    let (config, signals) = (&pass.plan.config, &pass.signals);
    if account.ruined {
        return None;
    }
    let wish = wishes(config, signals, i);
    let order = |exit, enter| {
        Some(Order {
            exit,
            enter,
            reading: read(signals, i),
            tick: 0,
        })
    };
    let Some(side) = account.book.side() else {
        return match (wish.enter_long, wish.enter_short) {
            (true, _) => order(None, Some(Side::Long)),
            (_, true) => order(None, Some(Side::Short)),
            _ => None,
        };
    };
    let (same, leave, opposite, other) = match side {
        Side::Long => (wish.enter_long, wish.exit_long, wish.enter_short, Side::Short),
        Side::Short => (wish.enter_short, wish.exit_short, wish.enter_long, Side::Long),
    };
    let expired = pass
        .settings
        .max_bars
        .is_some_and(|n| bars_held(config, account, pass.tile.start + i) >= n as usize);
    if opposite && config.on_opposite == OnOpposite::Reverse {
        return order(Some(ExitReason::Reverse), Some(other));
    }
    if opposite && config.on_opposite == OnOpposite::Close {
        return order(Some(ExitReason::Reverse), None);
    }
    if leave {
        return order(Some(ExitReason::Rule), None);
    }
    if expired {
        return order(Some(ExitReason::Time), same.then_some(side));
    }
    if same && account.book.entries < config.pyramiding {
        return order(None, Some(side));
    }
    None
}

/// Bars held at the end of `bar`: the entry bar counts unless it was entered at its close.
#[inline(always)]
pub(crate) fn bars_held(config: &Config, account: &Account, bar: usize) -> usize {
    bar - account.book.entry_bar + usize::from(config.fill != Fill::Close)
}
