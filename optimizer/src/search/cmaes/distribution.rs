//! The normal distribution of an evolution strategy, and how it learns.

use std::collections::VecDeque;

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::search::stream::Stream;

/// A distribution whose covariance matrix is in the form that sampling needs: axes and their lengths.
#[derive(Debug, Clone)]
pub(super) struct Distribution {
    mean: DVector<f64>,
    sigma: f64,
    first_sigma: f64,
    covariance: DMatrix<f64>,
    axes: DMatrix<f64>,
    lengths: DVector<f64>,
    path_sigma: DVector<f64>,
    path: DVector<f64>,
    generation: u64,
    rates: Rates,
    /// Best losses of the last generations, and the worst of the last.
    history: VecDeque<f64>,
    worst: f64,
    /// The quantile that a discrete value's margin stands for, in deviations.
    margin: f64,
}

/// Strategy parameters, by their letters in Hansen's tutorial.
#[derive(Debug, Clone)]
struct Rates {
    weights: Vec<f64>,
    mu_eff: f64,
    c_sigma: f64,
    d_sigma: f64,
    c_c: f64,
    c_1: f64,
    c_mu: f64,
    /// Expected length of a standard normal vector.
    chi: f64,
}

impl Rates {
    fn new(n: f64, population: usize) -> Self {
        let raw: Vec<f64> = (1..=population)
            .map(|i| libm::log(f64::midpoint(population as f64, 1.0)) - libm::log(i as f64))
            .collect();
        let mu = (population / 2).max(1);
        let effective = |weights: &[f64]| {
            let sum: f64 = weights.iter().sum();
            let squares: f64 = weights.iter().map(|w| w * w).sum();
            if squares > 0.0 { sum * sum / squares } else { 0.0 }
        };
        let (mu_eff, mu_eff_minus) = (effective(&raw[..mu]), effective(&raw[mu..]));
        let c_1 = 2.0 / ((n + 1.3) * (n + 1.3) + mu_eff);
        let c_mu = (2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((n + 2.0) * (n + 2.0) + mu_eff)).clamp(0.0, 1.0 - c_1 - 1e-8);
        let positive: f64 = raw.iter().filter(|w| **w > 0.0).sum();
        let negative: f64 = raw.iter().filter(|w| **w < 0.0).map(|w| -w).sum();
        let bound = (1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0)).min(if c_mu > 0.0 {
            (1.0 + c_1 / c_mu).min((1.0 - c_1 - c_mu) / (n * c_mu))
        } else {
            0.0
        });
        let scaled = |w: &f64| if *w > 0.0 { w / positive } else { w * bound / negative };
        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        Self {
            weights: raw.iter().map(scaled).collect(),
            mu_eff,
            c_sigma,
            d_sigma: 1.0 + 2.0 * (libm::sqrt(((mu_eff - 1.0) / (n + 1.0)).max(0.0)) - 1.0).max(0.0) + c_sigma,
            c_c: (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),
            c_1,
            c_mu,
            chi: libm::sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
        }
    }
}

impl Distribution {
    pub(super) fn new(mean: Vec<f64>, sigma: f64, population: usize) -> Self {
        let n = mean.len();
        let scale = n.max(1) as f64;
        Self {
            mean: DVector::from_vec(mean),
            sigma,
            first_sigma: sigma,
            covariance: DMatrix::identity(n, n),
            axes: DMatrix::identity(n, n),
            lengths: DVector::from_element(n, 1.0),
            path_sigma: DVector::zeros(n),
            path: DVector::zeros(n),
            generation: 0,
            rates: Rates::new(scale, population),
            history: VecDeque::new(),
            worst: f64::INFINITY,
            margin: two_sided_quantile(1.0 / (scale * population as f64)),
        }
    }

    pub(super) fn population(&self) -> usize {
        self.rates.weights.len()
    }

    pub(super) fn weights(&self) -> &[f64] {
        &self.rates.weights
    }

    pub(super) fn mean(&self, k: usize) -> f64 {
        self.mean[k]
    }

    pub(super) fn margin(&self) -> f64 {
        self.margin
    }

    /// The point of a standard normal vector; the deviation of each coordinate is at least that of `least`.
    pub(super) fn place(&self, normal: &DVector<f64>, least: impl Fn(usize) -> f64) -> Vec<f64> {
        let n = self.mean.len();
        let step = &self.axes * normal.component_mul(&self.lengths);
        let at = |k: usize| {
            let deviation = self.sigma * libm::sqrt(self.covariance[(k, k)]);
            self.mean[k] + self.sigma * step[k] * (least(k) / deviation).max(1.0)
        };
        (0..n).map(at).collect()
    }

    /// Learns from a generation, sorted, the best first.
    pub(super) fn update(&mut self, places: &[Vec<f64>]) {
        let n = self.mean.len();
        self.generation += 1;
        if n == 0 {
            return;
        }
        let rates = &self.rates;
        let size = n as f64;
        // Points that come from elsewhere must not throw the distribution off (N. Hansen, "Injecting external solutions into
        // CMA-ES", 2011); draws of its own are almost never so far away.
        let farthest = libm::sqrt(size) + 4.0 * size / (size + 2.0);
        let mut steps = Vec::with_capacity(places.len());
        for place in places {
            let step = (DVector::from_column_slice(place) - &self.mean) / self.sigma;
            let length = self.whitened(&step).norm();
            let kept = (farthest / length).min(1.0);
            steps.push((step * kept, length * kept));
        }
        let mut mean_step = DVector::zeros(n);
        for ((step, _), weight) in steps.iter().zip(&rates.weights).filter(|(_, weight)| **weight > 0.0) {
            mean_step += step * *weight;
        }
        let c = rates.c_sigma;
        self.path_sigma = &self.path_sigma * (1.0 - c) + self.whitened(&mean_step) * libm::sqrt(c * (2.0 - c) * rates.mu_eff);
        self.mean += &mean_step * self.sigma;
        self.mean.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
        let length = self.path_sigma.norm();
        let grown = libm::sqrt(1.0 - libm::pow(1.0 - c, 2.0 * self.generation as f64));
        let stalled = length / grown >= (1.4 + 2.0 / (size + 1.0)) * rates.chi;
        let c = rates.c_c;
        self.path *= 1.0 - c;
        if !stalled {
            self.path += &mean_step * libm::sqrt(c * (2.0 - c) * rates.mu_eff);
        }
        let lost = if stalled { c * (2.0 - c) } else { 0.0 };
        let sum: f64 = rates.weights.iter().sum();
        self.covariance *= 1.0 + rates.c_1 * lost - rates.c_1 - rates.c_mu * sum;
        self.covariance.ger(rates.c_1, &self.path, &self.path, 1.0);
        for ((step, length), weight) in steps.iter().zip(&rates.weights) {
            let weight = if *weight >= 0.0 {
                *weight
            } else {
                weight * size / (length * length + 1e-8)
            };
            self.covariance.ger(rates.c_mu * weight, step, step, 1.0);
        }
        self.sigma *= libm::exp((rates.c_sigma / rates.d_sigma * (length / rates.chi - 1.0)).min(1.0));
        self.sigma = self.sigma.clamp(1e-300, 1.0);
        self.decompose();
    }

    /// By the inverse of the square root of the covariance matrix.
    fn whitened(&self, step: &DVector<f64>) -> DVector<f64> {
        let mut along = self.axes.tr_mul(step);
        along.component_div_assign(&self.lengths);
        &self.axes * along
    }

    fn decompose(&mut self) {
        let symmetric = (&self.covariance + self.covariance.transpose()) * 0.5;
        let eigen = SymmetricEigen::new(symmetric);
        let values = eigen.eigenvalues.map(|value| value.max(1e-20));
        self.covariance = &eigen.eigenvectors * DMatrix::from_diagonal(&values) * eigen.eigenvectors.transpose();
        self.lengths = values.map(libm::sqrt);
        self.axes = eigen.eigenvectors;
    }

    /// Takes note of the best and the worst loss of a generation.
    pub(super) fn note(&mut self, range: [Option<f64>; 2]) {
        let [best, worst] = range.map(|loss| loss.unwrap_or(f64::MAX));
        let kept = 10 + (30.0 * self.mean.len() as f64 / self.population() as f64) as usize;
        self.history.push_back(best);
        if self.history.len() > kept {
            self.history.pop_front();
        }
        self.worst = worst;
        if self.history.len() < kept {
            self.worst = f64::INFINITY;
        }
    }

    /// Whether nothing is gained by going on: the losses of the last generations are the same, steps have become tiny, or the
    /// covariance matrix is singular.
    pub(super) fn has_converged(&self) -> bool {
        let fold = |f: fn(f64, f64) -> f64, start: f64| self.history.iter().copied().fold(start, f);
        let (least, most) = (fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY));
        let flat = self.worst.max(most) - least <= 1e-12 * least.abs().max(1e-8);
        let widest = (0..self.mean.len()).map(|k| libm::sqrt(self.covariance[(k, k)]).max(self.path[k].abs()));
        let tiny = self.sigma * widest.fold(0.0, f64::max) < 1e-12 * self.first_sigma;
        let (short, long) = (
            self.lengths.iter().copied().fold(f64::MAX, f64::min),
            self.lengths.iter().copied().fold(0.0, f64::max),
        );
        !self.mean.is_empty() && (flat || tiny || long > 1e7 * short || !self.sigma.is_finite())
    }
}

/// As many standard normal vectors as asked for, at most one per dimension, at right angles to each other.
///
/// Source: H. Wang, M. Emmerich, T. Bäck, "Mirrored orthogonal sampling for covariance matrix adaptation evolution strategies", 2019.
pub(super) fn orthogonal(dimensions: usize, count: usize, stream: &mut Stream) -> Vec<DVector<f64>> {
    let mut found: Vec<DVector<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let drawn = DVector::from_fn(dimensions, |_, _| stream.normal());
        let mut rest = drawn.clone();
        // Twice is enough (B. N. Parlett, "The symmetric eigenvalue problem", 1980).
        for other in found.iter().chain(&found) {
            rest -= other * (rest.dot(other) / other.norm_squared());
        }
        let (length, left) = (drawn.norm(), rest.norm());
        found.push(if left > 1e-9 * length { rest * (length / left) } else { drawn });
    }
    found
}

/// How many deviations on both sides of the mean leave out a share of a normal distribution, to 5e-4 (Abramowitz and Stegun 26.2.23).
fn two_sided_quantile(share: f64) -> f64 {
    let t = libm::sqrt(-2.0 * libm::log((0.5 * share).clamp(1e-300, 0.49)));
    let numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    t - numerator / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)))
}
