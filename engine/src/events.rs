//! The event engine: from signal to signal, from entry to exit, without looking at the bars between.
//!
//! A bar is *interesting* when something can happen in it: a pending order, a signal that the position cares about, a price
//! that reaches a level. Interesting bars go through the same [`step`] as in the bar-by-bar engine; between them cash and
//! position stand still, and a [`Ledger`] accounts for the whole stretch at once.

use assay_core::job::Fill;

use crate::account::{Account, EquityBuffer, Order};
use crate::bars::{decide, fill, step};
use crate::book::Moment;
use crate::equity::simple_return;
use crate::holdings::{self, add_difference, scan_holding};
use crate::plan::Plan;
use crate::search::{first_trigger, next_interesting, next_signal};
use crate::signals::{Settings, SignalTile};
use crate::tile::Tile;

/// Accounts for equity while cash and position stand still, and at single bars.
trait Ledger {
    /// Bars `from..to` of the tile, not empty, with the account's cash and position.
    fn hold(&mut self, plan: &Plan, tile: &Tile<'_>, account: &mut Account, from: usize, to: usize);
    /// The close of bar `i`, after its fills.
    fn mark(&mut self, plan: &Plan, tile: &Tile<'_>, account: &mut Account, i: usize);
}

/// Equity of every bar written down, for positions whose returns are not the instrument's.
struct Buffered<'b>(&'b mut EquityBuffer);

impl Ledger for Buffered<'_> {
    #[inline(always)]
    fn hold(&mut self, _: &Plan, tile: &Tile<'_>, account: &mut Account, from: usize, to: usize) {
        let (cash, q) = (account.book.cash, account.book.value_per_price);
        let target = self.0.range_mut(from, to);
        if q == 0.0 {
            target.fill(cash);
        } else {
            target
                .iter_mut()
                .zip(&tile.close[from..to])
                .for_each(|(e, c)| *e = cash + q * c);
            account.bars_held += (to - from) as u64;
        }
    }

    #[inline(always)]
    fn mark(&mut self, _: &Plan, tile: &Tile<'_>, account: &mut Account, i: usize) {
        self.0.set(i, account.book.equity(tile.close[i]));
        account.bars_held += u64::from(!account.book.is_flat());
    }
}

/// Extremes of a stretch come from the tile's range tables, and equity is computed only where it is sampled. With `BARS` equity is
/// sampled by bar, and holdings must be worth all of it: then sums over a stretch come from the tile's lines.
struct Ranged<const BARS: bool> {
    /// Checkpoints done.
    sampled: usize,
    /// Bar of the next checkpoint, or past the tile.
    next_sample: usize,
    /// Lowest and highest close of the tile.
    extremes: (f64, f64),
}

impl<const BARS: bool> Ranged<BARS> {
    fn new(tile: &Tile<'_>) -> Self {
        let next_sample = tile.checkpoints.first().map_or(usize::MAX, |c| c.bar as usize);
        Self {
            sampled: 0,
            next_sample,
            extremes: (tile.lows.min(0, tile.len), tile.highs.max(0, tile.len)),
        }
    }

    #[inline(always)]
    fn sample_until(&mut self, plan: &Plan, tile: &Tile<'_>, account: &mut Account, to: usize) {
        while self.next_sample < to {
            let checkpoint = &tile.checkpoints[self.sampled];
            let equity = account.book.equity(tile.close[self.next_sample]);
            account.sample(plan, checkpoint, equity);
            self.sampled += 1;
            self.next_sample = tile.checkpoints.get(self.sampled).map_or(usize::MAX, |c| c.bar as usize);
        }
    }
}

impl<const BARS: bool> Ledger for Ranged<BARS> {
    #[inline(always)]
    fn hold(&mut self, plan: &Plan, tile: &Tile<'_>, account: &mut Account, from: usize, to: usize) {
        let (cash, q) = (account.book.cash, account.book.value_per_price);
        if q == 0.0 {
            account.drawdown.mark((tile.start + from) as u32, cash, tile.times);
            if BARS {
                account.moments.downside += (to - from) as f64 * plan.flat_shortfall();
            }
        } else {
            account.bars_held += (to - from) as u64;
            if BARS {
                add_difference(&mut account.moments, &tile.lines[to], &tile.lines[from]);
            }
            let best_of_tile = if q > 0.0 { self.extremes.1 } else { self.extremes.0 };
            let best = |tile: &Tile<'_>| {
                if q > 0.0 {
                    tile.highs.max(from, to)
                } else {
                    tile.lows.min(from, to)
                }
            };
            if account.drawdown.at_peak(cash + q * best_of_tile) && account.drawdown.at_peak(cash + q * best(tile)) {
                scan_holding(tile, &mut account.drawdown, cash, q, from, to);
            } else {
                let worst = if q > 0.0 {
                    tile.lows.min(from, to)
                } else {
                    tile.highs.max(from, to)
                };
                account.drawdown.below((tile.start + from) as u32, cash + q * worst);
            }
        }
        self.sample_until(plan, tile, account, to);
        account.set_last_equity(cash + q * tile.close[to - 1]);
    }

    #[inline(always)]
    fn mark(&mut self, plan: &Plan, tile: &Tile<'_>, account: &mut Account, i: usize) {
        let equity = account.book.equity(tile.close[i]);
        if BARS {
            let r = simple_return(account.last_equity(), equity);
            account.moments.push(r, plan.config.risk_free, tile.lines[i + 1].benchmark);
        }
        account.set_last_equity(equity);
        account.bars_held += u64::from(!account.book.is_flat());
        account.drawdown.mark((tile.start + i) as u32, equity, tile.times);
        self.sample_until(plan, tile, account, i + 1);
    }
}

/// Runs one tile of one trial.
#[inline(always)]
pub(crate) fn advance(
    plan: &Plan,
    tile: &Tile<'_>,
    account: &mut Account,
    settings: &Settings,
    signals: &SignalTile<'_>,
    buffer: &mut EquityBuffer,
) {
    if plan.alternates(settings) {
        match (plan.samples_bars(), plan.config.fill) {
            (true, Fill::Close) => holdings::advance::<true, true>(plan, tile, account, signals),
            (true, _) => holdings::advance::<true, false>(plan, tile, account, signals),
            (false, Fill::Close) => holdings::advance::<false, true>(plan, tile, account, signals),
            (false, _) => holdings::advance::<false, false>(plan, tile, account, signals),
        }
    } else if !plan.samples_bars() {
        follow(plan, tile, account, settings, signals, &mut Ranged::<false>::new(tile));
    } else if plan.compounds {
        follow(plan, tile, account, settings, signals, &mut Ranged::<true>::new(tile));
    } else {
        follow(plan, tile, account, settings, signals, &mut Buffered(buffer));
        account.absorb(plan, tile, buffer);
    }
}

#[inline(always)]
fn follow(
    plan: &Plan,
    tile: &Tile<'_>,
    account: &mut Account,
    settings: &Settings,
    signals: &SignalTile<'_>,
    ledger: &mut impl Ledger,
) {
    if settings.rules_only() && plan.config.pyramiding == 1 && !plan.compounds {
        follow_rules(plan, tile, account, settings, signals, ledger);
    } else {
        walk(plan, tile, account, settings, signals, ledger);
    }
}

/// Any job of the event path.
#[inline(always)]
fn walk(
    plan: &Plan,
    tile: &Tile<'_>,
    account: &mut Account,
    settings: &Settings,
    signals: &SignalTile<'_>,
    ledger: &mut impl Ledger,
) {
    let mut i = tile.first;
    while i < tile.len {
        let next = next_interesting(plan, tile, account, settings, signals, i);
        if next > i {
            ledger.hold(plan, tile, account, i, next);
        }
        if next == tile.len {
            break;
        }
        step(plan, tile, account, settings, signals, next, &mut ());
        ledger.mark(plan, tile, account, next);
        account.ruined |= account.book.equity(tile.close[next]) <= 0.0;
        i = next + 1;
    }
}

/// Carries out an order at the close or the open of bar `i`.
#[inline(always)]
fn fill_at(plan: &Plan, tile: &Tile<'_>, account: &mut Account, settings: &Settings, order: &Order, i: usize) {
    let bar = tile.start + i;
    let start = tile.times.start[bar];
    let (time, prices) = if plan.config.fill == Fill::Close {
        (start + tile.times.length, (tile.buy.close[i], tile.sell.close[i]))
    } else {
        (start, (tile.buy.open[i], tile.sell.open[i]))
    };
    fill(&plan.config, account, settings, order, prices, Moment { time, bar }, &mut ());
}

/// Jobs without levels and expiry: between margin calls only signals matter, and a fill parts the bars before it from its own and
/// those after, which it leaves at its cash and position.
#[inline(always)]
fn follow_rules(
    plan: &Plan,
    tile: &Tile<'_>,
    account: &mut Account,
    settings: &Settings,
    signals: &SignalTile<'_>,
    ledger: &mut impl Ledger,
) {
    let bare = Settings {
        size: settings.size,
        ..Settings::default()
    };
    let at_close = plan.config.fill == Fill::Close;
    let mut accounted = tile.first;
    let mut i = tile.first;
    if let Some(order) = account.pending.take() {
        fill_at(plan, tile, account, &bare, &order, i);
    }
    while i < tile.len && !(account.ruined && account.book.is_flat()) {
        let next = next_signal(plan, tile, account, signals, i);
        let until = tile.len.min(next + 1);
        let trigger = account
            .book
            .side()
            .map_or(until, |side| first_trigger(plan, tile, account, side, i, until));
        if trigger < until {
            if trigger > accounted {
                ledger.hold(plan, tile, account, accounted, trigger);
            }
            step(plan, tile, account, settings, signals, trigger, &mut ());
            ledger.mark(plan, tile, account, trigger);
            account.ruined |= account.book.equity(tile.close[trigger]) <= 0.0;
            i = trigger + 1;
            accounted = i;
            if i < tile.len
                && let Some(order) = account.pending.take()
            {
                fill_at(plan, tile, account, &bare, &order, i);
            }
            continue;
        }
        if next == tile.len {
            break;
        }
        i = next + 1;
        let Some(order) = decide(&plan.config, account, &bare, signals, next, tile.start + next) else {
            continue;
        };
        let filled = next + usize::from(!at_close);
        if filled == tile.len {
            account.pending = (tile.start + filled < plan.market.window.end).then_some(order);
            break;
        }
        if filled > accounted {
            ledger.hold(plan, tile, account, accounted, filled);
        }
        fill_at(plan, tile, account, &bare, &order, filled);
        accounted = filled;
    }
    if accounted < tile.len {
        ledger.hold(plan, tile, account, accounted, tile.len);
    }
}
