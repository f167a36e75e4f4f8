//! The fastest path: long, all-in, by rules alone, with costs in proportion to value. Entries and exits alternate, no order is
//! ever skipped, and equity never reaches 0, so nothing else can happen.
//!
//! First the bars of the fills are collected from the signal words. Then come the holdings: sums over one are the difference of two
//! lines of the tile's [`FillTable`](crate::fills::FillTable), its lowest equity is a range minimum, and only cash goes from one
//! to the next, by one multiplication and one addition. Statistics of trades and samples follow, once cash is known everywhere.
//! No branch depends on the data but the rare one of equity near its peak.

use crate::account::{Account, Order, read};
use crate::equity::Drawdown;
use crate::plan::Checkpoint;
use crate::simulate::Pass;
use crate::tile::{Line, TILE, Tile};

/// Fills that are written down at once.
const AT_ONCE: usize = 4;

/// What happens to one trial in one tile: room that trials use one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    /// Bars of the fills in order, entries and exits in turn.
    bars: [u16; TILE + 1 + AT_ONCE],
    /// The same as bits.
    words: [u64; TILE / 64],
    /// Fills before each word.
    before: [u16; TILE / 64],
    /// Cash and value per price from the start on, and from each fill on.
    standing: [[f64; 2]; TILE + 2],
    /// Profits of the holdings that end.
    profits: [f64; TILE / 2 + 1],
}

impl Default for Course {
    fn default() -> Self {
        Self {
            bars: [0; TILE + 1 + AT_ONCE],
            words: [0; TILE / 64],
            before: [0; TILE / 64],
            standing: [[0.0; 2]; TILE + 2],
            profits: [0.0; TILE / 2 + 1],
        }
    }
}

impl Course {
    /// Collects the fills, and says how many there are. `CLOSE`: at the signal's bar; else one bar later, with an order for the next
    /// tile left pending.
    #[inline(always)]
    fn collect<const CLOSE: bool>(&mut self, pass: &Pass<'_>, account: &mut Account) -> usize {
        let (tile, signals) = (pass.tile, &pass.signals);
        let mut late = u64::from(account.pending.take().is_some());
        let mut holding = u64::from(!account.book.is_flat()) ^ late;
        let mut len = 0;
        for w in 0..tile.len.div_ceil(64) {
            let enter = signals.enter_long.get(w).copied().unwrap_or(0);
            let exit = signals.exit_long.get(w).copied().unwrap_or(0);
            let traded = match tile.first.saturating_sub(w * 64) {
                0 => !0,
                first @ 1..64 => !0u64 << first,
                _ => 0,
            };
            let (enter, exit) = (enter & !exit & traded, exit & !enter & traded);
            // An entry starts a position and an exit ends it as carries start and end in an addition.
            let (sum, over) = enter.overflowing_add(!exit);
            let (sum, over_again) = sum.overflowing_add(holding);
            let held_before = enter ^ !exit ^ sum;
            holding = u64::from(over | over_again);
            let mut fills = (enter & !held_before) | (exit & held_before);
            if !CLOSE {
                (fills, late) = (fills << 1 | late, fills >> 63);
                let within = tile.len - w * 64;
                if within < 64 {
                    late = fills >> within & 1;
                    fills &= !(!0 << within);
                }
            }
            self.words[w] = fills;
            self.before[w] = len as u16;
            let next = len + fills.count_ones() as usize;
            while len < next {
                for bar in &mut self.bars[len..len + AT_ONCE] {
                    *bar = (w * 64) as u16 + fills.trailing_zeros() as u16;
                    fills &= fills.wrapping_sub(1);
                }
                len += AT_ONCE;
            }
            len = next;
        }
        if late == 1 && tile.start + tile.len < pass.plan.market.window.end {
            account.pending = Some(Order {
                exit: None,
                enter: None,
                reading: read(signals, tile.len - 1),
            });
        }
        len
    }

    /// Cash and value per price at the close of bar `i`.
    #[inline(always)]
    fn standing_at(&self, i: usize) -> [f64; 2] {
        let upto = self.words[i / 64] << (63 - i % 64);
        self.standing[usize::from(self.before[i / 64]) + upto.count_ones() as usize]
    }
}

/// What changes with every holding, but for the drawdown: as nothing here is ever lent, it all stays in registers.
struct Run {
    cash: f64,
    /// Over the bars of this tile with a position or an exit.
    sums: Line,
    /// Cash that went into holdings, and that came out of them.
    exchanged: [f64; 2],
    /// Sum of profits over what was invested.
    gains: f64,
}

/// Runs one tile.
#[inline(always)]
pub(crate) fn advance<const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account, course: &mut Course) {
    let (plan, tile, table) = (pass.plan, pass.tile, pass.tile.fills);
    let config = &plan.config;
    let len = course.collect::<CLOSE>(pass, account);
    let drawdown = &mut account.drawdown;
    let mut run = Run {
        cash: account.book.cash,
        sums: Line::default(),
        exchanged: [0.0; 2],
        gains: 0.0,
    };
    let delay = if CLOSE { tile.times.length } else { 0 };
    let (mut units, mut price, _, mut time) = account.book.holding();
    let (mut fills, mut ended) = (&course.bars[..len], 0);
    course.standing[0] = [run.cash, units * config.multiplier];
    if units != 0.0 {
        // From the tile before.
        let to = fills.first().map_or(tile.len, |x| usize::from(*x));
        let q = units * config.multiplier;
        if to > 0 {
            hold(drawdown, tile, q, 0, to);
        }
        if let Some((_, rest)) = fills.split_first() {
            let cost = price * table.cost_factor;
            let profit = units * (table.prices[to].proceeds - cost);
            run.cash = units * cost + profit;
            run.gains = profit / (units * cost);
            run.exchanged[1] = run.cash;
            run.sums = table.left[to];
            run.sums.others[3] += (tile.times.start[tile.start] + delay - time) as f64;
            drawdown.mark((tile.start + to) as u32, run.cash, tile.times);
            course.profits[0] = profit;
            course.standing[1] = [run.cash, 0.0];
            (units, fills, ended) = (0.0, rest, 1);
        } else {
            run.sums = tile.lines[tile.len];
        }
    }
    let highest = tile.highs.max(0, tile.len);
    let (pairs, open) = fills.as_chunks::<2>();
    let places = course.standing[ended + 1..].as_chunks_mut::<2>().0;
    for ((fills, profit), place) in pairs.iter().zip(&mut course.profits[ended..]).zip(places) {
        let [e, x] = fills.map(usize::from);
        let (q, gained) = run.round_trip(pass, drawdown, highest, e, x);
        *profit = gained;
        *place = [[0.0, q], [run.cash, 0.0]];
    }
    ended += pairs.len();
    if let [e] = *open {
        let e = usize::from(e);
        run.exchanged[0] += run.cash;
        units = run.cash * table.prices[e].units;
        price = table.prices[e].cost / table.cost_factor;
        time = tile.times.start[tile.start + e] + delay;
        run.cash = 0.0;
        let q = units * config.multiplier;
        run.sums.add_difference(&tile.lines[tile.len], &table.entered[e]);
        run.sums.others[3] += table.entered[e].others[3];
        hold(drawdown, tile, q, e, tile.len);
        course.standing[len] = [0.0, q];
    }
    sample(pass, account, course);

    let held = run.sums.bars();
    account.moments.add(&run.sums.moments());
    account.moments.downside += ((tile.len - tile.first) as f64 - held - ended as f64) * plan.flat_shortfall();
    account.bars_held += held as u64;
    let stats = &mut account.book.stats;
    stats.close_all(&course.profits[..ended]);
    stats.returns += run.gains * (1.0 + config.commission);
    stats.duration_ns += run.sums.elapsed_ns();
    let traded = run.exchanged[0] / (1.0 + config.commission) + run.exchanged[1] / (1.0 - config.commission);
    stats.fill(traded, traded * config.commission);
    account.book.cash = run.cash;
    let paid = units * price * config.multiplier * config.commission;
    account.book.set_holding(config.multiplier, (units, price, paid, time));
    account.set_last_equity(account.book.equity(tile.close[tile.len - 1]));
}

impl Run {
    /// A holding from its entry at bar `e` to its exit at bar `x`: its value per price, and its profit.
    #[inline(always)]
    fn round_trip(&mut self, pass: &Pass<'_>, drawdown: &mut Drawdown, highest: f64, e: usize, x: usize) -> (f64, f64) {
        let tile = pass.tile;
        let (bought, sold) = (&tile.fills.prices[e], &tile.fills.prices[x]);
        let gain = (sold.proceeds - bought.cost) * bought.units;
        let q = self.cash * (bought.units * pass.plan.config.multiplier);
        let profit = self.cash * gain;
        self.gains += gain;
        self.exchanged[0] += self.cash;
        self.cash += profit;
        self.exchanged[1] += self.cash;
        self.sums.add_difference(&tile.fills.left[x], &tile.fills.entered[e]);
        let highest = if self.cash > q * highest { self.cash } else { q * highest };
        if drawdown.at_peak(highest) {
            hold(drawdown, tile, q, e, x);
            drawdown.mark((tile.start + x) as u32, self.cash, tile.times);
        } else {
            let lowest = q * tile.lows.min(e, x);
            let lowest = if self.cash < lowest { self.cash } else { lowest };
            drawdown.below((tile.start + e) as u32, lowest);
        }
        (q, profit)
    }
}

/// Drawdown over the bars `from..to`, not empty, inside a holding.
#[inline(never)]
fn hold(drawdown: &mut Drawdown, tile: &Tile<'_>, q: f64, from: usize, to: usize) {
    if drawdown.at_peak(q * tile.highs.max(from, to)) {
        scan_holding(tile, drawdown, 0.0, q, from, to);
    } else {
        drawdown.below((tile.start + from) as u32, q * tile.lows.min(from, to));
    }
}

/// Takes the tile's samples.
#[inline(always)]
fn sample(pass: &Pass<'_>, account: &mut Account, course: &Course) {
    let tile = pass.tile;
    let equity = |checkpoint: &Checkpoint| {
        let bar = checkpoint.bar as usize;
        let [cash, q] = course.standing_at(bar);
        cash + q * tile.close[bar]
    };
    if pass.plan.samples_bars() {
        let points = tile.checkpoints.iter().map(|c| (usize::from(c.block), equity(c)));
        account.sketch.push_all(points);
    } else {
        for checkpoint in tile.checkpoints {
            account.sample(pass.plan, checkpoint, equity(checkpoint));
        }
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
