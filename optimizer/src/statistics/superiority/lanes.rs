//! Resampled means of several trials at a time.

use crate::error::OptimizerError;
use crate::statistics::VARIANCE_DUST;
use crate::statistics::bootstrap::Resamples;

/// Trials whose resampled means are taken side by side.
const LANES: usize = 8;

/// A series and what its resampled means are compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series {
    pub mean: f64,
    /// Root of the number of returns.
    pub root: f64,
    /// The same by the deviation of the root times the mean; NaN for a series that does not vary, so that it raises nothing.
    pub scale: f64,
    /// The mean under the consistent null hypothesis.
    pub centre: f64,
}

impl Series {
    fn new(returns: &[f64], mean_block: f64) -> Self {
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let deviations: Vec<f64> = returns.iter().map(|r| r - mean).collect();
        let squares: f64 = returns.iter().map(|r| r * r).sum();
        let central: f64 = deviations.iter().map(|x| x * x).sum();
        let variance = long_run_variance(&deviations, mean_block);
        let varies = central > VARIANCE_DUST * squares && variance * n > VARIANCE_DUST * central;
        let root = n.sqrt();
        let scale = if varies { root / variance.sqrt() } else { f64::NAN };
        let clearly_bad = scale * mean < -(2.0 * libm::log(libm::log(n).max(1.0))).sqrt();
        Self {
            mean,
            root,
            scale,
            centre: if clearly_bad { 0.0 } else { mean },
        }
    }

    pub(super) fn statistic(&self) -> Option<f64> {
        (!self.scale.is_nan()).then_some(self.scale * self.mean)
    }
}

/// Variance of sqrt(T) times the mean of a stationary bootstrap resample, of a series with mean 0.
///
/// Formula: `g_0 + 2 sum over i of ((1 - i/T) (1 - p)^i + (i/T) (1 - p)^(T - i)) g_i` with autocovariances g and p = 1/mean block
/// length (Politis and Romano, 1994, lemma 1). Summed over the circle of observations by recursion, in T steps.
pub(super) fn long_run_variance(x: &[f64], mean_block: f64) -> f64 {
    let n = x.len() as f64;
    let keep = 1.0 - 1.0 / mean_block;
    let squares: f64 = x.iter().map(|x| x * x).sum();
    let (Some(first), true) = (x.first(), keep > 0.0) else {
        return squares / n;
    };
    // Sums over i = 1..T of keep^i x[t-i] and i keep^i x[t-i]; at t = 0 by Horner's rule from the far end.
    let (mut plain, mut weighted) = (0.0, 0.0);
    for past in &x[1..] {
        weighted = keep * (weighted + plain + past);
        plain = keep * (plain + past);
    }
    let around = libm::pow(keep, n - 1.0);
    let mut sum = first * (plain - weighted / n);
    for pair in x.windows(2) {
        weighted = keep * (pair[0] + plain + weighted - n * around * pair[1]);
        plain = keep * (pair[0] + plain - around * pair[1]);
        sum += pair[1] * (plain - weighted / n);
    }
    (squares + 2.0 * sum) / n
}

/// Trials waiting for their resampled means.
#[derive(Debug, Clone)]
pub(super) struct Lanes<'r> {
    pub resamples: &'r Resamples,
    series: Vec<Series>,
    /// Running sums of the waiting trials' returns, side by side: a piece of a resample is a difference of two.
    sums: Vec<[f64; LANES]>,
}

impl<'r> Lanes<'r> {
    pub(super) fn new(resamples: &'r Resamples) -> Self {
        Self {
            resamples,
            series: Vec::with_capacity(LANES),
            sums: vec![[0.0; LANES]; resamples.observations() + 1],
        }
    }

    pub(super) fn push(&mut self, returns: &[f64]) -> Result<Series, OptimizerError> {
        if returns.len() != self.resamples.observations() || returns.is_empty() {
            return Err(OptimizerError::SeriesLength {
                found: returns.len(),
                wanted: self.resamples.observations(),
            });
        }
        let (lane, mut sum) = (self.series.len(), 0.0);
        for (t, r) in returns.iter().enumerate() {
            sum += r;
            self.sums[t + 1][lane] = sum;
        }
        let series = Series::new(returns, self.resamples.mean_block());
        self.series.push(series);
        Ok(series)
    }

    pub(super) fn is_full(&self) -> bool {
        self.series.len() == LANES
    }

    /// Calls `each(draw, series, resampled mean)` for the waiting trials.
    pub(super) fn flush(&mut self, mut each: impl FnMut(usize, &Series, f64)) {
        if self.series.is_empty() {
            return;
        }
        let n = self.resamples.observations() as f64;
        for draw in 0..self.resamples.draws() {
            let mut total = [0.0; LANES];
            for (from, to) in self.resamples.raw(draw) {
                let (from, to) = (&self.sums[*from as usize], &self.sums[*to as usize]);
                for lane in 0..LANES {
                    total[lane] += to[lane] - from[lane];
                }
            }
            for (series, sum) in self.series.iter().zip(total) {
                each(draw, series, sum / n);
            }
        }
        self.series.clear();
    }
}

/// Raises the largest value so far; NaN raises nothing.
pub(super) fn raise(largest: &mut f64, value: f64) {
    if value > *largest {
        *largest = value;
    }
}
