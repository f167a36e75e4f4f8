//! Sums and moments over windows without anything being taken out again: a window is the end of one block of `n` bars and the
//! beginning of the next, and both parts are added up on their own. So no dust of values that have left remains, however long the
//! series, and a bar costs the same whatever `n` is.
//!
//! Values are measured from the last one of the block before, which lies in the window: where nothing moves, moments are exactly 0.

use super::Walker;
use super::four::{Four, Number};

/// The tiles of a series, each behind the last values of the one before, so that every window is one slice.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    pub(super) n: usize,
    values: Vec<f64>,
}

impl Windows {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n: n.max(1),
            values: Vec::new(),
        }
    }

    /// The windows that end at the values of a tile; what stands before the first tile is 0.
    pub(super) fn of(&mut self, x: &[f64]) -> std::slice::Windows<'_, f64> {
        let n = self.n;
        self.join(x).windows(n)
    }

    /// The tile behind the last `n - 1` values before it.
    pub(super) fn join(&mut self, x: &[f64]) -> &[f64] {
        let kept = self.n - 1;
        if self.values.len() < kept {
            self.values.resize(kept, 0.0);
        }
        self.values.drain(..self.values.len() - kept);
        self.values.extend_from_slice(x);
        &self.values
    }
}

/// Windows of up to so many bars are added up anew for each bar, several bars at a time: of one term, and of more.
const SHORT: [usize; 2] = [8, 16];
/// Bars added up side by side.
const LANES: usize = 8;

/// The values of [`LANES`] bars.
#[derive(Debug, Clone, Copy)]
struct Pair([Four; 2]);

impl Pair {
    #[inline(always)]
    fn of(x: &[f64; LANES]) -> Self {
        let [a, b, c, d, e, f, g, h] = *x;
        Self([Four([a, b, c, d]), Four([e, f, g, h])])
    }
}

/// What is added up: terms of the distances of x and y from the center, and of the position.
pub(super) trait Terms<const K: usize> {
    /// Whether distances are from a value of the window; from 0 otherwise.
    const CENTERED: bool = true;
    /// Whether y is another series than x.
    const PAIRED: bool = false;

    fn of<T: Number>(x: T, y: T, position: T) -> [T; K];
}

/// Sums of `K` terms over a window.
#[derive(Debug, Clone)]
pub(super) struct Moments<const K: usize> {
    n: usize,
    /// Bars of the present block.
    at: usize,
    center: [f64; 2],
    /// Values of the present block.
    x: Vec<f64>,
    y: Vec<f64>,
    /// Sums of the terms of the block before from each of its bars to its end.
    ends: Vec<[f64; K]>,
    begin: [f64; K],
    /// The values of short windows.
    short: [Windows; 2],
}

/// A complete window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summed<const K: usize> {
    pub(super) sums: [f64; K],
    /// What was subtracted from the values.
    pub(super) center: [f64; 2],
    /// Position of the newest bar; that of the oldest is `n - 1` less.
    pub(super) newest: f64,
}

#[inline(always)]
fn plus<const K: usize>(a: [f64; K], b: [f64; K]) -> [f64; K] {
    std::array::from_fn(|k| a[k] + b[k])
}

impl<const K: usize> Moments<K> {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n: n.max(1),
            at: 0,
            center: [0.0; 2],
            x: Vec::new(),
            y: Vec::new(),
            ends: Vec::new(),
            begin: [0.0; K],
            short: [Windows::new(n), Windows::new(n)],
        }
    }

    /// Gives `emit` the window that ends at each bar. Where there is one series, `y` is `x` again. Windows that are not full yet hold anything.
    #[inline(always)]
    pub(super) fn run<T: Terms<K>>(&mut self, x: &[f64], y: &[f64], mut emit: impl FnMut(usize, Summed<K>)) {
        if self.n <= SHORT[usize::from(K > 1)] {
            return self.run_short::<T>(x, y, emit);
        }
        if self.ends.is_empty() {
            self.ends = vec![[0.0; K]; self.n + 1];
            self.x = vec![0.0; self.n];
            self.y = vec![0.0; self.n];
        }
        let n = self.n;
        let mut bar = 0;
        while bar < x.len() {
            let part = (n - self.at).min(x.len() - bar);
            let (from, center) = (self.at, self.center);
            self.x[from..from + part].copy_from_slice(&x[bar..bar + part]);
            self.y[from..from + part].copy_from_slice(&y[bar..bar + part]);
            let mut begin = self.begin;
            let ends = &self.ends[from + 1..=from + part];
            let pairs = x[bar..bar + part].iter().zip(&y[bar..bar + part]);
            for (k, ((x, y), end)) in pairs.zip(ends).enumerate() {
                let position = (from + k) as f64;
                begin = plus(begin, T::of(x - center[0], y - center[1], position));
                let sums = plus(begin, *end);
                emit(
                    bar + k,
                    Summed {
                        sums,
                        center,
                        newest: position,
                    },
                );
            }
            self.begin = begin;
            self.at += part;
            bar += part;
            if self.at == n {
                self.turn::<T>();
                emit(
                    bar - 1,
                    Summed {
                        sums: self.ends[0],
                        center: self.center,
                        newest: -1.0,
                    },
                );
            }
        }
    }

    /// [`Moments::run`] of a short window: values are measured from the newest one.
    #[inline(always)]
    fn run_short<T: Terms<K>>(&mut self, x: &[f64], y: &[f64], mut emit: impl FnMut(usize, Summed<K>)) {
        let [x_windows, y_windows] = &mut self.short;
        let mut joined_x = x_windows.join(x);
        let mut joined_y = if T::PAIRED { y_windows.join(y) } else { joined_x };
        let (before, bars) = (self.n - 1, x.len());
        let padded: [Vec<f64>; 2];
        if bars < LANES {
            padded = [joined_x, joined_y].map(|joined| [joined, &[0.0; LANES]].concat());
            [joined_x, joined_y] = padded.each_ref().map(|padded| &padded[..before + LANES]);
        }
        let mut bar = 0;
        while bar < bars {
            // The last ones are added up with some of those before once more.
            let from = bar.min(bars.max(LANES) - LANES);
            let (x, y) = (&joined_x[from..from + before + LANES], &joined_y[from..from + before + LANES]);
            let newest = |x: &[f64]| Pair::of(x.last_chunk().filter(|_| T::CENTERED).unwrap_or(&[0.0; LANES]));
            let (center_x, center_y) = (newest(x), newest(y));
            let mut sums = [[Four::all(0.0); 2]; K];
            let mut position = Four::all(0.0);
            for (x, y) in x.windows(LANES).zip(y.windows(LANES)) {
                let (x, y) = (
                    Pair::of(x.first_chunk().unwrap_or(&[0.0; LANES])),
                    Pair::of(y.first_chunk().unwrap_or(&[0.0; LANES])),
                );
                for half in 0..2 {
                    let terms = T::of(x.0[half] - center_x.0[half], y.0[half] - center_y.0[half], position);
                    for (sums, term) in sums.iter_mut().zip(terms) {
                        sums[half] = sums[half] + term;
                    }
                }
                position = position + Four::all(1.0);
            }
            let wanted = bar - from..bars - from;
            for i in (0..LANES).filter(|i| wanted.contains(i)) {
                let at = |pair: &[Four; 2]| pair[i / 4].0[i % 4];
                let window = Summed {
                    sums: std::array::from_fn(|k| at(&sums[k])),
                    center: [at(&center_x.0), at(&center_y.0)],
                    newest: before as f64,
                };
                emit(from + i, window);
            }
            bar = from + LANES;
        }
    }

    /// The present block becomes the one before.
    #[inline(always)]
    fn turn<T: Terms<K>>(&mut self) {
        if T::CENTERED {
            self.center = [self.x[self.n - 1], self.y[self.n - 1]];
        }
        let center = self.center;
        let mut sums = [0.0; K];
        self.ends[self.n] = sums;
        for at in (0..self.n).rev() {
            let position = at as f64 - self.n as f64;
            sums = plus(sums, T::of(self.x[at] - center[0], self.y[at] - center[1], position));
            self.ends[at] = sums;
        }
        self.at = 0;
        self.begin = [0.0; K];
    }
}

/// The values themselves.
pub(super) struct Plain;

impl Terms<1> for Plain {
    const CENTERED: bool = false;

    #[inline(always)]
    fn of<T: Number>(x: T, y: T, position: T) -> [T; 1] {
        let _ = (y, position);
        [x]
    }
}

/// Sum over a divisor.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    moments: Moments<1>,
    divisor: f64,
}

impl Sum {
    pub(super) fn new(n: usize, divisor: f64) -> Self {
        Self {
            moments: Moments::new(n),
            divisor,
        }
    }
}

impl Walker for Sum {
    fn lookback(&self, _: usize) -> usize {
        self.moments.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let out = &mut *out[0];
        self.moments.run::<Plain>(x[0], x[0], |bar, window| out[bar] = window.sums[0]);
        if self.divisor != 1.0 {
            for out in out.iter_mut() {
                *out /= self.divisor;
            }
        }
    }
}

/// Distances, and the same by position.
struct Weighted;

impl Terms<2> for Weighted {
    #[inline(always)]
    fn of<T: Number>(x: T, y: T, position: T) -> [T; 2] {
        let _ = (y, position);
        [x, x * position]
    }
}

/// Mean with weights 1 to n: `n x + (n - 1) x[1] + ... + x[n - 1]` over `n (n + 1) / 2`.
#[derive(Debug, Clone)]
pub(super) struct WeightedMean {
    moments: Moments<2>,
}

impl WeightedMean {
    pub(super) fn new(n: usize) -> Self {
        Self {
            moments: Moments::new(n),
        }
    }
}

impl Walker for WeightedMean {
    fn lookback(&self, _: usize) -> usize {
        self.moments.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.moments.n as f64;
        let share = 2.0 / (n * (n + 1.0));
        let out = &mut *out[0];
        self.moments.run::<Weighted>(x[0], x[0], |bar, window| {
            // The weight of a bar is its position from just before the oldest on.
            let [sum, weighted] = window.sums;
            out[bar] = window.center[0] + (weighted + (n - window.newest) * sum) * share;
        });
    }
}

/// Distances and their squares.
struct Squares;

impl Terms<2> for Squares {
    #[inline(always)]
    fn of<T: Number>(x: T, y: T, position: T) -> [T; 2] {
        let _ = (y, position);
        [x, x * x]
    }
}

/// Variance or its root, of the population (divided by n) or a sample (by n - 1).
#[derive(Debug, Clone)]
pub(super) struct Spread {
    moments: Moments<2>,
    less: f64,
    root: bool,
}

impl Spread {
    pub(super) fn deviation(n: usize, less: f64) -> Self {
        Self {
            moments: Moments::new(n),
            less,
            root: true,
        }
    }

    pub(super) fn variance(n: usize) -> Self {
        Self {
            root: false,
            ..Self::deviation(n, 0.0)
        }
    }
}

impl Walker for Spread {
    fn lookback(&self, _: usize) -> usize {
        self.moments.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.moments.n as f64;
        let (share, divisor) = (1.0 / n, n - self.less);
        let out = &mut *out[0];
        self.moments.run::<Squares>(x[0], x[0], |bar, window| {
            let [sum, squares] = window.sums;
            out[bar] = squares - sum * sum * share;
        });
        for out in out.iter_mut() {
            *out = if *out > 0.0 { *out / divisor } else { 0.0 };
        }
        if divisor == 0.0 {
            out.fill(f64::NAN);
        }
        if self.root {
            for out in out.iter_mut() {
                *out = out.sqrt();
            }
        }
    }
}

/// Distances up to their fourth powers.
struct Powers;

impl Terms<4> for Powers {
    #[inline(always)]
    fn of<T: Number>(x: T, y: T, position: T) -> [T; 4] {
        let _ = (y, position);
        [x, x * x, x * x * x, x * x * x * x]
    }
}

/// Third and fourth moments.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    moments: Moments<4>,
    fourth: bool,
}

impl Shape {
    pub(super) fn skew(n: usize) -> Self {
        Self {
            moments: Moments::new(n),
            fourth: false,
        }
    }

    pub(super) fn kurtosis(n: usize) -> Self {
        Self {
            fourth: true,
            ..Self::skew(n)
        }
    }
}

impl Walker for Shape {
    fn lookback(&self, _: usize) -> usize {
        self.moments.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.moments.n as f64;
        let fourth = self.fourth;
        let out = &mut *out[0];
        self.moments.run::<Powers>(x[0], x[0], |bar, window| {
            let [mean, m2, m3, m4] = window.sums.map(|sum| sum / n);
            let variance = m2 - mean * mean;
            out[bar] = if variance <= 0.0 {
                f64::NAN
            } else if fourth {
                (m4 - 4.0 * mean * m3 + 6.0 * mean * mean * m2 - 3.0 * mean * mean * mean * mean) / (variance * variance) - 3.0
            } else {
                (m3 - 3.0 * mean * m2 + 2.0 * mean * mean * mean) / (variance * variance.sqrt())
            };
        });
    }
}

/// Distances, the same by position, and their squares.
struct Line;

impl Terms<3> for Line {
    #[inline(always)]
    fn of<T: Number>(x: T, y: T, position: T) -> [T; 3] {
        let _ = (y, position);
        [x, x * position, x * x]
    }
}

/// The line of least squares: its end, slope, begin, forecast, and the share of the variance that it explains.
#[derive(Debug, Clone)]
pub(super) struct Regression {
    moments: Moments<3>,
    wanted: u32,
}

impl Regression {
    pub(super) fn new(n: usize) -> Self {
        Self {
            moments: Moments::new(n),
            wanted: !0,
        }
    }
}

impl Walker for Regression {
    fn want(&mut self, outputs: u32) {
        self.wanted = outputs;
    }

    fn outputs(&self) -> usize {
        5
    }

    fn lookback(&self, _: usize) -> usize {
        self.moments.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.moments.n as f64;
        let spread = n * (n * n - 1.0) / 12.0;
        let half = (n - 1.0) / 2.0;
        let (by_spread, share) = (1.0 / spread, 1.0 / n);
        let slope = |window: &Summed<3>| (window.sums[1] - (window.newest - half) * window.sums[0]) * by_spread;
        // Where the line is so many bars after its middle.
        let line = |window: &Summed<3>, after: f64| window.center[0] + window.sums[0] * share + slope(window) * after;
        let explained = |window: &Summed<3>| {
            let [sum, _, squares] = window.sums;
            (slope(window) * slope(window) * spread / (squares - sum * sum * share)).min(1.0)
        };
        let (x, moments) = (x[0], &mut self.moments);
        match (self.wanted, &mut *out) {
            (0b1, [out, ..]) => moments.run::<Line>(x, x, |bar, window| out[bar] = line(&window, half)),
            (0b10, [_, out, ..]) => moments.run::<Line>(x, x, |bar, window| out[bar] = slope(&window)),
            (0b100, [_, _, out, ..]) => moments.run::<Line>(x, x, |bar, window| out[bar] = line(&window, -half)),
            (0b1000, [_, _, _, out, ..]) => moments.run::<Line>(x, x, |bar, window| out[bar] = line(&window, half + 1.0)),
            _ => moments.run::<Line>(x, x, |bar, window| {
                let values = [
                    line(&window, half),
                    slope(&window),
                    line(&window, -half),
                    line(&window, half + 1.0),
                    explained(&window),
                ];
                for (out, value) in out.iter_mut().zip(values) {
                    out[bar] = value;
                }
            }),
        }
    }
}
