//! Sums, means and moments of windows of one series.

use super::Walker;
use super::four::Number;
use super::moments::{Moments, Summed, Terms};

/// The values themselves.
pub(super) struct Plain;

impl Terms<1> for Plain {
    const CENTERED: bool = false;

    #[inline(always)]
    fn of<T: Number>(x: T, _: T, _: T) -> [T; 1] {
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
        let divisor = self.divisor;
        if divisor == 1.0 {
            self.moments.run::<Plain, 1>(x[0], x[0], [out[0]], |window| window.sums);
        } else {
            self.moments
                .run::<Plain, 1>(x[0], x[0], [out[0]], |window| [window.sums[0] / divisor]);
        }
    }
}

/// Distances, and the same by position.
struct Weighted;

impl Terms<2> for Weighted {
    #[inline(always)]
    fn of<T: Number>(x: T, _: T, position: T) -> [T; 2] {
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
        self.moments.run::<Weighted, 1>(x[0], x[0], [out[0]], |window| {
            // The weight of a bar is its position from just before the oldest on.
            let [sum, weighted] = window.sums;
            [window.center[0] + (weighted + (n - window.newest) * sum) * share]
        });
    }
}

/// Distances and their squares.
struct Squares;

impl Terms<2> for Squares {
    #[inline(always)]
    fn of<T: Number>(x: T, _: T, _: T) -> [T; 2] {
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
        self.moments.run::<Squares, 1>(x[0], x[0], [out], |window| {
            let [sum, squares] = window.sums;
            [squares - sum * sum * share]
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
    fn of<T: Number>(x: T, _: T, _: T) -> [T; 4] {
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
        self.moments.run::<Powers, 1>(x[0], x[0], [out[0]], |window| {
            let [mean, m2, m3, m4] = window.sums.map(|sum| sum / n);
            let variance = m2 - mean * mean;
            [if variance <= 0.0 {
                f64::NAN
            } else if fourth {
                (m4 - 4.0 * mean * m3 + 6.0 * mean * mean * m2 - 3.0 * mean * mean * mean * mean) / (variance * variance) - 3.0
            } else {
                (m3 - 3.0 * mean * m2 + 2.0 * mean * mean * mean) / (variance * variance.sqrt())
            }]
        });
    }
}

/// Distances, the same by position, and their squares: for how much a line explains.
struct LineAndSquares;

impl Terms<3> for LineAndSquares {
    #[inline(always)]
    fn of<T: Number>(x: T, _: T, position: T) -> [T; 3] {
        [x, x * position, x * x]
    }
}

/// The line of least squares: its end, slope, begin, forecast, and the share of the variance that it explains.
#[derive(Debug, Clone)]
pub(super) struct Regression {
    /// For one output other than the last.
    moments: Moments<2>,
    with_squares: Moments<3>,
    wanted: u32,
}

impl Regression {
    pub(super) fn new(n: usize) -> Self {
        Self {
            moments: Moments::new(n),
            with_squares: Moments::new(n),
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
        let slope = |window: &Summed<2>| (window.sums[1] - (window.newest - half) * window.sums[0]) * by_spread;
        // Where the line is so many bars after its middle.
        let line = |window: &Summed<2>, after: f64| window.center[0] + window.sums[0] * share + slope(window) * after;
        let (x, moments) = (x[0], &mut self.moments);
        match (self.wanted, out) {
            (0b1, [out, ..]) => moments.run::<Weighted, 1>(x, x, [out], |window| [line(window, half)]),
            (0b10, [_, out, ..]) => moments.run::<Weighted, 1>(x, x, [out], |window| [slope(window)]),
            (0b100, [_, _, out, ..]) => moments.run::<Weighted, 1>(x, x, [out], |window| [line(window, -half)]),
            (0b1000, [_, _, _, out, ..]) => moments.run::<Weighted, 1>(x, x, [out], |window| [line(window, half + 1.0)]),
            (_, [a, b, c, d, e]) => self.with_squares.run::<LineAndSquares, 5>(x, x, [a, b, c, d, e], |window| {
                let [sum, by_position, squares] = window.sums;
                let two = Summed {
                    sums: [sum, by_position],
                    center: window.center,
                    newest: window.newest,
                };
                let slope = slope(&two);
                let explained = (slope * slope * spread / (squares - sum * sum * share)).min(1.0);
                [line(&two, half), slope, line(&two, -half), line(&two, half + 1.0), explained]
            }),
            _ => {}
        }
    }
}
