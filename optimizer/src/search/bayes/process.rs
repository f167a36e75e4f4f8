//! A Gaussian process: what is known of a function from its values at some points.

use nalgebra::DMatrix;

use super::kernel::Kernel;
use super::triangle::{Triangle, dot};
use crate::search::Dimension;

/// A Gaussian process with a constant mean that is estimated along with it (ordinary kriging).
#[derive(Debug, Clone)]
pub(super) struct Process {
    kinds: Vec<Dimension>,
    kernel: Kernel,
    /// Where the function was observed, point after point.
    points: Vec<f64>,
    values: Vec<f64>,
    factor: Triangle,
    mean: f64,
    /// K^-1 (values - mean).
    residuals: Vec<f64>,
    /// K^-1 1, and its sum.
    ones: Vec<f64>,
    ones_sum: f64,
}

/// The function at a point, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Belief {
    pub(super) mean: f64,
    /// Standard deviation; positive.
    pub(super) deviation: f64,
    /// Derivatives by the coordinates; empty unless asked for, 0 along texts.
    pub(super) mean_slope: Vec<f64>,
    pub(super) deviation_slope: Vec<f64>,
}

impl Process {
    /// The process of `values` at `points`, at least one.
    pub(super) fn new(kinds: &[Dimension], kernel: Kernel, points: &[&[f64]], values: &[f64]) -> Self {
        let (factor, noise) = factor(kinds, &kernel, points);
        let mut process = Self {
            kinds: kinds.to_vec(),
            factor,
            kernel: Kernel { noise, ..kernel },
            points: points.concat(),
            values: values.to_vec(),
            mean: 0.0,
            residuals: Vec::new(),
            ones: Vec::new(),
            ones_sum: 0.0,
        };
        process.solve();
        process
    }

    /// How many points it knows.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Its kernel.
    pub(super) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Adds points, and replaces the values of all of them: an update that takes the square of their number.
    pub(super) fn extend(&mut self, points: &[&[f64]], values: &[f64]) {
        for point in points {
            let covariances = self.covariances(point);
            self.add_row(point, &covariances);
        }
        self.values = values.to_vec();
        self.solve();
    }

    /// Believes that the function at a point is what it is expected to be: only its uncertainty changes.
    pub(super) fn imagine(&mut self, point: &[f64]) {
        let covariances = self.covariances(point);
        let value = self.mean + dot(&covariances, &self.residuals);
        self.add_row(point, &covariances);
        self.values.push(value);
        self.solve();
    }

    fn add_row(&mut self, point: &[f64], covariances: &[f64]) {
        let kernel = &self.kernel;
        let least = kernel.noise.max(LEAST_NOISE * kernel.amplitude);
        self.factor.extend(covariances, kernel.amplitude + kernel.noise, least);
        self.points.extend_from_slice(point);
    }

    /// What the function is expected to be at the points observed, without noise.
    pub(super) fn smoothed(&self) -> impl Iterator<Item = f64> {
        let parts = self.values.iter().zip(&self.residuals);
        parts.map(|(value, residual)| value - self.kernel.noise * residual)
    }

    /// What is known at a point.
    pub(super) fn at(&self, point: &[f64]) -> Belief {
        let covariances = self.covariances(point);
        let mean = self.mean + dot(&covariances, &self.residuals);
        let missing = 1.0 - dot(&covariances, &self.ones);
        let mut solved = covariances;
        self.factor.solve(&mut solved);
        let variance = self.kernel.amplitude - dot(&solved, &solved) + missing * missing / self.ones_sum;
        Belief {
            mean,
            deviation: self.deviation(variance),
            ..Belief::default()
        }
    }

    /// The same, with derivatives.
    pub(super) fn with_slopes(&self, point: &[f64]) -> Belief {
        let dimensions = self.kinds.len();
        let (mut covariances, mut slopes) = (Vec::with_capacity(self.len()), Vec::with_capacity(self.len()));
        for other in self.points.chunks_exact(dimensions) {
            let (covariance, slope) = self.kernel.covariance_and_slope(&self.kinds, point, other);
            covariances.push(covariance);
            slopes.push(slope);
        }
        let mean = self.mean + dot(&covariances, &self.residuals);
        let missing = 1.0 - dot(&covariances, &self.ones);
        let mut solved = covariances;
        self.factor.solve(&mut solved);
        let variance = self.kernel.amplitude - dot(&solved, &solved) + missing * missing / self.ones_sum;
        let deviation = self.deviation(variance);
        self.factor.solve_transposed(&mut solved);
        let mut belief = Belief {
            mean,
            deviation,
            mean_slope: vec![0.0; dimensions],
            deviation_slope: vec![0.0; dimensions],
        };
        let per_one = missing / self.ones_sum;
        for (i, other) in self.points.chunks_exact(dimensions).enumerate() {
            let by_mean = slopes[i] * self.residuals[i];
            let by_deviation = -slopes[i] * (solved[i] + per_one * self.ones[i]) / deviation;
            for (dimension, kind) in self.kinds.iter().enumerate() {
                if !matches!(kind, Dimension::Category(_)) {
                    let along = 2.0 * self.kernel.weights[dimension] * (point[dimension] - other[dimension]);
                    belief.mean_slope[dimension] += by_mean * along;
                    belief.deviation_slope[dimension] += by_deviation * along;
                }
            }
        }
        belief
    }

    fn deviation(&self, variance: f64) -> f64 {
        libm::sqrt(variance.max(LEAST_NOISE * self.kernel.amplitude))
    }

    fn covariances(&self, point: &[f64]) -> Vec<f64> {
        let others = self.points.chunks_exact(self.kinds.len());
        others
            .map(|other| self.kernel.covariance(&self.kinds, point, other))
            .collect()
    }

    fn solve(&mut self) {
        self.ones = vec![1.0; self.values.len()];
        self.factor.solve(&mut self.ones);
        self.factor.solve_transposed(&mut self.ones);
        self.ones_sum = self.ones.iter().sum();
        self.mean = dot(&self.ones, &self.values) / self.ones_sum;
        self.residuals = self.values.iter().map(|value| value - self.mean).collect();
        self.factor.solve(&mut self.residuals);
        self.factor.solve_transposed(&mut self.residuals);
    }
}

/// Variances are not told from 0 below this share of the function's.
pub(super) const LEAST_NOISE: f64 = 1e-14;

/// The factor of the covariance matrix, with as much noise as makes it positive definite, and that noise.
fn factor(kinds: &[Dimension], kernel: &Kernel, points: &[&[f64]]) -> (Triangle, f64) {
    let len = points.len();
    let mut matrix = DMatrix::zeros(len, len);
    for column in 0..len {
        matrix[(column, column)] = kernel.amplitude;
        for row in column + 1..len {
            matrix[(row, column)] = kernel.covariance(kinds, points[row], points[column]);
        }
    }
    let mut noise = kernel.noise;
    loop {
        let mut noisy = matrix.clone();
        (0..len).for_each(|i| noisy[(i, i)] += noise);
        if let Some(factor) = Triangle::factor(noisy) {
            return (factor, noise);
        }
        // Twice the amplitude on the diagonal is more than any covariance: this ends.
        noise = (noise * 10.0).max(LEAST_NOISE * kernel.amplitude);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Dimension; 2] = [Dimension::Real, Dimension::Category(2)];

    fn kernel(noise: f64) -> Kernel {
        Kernel {
            weights: vec![6.0, 0.5],
            amplitude: 2.0,
            noise,
        }
    }

    fn points() -> Vec<Vec<f64>> {
        (0..10u8)
            .map(|i| vec![f64::from(i) / 9.0, 0.25 + 0.5 * f64::from(i % 2)])
            .collect()
    }

    fn values() -> Vec<f64> {
        points().iter().map(|p| libm::cos(4.0 * p[0]) + p[1]).collect()
    }

    #[test]
    fn it_knows_what_it_was_told_and_little_elsewhere() {
        let (points, values) = (points(), values());
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let process = Process::new(&KINDS, kernel(1e-10), &points, &values);
        for (point, value) in points.iter().zip(&values) {
            let belief = process.at(point);
            assert!((belief.mean - value).abs() < 1e-6 && belief.deviation < 1e-4, "{belief:?}");
        }
        assert!(process.at(&[0.05, 0.25]).deviation > 0.01);
        // Where noise is all that was seen, values are not taken at their word.
        let noisy = Process::new(&KINDS, kernel(1e3), &points, &values);
        let mean = values.iter().sum::<f64>() / 10.0;
        assert!(noisy.smoothed().all(|value| (value - mean).abs() < 0.02));
    }

    #[test]
    fn a_process_that_grew_is_one_that_was_made_at_once() {
        let (points, values) = (points(), values());
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let whole = Process::new(&KINDS, kernel(1e-6), &points, &values);
        let mut grown = Process::new(&KINDS, kernel(1e-6), &points[..4], &values[..4]);
        grown.extend(&points[4..], &values);
        let at = [0.37, 0.75];
        let (a, b) = (whole.with_slopes(&at), grown.with_slopes(&at));
        assert!(
            (a.mean - b.mean).abs() < 1e-9 && (a.deviation - b.deviation).abs() < 1e-9,
            "{a:?} {b:?}"
        );
        let before = grown.at(&at);
        grown.imagine(&at);
        let after = grown.at(&at);
        assert!((before.mean - after.mean).abs() < 1e-9, "{after:?}");
        assert!(after.deviation < 0.05 * before.deviation, "{after:?}");
    }

    #[test]
    fn equal_points_are_no_obstacle() {
        let same: Vec<&[f64]> = vec![&[0.5, 0.25]; 6];
        let process = Process::new(&KINDS, kernel(0.0), &same, &[1.0; 6]);
        assert!((process.at(same[0]).mean - 1.0).abs() < 1e-9);
    }
}
