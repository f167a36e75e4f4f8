//! The event engine: from signal to signal, from entry to exit, without looking at the bars between.
//!
//! A bar is *interesting* when something can happen in it: a pending order, a signal that the position cares about, a price
//! that reaches a level. Interesting bars go through the same [`step`] as in the bar-by-bar engine; between them cash and
//! position stand still, and a [`Ledger`] accounts for the whole stretch at once.

use assay_core::job::{Direction, Fill, OnOpposite};

use crate::account::{Account, EquityBuffer};
use crate::bars::{bars_held, step};
use crate::config::Side;
use crate::equity::simple_return;
use crate::holdings::{self, add_difference, scan_holding};
use crate::plan::Plan;
use crate::signals::{Settings, SignalTile};
use crate::tile::Tile;

/// Slack of the price at which a margin call is looked for; whether it is one is then tested exactly.
const MARGIN_SLACK: f64 = 1e-9;

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

/// Holdings worth all of equity: sums and extremes of a stretch come from the tile's tables. `BARS`: equity is sampled by bar.
struct Compounding<const BARS: bool> {
    /// Checkpoints done.
    sampled: usize,
    /// Bar of the next checkpoint, or past the tile.
    next_sample: usize,
    /// Highest close of the tile.
    highest: f64,
}

impl<const BARS: bool> Compounding<BARS> {
    fn new(tile: &Tile<'_>) -> Self {
        let next_sample = tile.checkpoints.first().map_or(usize::MAX, |c| c.bar as usize);
        Self {
            sampled: 0,
            next_sample,
            highest: tile.highs.max(0, tile.len),
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

impl<const BARS: bool> Ledger for Compounding<BARS> {
    #[inline(always)]
    fn hold(&mut self, plan: &Plan, tile: &Tile<'_>, account: &mut Account, from: usize, to: usize) {
        let (cash, q) = (account.book.cash, account.book.value_per_price);
        if q != 0.0 {
            account.bars_held += (to - from) as u64;
            if BARS {
                add_difference(&mut account.moments, &tile.lines[to], &tile.lines[from]);
            }
            let may_surface = account.drawdown.at_peak(cash + q * self.highest);
            if may_surface && account.drawdown.at_peak(cash + q * tile.highs.max(from, to)) {
                scan_holding(tile, &mut account.drawdown, cash, q, from, to);
            } else {
                account
                    .drawdown
                    .below((tile.start + from) as u32, cash + q * tile.lows.min(from, to));
            }
        } else if BARS {
            account.moments.downside += (to - from) as f64 * plan.flat_shortfall();
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
    } else if plan.compounds {
        if plan.samples_bars() {
            walk(plan, tile, account, settings, signals, &mut Compounding::<true>::new(tile));
        } else {
            walk(plan, tile, account, settings, signals, &mut Compounding::<false>::new(tile));
        }
    } else {
        walk(plan, tile, account, settings, signals, &mut Buffered(buffer));
        account.absorb(plan, tile, buffer);
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

/// The first bar from `i` on in which something can happen, or the tile's length.
#[inline(always)]
fn next_interesting(
    plan: &Plan,
    tile: &Tile<'_>,
    account: &Account,
    settings: &Settings,
    signals: &SignalTile<'_>,
    i: usize,
) -> usize {
    if account.pending.is_some() {
        return i;
    }
    if account.ruined && account.book.is_flat() {
        return tile.len;
    }
    let next = next_signal(plan, tile, account, signals, i);
    let Some(side) = account.book.side() else { return next };
    let next = match settings.max_bars {
        Some(n) => {
            let held = bars_held(&plan.config, account, tile.start + i);
            next.min(i + (n as usize).saturating_sub(held))
        }
        None => next,
    };
    // The bar of the signal itself is looked at anyway.
    first_trigger(plan, tile, account, side, i, next)
}

/// The first bar from `i` on with a signal that matters to the position, or the tile's length.
#[inline(always)]
fn next_signal(plan: &Plan, tile: &Tile<'_>, account: &Account, signals: &SignalTile<'_>, i: usize) -> usize {
    let config = &plan.config;
    let (long, short) = (config.direction != Direction::Short, config.direction != Direction::Long);
    let word = |traded: bool, words: &[u64], w: usize| if traded { words.get(w).copied().unwrap_or(0) } else { 0 };
    let opposite_matters = config.on_opposite != OnOpposite::Ignore;
    let side = account.book.side();
    let mut mask = !0u64 << (i % 64);
    for w in i / 64..tile.len.div_ceil(64) {
        let (el, xl) = (word(long, signals.enter_long, w), word(long, signals.exit_long, w));
        let (es, xs) = (word(short, signals.enter_short, w), word(short, signals.exit_short, w));
        let (el, xl, es, xs) = (el & !xl, xl & !el, es & !xs, xs & !es);
        let wanted = match side {
            None => el ^ es,
            Some(Side::Long) if opposite_matters => xl | (es & !el),
            Some(Side::Long) => xl,
            Some(Side::Short) if opposite_matters => xs | (el & !es),
            Some(Side::Short) => xs,
        } & mask;
        if wanted != 0 {
            return (w * 64 + wanted.trailing_zeros() as usize).min(tile.len);
        }
        mask = !0;
    }
    tile.len
}

#[allow(
    clippy::needless_bitwise_bool,
    reason = "a lazy operator is a branch, which keeps the comparisons from being vectorized"
)]
/// The first bar of `from..to` whose exit-side prices reach the stop, the target or a margin call; `to` if none does.
#[inline(always)]
fn first_trigger(plan: &Plan, tile: &Tile<'_>, account: &Account, side: Side, from: usize, to: usize) -> usize {
    const CHUNK: usize = 16;
    let (book, margin) = (&account.book, plan.config.maintenance_margin);
    let exits = if side == Side::Long { &tile.sell } else { &tile.buy };
    // A short position is a long one in the mirrored price: its lows are the highs.
    let (near, far, worse, better) = match side {
        Side::Long => {
            let call = -book.cash / (book.value_per_price * (1.0 - margin));
            (
                exits.low,
                exits.high,
                book.stop.max(call + call.abs() * MARGIN_SLACK),
                book.target,
            )
        }
        Side::Short => {
            let call = -book.cash / (book.value_per_price * (1.0 + margin));
            (
                exits.high,
                exits.low,
                book.stop.min(call - call.abs() * MARGIN_SLACK),
                book.target,
            )
        }
    };
    let sign = side.sign();
    let (worse, better) = (sign * worse, sign * better);
    let hit = |k: usize| (sign * near[k] <= worse) | (sign * far[k] >= better);
    let mut k = from;
    while k + CHUNK <= to {
        let (near, far) = (&near[k..k + CHUNK], &far[k..k + CHUNK]);
        let any = (0..CHUNK).fold(false, |any, j| any | (sign * near[j] <= worse) | (sign * far[j] >= better));
        if any {
            break;
        }
        k += CHUNK;
    }
    while k < to && !hit(k) {
        k += 1;
    }
    k
}
