//! The stationary bootstrap: resampled series that keep dependence over time.

use crate::generator::{fraction, key, random};

/// Streams of random numbers under a seed.
const STREAM: u64 = 0x5b00;

/// Resampled orders of a series' observations, drawn once and applied to any number of series of that length: the weights that every
/// trial of a job shares.
///
/// A resample strings together blocks of consecutive observations, from the end of the series going on at its start. Each begins at
/// a random place and has a geometric length.
///
/// Source: D. N. Politis, J. P. Romano, "The stationary bootstrap", Journal of the American Statistical Association 89, 1994.
#[derive(Debug, Clone, PartialEq)]
pub struct Resamples {
    observations: usize,
    mean_block: f64,
    /// Pieces `from..to` of the series, of all resamples.
    pieces: Vec<(u32, u32)>,
    /// Where each resample's pieces end.
    ends: Vec<usize>,
}

impl Resamples {
    /// `draws` resamples of series of `observations`, in blocks of `mean_block` observations on average (1: independent draws), which
    /// must be at least 1; see [`default_block`].
    ///
    /// # Panics
    /// For 2^32 observations and more, of which no series of returns has any.
    pub fn stationary(observations: usize, mean_block: f64, draws: usize, seed: u64) -> Self {
        assert!(u32::try_from(observations).is_ok(), "fewer than 2^32 observations");
        let restart = 1.0 / mean_block.max(1.0);
        let mut resamples = Self {
            observations,
            mean_block: mean_block.max(1.0),
            pieces: Vec::new(),
            ends: Vec::with_capacity(draws),
        };
        for draw in 0..draws as u64 {
            let of = key(key(seed, STREAM), draw);
            let mut last: Option<(u32, u32)> = None;
            for t in 0..observations as u64 {
                let goes_on = t > 0 && fraction(of, 2 * t) >= restart;
                last = match last {
                    Some((from, to)) if goes_on && (to as usize) < observations => Some((from, to + 1)),
                    Some(piece) => {
                        resamples.pieces.push(piece);
                        let at = if goes_on {
                            0
                        } else {
                            below(random(of, 2 * t + 1), observations)
                        };
                        Some((at, at + 1))
                    }
                    None => {
                        let at = below(random(of, 1), observations);
                        Some((at, at + 1))
                    }
                };
            }
            resamples.pieces.extend(last);
            resamples.ends.push(resamples.pieces.len());
        }
        resamples
    }

    /// Resamples.
    pub fn draws(&self) -> usize {
        self.ends.len()
    }

    /// Length of the series.
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// Mean length of a block.
    pub fn mean_block(&self) -> f64 {
        self.mean_block
    }

    /// The pieces of the series that a resample is made of.
    pub fn pieces(&self, draw: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.raw(draw).iter().map(|(from, to)| *from as usize..*to as usize)
    }

    pub(super) fn raw(&self, draw: usize) -> &[(u32, u32)] {
        let from = draw.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.pieces[from..self.ends[draw]]
    }
}

/// A number below `len` from a random word.
pub(super) fn below(word: u64, len: usize) -> u32 {
    ((u128::from(word) * len as u128) >> 64) as u32
}

/// A block length that suits most series of `observations`: their number's cube root, the rate at which the best one grows.
///
/// Source: Politis, Romano (1994), section 3.
pub fn default_block(observations: usize) -> f64 {
    libm::cbrt(observations as f64).max(1.0)
}

/// An estimate and where it may lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// The metric of the series itself.
    pub estimate: f64,
    /// Upper end.
    pub high: f64,
    /// Resamples on which the metric is undefined; the ends are of the others.
    pub undefined: usize,
}

/// Confidence interval of any metric of a series of returns, in the metric's unit: the quantiles `(1 - confidence)/2` and
/// `(1 + confidence)/2` of its values over the resamples. `None` if the metric is undefined on the series or on all resamples, or if
/// the resamples are for another length.
///
/// Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979 (percentile interval);
/// Politis, Romano (1994).
pub fn confidence_interval(
    returns: &[f64],
    resamples: &Resamples,
    confidence: f64,
    mut metric: impl FnMut(&[f64]) -> Option<f64>,
) -> Option<Interval> {
    if returns.len() != resamples.observations {
        return None;
    }
    let estimate = metric(returns)?;
    let mut series = Vec::with_capacity(returns.len());
    let mut values = Vec::with_capacity(resamples.draws());
    for draw in 0..resamples.draws() {
        series.clear();
        resamples
            .pieces(draw)
            .for_each(|piece| series.extend_from_slice(&returns[piece]));
        values.extend(metric(&series));
    }
    values.sort_by(f64::total_cmp);
    Some(Interval {
        low: quantile(&values, 0.5 - 0.5 * confidence)?,
        estimate,
        high: quantile(&values, 0.5 + 0.5 * confidence)?,
        undefined: resamples.draws() - values.len(),
    })
}

/// The `share` quantile of ascending values by linear interpolation between them; `None` of none.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (place - below as f64) * (sorted[above] - sorted[below]))
}

/// P-value of a Monte Carlo test: the share of draws at least as extreme as what was seen, what was seen being one of them, so that
/// it is never 0.
///
/// Source: A. C. Davison, D. V. Hinkley, "Bootstrap methods and their application", 1997, eq. 4.11.
pub(super) fn monte_carlo_p(extreme: usize, draws: usize) -> f64 {
    (extreme + 1) as f64 / (draws + 1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::testing::normals;

    proptest! {
        #[test]
        fn resamples_are_whole_and_repeat_by_seed(observations in 1usize..300, mean_block in 1.0..40f64, seed in 0u64..100) {
            let resamples = Resamples::stationary(observations, mean_block, 5, seed);
            prop_assert_eq!(resamples.draws(), 5);
            for draw in 0..5 {
                prop_assert_eq!(resamples.pieces(draw).map(|piece| piece.len()).sum::<usize>(), observations);
                prop_assert!(resamples.pieces(draw).all(|piece| piece.end <= observations && !piece.is_empty()));
            }
            // A draw does not depend on how many there are.
            let more = Resamples::stationary(observations, mean_block, 9, seed);
            prop_assert_eq!(resamples.raw(4), more.raw(4));
        }
    }

    #[test]
    fn blocks_have_the_length_asked_for_and_places_are_even() {
        let resamples = Resamples::stationary(1000, 10.0, 1000, 3);
        // 100.9 pieces on average, and one in ten more for the end of the series that blocks run over: 1000/1000 of them.
        let pieces = resamples.ends[999] as f64 / 1000.0;
        assert!((pieces - 101.8).abs() < 1.5, "{pieces}");
        let mut seen = vec![0u32; 1000];
        for draw in 0..1000 {
            resamples.pieces(draw).flatten().for_each(|t| seen[t] += 1);
        }
        // Each is expected 1000 times, with a deviation of about sqrt(1000 x 20) at blocks of 10.
        assert!(seen.iter().all(|n| (300..1700).contains(n)));
        assert_ne!(resamples, Resamples::stationary(1000, 10.0, 1000, 4));
    }

    #[test]
    fn an_interval_of_the_mean_has_its_known_width_and_covers() {
        let mean = |r: &[f64]| Some(r.iter().sum::<f64>() / r.len() as f64);
        let resamples = Resamples::stationary(200, 1.0, 500, 1);
        let (mut covered, mut width) = (0, 0.0);
        for seed in 0..200 {
            let interval = confidence_interval(&normals(200, seed), &resamples, 0.9, mean).unwrap();
            covered += u32::from(interval.low <= 0.0 && 0.0 <= interval.high);
            width += (interval.high - interval.low) / 200.0;
            assert!(interval.low <= interval.estimate && interval.estimate <= interval.high);
        }
        // 2 x 1.645 / sqrt(200); binomial deviation of 180 is 4.2.
        assert!((width - 0.2326).abs() < 0.01, "{width}");
        assert!((165..=195).contains(&covered), "{covered}");
    }

    #[test]
    fn undefined_values_are_counted_and_left_out() {
        let resamples = Resamples::stationary(4, 1.0, 1000, 1);
        let first_is_one = |r: &[f64]| (r[0] == 1.0).then_some(7.0);
        let interval = confidence_interval(&[1.0, 2.0, 3.0, 4.0], &resamples, 0.9, first_is_one).unwrap();
        assert_eq!((interval.low, interval.high), (7.0, 7.0));
        assert!((700..800).contains(&interval.undefined), "{}", interval.undefined);
        assert_eq!(
            confidence_interval(&[2.0, 1.0, 3.0, 4.0], &resamples, 0.9, first_is_one),
            None
        );
        assert_eq!(confidence_interval(&[1.0], &resamples, 0.9, first_is_one), None);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(default_block(1000), 10.0);
        assert_eq!((monte_carlo_p(0, 99), monte_carlo_p(99, 99)), (0.01, 1.0));
    }
}
