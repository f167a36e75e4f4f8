//! Where the next thing happens: the search for the next interesting bar of a tile.

use assay_core::job::{Direction, OnOpposite};

use crate::account::Account;
use crate::bars::bars_held;
use crate::config::Side;
use crate::signals::{Level, Settings};
use crate::simulate::Pass;
use crate::tile::Tile;

/// Slack of the price at which a margin call is looked for; whether it is one is then tested exactly.
pub(crate) const MARGIN_SLACK: f64 = 1e-9;

/// Bars that are compared at once.
const CHUNK: usize = 16;

/// The first bar from `i` on in which something can happen, or the tile's length. Bars that are passed over update the best price
/// of a trailing stop.
#[inline(always)]
pub(crate) fn next_interesting(pass: &Pass<'_>, account: &mut Account, i: usize) -> usize {
    let (tile, settings) = (pass.tile, pass.settings);
    if account.pending.is_some() {
        return i;
    }
    if account.ruined && account.book.is_flat() {
        return tile.len;
    }
    let next = next_signal(pass, account, i);
    let Some(side) = account.book.side() else { return next };
    let next = match settings.max_bars {
        Some(n) => {
            let held = bars_held(&pass.plan.config, account, tile.start + i);
            next.min(i + (n as usize).saturating_sub(held))
        }
        None => next,
    };
    // The bar of the signal itself is looked at anyway.
    if settings.trail.is_some() {
        first_trailing_trigger(pass, account, side, i, next)
    } else {
        first_trigger(pass, account, side, i, next)
    }
}

/// The first bar from `i` on with a signal that matters to the position, or the tile's length.
#[inline(always)]
pub(crate) fn next_signal(pass: &Pass<'_>, account: &Account, i: usize) -> usize {
    let (config, tile, signals) = (&pass.plan.config, pass.tile, &pass.signals);
    let (long, short) = (config.direction != Direction::Short, config.direction != Direction::Long);
    let word = |traded: bool, words: &[u64], w: usize| if traded { words.get(w).copied().unwrap_or(0) } else { 0 };
    let all = |yes: bool| if yes { !0u64 } else { 0 };
    let opposite = all(config.on_opposite != OnOpposite::Ignore);
    let same = all(account.book.entries < config.pyramiding);
    // What of entries and exits of either side the present position listens to.
    let (on_el, on_xl, on_es, on_xs) = match account.book.side() {
        None => (!0, 0, !0, 0),
        Some(Side::Long) => (same, !0, opposite, 0),
        Some(Side::Short) => (opposite, 0, same, !0),
    };
    let mut mask = !0u64 << (i % 64);
    for w in i / 64..tile.len.div_ceil(64) {
        let (el, xl) = (word(long, signals.enter_long, w), word(long, signals.exit_long, w));
        let (es, xs) = (word(short, signals.enter_short, w), word(short, signals.exit_short, w));
        let (el, xl, es, xs) = (el & !xl, xl & !el, es & !xs, xs & !es);
        let wanted = ((el & !es & on_el) | (xl & on_xl) | (es & !el & on_es) | (xs & on_xs)) & mask;
        if wanted != 0 {
            return (w * 64 + wanted.trailing_zeros() as usize).min(tile.len);
        }
        mask = !0;
    }
    tile.len
}

/// Prices on the exit side of a position, mirrored for a short one so that worse is lower.
pub(crate) struct Exits<'a> {
    sign: f64,
    near: &'a [f64],
    far: &'a [f64],
    /// The higher of stop and margin call: at or below it, the position ends.
    worse: f64,
    /// At or above it, the target is reached.
    better: f64,
}

/// The mirrored price at or below which a margin call is looked for.
#[inline(always)]
pub(crate) fn margin_call(pass: &Pass<'_>, account: &Account, side: Side) -> f64 {
    let (book, sign) = (&account.book, side.sign());
    let call = sign * -book.cash / (book.value_per_price * (1.0 - sign * pass.plan.config.maintenance_margin));
    call + call.abs() * MARGIN_SLACK
}

/// Factor and distance of the trailing stop at `best x factor - distance` in the mirrored price.
#[inline(always)]
pub(crate) fn trail_of(settings: &Settings, account: &Account, side: Side) -> Option<(f64, f64)> {
    match (settings.trail, account.book.distances.trail) {
        (Some(Level::Share(share)), Some(_)) => Some((1.0 - side.sign() * share, 0.0)),
        (Some(Level::Distance), Some(distance)) => Some((1.0, distance)),
        _ => None,
    }
}

impl<'a> Exits<'a> {
    #[inline(always)]
    fn new(pass: &Pass<'a>, account: &Account, side: Side) -> Self {
        let (book, tile) = (&account.book, pass.tile);
        let sign = side.sign();
        let (near, far) = match side {
            Side::Long => (tile.sell.low, tile.sell.high),
            Side::Short => (tile.buy.high, tile.buy.low),
        };
        Self {
            sign,
            near,
            far,
            worse: (sign * book.stop).max(margin_call(pass, account, side)),
            better: sign * book.target,
        }
    }

    /// Those of a long position that no margin call can end.
    #[inline(always)]
    pub(crate) fn long(tile: &Tile<'a>, stop: f64, target: f64) -> Self {
        Self {
            sign: 1.0,
            near: tile.sell.low,
            far: tile.sell.high,
            worse: stop,
            better: target,
        }
    }

    #[inline(always)]
    fn hit(&self, k: usize) -> bool {
        self.sign * self.near[k] <= self.worse || self.sign * self.far[k] >= self.better
    }

    /// The first bar of `from..to` that reaches a level; `to` if none does.
    #[inline(always)]
    #[allow(
        clippy::needless_bitwise_bool,
        reason = "a lazy operator is a branch, which keeps the comparisons from being vectorized"
    )]
    pub(crate) fn first(&self, from: usize, to: usize) -> usize {
        let (sign, worse, better) = (self.sign, self.worse, self.better);
        let mut k = from;
        while k + CHUNK <= to {
            let (near, far) = (&self.near[k..k + CHUNK], &self.far[k..k + CHUNK]);
            let mut any = false;
            for j in 0..CHUNK {
                any |= (sign * near[j] <= worse) | (sign * far[j] >= better);
            }
            if any {
                break;
            }
            k += CHUNK;
        }
        while k < to && !self.hit(k) {
            k += 1;
        }
        k
    }
}

/// The first bar of `from..to` whose exit-side prices reach the stop, the target or a margin call; `to` if none does.
#[inline(always)]
pub(crate) fn first_trigger(pass: &Pass<'_>, account: &Account, side: Side, from: usize, to: usize) -> usize {
    let tile = pass.tile;
    let exits = Exits::new(pass, account, side);
    let (lowest, highest) = match side {
        Side::Long => tile.sell_extremes,
        Side::Short => (-tile.buy_extremes.1, -tile.buy_extremes.0),
    };
    if lowest > exits.worse && highest < exits.better {
        return to;
    }
    exits.first(from, to)
}

/// [`first_trigger`] with a trailing stop that follows the best price of the bars passed over.
#[inline(always)]
fn first_trailing_trigger(pass: &Pass<'_>, account: &mut Account, side: Side, from: usize, to: usize) -> usize {
    let exits = Exits::new(pass, account, side);
    let (sign, fixed) = (exits.sign, exits.worse);
    let (factor, distance) = trail_of(pass.settings, account, side).unwrap_or((1.0, f64::INFINITY));
    let (near, far) = (&exits.near[from..to], &exits.far[from..to]);
    let mut best = sign * account.best;
    let mut passed = to - from;
    for k in 0..near.len() {
        let worse = fixed.max(best * factor - distance);
        if sign * near[k] <= worse || sign * far[k] >= exits.better {
            passed = k;
            break;
        }
        best = best.max(sign * far[k]);
    }
    account.best = sign * best;
    from + passed
}
