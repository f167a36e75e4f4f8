//! Prices that jump.

use assay_core::time::UtcNs;
use serde::Serialize;

use super::keep_largest;

/// A move is large beyond this many median absolute returns. Moves of 0 stay out of the median: most ticks do not move the mid.
const FACTOR: f64 = 20.0;
/// Bits of a magnitude that choose its bin: sign, exponent and seven of the mantissa, so that bins are at most 0.8 % wide.
const BIN_SHIFT: u32 = 45;

/// Large moves between neighbouring rows: of the mid, the price, or the close.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Moves {
    /// Median absolute return of the rows that moved (within 0.8 %); nothing if none did.
    pub median: Option<f64>,
    /// Returns beyond 20 medians, real ones included.
    pub large: u64,
    /// Large moves of which the very next row takes back at least half: seldom real.
    pub spikes: u64,
    /// The largest spikes.
    pub largest: Vec<Spike>,
}

/// A price that jumps and comes back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spike {
    /// When.
    pub time: UtcNs,
    /// The row before.
    pub before: f64,
    /// The odd price.
    pub price: f64,
    /// The row after.
    pub after: f64,
}

impl Spike {
    fn size(&self) -> f64 {
        (self.price / self.before - 1.0).abs()
    }
}

/// Streams prices; holds two histograms of magnitudes.
#[derive(Default)]
pub(super) struct MoveFinder {
    last: [Option<(i64, f64)>; 2],
    returns: Histogram,
    spikes: Histogram,
    largest: Vec<Spike>,
}

impl MoveFinder {
    pub(super) fn add(&mut self, time: i64, price: f64) {
        let [before, middle] = self.last;
        self.last = [middle, Some((time, price))];
        // A return of a price that is not positive means nothing.
        let positive = |row: Option<(i64, f64)>| row.filter(|(_, price)| *price > 0.0);
        let Some((at, jumped)) = positive(middle) else { return };
        self.returns.add((price / jumped - 1.0).abs());
        let Some((_, start)) = positive(before) else { return };
        let (out, back) = (jumped - start, price - jumped);
        if out * back < 0.0 && 2.0 * back.abs() >= out.abs() {
            let spike = Spike {
                time: UtcNs(at),
                before: start,
                price: jumped,
                after: price,
            };
            self.spikes.add(spike.size());
            keep_largest(&mut self.largest, spike, Spike::size);
        }
    }

    pub(super) fn finish(self) -> Moves {
        let Some(median) = self.returns.median() else {
            return Moves::default();
        };
        let threshold = FACTOR * median;
        let mut largest = self.largest;
        largest.retain(|spike| Histogram::bin(spike.size()) > Histogram::bin(threshold));
        Moves {
            median: Some(median),
            large: self.returns.above(threshold),
            spikes: self.spikes.above(threshold),
            largest,
        }
    }
}

/// Counts of positive magnitudes in bins of equal relative width.
struct Histogram(Vec<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(vec![0; Self::bin(f64::MAX) + 1])
    }
}

impl Histogram {
    fn bin(magnitude: f64) -> usize {
        (magnitude.to_bits() >> BIN_SHIFT) as usize
    }

    fn add(&mut self, magnitude: f64) {
        if magnitude > 0.0 && magnitude.is_finite() {
            self.0[Self::bin(magnitude)] += 1;
        }
    }

    fn median(&self) -> Option<f64> {
        let half = self.0.iter().sum::<u64>().div_ceil(2);
        if half == 0 {
            return None;
        }
        let mut seen = 0;
        let bin = self.0.iter().position(|count| {
            seen += count;
            seen >= half
        })?;
        Some(f64::from_bits((bin as u64) << BIN_SHIFT))
    }

    /// How many are in bins beyond that of `threshold`.
    fn above(&self, threshold: f64) -> u64 {
        self.0.iter().skip(Self::bin(threshold) + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(prices: &[f64]) -> Moves {
        let mut finder = MoveFinder::default();
        for (time, price) in prices.iter().enumerate() {
            finder.add(time as i64, *price);
        }
        finder.finish()
    }

    #[test]
    fn a_spike_comes_back_and_a_level_shift_does_not() {
        let mut prices: Vec<f64> = (0..200).map(|i| 100.0 + f64::from(i % 7) * 0.01).collect();
        assert_eq!((found(&prices).large, found(&prices).spikes), (0, 0));
        prices[50] = 1_000.0;
        let moves = found(&prices);
        assert_eq!((moves.large, moves.spikes), (2, 1));
        assert_eq!((moves.largest[0].time, moves.largest[0].price), (UtcNs(50), 1_000.0));
        // From here on half the price: one large move, no spike.
        prices[100..].iter_mut().for_each(|price| *price /= 2.0);
        assert_eq!((found(&prices).large, found(&prices).spikes), (3, 1));
    }

    #[test]
    fn prices_that_do_not_move_or_are_not_positive_give_nothing() {
        assert_eq!(found(&[5.0; 10]), Moves::default());
        assert_eq!(found(&[-1.0, 0.0, -3.0]), Moves::default());
    }
}
