//! The fastest path: long, all-in, by rules alone, with costs in proportion to value. Entries and exits alternate, no order is
//! ever skipped, and equity never reaches 0, so nothing else can happen.
//!
//! First the bars of the fills are collected from the signal words, then all holdings of the tile are accounted for in one loop
//! without a branch that depends on the data: a return inside a holding is the instrument's own, so sums over it are the
//! difference of two [`Line`]s, and its lowest equity is a range minimum.

use crate::account::{Account, Order, read};
use crate::config::Config;
use crate::equity::{Drawdown, Moments};
use crate::simulate::Pass;
use crate::tile::{Line, TILE, Tile};
use crate::trades::TradeStats;

/// Bars of the fills of one tile, in order, entries and exits in turn.
struct Fills {
    bars: [u16; TILE + 1],
    len: usize,
}

/// Collects the fills of a tile. `CLOSE`: at the signal's bar; else one bar later, with an order for the next tile left pending.
#[inline(always)]
fn collect<const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account) -> Fills {
    let (plan, tile, signals) = (pass.plan, pass.tile, &pass.signals);
    let mut fills = Fills {
        bars: [0; TILE + 1],
        len: 0,
    };
    let mut holding = !account.book.is_flat();
    if !CLOSE && account.pending.take().is_some() {
        fills.bars[0] = 0;
        fills.len = 1;
        holding = !holding;
    }
    let words = tile.len.div_ceil(64);
    for w in tile.first / 64..words {
        let enter = signals.enter_long.get(w).copied().unwrap_or(0);
        let exit = signals.exit_long.get(w).copied().unwrap_or(0);
        let begin = tile.first.saturating_sub(w * 64);
        let end = (tile.len - w * 64).min(64);
        let traded = (!0u64 << begin) & (!0u64 >> (64 - end));
        let (enter, exit) = (enter & !exit & traded, exit & !enter & traded);
        let mut rest = !0u64;
        loop {
            let wanted = if holding { exit } else { enter } & rest;
            if wanted == 0 {
                break;
            }
            let bit = wanted.trailing_zeros();
            rest = (!0u64 << bit) << 1;
            let bar = w * 64 + bit as usize + usize::from(!CLOSE);
            if bar == tile.len {
                if tile.start + bar < plan.market.window.end {
                    account.pending = Some(Order {
                        exit: None,
                        enter: None,
                        reading: read(signals, bar - 1),
                    });
                }
                break;
            }
            fills.bars[fills.len] = bar as u16;
            fills.len += 1;
            holding = !holding;
        }
    }
    fills
}

/// The parts of an account that change with every holding, side by side and outside the account while a tile runs.
struct Run {
    cash: f64,
    moments: Moments,
    drawdown: Drawdown,
    stats: TradeStats,
    bars_held: u64,
}

/// An open holding.
#[derive(Clone, Copy)]
struct Holding {
    units: f64,
    q: f64,
    price: f64,
    paid: f64,
    time: i64,
}

/// Runs one tile. `BARS`: equity is sampled by bar.
#[inline(always)]
pub(crate) fn advance<const BARS: bool, const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account) {
    let (plan, tile) = (pass.plan, pass.tile);
    let config = &plan.config;
    let fills = collect::<CLOSE>(pass, account);
    let mut run = Run {
        cash: account.book.cash,
        moments: account.moments,
        drawdown: account.drawdown,
        stats: account.book.stats,
        bars_held: account.bars_held,
    };
    let highest = tile.highs.max(0, tile.len);
    let (units, price, paid, time) = account.book.holding();
    let mut holding = Holding {
        units,
        q: units * config.multiplier,
        price,
        paid,
        time,
    };
    let (buy, sell, delay) = if CLOSE {
        (tile.buy.close, tile.sell.close, tile.times.length)
    } else {
        (tile.buy.open, tile.sell.open, 0)
    };
    let starts = &tile.times.start[tile.start..tile.start + tile.len];
    let mut accounted = tile.first;
    let mut standing = (run.cash, holding.q);
    let mut held = holding.q != 0.0;
    let mut sampler = Sampler::new(tile);
    for &bar in &fills.bars[..fills.len] {
        let i = usize::from(bar);
        if held {
            // Bars accounted..i are inside the holding; it ends at bar i.
            if i > accounted {
                run.hold::<BARS>(tile, &holding, accounted, i, highest);
            }
            sampler.take(pass, account, standing, i);
            run.leave::<BARS>(config, tile, &mut holding, i, sell[i], starts[i] + delay);
        } else {
            if BARS {
                run.moments.downside += (i - accounted) as f64 * plan.flat_shortfall();
            }
            sampler.take(pass, account, standing, i);
            run.enter::<BARS>(config, tile, &mut holding, i, buy[i], starts[i] + delay);
        }
        held = !held;
        accounted = i + 1;
        standing = (run.cash, holding.q);
    }
    if held && accounted < tile.len {
        run.hold::<BARS>(tile, &holding, accounted, tile.len, highest);
    } else if BARS {
        run.moments.downside += (tile.len - accounted) as f64 * plan.flat_shortfall();
    }
    sampler.take(pass, account, standing, tile.len);
    account.moments = run.moments;
    account.drawdown = run.drawdown;
    account.bars_held = run.bars_held;
    account.book.stats = run.stats;
    account.book.cash = run.cash;
    account
        .book
        .set_holding(config.multiplier, (holding.units, holding.price, holding.paid, holding.time));
    account.set_last_equity(run.cash + holding.q * tile.close[tile.len - 1]);
}

impl Run {
    /// Bars `from..to`, not empty, inside a holding.
    #[inline(always)]
    fn hold<const BARS: bool>(&mut self, tile: &Tile<'_>, holding: &Holding, from: usize, to: usize, highest: f64) {
        let (cash, q) = (self.cash, holding.q);
        self.bars_held += (to - from) as u64;
        if BARS {
            add_difference(&mut self.moments, &tile.lines[to], &tile.lines[from]);
        }
        let may_surface = self.drawdown.at_peak(cash + q * highest);
        if may_surface && self.drawdown.at_peak(cash + q * tile.highs.max(from, to)) {
            scan_holding(tile, &mut self.drawdown, cash, q, from, to);
        } else {
            self.drawdown
                .below((tile.start + from) as u32, cash + q * tile.lows.min(from, to));
        }
    }

    /// Enters at bar `i`.
    #[inline(always)]
    fn enter<const BARS: bool>(
        &mut self,
        config: &Config,
        tile: &Tile<'_>,
        holding: &mut Holding,
        i: usize,
        executable: f64,
        time: i64,
    ) {
        let before = self.cash;
        let price = config.bought_at(executable);
        // The reciprocal does not wait for the holding before.
        let units = before * (1.0 / (price * config.multiplier * (1.0 + config.commission)));
        let value = units * price * config.multiplier;
        let fee = value * config.commission;
        self.cash = before - (value + fee);
        self.stats.fill(value, fee);
        *holding = Holding {
            units,
            q: units * config.multiplier,
            price,
            paid: fee,
            time,
        };
        self.bars_held += 1;
        self.mark::<BARS>(config, tile, i, before, self.cash + holding.q * tile.close[i]);
    }

    /// Leaves at bar `i`.
    #[inline(always)]
    fn leave<const BARS: bool>(
        &mut self,
        config: &Config,
        tile: &Tile<'_>,
        holding: &mut Holding,
        i: usize,
        executable: f64,
        time: i64,
    ) {
        let before = self.cash + holding.q * if i > 0 { tile.close[i - 1] } else { tile.close_before };
        let price = config.sold_at(executable);
        let value = holding.units * price * config.multiplier;
        let fee = value * config.commission;
        self.stats.fill(value, fee);
        self.cash += value - fee;
        let pnl = holding.q * (price - holding.price) - (holding.paid + fee);
        self.stats.close(pnl, pnl / (holding.q * holding.price), time - holding.time);
        holding.units = 0.0;
        holding.q = 0.0;
        self.mark::<BARS>(config, tile, i, before, self.cash);
    }

    #[inline(always)]
    fn mark<const BARS: bool>(&mut self, config: &Config, tile: &Tile<'_>, i: usize, before: f64, equity: f64) {
        if BARS {
            self.moments
                .push(equity / before - 1.0, config.risk_free, tile.lines[i + 1].benchmark);
        }
        self.drawdown.mark((tile.start + i) as u32, equity, tile.times);
    }
}

/// Takes the samples due while cash and position stand still.
pub(crate) struct Sampler {
    /// Checkpoints taken.
    taken: usize,
    /// Bar of the next one, or past the tile.
    next: usize,
}

impl Sampler {
    pub(crate) fn new(tile: &Tile<'_>) -> Self {
        let next = tile.checkpoints.first().map_or(usize::MAX, |c| c.bar as usize);
        Self { taken: 0, next }
    }

    /// Checkpoints before bar `to`, all at this cash and position (`q`, value per price).
    #[inline(always)]
    pub(crate) fn take(&mut self, pass: &Pass<'_>, account: &mut Account, (cash, q): (f64, f64), to: usize) {
        let tile = pass.tile;
        while self.next < to {
            let equity = cash + q * tile.close[self.next];
            account.sample(pass.plan, &tile.checkpoints[self.taken], equity);
            self.taken += 1;
            self.next = tile.checkpoints.get(self.taken).map_or(usize::MAX, |c| c.bar as usize);
        }
    }
}

/// Adds the sums of the bars after `before` up to `upto`.
#[inline(always)]
pub(crate) fn add_difference(moments: &mut Moments, upto: &Line, before: &Line) {
    for k in 0..4 {
        moments.powers[k] += upto.powers[k] - before.powers[k];
    }
    moments.downside += upto.downside - before.downside;
    moments.with_benchmark += upto.with_benchmark - before.with_benchmark;
}

/// A stretch that reaches the peak has to be looked at bar by bar.
#[inline(never)]
pub(crate) fn scan_holding(tile: &Tile<'_>, drawdown: &mut Drawdown, cash: f64, q: f64, from: usize, to: usize) {
    const CHUNK: usize = 64;
    let mut equity = [0.0; CHUNK];
    for start in (from..to).step_by(CHUNK) {
        let closes = &tile.close[start..to.min(start + CHUNK)];
        equity.iter_mut().zip(closes).for_each(|(e, c)| *e = cash + q * c);
        drawdown.scan((tile.start + start) as u32, &equity[..closes.len()], tile.times);
    }
}
