//! The event engine: from signal to signal, from entry to exit, without looking at the bars between.
//!
//! A bar is *interesting* when something can happen in it: a pending order, a signal that the position cares about, a price
//! that reaches a level. Interesting bars go through the same [`step`] as in the bar-by-bar engine; between them cash and
//! position stand still, and a [`Ledger`] accounts for the whole stretch at once.

use assay_core::job::Fill;

use crate::account::{Account, EquityBuffer, TrialBuffers};
use crate::bars::{decide, fill, step};
use crate::equity::simple_return;
use crate::holdings::{Sampler, stand};
use crate::jumps;
use crate::plan::Path;
use crate::search::{first_trigger, next_interesting, next_signal};
use crate::signals::Settings;
use crate::simulate::Pass;
use crate::tile::Tile;

/// Accounts for equity while cash and position stand still, and at single bars.
pub(crate) trait Ledger {
    /// Bars `from..to` of the tile, not empty, with the account's cash and position.
    fn hold(&mut self, pass: &Pass<'_>, account: &mut Account, from: usize, to: usize);
    /// The close of bar `i`, after its fills.
    fn mark(&mut self, pass: &Pass<'_>, account: &mut Account, i: usize);
}

/// Equity of every bar written down, for positions whose returns are not the instrument's.
struct Buffered<'b>(&'b mut EquityBuffer);

impl Ledger for Buffered<'_> {
    #[inline(always)]
    fn hold(&mut self, pass: &Pass<'_>, account: &mut Account, from: usize, to: usize) {
        let (cash, q) = (account.book.cash, account.book.value_per_price);
        let target = self.0.range_mut(from, to);
        if q == 0.0 {
            target.fill(cash);
        } else {
            for (equity, close) in target.iter_mut().zip(&pass.tile.close[from..to]) {
                *equity = cash + q * close;
            }
            account.bars_held += (to - from) as u64;
        }
    }

    #[inline(always)]
    fn mark(&mut self, pass: &Pass<'_>, account: &mut Account, i: usize) {
        self.0.set(i, account.book.equity(pass.tile.close[i]));
        account.bars_held += u64::from(!account.book.is_flat());
    }
}

/// Extremes of a stretch come from the tile's range tables, and equity is computed only where it is sampled. With `BARS` equity is
/// sampled by bar, and holdings must be worth all of it: then sums over a stretch come from the tile's lines.
struct Ranged<const BARS: bool> {
    sampler: Sampler,
    /// Lowest and highest close of the tile.
    extremes: (f64, f64),
}

impl<const BARS: bool> Ranged<BARS> {
    fn new(tile: &Tile<'_>) -> Self {
        Self {
            sampler: Sampler::new(tile),
            extremes: tile.close_extremes(),
        }
    }

    #[inline(always)]
    fn sample_until(&mut self, pass: &Pass<'_>, account: &mut Account, to: usize) {
        let standing = (account.book.cash, account.book.value_per_price);
        self.sampler.take(pass, account, standing, to);
    }
}

impl<const BARS: bool> Ledger for Ranged<BARS> {
    #[inline(always)]
    fn hold(&mut self, pass: &Pass<'_>, account: &mut Account, from: usize, to: usize) {
        let tile = pass.tile;
        let (cash, q) = (account.book.cash, account.book.value_per_price);
        if q == 0.0 {
            if BARS {
                account.moments.downside += (to - from) as f64 * pass.plan.flat_shortfall();
            }
        } else {
            account.bars_held += (to - from) as u64;
            if BARS {
                account.moments.add(&(tile.lines[to] - tile.lines[from]).moments());
            }
        }
        stand(&mut account.drawdown, tile, self.extremes, (cash, q), from..to);
        self.sample_until(pass, account, to);
        account.set_last_equity(cash + q * tile.close[to - 1]);
    }

    #[inline(always)]
    fn mark(&mut self, pass: &Pass<'_>, account: &mut Account, i: usize) {
        let tile = pass.tile;
        let equity = account.book.equity(tile.close[i]);
        if BARS {
            let r = simple_return(account.last_equity(), equity);
            account.moments.push(r, pass.plan.config.risk_free, tile.benchmark[i]);
        }
        account.set_last_equity(equity);
        account.bars_held += u64::from(!account.book.is_flat());
        account.drawdown.mark((tile.start + i) as u32, equity, tile.times);
        self.sample_until(pass, account, i + 1);
    }
}

/// Runs one tile of one trial.
#[inline(always)]
pub(crate) fn advance(pass: &Pass<'_>, account: &mut Account, buffers: &mut TrialBuffers) {
    let (plan, tile) = (pass.plan, pass.tile);
    if !plan.samples_bars() {
        follow(pass, account, &mut Ranged::<false>::new(tile));
    } else if plan.compounds {
        follow(pass, account, &mut Ranged::<true>::new(tile));
    } else {
        follow(pass, account, &mut Buffered(&mut buffers.equity));
        account.absorb(plan, tile, &mut buffers.equity);
    }
}

#[inline(always)]
fn follow(pass: &Pass<'_>, account: &mut Account, ledger: &mut impl Ledger) {
    if pass.plan.path == Path::Ticks {
        jumps::walk(pass, account, ledger);
    } else if pass.settings.rules_only() && pass.plan.config.pyramiding == 1 && !pass.plan.compounds {
        follow_rules(pass, account, ledger);
    } else {
        walk(pass, account, ledger);
    }
}

/// Any job of the event path.
#[inline(always)]
fn walk(pass: &Pass<'_>, account: &mut Account, ledger: &mut impl Ledger) {
    let tile = pass.tile;
    let mut i = tile.first;
    while i < tile.len {
        let next = next_interesting(pass, account, i);
        if next > i {
            ledger.hold(pass, account, i, next);
        }
        if next == tile.len {
            break;
        }
        look_at(pass, account, ledger, next);
        i = next + 1;
    }
}

/// Everything that happens in bar `i`, and its close.
#[inline(always)]
fn look_at(pass: &Pass<'_>, account: &mut Account, ledger: &mut impl Ledger, i: usize) {
    step(pass, account, i, &mut ());
    ledger.mark(pass, account, i);
    account.ruined |= account.book.equity(pass.tile.close[i]) <= 0.0;
}

/// Jobs without levels and expiry: between margin calls only signals matter, and a fill parts the bars before it from its own and
/// those after, which it leaves at its cash and position.
#[inline(always)]
fn follow_rules(pass: &Pass<'_>, account: &mut Account, ledger: &mut impl Ledger) {
    let (tile, at_close) = (pass.tile, pass.plan.config.fill == Fill::Close);
    // Known to be without levels, which the compiler then need not look for.
    let bare = Settings {
        size: pass.settings.size,
        ..Settings::default()
    };
    let mut accounted = tile.first;
    let mut i = tile.first;
    if let Some(order) = account.pending.take() {
        fill(pass, account, &bare, &order, tile.opens(i), &mut ());
    }
    while i < tile.len && !(account.ruined && account.book.is_flat()) {
        let next = next_signal(pass, account, i);
        let until = tile.len.min(next + 1);
        let trigger = account
            .book
            .side()
            .map_or(until, |side| first_trigger(pass, account, side, i, until));
        if trigger < until {
            if trigger > accounted {
                ledger.hold(pass, account, accounted, trigger);
            }
            look_at(pass, account, ledger, trigger);
            i = trigger + 1;
            accounted = i;
            if i < tile.len
                && let Some(order) = account.pending.take()
            {
                fill(pass, account, &bare, &order, tile.opens(i), &mut ());
            }
            continue;
        }
        if next == tile.len {
            break;
        }
        i = next + 1;
        let Some(order) = decide(pass, account, next) else { continue };
        let filled = next + usize::from(!at_close);
        if filled == tile.len {
            account.pending = (tile.start + filled < pass.plan.market.window.end).then_some(order);
            break;
        }
        if filled > accounted {
            ledger.hold(pass, account, accounted, filled);
        }
        let quote = if at_close { tile.closes(filled) } else { tile.opens(filled) };
        fill(pass, account, &bare, &order, quote, &mut ());
        accounted = filled;
    }
    if accounted < tile.len {
        ledger.hold(pass, account, accounted, tile.len);
    }
}
