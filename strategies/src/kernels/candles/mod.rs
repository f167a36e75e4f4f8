//! Candle patterns, defined as TA-Lib defines them: sizes are compared with running averages of the bars before.
//!
//! Averages add and take away in TA-Lib's own order, so that a body which is just as long as the average falls on the same side.

mod one;
mod several;
mod two;

use assay_lang::Candle;

use super::Walker;

/// Bars before a bar that a pattern or its averages may look at, at most.
const MOST_BACK: usize = 16;

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

/// Bars in a row.
#[derive(Debug, Clone, Copy)]
struct Bars<'a> {
    open: &'a [f64],
    high: &'a [f64],
    low: &'a [f64],
    close: &'a [f64],
}

impl<'a> Bars<'a> {
    /// Open, high, low and close of `count` bars.
    #[inline(always)]
    fn rows(&self, from: usize, count: usize) -> impl Iterator<Item = [f64; 4]> + use<'a> {
        let part = |values: &'a [f64]| &values[from..from + count];
        let (open, high, low, close) = (part(self.open), part(self.high), part(self.low), part(self.close));
        let pairs = open.iter().zip(high).zip(low.iter().zip(close));
        pairs.map(|((open, high), (low, close))| [*open, *high, *low, *close])
    }
}

/// The bars around one of them: `0` is this bar, `1` the one before.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    bars: &'a Bars<'a>,
    at: usize,
}

impl At<'_> {
    #[inline(always)]
    fn o(self, back: usize) -> f64 {
        self.bars.open[self.at - back]
    }

    #[inline(always)]
    fn h(self, back: usize) -> f64 {
        self.bars.high[self.at - back]
    }

    #[inline(always)]
    fn l(self, back: usize) -> f64 {
        self.bars.low[self.at - back]
    }

    #[inline(always)]
    fn c(self, back: usize) -> f64 {
        self.bars.close[self.at - back]
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
        x <= level + room && x >= level - room
    }
}

/// 100 times the sign where the pattern is, 0 elsewhere.
#[inline(always)]
fn signal(is: bool, sign: f64) -> f64 {
    if is { 100.0 * sign } else { 0.0 }
}

/// A running average of sizes that ends `back + 1` bars before the bar it is for.
#[derive(Debug, Clone)]
struct Average {
    size: Size,
    back: usize,
    total: f64,
    /// What the averages are for the bars at hand.
    values: Vec<f64>,
}

/// A pattern with its averages: `holds` takes the bar and the averages' values at it.
struct Pattern<const N: usize, F> {
    averages: [Average; N],
    /// First bar that is looked at, and first bar with a value.
    first: usize,
    lookback: usize,
    seen: usize,
    /// The last bars.
    history: [Vec<f64>; 4],
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
        averages: averages.map(|(size, back)| Average {
            size,
            back,
            total: 0.0,
            values: Vec::new(),
        }),
        first,
        lookback: first + later,
        seen: 0,
        history: std::array::from_fn(|_| Vec::new()),
        holds,
    })
}

impl Average {
    /// The averages for the bars from `from` on. `first` is how many of them only fill the first average.
    fn run(&mut self, bars: &Bars<'_>, from: usize, first: usize) {
        match self.size.measure() {
            Measure::Body => self.walk(bars, from, first, |[open, _, _, close]| (close - open).abs()),
            Measure::Range => self.walk(bars, from, first, |[_, high, low, _]| high - low),
            Measure::Shadows => self.walk(bars, from, first, |[open, high, low, close]| {
                let (top, bottom) = if close >= open { (close, open) } else { (open, close) };
                high - top + bottom - low
            }),
        }
    }

    #[inline(always)]
    fn walk(&mut self, bars: &Bars<'_>, from: usize, first: usize, measure: impl Fn([f64; 4]) -> f64) {
        let period = self.size.period();
        let count = bars.open.len() - from;
        // What stands before the first average is not looked at.
        self.values.resize(count, f64::NAN);
        let fill = first.min(count);
        let filling = first.saturating_sub(period).min(fill)..fill;
        for at in filling.start + from - self.back..filling.end + from - self.back {
            self.total += measure([bars.open[at], bars.high[at], bars.low[at], bars.close[at]]);
        }
        let values = &mut self.values[fill..];
        let newest = bars.rows(fill + from - self.back, values.len());
        let oldest = bars.rows((fill + from - self.back).saturating_sub(period), values.len());
        // In two loops: the first takes several bars at a time, in the second each waits for the one before.
        for ((value, newest), oldest) in values.iter_mut().zip(newest).zip(oldest) {
            *value = measure(newest) - measure(oldest);
        }
        let (factor, length) = (self.size.factor(), period as f64);
        let share = if self.size.measure() == Measure::Shadows { 0.5 } else { 1.0 };
        let mut total = self.total;
        for value in values {
            let change = *value;
            *value = factor * (total / length) * share;
            total += change;
        }
        self.total = total;
    }
}

impl<const N: usize, F: FnMut(At<'_>, [f64; N]) -> f64 + Send> Pattern<N, F> {
    /// Walks over `bars` from `from` on; before it stand as many as are looked back at.
    fn scan(&mut self, bars: &Bars<'_>, from: usize, out: &mut [f64]) {
        let first = self.first.saturating_sub(self.seen);
        for average in &mut self.averages {
            average.run(bars, from, first);
        }
        for (i, out) in out.iter_mut().enumerate().skip(first) {
            let averages = std::array::from_fn(|k| self.averages[k].values[i]);
            *out = (self.holds)(At { bars, at: from + i }, averages);
        }
        self.seen += out.len();
    }
}

impl<const N: usize, F: FnMut(At<'_>, [f64; N]) -> f64 + Send> Walker for Pattern<N, F> {
    fn lookback(&self, _: usize) -> usize {
        self.lookback
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let out = &mut *out[0];
        let count = out.len();
        // The first bars need the tile before; the others find all they look at in this tile.
        let head = count.min(MOST_BACK);
        let mut joined = std::mem::replace(&mut self.history, std::array::from_fn(|_| Vec::new()));
        for (joined, x) in joined.iter_mut().zip(x) {
            joined.resize(MOST_BACK, f64::NAN);
            joined.extend_from_slice(&x[..head]);
        }
        let [open, high, low, close] = &joined;
        let bars = Bars { open, high, low, close };
        self.scan(&bars, MOST_BACK, &mut out[..head]);
        if count > head {
            let bars = Bars {
                open: x[0],
                high: x[1],
                low: x[2],
                close: x[3],
            };
            self.scan(&bars, head, &mut out[head..]);
            for (joined, x) in joined.iter_mut().zip(x) {
                joined.clear();
                joined.extend_from_slice(&x[count - MOST_BACK..]);
            }
        } else {
            for joined in &mut joined {
                joined.drain(..head);
            }
        }
        self.history = joined;
    }
}

/// The pattern of that name; `penetration` is how deep a candle must reach into another, where the pattern asks for it.
pub(super) fn make(candle: Candle, penetration: f64) -> Box<dyn Walker> {
    one::make(candle)
        .or_else(|| two::make(candle, penetration))
        .unwrap_or_else(|| several::make(candle, penetration))
}
