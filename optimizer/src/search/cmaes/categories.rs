//! Probabilities of values without an order.

use crate::search::stream::Stream;
use crate::search::{Dimension, Told};

/// Share by which probabilities move to those of a generation's best.
const RATE: f64 = 0.2;

/// Per parameter, how probable each of its values is. They move towards how often the values occur among the best of a generation,
/// and never below a margin at which a value would hardly be tried again.
///
/// Sources: S. Baluja, R. Caruana, "Removing the genetics from the standard genetic algorithm" (PBIL), 1995; the margin: R. Hamano et
/// al., "`CatCMA`: stochastic optimization for mixed-category problems", 2024.
#[derive(Debug, Clone)]
pub(super) struct Categories {
    /// The dimension of each parameter, and its probabilities.
    parameters: Vec<(usize, Vec<f64>)>,
}

impl Categories {
    pub(super) fn new(dimensions: &[Dimension]) -> Self {
        let even = |(i, dimension): (usize, &Dimension)| match dimension {
            Dimension::Category(len) => Some((i, vec![1.0 / *len as f64; *len as usize])),
            _ => None,
        };
        Self {
            parameters: dimensions.iter().enumerate().filter_map(even).collect(),
        }
    }

    pub(super) fn draw(&self, stream: &mut Stream, unit: &mut [f64]) {
        for (i, probabilities) in &self.parameters {
            let mut sum = 0.0;
            let sums: Vec<f64> = probabilities
                .iter()
                .map(|p| {
                    sum += p;
                    sum
                })
                .collect();
            unit[*i] = (stream.pick(&sums) as f64 + 0.5) / probabilities.len() as f64;
        }
    }

    /// `told` is sorted, the best first; weights above 0 count.
    pub(super) fn update(&mut self, told: &[Told], weights: &[f64]) {
        let count = self.parameters.len() as f64;
        for (i, probabilities) in &mut self.parameters {
            let len = probabilities.len();
            let mut best = vec![0.0; len];
            for (told, weight) in told.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
                best[((told.unit[*i] * len as f64) as usize).min(len - 1)] += weight;
            }
            let margin = (1.0 - libm::pow(0.73, 1.0 / count)) / (len - 1) as f64;
            probabilities
                .iter_mut()
                .zip(&best)
                .for_each(|(p, best)| *p = (*p + RATE * (best - *p)).max(margin));
            let sum: f64 = probabilities.iter().sum();
            for p in probabilities {
                *p /= sum;
            }
        }
    }
}
