//! Which kernel explains the values best.

use nalgebra::DMatrix;

use super::kernel::{Kernel, matern, square};
use super::triangle::{dot, invert};
use crate::search::{Dimension, descent};

/// Bounds of the logarithms of a weight, the amplitude and the noise.
const WEIGHT: (f64, f64) = (-9.0, 11.5);
const AMPLITUDE: (f64, f64) = (-4.6, 9.2);
const NOISE: (f64, f64) = (-27.0, 0.0);

/// The most probable kernel given standardized values: the maximum of the likelihood times a prior, from several starts.
///
/// The prior of a length is lognormal with a median that grows with the root of the number of dimensions: C. Hvarfner et al.,
/// "Vanilla Bayesian optimization performs great in high dimensions", ICML 2024, here with shorter and less spread lengths, which
/// suit the searches of 100 trials that were measured.
pub(super) fn most_probable(kinds: &[Dimension], points: &[&[f64]], values: &[f64], starts: &[Kernel], most: usize) -> Kernel {
    let evidence = Evidence::new(kinds, points, values);
    let mut best: Option<(Vec<f64>, f64)> = None;
    for start in starts {
        let found = descent::minimize(&to_unit(start), 0.1, most, |unit, slope| evidence.at(unit, slope));
        if best.as_ref().is_none_or(|(_, lowest)| found.1 < *lowest) {
            best = Some(found);
        }
    }
    best.map_or_else(|| to_kernel(&to_unit(&starts[0])), |(unit, _)| to_kernel(&unit))
}

/// What is computed once for all kernels.
struct Evidence<'a> {
    kinds: &'a [Dimension],
    values: &'a [f64],
    /// Per pair of points (second before first), their squared distances along the dimensions.
    squares: Vec<f64>,
}

impl<'a> Evidence<'a> {
    fn new(kinds: &'a [Dimension], points: &[&[f64]], values: &'a [f64]) -> Self {
        let mut squares = Vec::with_capacity(points.len() * points.len() / 2 * kinds.len());
        for (column, a) in points.iter().enumerate() {
            for b in &points[column + 1..] {
                squares.extend(kinds.iter().enumerate().map(|(d, kind)| square(*kind, a[d], b[d])));
            }
        }
        Self { kinds, values, squares }
    }

    /// Minus the logarithm of the posterior density (up to a constant) of a kernel in unit coordinates, and its derivatives.
    ///
    /// Source: Rasmussen and Williams, equations 5.8 and 5.9; the mean is the one that fits the kernel best.
    fn at(&self, unit: &[f64], slope: &mut [f64]) -> f64 {
        let dimensions = self.kinds.len();
        let kernel = to_kernel(unit);
        let len = self.values.len();
        let mut covariance = DMatrix::zeros(len, len);
        let mut by_square = Vec::with_capacity(len * len / 2);
        let mut pairs = self.squares.chunks_exact(dimensions);
        for column in 0..len {
            covariance[(column, column)] = kernel.amplitude + kernel.noise;
            for row in column + 1..len {
                let squares = pairs.next().expect("one for each pair");
                let distance = squares.iter().zip(&kernel.weights).map(|(s, w)| s * w).sum();
                let (value, derivative) = matern(distance);
                covariance[(row, column)] = kernel.amplitude * value;
                by_square.push(kernel.amplitude * derivative);
            }
        }
        let Some((inverse, log_determinant)) = invert(covariance) else {
            return f64::INFINITY;
        };
        let multiply = |vector: &[f64]| -> Vec<f64> {
            let mut product = vec![0.0; len];
            for column in 0..len {
                let entries = inverse.column(column);
                let below = &entries.as_slice()[column + 1..];
                product[column] += inverse[(column, column)] * vector[column] + dot(below, &vector[column + 1..]);
                for (slot, entry) in product[column + 1..].iter_mut().zip(below) {
                    *slot += entry * vector[column];
                }
            }
            product
        };
        let ones = multiply(&vec![1.0; len]);
        let mean = dot(&ones, self.values) / ones.iter().sum::<f64>();
        let centred: Vec<f64> = self.values.iter().map(|value| value - mean).collect();
        let residuals = multiply(&centred);

        slope.fill(0.0);
        let mut pairs = self.squares.chunks_exact(dimensions).zip(&by_square);
        for column in 0..len {
            for row in column + 1..len {
                let (squares, derivative) = pairs.next().expect("one for each pair");
                let factor = derivative * (inverse[(row, column)] - residuals[row] * residuals[column]);
                slope
                    .iter_mut()
                    .zip(squares)
                    .for_each(|(slope, square)| *slope += factor * square);
            }
        }
        slope
            .iter_mut()
            .zip(&kernel.weights)
            .for_each(|(slope, weight)| *slope *= weight);
        let fit = dot(&centred, &residuals);
        let trace: f64 = (0..len).map(|i| inverse[(i, i)]).sum();
        let by_noise = 0.5 * kernel.noise * (trace - dot(&residuals, &residuals));
        slope[dimensions] = 0.5 * (len as f64 - fit) - by_noise;
        slope[dimensions + 1] = by_noise;
        let likelihood = 0.5 * (fit + log_determinant);
        let prior = add_prior(&kernel, slope);
        for (slope, (low, high)) in slope.iter_mut().zip(bounds(dimensions)) {
            *slope *= high - low;
        }
        likelihood + prior
    }
}

/// Minus the logarithm of the prior; its derivatives by the logarithms of weights, amplitude and noise are added to `slope`.
fn add_prior(kernel: &Kernel, slope: &mut [f64]) -> f64 {
    let dimensions = kernel.weights.len();
    let median = 0.5 * libm::log(dimensions as f64);
    let normal = |log: f64, centre: f64, deviation: f64| {
        let z = (log - centre) / deviation;
        (0.5 * z * z, z / deviation)
    };
    let mut sum = 0.0;
    let logs = kernel.weights.iter().map(|weight| libm::log(*weight));
    let terms = logs.map(|log| normal(log, -2.0 * median, 2.0 * 1.3)).chain([
        normal(libm::log(kernel.amplitude), 0.0, 1.0),
        normal(libm::log(kernel.noise), -18.0, 6.0),
    ]);
    for ((value, derivative), slope) in terms.zip(slope) {
        sum += value;
        *slope += derivative;
    }
    sum
}

fn bounds(dimensions: usize) -> impl Iterator<Item = (f64, f64)> {
    std::iter::repeat_n(WEIGHT, dimensions).chain([AMPLITUDE, NOISE])
}

fn to_unit(kernel: &Kernel) -> Vec<f64> {
    let values = kernel.weights.iter().chain([&kernel.amplitude, &kernel.noise]);
    values
        .zip(bounds(kernel.weights.len()))
        .map(|(value, (low, high))| ((libm::log(*value) - low) / (high - low)).clamp(0.0, 1.0))
        .collect()
}

fn to_kernel(unit: &[f64]) -> Kernel {
    let dimensions = unit.len() - 2;
    let mut values = unit
        .iter()
        .zip(bounds(dimensions))
        .map(|(u, (low, high))| libm::exp(low + u * (high - low)));
    Kernel {
        weights: values.by_ref().take(dimensions).collect(),
        amplitude: values.next().expect("the amplitude"),
        noise: values.next().expect("the noise"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Dimension; 3] = [Dimension::Real, Dimension::Ordered(4), Dimension::Category(3)];

    fn sample() -> (Vec<Vec<f64>>, Vec<f64>) {
        let points: Vec<Vec<f64>> = (0..12)
            .map(|i| {
                let i = f64::from(i);
                vec![(i * 0.37) % 1.0, ((i * 3.0) % 4.0 + 0.5) / 4.0, ((i * 2.0) % 3.0 + 0.5) / 3.0]
            })
            .collect();
        let values = points
            .iter()
            .map(|p| libm::sin(5.0 * p[0]) + p[1] * p[1] - f64::from(u8::from(p[2] < 0.3)));
        let values = values.collect();
        (points, values)
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let (points, values) = sample();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let evidence = Evidence::new(&KINDS, &points, &values);
        let at = [0.4, 0.5, 0.45, 0.3, 0.7];
        let mut slope = [0.0; 5];
        evidence.at(&at, &mut slope);
        for i in 0..5 {
            let value = |by: f64| {
                let mut moved = at;
                moved[i] += by;
                evidence.at(&moved, &mut [0.0; 5])
            };
            let difference = (value(1e-6) - value(-1e-6)) / 2e-6;
            assert!(
                (slope[i] - difference).abs() < 1e-4 * difference.abs().max(1.0),
                "{i}: {slope:?} {difference}"
            );
        }
    }

    #[test]
    fn what_matters_gets_the_short_length() {
        let points: Vec<Vec<f64>> = (0..30)
            .map(|i| vec![(f64::from(i) * 0.618) % 1.0, (f64::from(i) * 0.755) % 1.0])
            .collect();
        let values: Vec<f64> = points.iter().map(|p| libm::sin(9.0 * p[0])).collect();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let start = Kernel {
            weights: vec![1.0; 2],
            amplitude: 1.0,
            noise: 1e-6,
        };
        let kernel = most_probable(&[Dimension::Real; 2], &points, &values, &[start], 60);
        assert!(kernel.weights[0] > 30.0 * kernel.weights[1], "{kernel:?}");
        assert!(kernel.noise < 1e-4, "{kernel:?}");
    }
}
