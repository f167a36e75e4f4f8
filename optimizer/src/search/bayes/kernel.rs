//! The covariance of two points.

use crate::search::Dimension;

/// Matern's kernel with smoothness 5/2: amplitude x (1 + r + r^2 / 3) x exp(-r), where r^2 / 5 is the weighted sum of the squared
/// distances along the dimensions. The distance of two texts is 1.
///
/// Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian processes for machine learning", 2006, equation 4.17.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kernel {
    /// Per dimension, one over the squared length over which function values become unlike.
    pub(super) weights: Vec<f64>,
    /// Variance of the function.
    pub(super) amplitude: f64,
    /// Variance of what is added to it when it is observed.
    pub(super) noise: f64,
}

impl Kernel {
    /// Where the choice of a kernel starts: functions that vary slowly, faster, and those that are mostly noise.
    pub(super) fn starts(dimensions: usize) -> [Self; 3] {
        let one = |weight: f64, noise: f64| Self {
            weights: vec![weight / dimensions as f64; dimensions],
            amplitude: 1.0,
            noise,
        };
        [one(1.0, 1e-8), one(30.0, 1e-8), one(5.0, 0.1)]
    }

    /// Covariance of function values at two points.
    pub(super) fn covariance(&self, kinds: &[Dimension], a: &[f64], b: &[f64]) -> f64 {
        self.amplitude * matern(self.distance(kinds, a, b)).0
    }

    /// The same, with its derivative by the squared distance.
    pub(super) fn covariance_and_slope(&self, kinds: &[Dimension], a: &[f64], b: &[f64]) -> (f64, f64) {
        let (value, slope) = matern(self.distance(kinds, a, b));
        (self.amplitude * value, self.amplitude * slope)
    }

    fn distance(&self, kinds: &[Dimension], a: &[f64], b: &[f64]) -> f64 {
        let parts = a.iter().zip(b).zip(kinds).zip(&self.weights);
        parts.map(|(((a, b), kind), weight)| weight * square(*kind, *a, *b)).sum()
    }
}

/// Squared distance along one dimension.
pub(super) fn square(kind: Dimension, a: f64, b: f64) -> f64 {
    match kind {
        Dimension::Category(_) => f64::from(u8::from(a != b)),
        _ => (a - b) * (a - b),
    }
}

/// The kernel and its derivative at a squared distance.
pub(super) fn matern(square: f64) -> (f64, f64) {
    let r = libm::sqrt(5.0 * square);
    let decay = libm::exp(-r);
    ((1.0 + r + r * r / 3.0) * decay, -5.0 / 6.0 * (1.0 + r) * decay)
}
