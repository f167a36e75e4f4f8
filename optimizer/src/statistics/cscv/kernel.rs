//! Scores of a group of trials on all splits.
//!
//! The Sharpe ratios of one split are compared only among trials, so any rising function of them serves:
//! `s |s| / q` with the sum s and the sum of squares q of the split's returns, since SR = (s/n) / sqrt((q - s^2/n) / (n - 1)) rises
//! with it. Comparing `s |s|` with a threshold times q needs no division; only what comes near the threshold is divided, so that
//! ties are those of the exact scores.

use super::splits::Splits;
use crate::statistics::VARIANCE_DUST;

/// Trials that are scored side by side.
pub(super) const LANES: usize = 8;

/// Share by which a score may miss a threshold and still be looked at exactly; far above rounding.
const BAND: f64 = 1e-13;

/// Keeps a threshold below 0 apart from flat trials, whose sums are both 0.
const TINY: f64 = 1e-250;

type Lanes = [f64; LANES];

/// What a split's Sharpe ratio is ranked by, from n returns with sum `s` and sum of squares `q`; 0 without variance.
pub(super) fn score(s: f64, q: f64, n: u64) -> f64 {
    let ratio = s * s.abs() / q;
    // Not finite: no returns but zeros, or sums that are not numbers.
    if ratio.is_finite() && ratio.abs() < n as f64 * (1.0 - VARIANCE_DUST) {
        ratio + 0.0
    } else {
        0.0
    }
}

/// Sharpe ratio per observation of n returns with sum `s` and sum of squares `q`; 0 without variance.
pub(super) fn sharpe(s: f64, q: f64, n: u64) -> f64 {
    if score(s, q, n) == 0.0 {
        return 0.0;
    }
    let count = n as f64;
    let mean = s / count;
    mean / ((q - s * mean) / (count - 1.0)).sqrt()
}

/// How a trial is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// By [`Tables::above`] and [`Tables::below`].
    Plain,
    /// By the same with an eye on the variance: on some split its returns may all be equal without being 0.
    Still,
    /// Its returns are all equal, mostly 0, and its scores are all 0.
    Flat,
    /// Split by split with [`score`]: its sums are no numbers or so small that `TINY` would show.
    Odd,
}

impl Kind {
    pub(super) fn of(sums: &[f64], squares: &[f64], counts: &[u32]) -> Self {
        let total = |values: &[f64]| values.iter().sum::<f64>();
        let (s, n) = (total(sums), counts.iter().map(|n| f64::from(*n)).sum::<f64>());
        if s * s >= n * total(squares) * (1.0 - 0.1 * VARIANCE_DUST) {
            return Self::Flat;
        }
        let (mut zero, mut still, mut usual) = (0, 0, true);
        for ((s, q), n) in sums.iter().zip(squares).zip(counts) {
            if *s == 0.0 && *q == 0.0 {
                zero += 1;
            } else {
                usual &= s.is_finite() && *q > 1e-230 && *q < 1e230;
                // With a margin: a block may be a small part of a split.
                still += usize::from(s * s >= f64::from(*n) * q * (1.0 - 1000.0 * VARIANCE_DUST));
            }
        }
        if !usual {
            Self::Odd
        } else if still > 0 && zero + still >= counts.len() / 2 {
            // Only a split of such blocks alone can be without variance.
            Self::Still
        } else {
            Self::Plain
        }
    }
}

/// Partial sums of a group of trials over the low and the high half of the blocks.
pub(super) struct Tables {
    sums: [Vec<Lanes>; 2],
    squares: [Vec<Lanes>; 2],
    position: Vec<usize>,
}

impl Tables {
    pub(super) fn new(splits: &Splits) -> Self {
        let mut position = vec![0; splits.order.len()];
        splits.order.iter().enumerate().for_each(|(i, mask)| position[*mask] = i);
        let zeros = || vec![[0.0; LANES]; position.len()];
        Self {
            sums: [zeros(), zeros()],
            squares: [zeros(), zeros()],
            position,
        }
    }

    /// Takes up to [`LANES`] trials: `sums` and `squares` hold all blocks of a trial, then those of the next. `which` says which of
    /// them to score; the rest compare false with everything.
    #[inline(always)]
    pub(super) fn fill(&mut self, splits: &Splits, sums: &[f64], squares: &[f64], which: [bool; LANES]) {
        let (half, blocks) = (splits.half, 2 * splits.half);
        for side in 0..2 {
            let missing: Lanes = which.map(|scored| if scored { 0.0 } else { f64::NAN });
            self.sums[side][0] = missing;
            self.squares[side][0] = [if side == 1 { TINY } else { 0.0 }; LANES];
            for block in 0..half {
                let at = |values: &[f64]| -> Lanes {
                    std::array::from_fn(|lane| values.get(lane * blocks + side * half + block).copied().unwrap_or(0.0))
                };
                let (s, q) = (at(sums), at(squares));
                // The masks whose highest block is this one, from those without it.
                for mask in 0..1usize << block {
                    let (from, to) = (self.position[mask], self.position[mask | 1 << block]);
                    self.sums[side][to] = add(&self.sums[side][from], &s);
                    self.squares[side][to] = add(&self.squares[side][from], &q);
                }
            }
        }
    }

    /// Sum and sum of squares of one trial on a split.
    pub(super) fn of(&self, splits: &Splits, split: usize, lane: usize) -> (f64, f64) {
        let mask = splits.masks[split];
        let low = self.position[mask & ((1 << splits.half) - 1)];
        let high = self.position[mask >> splits.half];
        (
            self.sums[0][low][lane] + self.sums[1][high][lane],
            self.squares[0][low][lane] + self.squares[1][high][lane],
        )
    }

    /// Calls `found(split)` for each split on which some trial may score more than `bars[split]` says; `found` may raise that bar.
    #[inline(always)]
    pub(super) fn above<const STILL: bool>(&self, splits: &Splits, bars: &mut [f64], mut found: impl FnMut(&mut [f64], usize)) {
        let mut first = 0;
        for (high, mask) in splits.order.iter().enumerate() {
            let (high_sums, high_squares) = (self.sums[1][high], self.squares[1][high]);
            let blocks = splits.half - mask.count_ones() as usize;
            let lows = splits.starts[blocks]..splits.starts[blocks + 1];
            let count = lows.len();
            for i in 0..count {
                let low = lows.start + i;
                let s = add(&self.sums[0][low], &high_sums);
                let q = add(&self.squares[0][low], &high_squares);
                let signed = signed_squares::<STILL>(&s, &q, splits.observations[first + i]);
                let bar = bars[first + i];
                let mut any = false;
                for lane in 0..LANES {
                    any |= signed[lane] > bar * q[lane];
                }
                if any {
                    found(bars, first + i);
                }
            }
            first += count;
        }
    }

    /// Adds to `less[split]` the trials that score less than `bands[split]`; where a trial scores within it,
    /// the count is left to `near(less, split)`.
    #[inline(always)]
    pub(super) fn below<const STILL: bool>(
        &self,
        splits: &Splits,
        bands: &[[f64; 2]],
        less: &mut [u64],
        mut near: impl FnMut(&mut [u64], usize),
    ) {
        let mut first = 0;
        for (high, mask) in splits.order.iter().enumerate() {
            let (high_sums, high_squares) = (self.sums[1][high], self.squares[1][high]);
            let blocks = splits.half - mask.count_ones() as usize;
            let lows = splits.starts[blocks]..splits.starts[blocks + 1];
            let count = lows.len();
            for i in 0..count {
                let low = lows.start + i;
                let s = add(&self.sums[0][low], &high_sums);
                let q = add(&self.squares[0][low], &high_squares);
                let signed = signed_squares::<STILL>(&s, &q, splits.observations[first + i]);
                let [from, to] = bands[first + i];
                let (mut under, mut upto) = (0, 0);
                for lane in 0..LANES {
                    under += u64::from(signed[lane] < from * q[lane]);
                    upto += u64::from(signed[lane] <= to * q[lane]);
                }
                if under == upto {
                    less[first + i] += under;
                } else {
                    near(less, first + i);
                }
            }
            first += count;
        }
    }
}

/// The scores that may, with rounding, equal `threshold`: from and up to.
pub(super) fn band(threshold: f64) -> [f64; 2] {
    // The constant makes a band of a threshold of 0, too; its product with `TINY` is still a normal number.
    let width = threshold.abs() * BAND + 1e-20;
    [threshold - width, threshold + width]
}

/// `s |s|` of each trial; with `STILL` 0 where its n returns have no variance.
#[inline(always)]
fn signed_squares<const STILL: bool>(s: &Lanes, q: &Lanes, n: u64) -> Lanes {
    let most = n as f64 * (1.0 - VARIANCE_DUST);
    std::array::from_fn(|lane| {
        let signed = s[lane] * s[lane].abs();
        // A lane without a trial stays NaN.
        if STILL && signed.abs() >= most * q[lane] {
            0.0
        } else {
            signed
        }
    })
}

#[inline(always)]
fn add(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|lane| a[lane] + b[lane])
}
