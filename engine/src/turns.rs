//! The path of positions that turn by rules alone: long, short or flat, each sized as a share of equity, with lots, leverage and
//! fixed fees.
//!
//! Signals alone say which side is held at every bar, as long as no order is skipped and no margin called. So the bars at which the
//! side changes are collected from the signal words first. Then cash and units go from one to the next in a loop whose only branch
//! is that something went wrong; drawdown, samples and statistics follow once they are known everywhere. If something did, or might
//! have, the account is left as it was, and the tile is run from event to event.

use std::ops::Range;

use crate::account::{Account, TrialBuffers};
use crate::bars::decide;
use crate::course::{Course, Turns};
use crate::equity::Drawdown;
use crate::fills::net_value;
use crate::holdings::{Open, stand};
use crate::search::MARGIN_SLACK;
use crate::signals::Size;
use crate::simulate::Pass;
use crate::tile::Tile;

/// Units of a short position, none and a long one, for each 1 held.
const SIGNS: [f64; 3] = [-1.0, 0.0, 1.0];
/// 1 where there is a position.
const HELD: [f64; 3] = [1.0, 0.0, 1.0];
/// No position.
const FLAT: usize = 1;

/// What the fills of a tile come to.
struct Outcome {
    cash: f64,
    /// Signed, at the end of the tile.
    units: f64,
    /// Positions that ended.
    ended: usize,
    /// Value and fees of all fills.
    traded: f64,
    fees: f64,
    /// Sum of the times of exits less that of entries, nanoseconds from the tile's first bar.
    elapsed_ns: f64,
    /// Equity is nowhere higher.
    highest: f64,
}

/// What may happen to a position in a tile, for a short position, none and a long one: a bound for each unit of value per price.
struct Bounds {
    /// What is left of a position at its worst price after the maintenance margin.
    worst: [f64; 3],
    /// What a position is worth at its best close.
    best: [f64; 3],
}

/// Runs one tile; `false` where it is not for this path, with nothing changed.
#[inline(always)]
pub(crate) fn advance<const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account, buffers: &mut TrialBuffers) -> bool {
    let (plan, tile) = (pass.plan, pass.tile);
    let course = &mut buffers.course;
    let turns = course.collect_turns::<CLOSE>(pass, account);
    let Some(outcome) = deal(pass, account, course, turns.len) else {
        return false;
    };
    course.bars[turns.len] = tile.len as u16;
    if plan.samples_bars() {
        for (bars, [cash, q]) in stretches(course, tile, turns.len) {
            // Whole vectors: what is written past the stretch is written over by the next one.
            let end = tile.len.min(bars.start + bars.len().next_multiple_of(16));
            let equity = buffers.equity.range_mut(bars.start, end);
            for (equity, close) in equity.iter_mut().zip(&tile.close[bars.start..end]) {
                *equity = cash + q * close;
            }
        }
        account.absorb(plan, tile, &mut buffers.equity);
    } else {
        descend(&mut account.drawdown, tile, course, turns.len, outcome.highest);
        course.sample(pass, account);
    }
    settle::<CLOSE>(pass, account, course, &turns, &outcome);
    true
}

/// Cash and units from fill to fill; `None` where an order might be skipped or a margin called.
#[inline(always)]
fn deal(pass: &Pass<'_>, account: &Account, course: &mut Course, len: usize) -> Option<Outcome> {
    let (table, config) = (pass.tile.deals, &pass.plan.config);
    let share = match pass.settings.size {
        Size::Fraction(share) => share,
        _ => 1.0,
    };
    let (fixed, multiplier) = (config.commission_fixed, config.multiplier);
    // Amounts are counted in lots, if there are lots: what is scaled by them does not wait for the amount.
    let (rounds, unit) = (config.lot > 0.0, if config.lot > 0.0 { config.lot } else { 1.0 });
    let bounds = Bounds::new(pass);
    let is_safe = |cash: f64, q: f64, side: usize| cash + q * bounds.worst[side] > MARGIN_SLACK * cash.abs();
    let open = account.book.holding();
    let mut side = side_of(open.units);
    let mut amount = open.units.abs() / unit;
    let (mut units, mut price) = (open.units, open.price);
    let mut net = net_value(config, price, units > 0.0);
    let mut paid = account.book.paid();
    let [mut cash, mut q] = [account.book.cash, units * multiplier];
    // What cash would be if the position had not been entered, without the fees of the next entry.
    let mut spare = cash + units * net + fixed * HELD[side] - fixed;
    let mut highest = cash + q * bounds.best[side];
    let (mut ended, mut traded, mut fees, mut elapsed_ns) = (0, 0.0, 0.0, 0.0);
    course.standing[0] = [cash, q];
    if !is_safe(cash, q, side) {
        return None;
    }
    for k in 0..len {
        let i = usize::from(course.bars[k]);
        let next = course.side_at(i);
        let deal = table.at(i, next > side);
        let before = units.abs();
        // The position before.
        let value = before * deal.price * multiplier;
        let fee = config.fee(before, value) * HELD[side];
        (traded, fees) = (traded + value, fees + fee);
        // As the book has it, so that what breaks even does so on every path.
        course.profits[ended] = q * (deal.price - price) - (paid + fee);
        course.invested[ended] = before * price * multiplier;
        ended += usize::from(side != FLAT);
        spare = (spare - 2.0 * fixed * HELD[side]) + amount * ((SIGNS[side] * unit) * (deal.net - net));
        // The one after.
        let affordable = spare * (deal.amount * share);
        amount = if rounds { affordable.floor() } else { affordable } * HELD[next];
        units = amount * (SIGNS[next] * unit);
        q = units * multiplier;
        cash = (spare + fixed) - units * deal.net - fixed * HELD[next];
        let after = units.abs();
        let regular = spare > after * table.most_lost && (after > 0.0 || next == FLAT) && is_safe(cash, q, next);
        if !regular {
            return None;
        }
        (price, net) = (deal.price, deal.net);
        let value = after * price * multiplier;
        paid = config.fee(after, value) * HELD[next];
        (traded, fees) = (traded + value, fees + paid);
        elapsed_ns += (HELD[side] - HELD[next]) * deal.elapsed_ns;
        let best = cash + q * bounds.best[next];
        highest = if best > highest { best } else { highest };
        side = next;
        course.standing[k + 1] = [cash, q];
    }
    Some(Outcome {
        cash,
        units,
        ended,
        traded,
        fees,
        elapsed_ns,
        highest,
    })
}

/// The side of so many units.
#[inline(always)]
fn side_of(units: f64) -> usize {
    FLAT + usize::from(units > 0.0) - usize::from(units < 0.0)
}

impl Bounds {
    #[inline(always)]
    fn new(pass: &Pass<'_>) -> Self {
        let (tile, margin) = (pass.tile, pass.plan.config.maintenance_margin);
        let (lowest, highest) = if pass.plan.samples_bars() {
            (0.0, 0.0)
        } else {
            tile.close_extremes()
        };
        Self {
            worst: [
                tile.buy_extremes.1 * (1.0 + margin),
                0.0,
                tile.sell_extremes.0 * (1.0 - margin),
            ],
            best: [lowest, 0.0, highest],
        }
    }
}

/// Bars, not empty, between fills, with cash and value per price. After the last of `len` fills comes the tile's length.
#[inline(always)]
fn stretches<'c>(course: &'c Course, tile: &Tile<'_>, len: usize) -> impl Iterator<Item = (Range<usize>, [f64; 2])> + 'c {
    let first = tile.first;
    let start = move |k: usize| if k == 0 { first } else { usize::from(course.bars[k - 1]) };
    let none_before = usize::from(usize::from(course.bars[0]) == first);
    (none_before..=len).map(move |k| (start(k)..usize::from(course.bars[k]), course.standing[k]))
}

/// Drawdown over the tile, where equity is nowhere above `highest`.
#[inline(always)]
fn descend(drawdown: &mut Drawdown, tile: &Tile<'_>, course: &Course, len: usize, highest: f64) {
    if drawdown.at_peak(highest) {
        let extremes = tile.close_extremes();
        for (bars, [cash, q]) in stretches(course, tile, len) {
            stand(drawdown, tile, extremes, (cash, q), bars);
        }
        return;
    }
    let mut lowest = f64::INFINITY;
    for (bars, [cash, q]) in stretches(course, tile, len) {
        let table = if q < 0.0 { tile.highs } else { tile.lows };
        let (a, b) = table.pair(bars.start, bars.end);
        let (a, b) = (cash + q * a, cash + q * b);
        let worst = if b < a { b } else { a };
        lowest = if worst < lowest { worst } else { lowest };
    }
    drawdown.below((tile.start + tile.first) as u32, lowest);
}

/// Writes the tile into the account, but for drawdown and samples.
#[inline(always)]
fn settle<const CLOSE: bool>(pass: &Pass<'_>, account: &mut Account, course: &Course, turns: &Turns, outcome: &Outcome) {
    let (tile, config) = (pass.tile, &pass.plan.config);
    let origin = tile.times.start[tile.start] + if CLOSE { tile.times.length } else { 0 };
    let age = |open: &Open| if open.units == 0.0 { 0.0 } else { (origin - open.time) as f64 };
    let before = account.book.holding();
    let mut open = before;
    if let Some(last) = turns.len.checked_sub(1) {
        let i = usize::from(course.bars[last]);
        let quote = if CLOSE { tile.closes(i) } else { tile.opens(i) };
        let long = outcome.units > 0.0;
        open = Open {
            units: outcome.units,
            price: if long {
                config.bought_at(quote.buy)
            } else {
                config.sold_at(quote.sell)
            },
            time: quote.at.time,
        };
        account.book.set_bare_holding(config, open);
    }
    account.book.cash = outcome.cash;
    account.bars_held += turns.held;
    let (profits, invested) = (&course.profits[..outcome.ended], &course.invested[..outcome.ended]);
    let stats = &mut account.book.stats;
    stats.close_all(profits);
    stats.returns += sum_of_ratios(profits, invested);
    // The time of a position counts when it ends.
    stats.duration_ns += outcome.elapsed_ns + (age(&before) - age(&open));
    stats.fill(outcome.traded, outcome.fees);
    account.set_last_equity(account.book.equity(tile.close[tile.len - 1]));
    account.pending = None;
    if turns.waiting && tile.start + tile.len < pass.plan.market.window.end {
        account.pending = decide(pass, account, tile.len - 1);
    }
}

/// The sum of `a / b`.
#[inline(always)]
fn sum_of_ratios(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 4;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for k in 0..LANES {
            sums[k] += a[k] / b[k];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a / b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}
