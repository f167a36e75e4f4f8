//! Random numbers and permutations that are functions of a key and a counter, so that any draw can be made without those before
//! it, on any thread, with the same result.

/// 2^64 divided by the golden ratio, the increment of `SplitMix64`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of `SplitMix64`: a bijection in which every input bit changes every output bit with probability near 1/2.
///
/// Source: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; constants of
/// D. Stafford's variant 13.
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A key for one purpose (`stream`) under a seed.
pub(crate) const fn key(seed: u64, stream: u64) -> u64 {
    mix(mix(seed.wrapping_add(GOLDEN)) ^ mix(stream.wrapping_mul(GOLDEN).wrapping_add(1)))
}

/// The `counter`-th random number of a key: the state of `SplitMix64` jumped ahead.
pub(crate) const fn random(key: u64, counter: u64) -> u64 {
    mix(key.wrapping_add(counter.wrapping_add(1).wrapping_mul(GOLDEN)))
}

/// The `counter`-th random fraction of a key, in [0, 1), a multiple of 2^-53.
pub(crate) fn fraction(key: u64, counter: u64) -> f64 {
    (random(key, counter) >> 11) as f64 / (1u64 << 53) as f64
}

/// A permutation of `0..len` chosen by a key: a balanced Feistel network over the next even power of two, walked until the value
/// falls into the range (fewer than four steps on average).
///
/// Source: M. Luby, C. Rackoff, "How to construct pseudorandom permutations from pseudorandom functions", 1988; cycle walking:
/// J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permutation {
    len: u64,
    half_bits: u32,
    keys: [u64; 6],
}

impl Permutation {
    /// A permutation of `0..len`; `len` is at least 1.
    pub(crate) fn new(seed_key: u64, len: u64) -> Self {
        let bits = 64 - (len.max(2) - 1).leading_zeros();
        let mut keys = [0; 6];
        for (round, slot) in (0..).zip(&mut keys) {
            *slot = key(seed_key, round);
        }
        Self {
            len,
            half_bits: bits.div_ceil(2),
            keys,
        }
    }

    /// Where `index` goes; `index < len`.
    pub(crate) fn at(&self, index: u64) -> u64 {
        let mut value = self.once(index);
        while value >= self.len {
            value = self.once(value);
        }
        value
    }

    fn once(&self, value: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for round_key in self.keys {
            let next = left ^ (mix(right ^ round_key) & mask);
            left = right;
            right = next;
        }
        (left << self.half_bits) | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_hits_everything_once_and_depends_on_its_key() {
        for len in [1, 2, 3, 5, 16, 17, 1000, 4097] {
            let order = |seed| -> Vec<u64> {
                let permutation = Permutation::new(key(seed, 0), len);
                (0..len).map(|i| permutation.at(i)).collect()
            };
            let mut sorted = order(7);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..len).collect::<Vec<_>>(), "{len}");
            assert!(len < 16 || order(7) != order(8), "{len}");
        }
        let whole = Permutation::new(1, u64::MAX);
        assert_ne!(whole.at(0), whole.at(1));
    }

    #[test]
    fn fractions_are_spread_evenly() {
        let mut bins = [0u32; 16];
        (0..160_000).for_each(|i| bins[(fraction(key(3, 1), i) * 16.0) as usize] += 1);
        // 15 degrees of freedom: beyond 37.7 with probability 0.001.
        let chi2: f64 = bins.iter().map(|n| (f64::from(*n) - 1e4) * (f64::from(*n) - 1e4) / 1e4).sum();
        assert!(chi2 < 37.7, "{chi2}");
    }

    #[test]
    fn the_first_place_of_a_permutation_is_spread_evenly() {
        let mut bins = [0u32; 16];
        (0..160_000).for_each(|seed| bins[Permutation::new(key(seed, 0), 16).at(0) as usize] += 1);
        let chi2: f64 = bins.iter().map(|n| (f64::from(*n) - 1e4) * (f64::from(*n) - 1e4) / 1e4).sum();
        assert!(chi2 < 37.7, "{chi2}");
    }
}
