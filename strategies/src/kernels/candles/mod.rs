//! Candle patterns, defined as TA-Lib defines them: sizes are compared with running averages of the bars before.
//!
//! Averages add and take away in TA-Lib's own order, so that a body which is just as long as the average falls on the same side.

mod hikkake;
mod one;
mod several;
mod two;

use std::ops::Range;

use assay_lang::Candle;

use super::Walker;
use crate::branchless::{all, any};
use crate::simd;

/// Bars before a bar that a pattern or its averages may look at, at most.
const MOST_BACK: usize = 16;
/// Bars looked at together.
const BLOCK: usize = 64;
/// Blocks that memory is told of ahead.
const AHEAD: usize = 4;
/// A column of a block and of the bars before it.
type Row = [f64; MOST_BACK + BLOCK];

/// What a size is measured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    LongBody,
    ShortBody,
    Doji,
    ShortShadow,
    NoShadow,
    Near,
    Far,
    Equal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Body,
    Range,
    Shadows,
}

impl Size {
    fn measure(self) -> Measure {
        match self {
            Self::LongBody | Self::ShortBody => Measure::Body,
            Self::ShortShadow => Measure::Shadows,
            Self::Doji | Self::NoShadow | Self::Near | Self::Far | Self::Equal => Measure::Range,
        }
    }

    /// Bars averaged.
    fn period(self) -> usize {
        match self {
            Self::Near | Self::Far | Self::Equal => 5,
            _ => 10,
        }
    }

    fn factor(self) -> f64 {
        match self {
            Self::LongBody | Self::ShortBody | Self::ShortShadow => 1.0,
            Self::Doji | Self::NoShadow => 0.1,
            Self::Near => 0.2,
            Self::Far => 0.6,
            Self::Equal => 0.05,
        }
    }
}

/// The bars of a block and [`MOST_BACK`] bars before it.
#[derive(Debug, Clone, Copy)]
struct Bars<'a> {
    open: &'a Row,
    high: &'a Row,
    low: &'a Row,
    close: &'a Row,
}

/// The bars around one of them: `0` is this bar, `1` the one before.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    bars: &'a Bars<'a>,
    /// Its place in the block.
    at: usize,
}

impl At<'_> {
    #[inline(always)]
    fn o(self, back: usize) -> f64 {
        self.bars.open[MOST_BACK + self.at - back]
    }

    #[inline(always)]
    fn h(self, back: usize) -> f64 {
        self.bars.high[MOST_BACK + self.at - back]
    }

    #[inline(always)]
    fn l(self, back: usize) -> f64 {
        self.bars.low[MOST_BACK + self.at - back]
    }

    #[inline(always)]
    fn c(self, back: usize) -> f64 {
        self.bars.close[MOST_BACK + self.at - back]
    }

    #[inline(always)]
    fn white(self, back: usize) -> bool {
        self.c(back) >= self.o(back)
    }

    #[inline(always)]
    fn black(self, back: usize) -> bool {
        !self.white(back)
    }

    /// 1 if white, -1 if black.
    #[inline(always)]
    fn color(self, back: usize) -> f64 {
        if self.white(back) { 1.0 } else { -1.0 }
    }

    #[inline(always)]
    fn body(self, back: usize) -> f64 {
        (self.c(back) - self.o(back)).abs()
    }

    /// Upper end of the body.
    #[inline(always)]
    fn top(self, back: usize) -> f64 {
        if self.white(back) { self.c(back) } else { self.o(back) }
    }

    /// Lower end of the body.
    #[inline(always)]
    fn bottom(self, back: usize) -> f64 {
        if self.white(back) { self.o(back) } else { self.c(back) }
    }

    #[inline(always)]
    fn upper(self, back: usize) -> f64 {
        self.h(back) - self.top(back)
    }

    #[inline(always)]
    fn lower(self, back: usize) -> f64 {
        self.bottom(back) - self.l(back)
    }

    /// The body lies above the other.
    #[inline(always)]
    fn gap_up(self, back: usize, other: usize) -> bool {
        self.bottom(back) > self.top(other)
    }

    /// The body lies below the other.
    #[inline(always)]
    fn gap_down(self, back: usize, other: usize) -> bool {
        self.top(back) < self.bottom(other)
    }

    /// Within `room` of `level`.
    #[inline(always)]
    fn within(x: f64, level: f64, room: f64) -> bool {
        all([x <= level + room, x >= level - room])
    }
}

/// 100 times the sign where the pattern is, 0 elsewhere.
#[inline(always)]
fn signal(is: bool, sign: f64) -> f64 {
    if is { 100.0 * sign } else { 0.0 }
}

/// A running average of sizes that ends `back + 1` bars before the bar it is for.
#[derive(Debug, Clone, Copy)]
struct Average {
    size: Size,
    back: usize,
}

/// A pattern with its averages: `holds` takes the bar and the averages' values at it.
///
/// A block of bars goes through all steps together, and each step is a loop without branches over arrays of fixed length: those
/// take several bars at a time. So `holds` should not branch either, but join its conditions with [`all`] and [`any`].
struct Pattern<const N: usize, F> {
    averages: [Average; N],
    /// Sums of as many sizes as are averaged.
    totals: [f64; N],
    /// First bar that is looked at, and first bar with a value.
    first: usize,
    lookback: usize,
    seen: usize,
    /// The last bars before the tile.
    history: [[f64; MOST_BACK]; 4],
    holds: F,
}

impl<const N: usize, F> std::fmt::Debug for Pattern<N, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pattern")
            .field("averages", &self.averages)
            .finish_non_exhaustive()
    }
}

/// A pattern of a bar and `depth` bars before it.
fn pattern<const N: usize>(
    depth: usize,
    averages: [(Size, usize); N],
    holds: impl FnMut(At<'_>, [f64; N]) -> f64 + Send + 'static,
) -> Box<dyn Walker> {
    let longest = averages.iter().map(|(size, _)| size.period()).max().unwrap_or(0);
    delayed(depth + longest, 0, averages, holds)
}

/// A pattern that is looked for from the bar `first` on, and given `later` bars later.
fn delayed<const N: usize>(
    first: usize,
    later: usize,
    averages: [(Size, usize); N],
    holds: impl FnMut(At<'_>, [f64; N]) -> f64 + Send + 'static,
) -> Box<dyn Walker> {
    Box::new(Pattern {
        averages: averages.map(|(size, back)| Average { size, back }),
        totals: [0.0; N],
        first,
        lookback: first + later,
        seen: 0,
        history: [[0.0; MOST_BACK]; 4],
        holds,
    })
}

impl Measure {
    #[inline(always)]
    fn of(self, bars: &Bars<'_>, out: &mut Row) {
        let Bars { open, high, low, close } = bars;
        match self {
            Self::Body => {
                for i in 0..out.len() {
                    out[i] = (close[i] - open[i]).abs();
                }
            }
            Self::Range => {
                for i in 0..out.len() {
                    out[i] = high[i] - low[i];
                }
            }
            Self::Shadows => {
                for i in 0..out.len() {
                    let white = close[i] >= open[i];
                    let (top, bottom) = if white { (close[i], open[i]) } else { (open[i], close[i]) };
                    out[i] = high[i] - top + bottom - low[i];
                }
            }
        }
    }
}

impl Average {
    /// By how much the total changes after each bar of a block.
    #[inline(always)]
    fn changes(self, sizes: &Row, out: &mut [f64; BLOCK]) {
        let newest = MOST_BACK - self.back;
        let oldest = newest - self.size.period();
        let (newest, oldest) = (&sizes[newest..newest + BLOCK], &sizes[oldest..oldest + BLOCK]);
        for ((out, newest), oldest) in out.iter_mut().zip(newest).zip(oldest) {
            *out = newest - oldest;
        }
    }

    /// The averages of totals.
    #[inline(always)]
    fn scale(self, totals: &mut [f64; BLOCK]) {
        let (factor, length) = (self.size.factor(), self.size.period() as f64);
        let share = if self.size.measure() == Measure::Shadows { 0.5 } else { 1.0 };
        for total in totals {
            *total = factor * (*total / length) * share;
        }
    }
}

impl<const N: usize, F: FnMut(At<'_>, [f64; N]) -> f64 + Send> Pattern<N, F> {
    /// The totals before each of the first `count` bars of a block.
    #[inline(always)]
    fn totals(&mut self, bars: &Bars<'_>, count: usize) -> [[f64; BLOCK]; N] {
        let mut totals = [[0.0; BLOCK]; N];
        let mut sizes = [[0.0; MOST_BACK + BLOCK]; 3];
        for measure in [Measure::Body, Measure::Range, Measure::Shadows] {
            if self.averages.iter().any(|average| average.size.measure() == measure) {
                measure.of(bars, &mut sizes[measure as usize]);
            }
        }
        let sizes = |average: &Average| &sizes[average.size.measure() as usize];
        for (average, changes) in self.averages.iter().zip(&mut totals) {
            average.changes(sizes(average), changes);
        }
        let filling = self.first.saturating_sub(self.seen).min(count);
        for i in 0..filling {
            for (average, total) in self.averages.iter().zip(&mut self.totals) {
                if self.seen + i + average.size.period() >= self.first {
                    *total += sizes(average)[MOST_BACK + i - average.back];
                }
            }
        }
        // All totals in one loop: each waits for its own last value, and not for the others'.
        let mut sums = self.totals;
        for i in filling..count {
            for (total, sum) in totals.iter_mut().zip(&mut sums) {
                let change = std::mem::replace(&mut total[i], *sum);
                *sum += change;
            }
        }
        self.totals = sums;
        totals
    }

    /// The first `out.len()` bars of a block.
    #[inline(always)]
    fn block(&mut self, bars: &Bars<'_>, out: &mut [f64]) {
        let mut averages = self.totals(bars, out.len());
        for (average, totals) in self.averages.iter().zip(&mut averages) {
            average.scale(totals);
        }
        let first = self.first.saturating_sub(self.seen);
        let mut found = [0.0; BLOCK];
        if first == 0 && out.len() == BLOCK {
            for (at, found) in found.iter_mut().enumerate() {
                *found = (self.holds)(At { bars, at }, std::array::from_fn(|k| averages[k][at]));
            }
        } else {
            self.part(bars, &averages, first..out.len(), &mut found);
        }
        out.copy_from_slice(&found[..out.len()]);
        self.seen += out.len();
    }

    /// A block of which only some bars are looked at: at the beginning and at the end of a series.
    #[cold]
    #[inline(never)]
    fn part(&mut self, bars: &Bars<'_>, averages: &[[f64; BLOCK]; N], looked_at: Range<usize>, found: &mut [f64; BLOCK]) {
        for at in looked_at {
            found[at] = (self.holds)(At { bars, at }, std::array::from_fn(|k| averages[k][at]));
        }
    }
}

impl<const N: usize, F: FnMut(At<'_>, [f64; N]) -> f64 + Send> Walker for Pattern<N, F> {
    fn lookback(&self, _: usize) -> usize {
        self.lookback
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let mut rooms = [[0.0; MOST_BACK + BLOCK]; 4];
        for (block, out) in out[0].chunks_mut(BLOCK).enumerate() {
            let [open, high, low, close] = &mut rooms;
            for x in x {
                simd::prefetch(x, (block + AHEAD) * BLOCK);
            }
            let history = &self.history;
            let row = |column: usize, room| row(&history[column], x[column], block * BLOCK, room);
            let bars = Bars {
                open: row(0, open),
                high: row(1, high),
                low: row(2, low),
                close: row(3, close),
            };
            self.block(&bars, out);
        }
        for ((history, x), room) in self.history.iter_mut().zip(x).zip(&mut rooms) {
            let last = *row(history, x, x.len(), room);
            history.copy_from_slice(&last[..MOST_BACK]);
        }
    }
}

/// The values of a tile from `from` on and those before it; what lies outside of the tile is made up in `room`.
#[inline(always)]
fn row<'a>(history: &[f64; MOST_BACK], tile: &'a [f64], from: usize, room: &'a mut Row) -> &'a Row {
    if let Some(whole) = from.checked_sub(MOST_BACK).and_then(|from| tile[from..].first_chunk()) {
        return whole;
    }
    for (i, value) in room.iter_mut().enumerate() {
        *value = match (from + i).checked_sub(MOST_BACK) {
            None => history[from + i],
            Some(at) => tile.get(at).copied().unwrap_or(0.0),
        };
    }
    room
}

/// The pattern of that name; `penetration` is how deep a candle must reach into another, where the pattern asks for it.
pub(super) fn make(candle: Candle, penetration: f64) -> Box<dyn Walker> {
    one::make(candle)
        .or_else(|| two::make(candle, penetration))
        .unwrap_or_else(|| several::make(candle, penetration))
}
