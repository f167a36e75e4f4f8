//! Wilder's directional movement.
//!
//! Blocks of bars go through each step together. A sum that loses a share of itself at each bar waits for its own last value only:
//! that is the one step that takes bars one by one.

use super::Walker;
use crate::branchless::{all, most};

/// Bars looked at together: few, so that a processor begins the next block while it still averages this one.
const BLOCK: usize = 16;

type Block = [f64; BLOCK];

/// How far the range of each bar went up, how far down (only the longer of the two counts), and the true range.
#[derive(Debug, Clone)]
struct Moves {
    high: f64,
    low: f64,
    close: f64,
}

/// The values of a block that may be shorter, and the same with the bar before in front.
#[inline(always)]
fn rows(x: &[f64], before: &mut f64) -> [Block; 2] {
    let mut row = [0.0; BLOCK];
    row[..x.len()].copy_from_slice(x);
    let mut earlier = [*before; BLOCK];
    earlier[1..].copy_from_slice(&row[..BLOCK - 1]);
    *before = x.last().copied().unwrap_or(*before);
    [row, earlier]
}

impl Moves {
    fn new() -> Self {
        Self {
            high: 0.0,
            low: 0.0,
            close: 0.0,
        }
    }

    /// Those of a block; none at the first bar.
    #[inline(always)]
    fn block<const K: usize>(&mut self, x: [&[f64]; K], first: bool) -> [Block; K] {
        let [high, high_before] = rows(x[0], &mut self.high);
        let [low, low_before] = rows(x[1], &mut self.low);
        let mut moves = [[0.0; BLOCK]; K];
        for i in 0..BLOCK {
            let (up, down) = (high[i] - high_before[i], low_before[i] - low[i]);
            moves[0][i] = if all([up > 0.0, up > down]) { up } else { 0.0 };
            moves[1][i] = if all([down > 0.0, up < down]) { down } else { 0.0 };
        }
        if K > 2 {
            let [_, close] = rows(x[2], &mut self.close);
            for i in 0..BLOCK {
                moves[2][i] = most(high[i] - low[i], most((high[i] - close[i]).abs(), (low[i] - close[i]).abs()));
            }
        }
        if first {
            for moves in &mut moves {
                moves[0] = 0.0;
            }
        }
        moves
    }
}

/// Replaces values by their smoothed sums. The first `n` bars are added up, from then on a share is lost at each.
#[inline(always)]
fn smoothed_sums<const K: usize>(values: &mut [Block; K], sums: &mut [f64; K], n: usize, seen: usize, count: usize) {
    let share = 1.0 / n as f64;
    for i in 0..count {
        let lost = if seen + i < n { 0.0 } else { share };
        for (sum, values) in sums.iter_mut().zip(values.iter_mut()) {
            // The loss does not wait for the new value, nor that for the loss.
            *sum = (*sum + values[i]) - *sum * lost;
            values[i] = *sum;
        }
    }
}

/// Smoothed sums of upward and downward moves.
#[derive(Debug, Clone)]
pub(super) struct Movement {
    n: usize,
    seen: usize,
    moves: Moves,
    sums: [f64; 2],
}

impl Movement {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n,
            seen: 0,
            moves: Moves::new(),
            sums: [0.0; 2],
        }
    }
}

impl Walker for Movement {
    fn outputs(&self) -> usize {
        2
    }

    fn lookback(&self, _: usize) -> usize {
        self.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        for (block, high) in x[0].chunks(BLOCK).enumerate() {
            let bars = block * BLOCK..block * BLOCK + high.len();
            let mut sums = self.moves.block([high, &x[1][bars.clone()]], self.seen == 0);
            smoothed_sums(&mut sums, &mut self.sums, self.n, self.seen, high.len());
            for (out, sums) in out.iter_mut().zip(&sums) {
                out[bars.clone()].copy_from_slice(&sums[..high.len()]);
            }
            self.seen += high.len();
        }
    }
}

/// Directional indicators, their index, and its average.
#[derive(Debug, Clone)]
pub(super) struct Directional {
    n: usize,
    seen: usize,
    moves: Moves,
    sums: [f64; 3],
    index: f64,
    /// Sum of the first n indices, then their average.
    average: f64,
}

impl Directional {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n,
            seen: 0,
            moves: Moves::new(),
            sums: [0.0; 3],
            index: 0.0,
            average: 0.0,
        }
    }

    /// The average after the index of a bar.
    #[inline(always)]
    fn averaged(&self, bar: usize, index: f64) -> f64 {
        let n = self.n as f64;
        if bar >= 2 * self.n {
            return self.average + 1.0 / n * (index - self.average);
        }
        let sum = self.average + index;
        if bar == 2 * self.n - 1 { sum / n } else { sum }
    }
}

impl Walker for Directional {
    fn outputs(&self) -> usize {
        4
    }

    fn lookback(&self, output: usize) -> usize {
        if output == 3 { 2 * self.n - 1 } else { self.n }
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        for (block, high) in x[0].chunks(BLOCK).enumerate() {
            let count = high.len();
            let bars = block * BLOCK..block * BLOCK + count;
            let mut sums = self
                .moves
                .block([high, &x[1][bars.clone()], &x[2][bars.clone()]], self.seen == 0);
            smoothed_sums(&mut sums, &mut self.sums, self.n, self.seen, count);
            let mut values = [[0.0; BLOCK]; 4];
            for i in 0..BLOCK {
                let [plus, minus, range] = [sums[0][i], sums[1][i], sums[2][i]];
                let (scale, total) = (100.0 / range, plus + minus);
                values[0][i] = if range > 0.0 { plus * scale } else { 0.0 };
                values[1][i] = if range > 0.0 { minus * scale } else { 0.0 };
                let index = 100.0 * (plus - minus).abs() / total;
                // A market without any move keeps the index it had.
                values[2][i] = if all([range > 0.0, total > 0.0]) { index } else { f64::NAN };
            }
            #[expect(
                clippy::needless_range_loop,
                reason = "walked with iterators, the average goes through memory"
            )]
            for i in self.n.saturating_sub(self.seen).min(count)..count {
                self.index = if values[2][i].is_nan() { self.index } else { values[2][i] };
                self.average = self.averaged(self.seen + i, self.index);
                (values[2][i], values[3][i]) = (self.index, self.average);
            }
            for (out, values) in out.iter_mut().zip(&values) {
                out[bars.clone()].copy_from_slice(&values[..count]);
            }
            self.seen += count;
        }
    }
}
