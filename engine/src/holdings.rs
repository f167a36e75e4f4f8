//! The fastest path: long, all-in, by rules alone, with costs in proportion to value. Entries and exits alternate, no order is
//! ever skipped, and equity never reaches 0, so nothing else can happen.
//!
//! First the bars of the fills are collected from the signal words. Then come the holdings: what their bars add comes from the tile's
//! lines and its table of fills, their lowest equity is a range minimum, and only cash goes from one to the next, by one
//! multiplication and one addition. Statistics of trades and samples follow, once cash is known everywhere. No branch depends on the
//! data but the rare one of equity near its peak.

use std::ops::Range;

use crate::account::Account;
use crate::course::Course;
use crate::equity::Drawdown;
use crate::line::Line;
use crate::simulate::Pass;
use crate::tile::Tile;

/// What changes with every holding, but for the drawdown: as nothing here is ever lent, it all stays in registers.
pub(crate) struct Run {
    pub(crate) cash: f64,
    /// Over the bars of this tile with a position or an exit.
    pub(crate) sums: Line,
    /// Cash that went into holdings, and that came out of them.
    pub(crate) exchanged: [f64; 2],
    /// Sum of profits over what was invested.
    pub(crate) gains: f64,
}

/// An open holding as it passes from tile to tile.
#[derive(Clone, Copy)]
pub(crate) struct Open {
    /// Negative where short.
    pub(crate) units: f64,
    /// Price paid or got.
    pub(crate) price: f64,
    /// Time of the entry.
    pub(crate) time: i64,
}

impl Open {
    /// All of the cash, at bar `i`.
    #[inline(always)]
    pub(crate) fn at(tile: &Tile<'_>, i: usize, cash: f64) -> Self {
        let price = &tile.fills.prices[i];
        Self {
            units: cash * price.units,
            price: price.paid,
            time: tile.times.start[tile.start + i] + tile.fills.delay,
        }
    }

    /// Nanoseconds from the entry to a fill at the tile's first bar.
    #[inline(always)]
    pub(crate) fn age(&self, tile: &Tile<'_>) -> f64 {
        (tile.times.start[tile.start] + tile.fills.delay - self.time) as f64
    }
}

/// Runs one tile.
#[inline(always)]
pub(crate) fn advance<const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account, course: &mut Course) {
    let (plan, tile, table) = (pass.plan, pass.tile, pass.tile.fills);
    let config = &plan.config;
    let len = course.collect::<CLOSE>(pass, account);
    let drawdown = &mut account.drawdown;
    let mut run = Run::new(account.book.cash);
    let highest = tile.highs.max(0, tile.len);
    let mut open = account.book.holding();
    let (mut fills, mut ended) = (&course.bars[..len], 0);
    let q = open.units * config.multiplier;
    course.standing[0] = [run.cash, q];
    if q != 0.0 {
        // From the tile before.
        if let Some((x, rest)) = fills.split_first() {
            let x = usize::from(*x);
            let cost = open.price * table.cost_factor;
            let profit = open.units * (table.prices[x].proceeds - cost);
            run.cash = open.units * cost;
            run.end(profit, profit / run.cash);
            run.sums = tile.sums(None, x) + table.left[x];
            run.sums.others[3] += open.age(tile);
            run.descend(tile, drawdown, highest, q, 0, x);
            course.profits[0] = profit;
            course.standing[1] = [run.cash, 0.0];
            (open.units, fills, ended) = (0.0, rest, 1);
        } else {
            run.sums = tile.sums(None, tile.len);
            hold(drawdown, tile, q, 0, tile.len);
        }
    }
    let (pairs, rest) = fills.as_chunks::<2>();
    let places = course.standing[ended + 1..].as_chunks_mut::<2>().0;
    for ((fills, profit), place) in pairs.iter().zip(&mut course.profits[ended..]).zip(places) {
        let [e, x] = fills.map(usize::from);
        let (bought, sold) = (&table.prices[e], &table.prices[x]);
        let gain = (sold.proceeds - bought.cost) * bought.units;
        let q = run.cash * (bought.units * config.multiplier);
        *profit = run.cash * gain;
        run.exchanged[0] += run.cash;
        run.end(*profit, gain);
        run.sums = run.sums + (tile.sums(Some(e), x) + table.left[x]);
        run.descend(tile, drawdown, highest, q, e, x);
        *place = [[0.0, q], [run.cash, 0.0]];
    }
    ended += pairs.len();
    if let [e] = *rest {
        let e = usize::from(e);
        run.exchanged[0] += run.cash;
        open = Open::at(tile, e, run.cash);
        run.cash = 0.0;
        let q = open.units * config.multiplier;
        run.sums = run.sums + tile.sums(Some(e), tile.len);
        // The time of a holding counts when it ends.
        run.sums.others[3] -= table.entered[e].elapsed_ns();
        hold(drawdown, tile, q, e, tile.len);
        course.standing[len] = [0.0, q];
    }
    course.sample(pass, account);
    run.settle(pass, account, open, &course.profits[..ended]);
}

impl Run {
    #[inline(always)]
    pub(crate) fn new(cash: f64) -> Self {
        Self {
            cash,
            sums: Line::default(),
            exchanged: [0.0; 2],
            gains: 0.0,
        }
    }

    /// A holding ends; cash was what had been invested.
    #[inline(always)]
    pub(crate) fn end(&mut self, profit: f64, gain: f64) {
        self.cash += profit;
        self.exchanged[1] += self.cash;
        self.gains += gain;
    }

    /// Drawdown over the bars `from..x` inside a holding, and at bar `x`, in which it ended. `highest` is the tile's highest close.
    #[inline(always)]
    pub(crate) fn descend(&self, tile: &Tile<'_>, drawdown: &mut Drawdown, highest: f64, q: f64, from: usize, x: usize) {
        let most = if self.cash > q * highest { self.cash } else { q * highest };
        if from < x && !drawdown.at_peak(most) {
            let lowest = q * tile.lows.min(from, x);
            let lowest = if self.cash < lowest { self.cash } else { lowest };
            drawdown.below((tile.start + from) as u32, lowest);
        } else {
            if from < x {
                hold(drawdown, tile, q, from, x);
            }
            drawdown.mark((tile.start + x) as u32, self.cash, tile.times);
        }
    }

    /// Writes the tile into the account, but for drawdown and samples.
    #[inline(always)]
    pub(crate) fn settle(self, pass: &Pass<'_>, account: &mut Account, open: Open, profits: &[f64]) {
        let (plan, tile) = (pass.plan, pass.tile);
        let config = &plan.config;
        let held = self.sums.bars();
        let flat = (tile.len - tile.first) as f64 - held - profits.len() as f64;
        account.moments.add(&self.sums.moments());
        account.moments.downside += flat * plan.flat_shortfall();
        account.bars_held += held as u64;
        let stats = &mut account.book.stats;
        stats.close_all(profits);
        stats.returns += self.gains * (1.0 + config.commission);
        stats.duration_ns += self.sums.elapsed_ns();
        let [bought, sold] = self.exchanged;
        let traded = bought / (1.0 + config.commission) + sold / (1.0 - config.commission);
        stats.fill(traded, traded * config.commission);
        account.book.cash = self.cash;
        account.book.set_holding(config, open);
        account.set_last_equity(account.book.equity(tile.close[tile.len - 1]));
    }
}

/// Drawdown over the bars `from..to`, not empty, inside a holding.
#[inline(never)]
pub(crate) fn hold(drawdown: &mut Drawdown, tile: &Tile<'_>, q: f64, from: usize, to: usize) {
    if drawdown.at_peak(q * tile.highs.max(from, to)) {
        scan_holding(tile, drawdown, 0.0, q, from, to);
    } else {
        drawdown.below((tile.start + from) as u32, q * tile.lows.min(from, to));
    }
}

/// Drawdown over the bars `bars`, not empty, with this cash and position (`q`, value per price). `extremes` are the tile's lowest and
/// highest close.
#[inline(always)]
pub(crate) fn stand(
    drawdown: &mut Drawdown,
    tile: &Tile<'_>,
    (lowest, highest): (f64, f64),
    (cash, q): (f64, f64),
    bars: Range<usize>,
) {
    let (from, to) = (bars.start, bars.end);
    let first = (tile.start + from) as u32;
    if q == 0.0 {
        drawdown.mark(first, cash, tile.times);
        return;
    }
    let best_of_tile = if q > 0.0 { highest } else { lowest };
    let low = || tile.lows.min(from, to);
    let high = || tile.highs.max(from, to);
    let best = || if q > 0.0 { high() } else { low() };
    if drawdown.at_peak(cash + q * best_of_tile) && drawdown.at_peak(cash + q * best()) {
        scan_holding(tile, drawdown, cash, q, from, to);
    } else {
        let worst = if q > 0.0 { low() } else { high() };
        drawdown.below(first, cash + q * worst);
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
