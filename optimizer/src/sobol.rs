//! The Sobol sequence, scrambled.

use crate::generator;
use crate::joe_kuo::JOE_KUO;

/// Most dimensions.
pub(crate) const MAX_DIMENSIONS: usize = JOE_KUO.len() + 1;
/// Most points.
pub(crate) const MAX_POINTS: u64 = 1 << 32;

/// An Owen-scrambled Sobol sequence with random access. In each dimension the first 2^k points fall into 2^k different equal
/// cells, and no two of its points share a coordinate.
///
/// Sources: I. M. Sobol, 1967; direction numbers see [`JOE_KUO`]; scrambling by hashing: B. Burley, "Practical hash-based Owen
/// scrambling", Journal of Computer Graphics Techniques 9(4), 2020, with the permutation of S. Laine and T. Karras, "Stratified
/// sampling for stochastic transparency", 2011, as tuned there by N. Vegdahl.
#[derive(Debug, Clone)]
pub(crate) struct Sobol {
    /// Per dimension.
    directions: Vec<[u32; 32]>,
    seeds: Vec<u32>,
}

impl Sobol {
    /// A sequence of `dimensions <= MAX_DIMENSIONS`.
    pub(crate) fn new(dimensions: usize, seed_key: u64) -> Self {
        let seeds = (0..dimensions as u64).map(|d| generator::random(seed_key, d) as u32);
        Self {
            directions: (0..dimensions).map(directions).collect(),
            seeds: seeds.collect(),
        }
    }

    /// Coordinate of the `index`-th point (`index < MAX_POINTS`) in a dimension: the middle of one of 2^32 cells of (0, 1).
    pub(crate) fn at(&self, index: u64, dimension: usize) -> f64 {
        let mut bits = 0;
        for (k, direction) in self.directions[dimension].iter().enumerate() {
            if index >> k & 1 == 1 {
                bits ^= direction;
            }
        }
        (f64::from(scramble(bits, self.seeds[dimension])) + 0.5) / MAX_POINTS as f64
    }
}

/// Direction numbers of a dimension, the first bit on top.
fn directions(dimension: usize) -> [u32; 32] {
    let mut v = [0u32; 32];
    let Some((coefficients, initial)) = dimension.checked_sub(1).map(|row| JOE_KUO[row]) else {
        (0..32).for_each(|k| v[k] = 1 << (31 - k));
        return v;
    };
    let degree = initial.len();
    for k in 0..32 {
        if k < degree {
            v[k] = initial[k] << (31 - k);
            continue;
        }
        let mut next = v[k - degree] ^ (v[k - degree] >> degree);
        for i in 1..degree {
            if coefficients >> (degree - 1 - i) & 1 == 1 {
                next ^= v[k - i];
            }
        }
        v[k] = next;
    }
    v
}

fn scramble(bits: u32, seed: u32) -> u32 {
    let mut x = bits.reverse_bits().wrapping_add(seed);
    for factor in [0x6c50_b47c_u32, 0xb82f_1e52, 0xc7af_e638, 0x8d22_f6e6] {
        x ^= x.wrapping_mul(factor);
    }
    x.reverse_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unscrambled_points_are_those_of_joe_and_kuo() {
        // First points of new-joe-kuo-6 in natural order, as thirds to eighths of the unit interval.
        let value = |index: u32, dimension: usize| {
            let bits = (0..32).filter(|k| index >> k & 1 == 1).map(|k| directions(dimension)[k]);
            f64::from(bits.fold(0, |a, b| a ^ b)) / MAX_POINTS as f64
        };
        let points: Vec<[f64; 3]> = (1..8).map(|i| [value(i, 0), value(i, 1), value(i, 2)]).collect();
        let expected = [
            [0.5, 0.5, 0.5],
            [0.25, 0.75, 0.75],
            [0.75, 0.25, 0.25],
            [0.125, 0.625, 0.375],
            [0.625, 0.125, 0.875],
            [0.375, 0.375, 0.625],
            [0.875, 0.875, 0.125],
        ];
        assert_eq!(points, expected);
    }

    #[test]
    fn every_dimension_fills_every_cell_once() {
        let sobol = Sobol::new(MAX_DIMENSIONS, 11);
        for dimension in 0..MAX_DIMENSIONS {
            let mut cells: Vec<u64> = (0..1024).map(|i| (sobol.at(i, dimension) * 1024.0) as u64).collect();
            cells.sort_unstable();
            assert_eq!(cells, (0..1024).collect::<Vec<_>>(), "{dimension}");
        }
        assert_ne!(sobol.at(5, 0), Sobol::new(1, 12).at(5, 0));
    }

    #[test]
    fn it_integrates_better_than_chance() {
        // The mean of x0 x1 x2 x3 over the unit cube is 1/16; 4,096 random points would miss it by 0.002 or so.
        let sobol = Sobol::new(4, 5);
        let product = |i| (0..4).map(|d| sobol.at(i, d)).product::<f64>();
        let mean = (0..4096).map(product).sum::<f64>() / 4096.0;
        assert!((mean - 1.0 / 16.0).abs() < 1e-4, "{mean}");
    }
}
