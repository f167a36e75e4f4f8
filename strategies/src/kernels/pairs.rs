//! What windows of two series say about each other.

use super::Walker;
use super::four::Number;
use super::moments::{Moments, Terms};

/// Distances, their squares and their product.
struct Products;

impl Terms<5> for Products {
    const PAIRED: bool = true;

    #[inline(always)]
    fn of<T: Number>(x: T, y: T, _: T) -> [T; 5] {
        [x, y, x * x, y * y, x * y]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Correlation,
    Covariance,
    Slope,
}

/// Correlation, covariance, or the slope of y on x.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    n: usize,
    moments: Moments<5>,
    of: Of,
}

impl Pair {
    pub(super) fn correlation(n: usize) -> Self {
        Self::new(n, Of::Correlation)
    }

    pub(super) fn covariance(n: usize) -> Self {
        Self::new(n, Of::Covariance)
    }

    pub(super) fn slope(n: usize) -> Self {
        Self::new(n, Of::Slope)
    }

    fn new(n: usize, of: Of) -> Self {
        Self {
            n,
            moments: Moments::new(n),
            of,
        }
    }

    #[inline(always)]
    fn walk(&mut self, x: &[f64], y: &[f64], out: &mut [f64], value: impl Fn([f64; 3]) -> f64) {
        let share = 1.0 / self.n as f64;
        self.moments.run::<Products, 1>(x, y, [out], |window| {
            let [x, y, xx, yy, xy] = window.sums;
            [value([xx - x * x * share, yy - y * y * share, xy - x * y * share])]
        });
    }
}

impl Walker for Pair {
    fn lookback(&self, _: usize) -> usize {
        self.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.n as f64;
        let (x, y, out) = (x[0], x[1], &mut *out[0]);
        match self.of {
            Of::Covariance => self.walk(x, y, out, |[_, _, xy]| xy / n),
            Of::Slope => self.walk(x, y, out, |[xx, _, xy]| if xx > 0.0 { xy / xx } else { f64::NAN }),
            Of::Correlation => self.walk(x, y, out, |[xx, yy, xy]| {
                if xx > 0.0 && yy > 0.0 {
                    (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0)
                } else {
                    0.0
                }
            }),
        }
    }
}

/// The slope of the returns of y on those of x.
#[derive(Debug, Clone)]
pub(super) struct ReturnBeta {
    pair: Pair,
    before: [f64; 2],
    returns: [Vec<f64>; 2],
}

impl ReturnBeta {
    pub(super) fn new(n: usize) -> Self {
        Self {
            pair: Pair::slope(n),
            before: [f64::NAN; 2],
            returns: [Vec::new(), Vec::new()],
        }
    }
}

impl Walker for ReturnBeta {
    fn lookback(&self, _: usize) -> usize {
        self.pair.n
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        for ((returns, before), x) in self.returns.iter_mut().zip(&mut self.before).zip(x) {
            returns.clear();
            for x in *x {
                let change = (x - *before) / *before;
                returns.push(if change.is_finite() { change } else { 0.0 });
                *before = *x;
            }
        }
        let [x, y] = std::mem::take(&mut self.returns);
        self.pair
            .walk(&x, &y, out[0], |[xx, _, xy]| if xx > 0.0 { xy / xx } else { 0.0 });
        self.returns = [x, y];
    }
}
