//! The fills of one trial in one tile, where entries and exits alternate, and what stands between them.

use crate::account::{Account, Order, read};
use crate::plan::Checkpoint;
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
    /// Cash and value per price from the start on, and from each bar with fills on.
    pub(crate) standing: Vec<[f64; 2]>,
    /// Profits of the holdings that end.
    pub(crate) profits: Vec<f64>,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            bars: [0; TILE + 1 + AT_ONCE],
            words: [0; TILE / 64],
            before: [0; TILE / 64],
            standing: vec![[0.0; 2]; TILE + 2],
            profits: vec![0.0; TILE + 1],
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
        let equity = |checkpoint: &Checkpoint| {
            let bar = checkpoint.bar as usize;
            let [cash, q] = self.standing_at(bar);
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
}

/// Entries and exits in word `w` of the tile, without those that cancel, and those of bars that are not traded.
#[inline(always)]
pub(crate) fn wishes(pass: &Pass<'_>, w: usize) -> [u64; 2] {
    let word = |words: &[u64]| words.get(w).copied().unwrap_or(0);
    let (enter, exit) = (word(pass.signals.enter_long), word(pass.signals.exit_long));
    let traded = match pass.tile.first.saturating_sub(w * 64) {
        0 => !0,
        first @ 1..64 => !0u64 << first,
        _ => 0,
    };
    [enter & !exit & traded, exit & !enter & traded]
}
