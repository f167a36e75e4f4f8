//! From tick to tick: the fast path of `fill = "next_tick"`.
//!
//! Three things can come next: a tick that reaches a level, which [`Ticks::first`] finds; the tick that fills the waiting order, which
//! was found when the order was given; the end of a bar whose rules the position cares about. What happens there is what happens in
//! the tick-by-tick engine, by the same functions, and everything between is passed over.

use crate::account::Account;
use crate::bars::{bars_held, decide};
use crate::each_tick::{fill_at, test, ticks_of, waiting};
use crate::events::Ledger;
use crate::search::{margin_call, next_signal, trail_of};
use crate::simulate::Pass;
use crate::ticks::{Fixed, Trailing};

/// Bars up to which equity is accounted for.
struct Accounts<'l, L> {
    ledger: &'l mut L,
    /// The first bar not accounted for, and whether something has happened in it.
    next: usize,
    touched: bool,
}

impl<L: Ledger> Accounts<'_, L> {
    /// Something is about to happen in bar `i`: everything before it stood still.
    #[inline(always)]
    fn touch(&mut self, pass: &Pass<'_>, account: &mut Account, i: usize) {
        if self.touched && i > self.next {
            self.ledger.mark(pass, account, self.next);
            self.next += 1;
        }
        if i > self.next {
            self.ledger.hold(pass, account, self.next, i);
            self.next = i;
        }
        self.touched = true;
    }
}

/// Runs one tile.
#[inline(always)]
pub(crate) fn walk(pass: &Pass<'_>, account: &mut Account, ledger: &mut impl Ledger) {
    let (plan, tile) = (pass.plan, pass.tile);
    let ticks = ticks_of(plan);
    let bars = tile.start..tile.start + tile.len;
    let end = ticks.first_of(bars.end).min(ticks.end);
    let mut accounts = Accounts {
        ledger,
        next: tile.first,
        touched: false,
    };
    // The first tick not looked at, and the first bar whose rules have not been read.
    let mut tick = ticks.first_of(tile.start + tile.first);
    let mut rules = tile.first;
    loop {
        let signal = if account.pending.is_some() {
            tile.len
        } else {
            next_rule(pass, account, rules)
        };
        let until = match account.pending {
            Some(order) => order.tick.min(end),
            None if signal < tile.len => ticks.first_of(tile.start + signal + 1).min(end),
            None => end,
        };
        let reached = first_reached(pass, account, tick, until);
        if reached < until {
            let i = ticks.bar_of(reached, bars.clone()) - tile.start;
            accounts.touch(pass, account, i);
            if test(pass, account, reached, tile.start + i, &mut ()) {
                rules = i + 1;
            }
            tick = reached + 1;
            continue;
        }
        tick = tick.max(until);
        match account.pending {
            Some(order) if order.tick < end => {
                let i = ticks.bar_of(order.tick, bars.clone()) - tile.start;
                accounts.touch(pass, account, i);
                fill_at(pass, account, &order, order.tick, tile.start + i, &mut ());
                tick = order.tick + 1;
                rules = rules.max(i);
            }
            None if signal < tile.len => {
                account.pending = decide(pass, account, signal).map(|order| waiting(plan, order, tile.start + signal));
                rules = signal + 1;
            }
            _ => break,
        }
    }
    accounts.touch(pass, account, tile.len);
}

/// The first bar from `from` on at whose end the rules may give an order, or the tile's length.
#[inline(always)]
fn next_rule(pass: &Pass<'_>, account: &Account, from: usize) -> usize {
    let tile = pass.tile;
    if from >= tile.len || account.ruined {
        return tile.len;
    }
    let next = next_signal(pass, account, from);
    match pass.settings.max_bars {
        Some(n) if !account.book.is_flat() => {
            let held = bars_held(&pass.plan.config, account, tile.start + from);
            next.min(from + (n as usize).saturating_sub(held))
        }
        _ => next,
    }
}

/// The first tick of `from..to` that may end the position, with the trailing stop's best price before it; `to` if there is none.
#[inline(always)]
fn first_reached(pass: &Pass<'_>, account: &mut Account, from: usize, to: usize) -> usize {
    let Some(side) = account.book.side() else { return to };
    if account.ruined || from >= to {
        return from.min(to);
    }
    let (ticks, half) = (ticks_of(pass.plan), pass.plan.config.half_spread);
    let sign = side.sign();
    let worse = (sign * account.book.stop).max(margin_call(pass, account, side));
    let better = sign * account.book.target;
    let Some((factor, distance)) = trail_of(pass.settings, account, side) else {
        return ticks.first(side, half, from, to, &mut Fixed { worse, better });
    };
    let mut watch = Trailing {
        worse,
        better,
        factor,
        distance,
        best: sign * account.best,
    };
    let reached = ticks.first(side, half, from, to, &mut watch);
    account.best = sign * watch.best;
    reached
}
