//! The event engine: from signal to signal, from entry to exit, without looking at the bars between.
//!
//! A bar is *interesting* when something can happen in it: a pending order, a signal that the position cares about, a price
//! that reaches a level. Interesting bars go through the same [`step`] as in the bar-by-bar engine; between them cash and
//! position stand still, and a [`Ledger`] accounts for the whole stretch at once.

use assay_core::job::{Direction, Fill, OnOpposite};

use crate::account::{Account, EquityBuffer, Order, read};
use crate::bars::{bars_held, step};
use crate::book::Moment;
use crate::config::{ExitReason, Side};
use crate::equity::{Moments, simple_return};
use crate::plan::Plan;
use crate::signals::{Settings, SignalTile, Size};
use crate::tile::{Line, Tile};

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

#[inline(always)]
fn add_difference(moments: &mut Moments, upto: &Line, before: &Line) {
    for k in 0..4 {
        moments.powers[k] += upto.powers[k] - before.powers[k];
    }
    moments.downside += upto.downside - before.downside;
    moments.with_benchmark += upto.with_benchmark - before.with_benchmark;
}

/// A stretch that reaches the peak has to be looked at bar by bar.
#[inline(never)]
fn scan_holding(tile: &Tile<'_>, account: &mut Account, from: usize, to: usize) {
    const CHUNK: usize = 64;
    let (cash, q) = (account.book.cash, account.book.value_per_price);
    let mut equity = [0.0; CHUNK];
    for start in (from..to).step_by(CHUNK) {
        let closes = &tile.close[start..to.min(start + CHUNK)];
        equity.iter_mut().zip(closes).for_each(|(e, c)| *e = cash + q * c);
        account
            .drawdown
            .scan((tile.start + start) as u32, &equity[..closes.len()], tile.times);
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
                scan_holding(tile, account, from, to);
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
    if plan.compounds {
        if plan.samples_bars() {
            compound(plan, tile, account, settings, signals, &mut Compounding::<true>::new(tile));
        } else {
            compound(plan, tile, account, settings, signals, &mut Compounding::<false>::new(tile));
        }
    } else {
        walk(plan, tile, account, settings, signals, &mut Buffered(buffer));
        account.absorb(plan, tile, buffer);
    }
}

#[inline(always)]
fn compound(
    plan: &Plan,
    tile: &Tile<'_>,
    account: &mut Account,
    settings: &Settings,
    signals: &SignalTile<'_>,
    ledger: &mut impl Ledger,
) {
    let plain = settings.stop.is_none() && settings.target.is_none() && settings.max_bars.is_none() && plan.positive_prices;
    match (plain, plan.config.fill) {
        (true, Fill::Close) => alternate::<true>(plan, tile, account, signals, ledger),
        (true, _) => alternate::<false>(plan, tile, account, signals, ledger),
        (false, _) => walk(plan, tile, account, settings, signals, ledger),
    }
}

/// Long, all-in, rules only: entries and exits alternate, nothing else can happen. `CLOSE`: filled at the signal's close.
#[inline(always)]
fn alternate<const CLOSE: bool>(
    plan: &Plan,
    tile: &Tile<'_>,
    account: &mut Account,
    signals: &SignalTile<'_>,
    ledger: &mut impl Ledger,
) {
    let config = &plan.config;
    let settings = Settings {
        size: Size::AllIn,
        ..Settings::default()
    };
    let words = signals.enter_long.len().min(tile.len.div_ceil(64));
    let mut done = tile.first;
    let event = |account: &mut Account, ledger: &mut _, done: &mut usize, i: usize| {
        if *done < i {
            Ledger::hold(ledger, plan, tile, account, *done, i);
        }
        let bar = tile.start + i;
        let after = if CLOSE { tile.times.length } else { 0 };
        let at = Moment {
            time: tile.times.start[bar] + after,
            bar,
        };
        let (buy, sell) = if CLOSE {
            (tile.buy.close[i], tile.sell.close[i])
        } else {
            (tile.buy.open[i], tile.sell.open[i])
        };
        if account.book.is_flat() {
            let reading = crate::book::Reading {
                stop: f64::NAN,
                target: f64::NAN,
                trail: f64::NAN,
                volatility: f64::NAN,
            };
            if !account.ruined {
                account.book.enter(config, &settings, Side::Long, buy, &reading, at);
            }
        } else {
            account.book.exit(config, sell, at, ExitReason::Rule, &mut ());
            account.ruined |= account.book.cash <= 0.0;
        }
        Ledger::mark(ledger, plan, tile, account, i);
        *done = i + 1;
    };
    if !CLOSE && account.pending.take().is_some() && done < tile.len {
        event(account, ledger, &mut done, 0);
    }
    let nothing: &[u64] = &[];
    let exits = if signals.exit_long.is_empty() {
        nothing
    } else {
        signals.exit_long
    };
    for w in tile.first / 64..words {
        let (enter, exit) = (signals.enter_long[w], exits.get(w).copied().unwrap_or(0));
        let (enter, exit) = (enter & !exit, exit & !enter);
        let begin = tile.first.saturating_sub(w * 64);
        let end = (tile.len - w * 64).min(64);
        let mut mask = (!0u64 << begin) & (!0u64 >> (64 - end));
        loop {
            let wanted = if account.book.is_flat() { enter } else { exit } & mask;
            if wanted == 0 {
                break;
            }
            let bit = wanted.trailing_zeros() as usize;
            mask &= (!0u64 << bit) << 1;
            let i = w * 64 + bit;
            if CLOSE {
                event(account, ledger, &mut done, i);
            } else if i + 1 < tile.len {
                event(account, ledger, &mut done, i + 1);
            } else if tile.start + i + 1 < plan.market.window.end {
                account.pending = Some(Order {
                    exit: None,
                    enter: None,
                    reading: read(signals, i),
                });
            }
        }
    }
    if done < tile.len {
        ledger.hold(plan, tile, account, done, tile.len);
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
