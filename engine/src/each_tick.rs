//! The tick-by-tick engine, for `fill = "next_tick"`: every rule of `docs/semantics.md` over ticks, in the order in which they come.
//!
//! ```text
//! each tick of a bar:     the waiting order fills, or else stop, target, trail -> margin
//! at the end of the bar:  rules -> holding costs -> mark at the close
//! ```

use crate::account::{Account, EquityBuffer, Order};
use crate::bars::{accrue, accrue_bar, decide, fill, tighter_stop};
use crate::book::Moment;
use crate::config::{ExitReason, Side};
use crate::plan::Plan;
use crate::simulate::Pass;
use crate::ticks::Ticks;
use crate::tile::Quote;
use crate::trades::Journal;

/// The ticks of a plan that fills at them.
#[inline(always)]
pub(crate) fn ticks_of(plan: &Plan) -> &Ticks {
    plan.market
        .ticks
        .as_ref()
        .expect("a plan that fills at ticks was refused without them")
}

/// Runs one tile.
pub(crate) fn advance(pass: &Pass<'_>, account: &mut Account, buffer: &mut EquityBuffer, journal: &mut impl Journal) {
    let (plan, tile) = (pass.plan, pass.tile);
    for i in tile.first..tile.len {
        step(pass, account, i, journal);
        let equity = account.book.equity(tile.close[i]);
        buffer.set(i, equity);
        account.bars_held += u64::from(!account.book.is_flat());
        account.ruined |= equity <= 0.0;
    }
    account.absorb(plan, tile, buffer);
}

/// Everything that happens in the tile's bar `i`.
fn step(pass: &Pass<'_>, account: &mut Account, i: usize, journal: &mut impl Journal) {
    let (plan, bar) = (pass.plan, pass.tile.start + i);
    let ticks = ticks_of(plan);
    let mut ended_at_level = false;
    for k in ticks.first_of(bar)..ticks.first_of(bar + 1).min(ticks.end) {
        match account.pending {
            Some(order) if order.tick <= k => fill_at(pass, account, &order, k, bar, journal),
            _ => ended_at_level |= test(pass, account, k, bar, journal),
        }
    }
    if !ended_at_level && account.pending.is_none() {
        account.pending = decide(pass, account, i).map(|order| waiting(plan, order, bar));
    }
    accrue_bar(pass, account, i);
}

/// An order of the rules at the end of `bar`, with the first tick that may fill it: of a later bar, after the latency.
#[inline(always)]
pub(crate) fn waiting(plan: &Plan, order: Order, bar: usize) -> Order {
    let (market, ticks) = (&plan.market, ticks_of(plan));
    let next = market.time.get(bar + 1).copied().unwrap_or(i64::MAX);
    let known = market.end_of(bar).min(next);
    let tick = ticks.at_or_after(ticks.first_of(bar + 1), known.saturating_add(plan.config.latency_ns));
    Order { tick, ..order }
}

/// Tick `k` of `bar` fills the waiting order.
#[inline(always)]
pub(crate) fn fill_at(pass: &Pass<'_>, account: &mut Account, order: &Order, k: usize, bar: usize, journal: &mut impl Journal) {
    let ticks = ticks_of(pass.plan);
    let half = pass.plan.config.half_spread;
    let at = Moment {
        time: ticks.time[k],
        bar,
    };
    let quote = Quote {
        buy: ticks.buy(k) + half,
        sell: ticks.sell(k) - half,
        at,
    };
    account.pending = None;
    fill(pass, account, pass.settings, order, quote, journal);
}

/// Tests tick `k` of `bar` against the position's levels and margin; true if the position ended.
#[inline(always)]
pub(crate) fn test(pass: &Pass<'_>, account: &mut Account, k: usize, bar: usize, journal: &mut impl Journal) -> bool {
    let Some(side) = account.book.side() else { return false };
    let config = &pass.plan.config;
    let ticks = ticks_of(pass.plan);
    let price = match side {
        Side::Long => ticks.sell(k) - config.half_spread,
        Side::Short => ticks.buy(k) + config.half_spread,
    };
    let (stop, reason) = tighter_stop(pass.settings, account, side);
    let sign = side.sign();
    let (paid, reason) = if sign * price <= sign * stop {
        (price, reason)
    } else if sign * price >= sign * account.book.target {
        (account.book.target, ExitReason::Target)
    } else if account.ruined || account.book.is_called(config, price) {
        account.book.margin_calls += 1;
        (price, ExitReason::Margin)
    } else {
        account.best = sign * (sign * account.best).max(sign * price);
        return false;
    };
    let at = Moment {
        time: ticks.time[k],
        bar,
    };
    accrue(pass.plan, account, at.time);
    account.book.exit(config, paid, at, reason, journal);
    account.ruined |= account.book.cash <= 0.0;
    // What is left of a waiting order that would have left the position: its entry, if it has one.
    account.pending = account.pending.filter(|order| order.enter.is_some());
    true
}
