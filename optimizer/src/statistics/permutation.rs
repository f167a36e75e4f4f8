//! Tests by permutation: is a mean return more than the signs or the timing of the same numbers would give by chance?

use crate::generator::{key, random};
use crate::statistics::bootstrap::{below, monte_carlo_p};

/// Streams of random numbers under a seed.
const SIGN_STREAM: u64 = 0x5b01;
const ORDER_STREAM: u64 = 0x5b02;

/// One-sided p-value of a positive mean return against returns that are as likely negative as positive: the signs of blocks of `block`
/// consecutive returns are drawn anew, `draws` times. With blocks of 1 it is Fisher's test, which takes returns to be independent;
/// longer ones keep dependence over time. `None` without returns.
///
/// Source: R. A. Fisher, "The design of experiments", 1935, section 21; in blocks: J. P. Romano, A. F. Canay, A. M. Shaikh,
/// "Randomization tests under an approximate symmetry assumption", Econometrica 85(3), 2017.
pub fn sign_test(returns: &[f64], block: usize, draws: usize, seed: u64) -> Option<f64> {
    if returns.is_empty() {
        return None;
    }
    let sums: Vec<f64> = returns.chunks(block.max(1)).map(|block| block.iter().sum()).collect();
    let seen: f64 = sums.iter().sum();
    let extreme = (0..draws as u64).filter(|draw| {
        let of = key(key(seed, SIGN_STREAM), *draw);
        let mut drawn = 0.0;
        for (counter, word) in (0..).zip(sums.chunks(64)) {
            let signs = random(of, counter);
            for (bit, sum) in word.iter().enumerate() {
                drawn += if signs >> bit & 1 == 1 { -sum } else { *sum };
            }
        }
        drawn >= seen
    });
    Some(monte_carlo_p(extreme.count(), draws))
}

/// A random order of blocks of `block` consecutive observations, the last of them shorter if need be: pieces of `0..observations`
/// that together cover it. `draw` numbers the orders under a seed.
pub fn shuffled_blocks(observations: usize, block: usize, seed: u64, draw: u64) -> Vec<std::ops::Range<usize>> {
    let block = block.max(1);
    let mut pieces: Vec<_> = (0..observations)
        .step_by(block)
        .map(|from| from..(from + block).min(observations))
        .collect();
    shuffle(&mut pieces, key(key(seed, ORDER_STREAM), draw));
    pieces
}

/// Fisher and Yates' shuffle.
pub(super) fn shuffle<T>(items: &mut [T], key: u64) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(random(key, last as u64), last + 1) as usize);
    }
}

/// One-sided p-value of timing: the mean of position x market return against the same positions held through the market's returns in
/// another order, shuffled `draws` times in blocks of `block`. Drift earned by being in the market most of the time proves nothing
/// here: it is in every order. `None` unless both series have the same length, above 0.
///
/// Source: D. Aronson, "Evidence-based technical analysis", 2006, chapter 6 (Monte Carlo permutation).
pub fn timing_test(positions: &[f64], market: &[f64], block: usize, draws: usize, seed: u64) -> Option<f64> {
    if positions.len() != market.len() || positions.is_empty() {
        return None;
    }
    let earned = |returns: &mut dyn Iterator<Item = &f64>| positions.iter().zip(returns).map(|(p, r)| p * r).sum::<f64>();
    let seen = earned(&mut market.iter());
    let extreme = (0..draws as u64).filter(|draw| {
        let pieces = shuffled_blocks(market.len(), block, seed, *draw);
        earned(&mut pieces.into_iter().flat_map(|piece| &market[piece])) >= seen
    });
    Some(monte_carlo_p(extreme.count(), draws))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::testing::normals;

    #[test]
    fn noise_passes_as_often_as_the_level_says() {
        let (mut signs, mut blocks, mut timing) = (0, 0, 0);
        for seed in 0..500 {
            let z = normals(200, seed);
            signs += u32::from(sign_test(&z[..100], 1, 99, seed).unwrap() <= 0.1);
            blocks += u32::from(sign_test(&z[..100], 4, 99, seed).unwrap() <= 0.1);
            // In the market half of the time, and the market drifts.
            let positions: Vec<f64> = z[..100].iter().map(|z| f64::from(u8::from(*z > 0.0))).collect();
            let market: Vec<f64> = z[100..].iter().map(|z| z + 0.5).collect();
            timing += u32::from(timing_test(&positions, &market, 2, 99, seed).unwrap() <= 0.1);
        }
        // 50 expected, with a deviation of 6.7.
        assert!(
            [signs, blocks, timing].iter().all(|count| (28..=73).contains(count)),
            "{signs} {blocks} {timing}"
        );
    }

    #[test]
    fn an_edge_is_found_and_seeds_repeat() {
        let z = normals(200, 1);
        let edge: Vec<f64> = z.iter().map(|z| z + 0.5).collect();
        assert_eq!(sign_test(&edge, 1, 999, 3), Some(0.001));
        assert_eq!(sign_test(&z, 5, 99, 3), sign_test(&z, 5, 99, 3));
        let foresight: Vec<f64> = z.iter().map(|z| z.signum()).collect();
        assert_eq!(timing_test(&foresight, &z, 1, 999, 3), Some(0.001));
        let always = vec![1.0; 200];
        assert!(timing_test(&always, &edge, 200, 99, 3).unwrap() == 1.0);
        assert_eq!((sign_test(&[], 1, 9, 1), timing_test(&[1.0], &[], 1, 9, 1)), (None, None));
        // All positive in n blocks: 2^-n of the sign patterns are as good.
        let p = sign_test(&[1.0; 8], 2, 100_000, 1).unwrap();
        assert!((p - 1.0 / 16.0).abs() < 0.003, "{p}");
    }

    #[test]
    fn shuffled_blocks_cover_everything_in_even_orders() {
        let mut firsts = [0u32; 4];
        for draw in 0..4000 {
            let pieces = shuffled_blocks(10, 3, 5, draw);
            firsts[pieces[0].start / 3] += 1;
            let mut all: Vec<usize> = pieces.into_iter().flatten().collect();
            all.sort_unstable();
            assert_eq!(all, (0..10).collect::<Vec<_>>());
        }
        assert!(firsts.iter().all(|n| (880..1120).contains(n)), "{firsts:?}");
    }
}
