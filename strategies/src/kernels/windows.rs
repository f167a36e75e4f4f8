//! Sums and moments over windows without anything being taken out again: a window is the end of one block of `n` bars and the
//! beginning of the next, and both parts are added up on their own. So no dust of values that have left remains, however long the
//! series, and a bar costs the same whatever `n` is.
//!
//! Values are measured from the last one of the block before, which lies in the window: where nothing moves, moments are exactly 0.

use super::Walker;

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
        }
    }

    /// Gives `emit` the window that ends at each bar. `terms` takes the distances of x and y from the center, and the position.
    /// Where there is one series, `y` is `x` again. Windows that are not full yet hold anything.
    #[inline(always)]
    pub(super) fn run(
        &mut self,
        x: &[f64],
        y: &[f64],
        centered: bool,
        terms: impl Fn(f64, f64, f64) -> [f64; K],
        mut emit: impl FnMut(usize, Summed<K>),
    ) {
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
                begin = plus(begin, terms(x - center[0], y - center[1], position));
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
                self.turn(centered, &terms);
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

    /// The present block becomes the one before.
    #[inline(always)]
    fn turn(&mut self, centered: bool, terms: &impl Fn(f64, f64, f64) -> [f64; K]) {
        if centered {
            self.center = [self.x[self.n - 1], self.y[self.n - 1]];
        }
        let center = self.center;
        let mut sums = [0.0; K];
        self.ends[self.n] = sums;
        for at in (0..self.n).rev() {
            let position = at as f64 - self.n as f64;
            sums = plus(sums, terms(self.x[at] - center[0], self.y[at] - center[1], position));
            self.ends[at] = sums;
        }
        self.at = 0;
        self.begin = [0.0; K];
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
        self.moments
            .run(x[0], x[0], false, |x, _, _| [x], |bar, window| out[bar] = window.sums[0]);
        if self.divisor != 1.0 {
            for out in out.iter_mut() {
                *out /= self.divisor;
            }
        }
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
        let divisor = n * (n + 1.0) / 2.0;
        let out = &mut *out[0];
        self.moments.run(
            x[0],
            x[0],
            true,
            |d, _, position| [d, d * position],
            |bar, window| {
                // The weight of a bar is its position from just before the oldest on.
                let [sum, weighted] = window.sums;
                out[bar] = window.center[0] + (weighted + (n - window.newest) * sum) / divisor;
            },
        );
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
        self.moments.run(
            x[0],
            x[0],
            true,
            |d, _, _| [d, d * d],
            |bar, window| {
                let [sum, squares] = window.sums;
                out[bar] = squares - sum * sum * share;
            },
        );
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
        self.moments.run(
            x[0],
            x[0],
            true,
            |d, _, _| [d, d * d, d * d * d, d * d * d * d],
            |bar, window| {
                let [mean, m2, m3, m4] = window.sums.map(|sum| sum / n);
                let variance = m2 - mean * mean;
                out[bar] = if variance <= 0.0 {
                    f64::NAN
                } else if fourth {
                    (m4 - 4.0 * mean * m3 + 6.0 * mean * mean * m2 - 3.0 * mean * mean * mean * mean) / (variance * variance)
                        - 3.0
                } else {
                    (m3 - 3.0 * mean * m2 + 2.0 * mean * mean * mean) / (variance * variance.sqrt())
                };
            },
        );
    }
}

/// The line of least squares: its end, slope, begin, forecast, and the share of the variance that it explains.
#[derive(Debug, Clone)]
pub(super) struct Regression {
    moments: Moments<3>,
}

impl Regression {
    pub(super) fn new(n: usize) -> Self {
        Self {
            moments: Moments::new(n),
        }
    }
}

impl Walker for Regression {
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
        let [end, slopes, begin, forecast, explained] = out else {
            return;
        };
        self.moments.run(
            x[0],
            x[0],
            true,
            |d, _, position| [d, d * position, d * d],
            |bar, window| {
                let [sum, weighted, squares] = window.sums;
                let slope = (weighted - (window.newest - half) * sum) / spread;
                let mean = sum / n;
                let middle = window.center[0] + mean;
                slopes[bar] = slope;
                end[bar] = middle + slope * half;
                begin[bar] = middle - slope * half;
                forecast[bar] = middle + slope * (half + 1.0);
                explained[bar] = (slope * slope * spread / (squares - sum * mean)).min(1.0);
            },
        );
    }
}
