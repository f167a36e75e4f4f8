//! A stream of random draws.

use std::f64::consts::TAU;

use crate::generator;

/// Draws one after the other, from a key of their own.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    key: u64,
    counter: u64,
}

impl Stream {
    /// The stream of a batch under a seed.
    pub(crate) fn new(seed: u64, batch: u64) -> Self {
        Self {
            key: generator::key(generator::key(seed, 16), batch),
            counter: 0,
        }
    }

    /// A fraction in [0, 1).
    pub(crate) fn fraction(&mut self) -> f64 {
        self.counter += 1;
        generator::fraction(self.key, self.counter)
    }

    /// A standard normal deviate (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.fraction()));
        radius * libm::cos(TAU * self.fraction())
    }

    /// An index below `len`.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        ((self.fraction() * len as f64) as usize).min(len - 1)
    }

    /// An index with a probability in proportion to the increments of these ascending sums.
    pub(crate) fn pick(&mut self, sums: &[f64]) -> usize {
        let target = self.fraction() * sums.last().copied().unwrap_or(0.0);
        sums.partition_point(|sum| *sum <= target).min(sums.len() - 1)
    }
}
