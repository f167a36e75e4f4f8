//! The fills of one trial in one tile, where entries and exits alternate, and what stands between them.

use assay_core::job::Direction;

use crate::account::{Account, Order, read};
use crate::config::Side;
use crate::simulate::Pass;
use crate::tile::TILE;

/// Fills that are written down at once.
const AT_ONCE: usize = 4;

/// What happens to one trial in one tile: room that trials use one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    /// Bars of the fills in order, entries and exits in turn.
    pub(crate) bars: [u16; TILE + 1 + AT_ONCE],
    /// Bars with fills as bits.
    words: [u64; TILE / 64],
    /// Bars with fills before each word.
    before: [u16; TILE / 64],
    /// Bars at whose close a long position is held, and a short one, where positions turn.
    sides: [[u64; 2]; TILE / 64],
    /// Cash and value per price from the start on, and from each bar with fills on.
    pub(crate) standing: Vec<[f64; 2]>,
    /// Profits of the holdings that end.
    pub(crate) profits: Vec<f64>,
    /// What was invested in them, where positions turn.
    pub(crate) invested: Vec<f64>,
}

/// What the signals of a tile make of positions that turn.
pub(crate) struct Turns {
    /// Bars with fills.
    pub(crate) len: usize,
    /// Bars with a position at the close.
    pub(crate) held: u64,
    /// The last bar leaves an order for the next tile.
    pub(crate) waiting: bool,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            bars: [0; TILE + 1 + AT_ONCE],
            words: [0; TILE / 64],
            before: [0; TILE / 64],
            sides: [[0; 2]; TILE / 64],
            standing: vec![[0.0; 2]; TILE + 2],
            profits: vec![0.0; TILE + 1],
            invested: vec![0.0; TILE + 1],
        }
    }
}

impl Course {
    /// Collects the fills, and says how many there are. `CLOSE`: at the signal's bar; else one bar later, with an order for the next
    /// tile left pending.
    #[inline(always)]
    pub(crate) fn collect<const CLOSE: bool>(&mut self, pass: &Pass<'_>, account: &mut Account) -> usize {
        let (tile, signals) = (pass.tile, &pass.signals);
        let mut late = u64::from(account.pending.take().is_some());
        let mut holding = u64::from(!account.book.is_flat()) ^ late;
        let mut len = 0;
        for w in 0..tile.len.div_ceil(64) {
            let [enter, exit] = wishes(pass, w);
            let held_before = latch(enter, exit, &mut holding);
            let mut fills = (enter & !held_before) | (exit & held_before);
            if !CLOSE {
                (fills, late) = (fills << 1 | late, fills >> 63);
                let within = tile.len - w * 64;
                if within < 64 {
                    late = fills >> within & 1;
                    fills &= !(!0 << within);
                }
            }
            len = self.list(w, fills, len);
        }
        if late == 1 && tile.start + tile.len < pass.plan.market.window.end {
            account.pending = Some(Order {
                exit: None,
                enter: None,
                reading: read(signals, tile.len - 1),
                tick: 0,
            });
        }
        len
    }

    /// Collects the fills of positions that turn by signals on one side or both.
    #[inline(always)]
    pub(crate) fn collect_turns<const CLOSE: bool>(&mut self, pass: &Pass<'_>, account: &Account) -> Turns {
        let tile = pass.tile;
        let bits = |side: Option<Side>| [Side::Long, Side::Short].map(|which| u64::from(side == Some(which)));
        let mut held = bits(account.book.side());
        let mut wanted = account.pending.map_or(held, |order| bits(order.enter));
        let (mut len, mut bars_held) = (0, 0);
        for w in 0..tile.len.div_ceil(64) {
            let last = (tile.len - w * 64).min(64) - 1;
            let mut fills = 0;
            for (side, [enter, exit]) in wishes_of_sides(pass, w).into_iter().enumerate() {
                let before = latch(enter, exit, &mut wanted[side]);
                let during = if CLOSE { before & !exit | enter } else { before };
                fills |= during ^ (during << 1 | held[side]);
                held[side] = during >> last & 1;
                self.sides[w][side] = during;
            }
            let within = !0 >> (63 - last);
            bars_held += u64::from(((self.sides[w][0] | self.sides[w][1]) & within).count_ones());
            len = self.list(w, fills & within, len);
        }
        Turns {
            len,
            held: bars_held,
            waiting: wanted != held,
        }
    }

    /// The side held at the close of bar `i`: 0 short, 1 none, 2 long.
    #[inline(always)]
    pub(crate) fn side_at(&self, i: usize) -> usize {
        let [long, short] = self.sides[i / 64].map(|word| (word >> (i % 64) & 1) as usize);
        1 + long - short
    }

    /// Writes the fills of word `w` after the `len` before them, and says how many there are then.
    #[inline(always)]
    fn list(&mut self, w: usize, mut fills: u64, mut len: usize) -> usize {
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
        next
    }

    /// No fills yet.
    pub(crate) fn clear(&mut self) {
        self.words = [0; TILE / 64];
    }

    /// Notes a bar with fills; `true` if it has not been before.
    #[inline(always)]
    pub(crate) fn note(&mut self, i: usize) -> bool {
        let before = self.words[i / 64];
        self.words[i / 64] = before | 1 << (i % 64);
        before != self.words[i / 64]
    }

    /// Counts the bars that were noted.
    pub(crate) fn count(&mut self) {
        let mut sum = 0;
        for (word, before) in self.words.iter().zip(&mut self.before) {
            *before = sum;
            sum += word.count_ones() as u16;
        }
    }

    /// Cash and value per price at the close of bar `i`.
    #[inline(always)]
    fn standing_at(&self, i: usize) -> [f64; 2] {
        let upto = self.words[i / 64] << (63 - i % 64);
        self.standing[usize::from(self.before[i / 64]) + upto.count_ones() as usize]
    }

    /// Takes the tile's samples.
    #[inline(always)]
    pub(crate) fn sample(&self, pass: &Pass<'_>, account: &mut Account) {
        let tile = pass.tile;
        account.sample_all(pass.plan, tile, |bar| {
            let [cash, q] = self.standing_at(bar);
            cash + q * tile.close[bar]
        });
    }
}

/// Bars before which a position is held that `enter` starts and `exit` ends, never both at one bar. `held` is 1 where one is held
/// before the word's first bar, and is set for the next word.
#[inline(always)]
fn latch(enter: u64, exit: u64, held: &mut u64) -> u64 {
    // An entry starts a position and an exit ends it as carries start and end in an addition.
    let (sum, over) = enter.overflowing_add(!exit);
    let (sum, over_again) = sum.overflowing_add(*held);
    *held = u64::from(over | over_again);
    enter ^ !exit ^ sum
}

/// Entries and exits of long positions in word `w` of the tile, without those that cancel, and those of bars that are not traded.
#[inline(always)]
pub(crate) fn wishes(pass: &Pass<'_>, w: usize) -> [u64; 2] {
    wishes_of(pass, [pass.signals.enter_long, pass.signals.exit_long], w)
}

#[inline(always)]
fn wishes_of(pass: &Pass<'_>, signals: [&[u64]; 2], w: usize) -> [u64; 2] {
    let [enter, exit] = signals.map(|words| words.get(w).copied().unwrap_or(0));
    let traded = match pass.tile.first.saturating_sub(w * 64) {
        0 => !0,
        first @ 1..64 => !0u64 << first,
        _ => 0,
    };
    [enter & !exit & traded, exit & !enter & traded]
}

/// What starts and what ends a long position and a short one, where an entry ends a position of the other side.
#[inline(always)]
fn wishes_of_sides(pass: &Pass<'_>, w: usize) -> [[u64; 2]; 2] {
    let (signals, direction) = (&pass.signals, pass.plan.config.direction);
    let side = |traded: bool, words| if traded { wishes_of(pass, words, w) } else { [0; 2] };
    let [enter_long, exit_long] = side(direction != Direction::Short, [signals.enter_long, signals.exit_long]);
    let [enter_short, exit_short] = side(direction != Direction::Long, [signals.enter_short, signals.exit_short]);
    let both = enter_long & enter_short;
    let (enter_long, enter_short) = (enter_long & !both, enter_short & !both);
    [[enter_long, exit_long | enter_short], [enter_short, exit_short | enter_long]]
}
