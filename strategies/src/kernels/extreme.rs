//! Greatest and least value of a window, and how long ago it was.

use super::Walker;
use super::four::{Four, apart, together};
use super::moments::Windows;
use crate::simd::WORD;

/// A window is the end of one block of `n` bars and the beginning of the next: its extreme is that of two running extremes.
/// (M. van Herk, Pattern Recognition Letters 13, 1992.)
#[derive(Debug, Clone)]
pub(super) struct Extreme {
    n: usize,
    /// 1 for the greatest, -1 for the least.
    greatest: bool,
    at: usize,
    block: Vec<f64>,
    /// Extremes of the block before from each of its bars to its end.
    ends: Vec<f64>,
    begin: f64,
    /// Values, such extremes, and windows of blocks side by side.
    blocks: [Vec<Four>; 2],
    windows: Vec<[Four; 1]>,
    /// Instead of all that, for windows that are not long.
    short: Short,
}

/// The state of windows that are not long.
#[derive(Debug, Clone, Default)]
struct Short {
    /// The values before the tile that its windows reach back to, and room for them with its first values.
    history: Vec<f64>,
    head: Vec<f64>,
    /// Extremes of ever longer windows.
    rooms: [Vec<f64>; 2],
    seen: usize,
}

/// Windows of up to so many bars are made of ever longer ones.
const DOUBLED: usize = 512;
/// Bars that are looked at together.
const PART: usize = 1_024;

/// Extremes of one bar, of four, of sixteen, and so on, and each window of four of the longest that fit: far fewer steps than a
/// window has bars, and each of them many bars at a time.
#[inline(always)]
fn doubled(short: &mut Short, n: usize, x: &[f64], out: &mut [f64], better: impl Fn(f64, f64) -> f64) {
    let before = n - 1;
    let Short {
        history,
        head,
        rooms,
        seen,
    } = short;
    history.resize(before, 0.0);
    for room in &mut *rooms {
        room.resize(PART + before, 0.0);
    }
    for from in (0..x.len()).step_by(PART) {
        let out = &mut out[from..x.len().min(from + PART)];
        let values = if from >= before {
            &x[from - before..from + out.len()]
        } else {
            head.clear();
            head.extend_from_slice(&history[from..]);
            head.extend_from_slice(&x[..from + out.len()]);
            head.as_slice()
        };
        if values
            .iter()
            .map(|x| u64::from(x.to_bits() == (-0.0f64).to_bits()))
            .sum::<u64>()
            > 0
        {
            one_by_one(values, n, *seen + from, out, &better);
            continue;
        }
        // Four windows make one that is as long as they reach.
        let four = |values: &[f64], [b, c, d]: [usize; 3], out: &mut [f64]| {
            let count = out.len();
            let [b, c, d] = [b, c, d].map(|from| &values[from..][..count]);
            for (out, (((a, b), c), d)) in out.iter_mut().zip(values[..count].iter().zip(b).zip(c).zip(d)) {
                *out = better(better(*a, *b), better(*c, *d));
            }
        };
        let [mut longest, mut next] = rooms.each_mut().map(Vec::as_mut_slice);
        let (mut bars, mut windows) = (1, values.len());
        while 4 * bars <= before {
            windows -= 3 * bars;
            let from = if bars == 1 { values } else { &*longest };
            four(from, [bars, 2 * bars, 3 * bars], &mut next[..windows]);
            std::mem::swap(&mut longest, &mut next);
            bars *= 4;
        }
        let last = n - bars;
        four(
            if bars == 1 { values } else { &*longest },
            [bars.min(last), last.min(2 * bars), last],
            out,
        );
    }
    if x.len() >= before {
        history.copy_from_slice(&x[x.len() - before..]);
    } else {
        history.drain(..x.len());
        history.extend_from_slice(x);
    }
    *seen += x.len();
}

/// [`doubled`], of two zeros the one that [`Extreme::walk_long`] takes, which depends on where blocks begin.
#[cold]
#[inline(never)]
fn one_by_one(values: &[f64], n: usize, seen: usize, out: &mut [f64], better: &impl Fn(f64, f64) -> f64) {
    for (bar, (out, window)) in out.iter_mut().zip(values.windows(n)).enumerate() {
        let own = (seen + bar) % n + 1;
        let (before, block) = window.split_at(n - own);
        let better = |a: f64, b: &f64| better(a, *b);
        let begin = block.iter().skip(1).fold(block[0], better);
        let end = before.iter().rev().copied().reduce(|a, b| better(a, &b));
        *out = end.map_or(begin, |end| better(begin, &end));
    }
}

/// Blocks that go side by side, where so many lie in a tile: none waits for another.
const BLOCKS: usize = 4;

impl Extreme {
    pub(super) fn highest(n: usize) -> Self {
        Self::new(n, true)
    }

    pub(super) fn lowest(n: usize) -> Self {
        Self::new(n, false)
    }

    fn new(n: usize, greatest: bool) -> Self {
        Self {
            n: n.max(1),
            greatest,
            at: 0,
            block: Vec::new(),
            ends: Vec::new(),
            begin: f64::NAN,
            blocks: [Vec::new(), Vec::new()],
            windows: Vec::new(),
            short: Short::default(),
        }
    }

    /// [`Extreme::walk`] of whole blocks.
    #[inline(always)]
    fn walk_blocks(&mut self, x: &[f64], out: &mut [f64], none: f64, better: impl Fn(f64, f64) -> f64) {
        let n = self.n;
        let better = |a: Four, b: Four| Four(std::array::from_fn(|block| better(a.0[block], b.0[block])));
        let ([values, all_ends], windows) = (&mut self.blocks, &mut self.windows);
        together(x, n, values);
        all_ends.resize(n + 1, Four::all(none));
        windows.resize(n, [Four::all(none)]);
        let mut end = Four::all(none);
        for (ends, value) in all_ends[..n].iter_mut().zip(&*values).rev() {
            end = better(end, *value);
            *ends = end;
        }
        let mut begin = Four::all(none);
        let ends = all_ends[1..].iter().zip(&self.ends[1..]);
        for ((window, value), (ends, before)) in windows.iter_mut().zip(&*values).zip(ends) {
            begin = better(begin, *value);
            let [a, b, c, _] = ends.0;
            *window = [better(begin, Four([*before, a, b, c]))];
        }
        apart(windows, 0, out);
        for (end, ends) in self.ends.iter_mut().zip(all_ends) {
            *end = ends.0[BLOCKS - 1];
        }
    }

    #[inline(always)]
    fn walk(&mut self, x: &[f64], out: &mut [f64], none: f64, better: impl Fn(f64, f64) -> f64) {
        if self.n <= DOUBLED {
            return doubled(&mut self.short, self.n, x, out, better);
        }
        self.walk_long(x, out, none, better);
    }

    #[inline(always)]
    fn walk_long(&mut self, x: &[f64], out: &mut [f64], none: f64, better: impl Fn(f64, f64) -> f64) {
        let n = self.n;
        if self.ends.is_empty() {
            self.block = vec![none; n];
            self.ends = vec![none; n + 1];
            self.begin = none;
        }
        let mut bar = 0;
        while bar < x.len() {
            if self.at == 0 && x.len() - bar >= BLOCKS * n {
                let bars = bar..bar + BLOCKS * n;
                self.walk_blocks(&x[bars.clone()], &mut out[bars], none, &better);
                bar += BLOCKS * n;
                continue;
            }
            let part = (n - self.at).min(x.len() - bar);
            let from = self.at;
            let x = &x[bar..bar + part];
            self.block[from..from + part].copy_from_slice(x);
            let mut begin = self.begin;
            let ends = &self.ends[from + 1..=from + part];
            for ((out, x), end) in out[bar..bar + part].iter_mut().zip(x).zip(ends) {
                begin = better(begin, *x);
                *out = better(begin, *end);
            }
            self.begin = begin;
            self.at += part;
            bar += part;
            if self.at == n {
                let mut end = none;
                for (ends, x) in self.ends[..n].iter_mut().zip(&self.block).rev() {
                    end = better(end, *x);
                    *ends = end;
                }
                (self.at, self.begin) = (0, none);
            }
        }
    }
}

impl Walker for Extreme {
    fn lookback(&self, _: usize) -> usize {
        self.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        if self.greatest {
            self.walk(x[0], out[0], f64::NEG_INFINITY, |a, b| if b > a { b } else { a });
        } else {
            self.walk(x[0], out[0], f64::INFINITY, |a, b| if b < a { b } else { a });
        }
    }
}

/// Windows of up to so many bars are compared as a whole.
const SHORT: usize = 32;

/// Bars since the extreme of a window. Of equal values the latest counts, or the earliest where TA-Lib has it so: when the extreme
/// has left the window and the next one is looked for.
#[derive(Debug, Clone)]
pub(super) struct Age {
    greatest: bool,
    earliest: bool,
    /// Turned so that the extreme is the greatest.
    windows: Windows,
    turned: Vec<f64>,
    best: f64,
    bars: usize,
    seen: usize,
}

impl Age {
    pub(super) fn new(n: usize, greatest: bool, earliest: bool) -> Self {
        Self {
            greatest,
            earliest,
            windows: Windows::new(n),
            turned: Vec::new(),
            best: f64::NEG_INFINITY,
            bars: 0,
            seen: 0,
        }
    }
}

/// The greatest value, several at a time.
#[inline(always)]
fn greatest(window: &[f64]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 8];
    let (chunks, rest) = window.as_chunks::<8>();
    for chunk in chunks {
        for (best, x) in lanes.iter_mut().zip(chunk) {
            *best = if x > best { *x } else { *best };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .fold(f64::NEG_INFINITY, |best, x| if *x > best { *x } else { best })
}

/// Ages in short windows, of which the latest of equal values counts: every value compared, several bars at a time.
#[inline(always)]
fn ages(joined: &[f64], n: usize, out: &mut [f64]) {
    for (block, ages) in out.chunks_mut(WORD).enumerate() {
        let mut best = [f64::NEG_INFINITY; WORD];
        for k in 0..n {
            let age = (n - 1 - k) as f64;
            let values = &joined[block * WORD + k..][..ages.len()];
            for ((best, out), x) in best.iter_mut().zip(ages.iter_mut()).zip(values) {
                *out = if *x >= *best { age } else { *out };
                *best = if *x >= *best { *x } else { *best };
            }
        }
    }
}

/// The greatest value and how many bars ago it was.
#[inline(always)]
fn search(window: &[f64], earliest: bool) -> (f64, usize) {
    let best = greatest(window);
    let place = if earliest {
        window.iter().position(|x| *x == best)
    } else {
        window.iter().rposition(|x| *x == best)
    };
    (best, window.len() - 1 - place.unwrap_or(0))
}

impl Walker for Age {
    fn lookback(&self, _: usize) -> usize {
        self.windows.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let sign = if self.greatest { 1.0 } else { -1.0 };
        self.turned.clear();
        self.turned.extend(x[0].iter().map(|x| x * sign));
        let n = self.windows.n;
        if !self.earliest && n <= SHORT {
            return ages(self.windows.join(&self.turned), n, out[0]);
        }
        let windows = self.windows.of(&self.turned);
        let (mut best, mut bars) = (self.best, self.bars);
        for ((i, out), (window, x)) in out[0].iter_mut().enumerate().zip(windows.zip(&self.turned)) {
            bars += 1;
            // The first window is looked at as a whole too.
            let left = bars >= n || self.seen + i + 1 == n;
            if *x >= best && !(left && self.earliest) {
                (best, bars) = (*x, 0);
            } else if left {
                (best, bars) = search(window, self.earliest);
            }
            *out = bars as f64;
        }
        (self.best, self.bars) = (best, bars);
        self.seen += x[0].len();
    }
}
