//! Probability of backtest overfitting by combinatorially symmetric cross-validation.

mod kernel;
mod sketches;
mod splits;

use std::sync::Arc;

use rayon::prelude::*;

use self::kernel::{Kind, LANES, Tables, band, score, sharpe};
pub use self::sketches::Sketches;
use self::splits::Splits;

/// What happens out of sample to the trials that are best in sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overfitting {
    /// Trials.
    pub trials: u64,
    /// Splits into halves.
    pub splits: usize,
    /// Probability of backtest overfitting: share of splits in which the best trial in sample is no better than the median out of
    /// sample (logit <= 0).
    pub probability: f64,
    /// Mean over the splits of the logit of the winner's relative rank out of sample, `ln(w / (1 - w))` with `w = rank / (N + 1)`.
    pub mean_logit: f64,
    /// Median of the same.
    pub median_logit: f64,
    /// Share of splits in which the winner loses out of sample.
    pub loss: f64,
    /// Performance degradation: slope and intercept of the winners' Sharpe ratios out of sample over those in sample, per
    /// observation, by least squares; `None` if all winners are equal in sample.
    pub degradation: Option<[f64; 2]>,
}

/// Probability of backtest overfitting over all trials, on Sharpe ratios, in as many threads as the rayon pool has; the result does
/// not depend on them. `None` for fewer than two trials.
///
/// For each way to take half of the blocks as in-sample: the trial with the highest Sharpe ratio there (the first of equals) is
/// ranked out of sample (the other half) among all trials, average ranks for equals. A series without variance has a Sharpe
/// ratio of 0.
///
/// Source: D. H. Bailey, J. M. Borwein, M. López de Prado, Q. J. Zhu, "The probability of backtest overfitting", Journal of
/// Computational Finance 20(4), 2017.
pub fn overfitting(sketches: &Sketches) -> Option<Overfitting> {
    if sketches.len() < 2 {
        return None;
    }
    let mut best = BestInSample::new(sketches);
    best.push_parallel(0, sketches);
    let mut ranks = best.into_ranks();
    ranks.push_parallel(sketches);
    ranks.finish()
}

/// Ranges of trials for the threads, whole groups each.
fn parts(trials: usize) -> Vec<std::ops::Range<usize>> {
    let length = trials.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(LANES);
    (0..trials)
        .step_by(length)
        .map(|from| from..(from + length).min(trials))
        .collect()
}

/// The best trial on each split's in-sample half and how it does on the other.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Winner {
    trial: u64,
    score: f64,
    in_sample: (f64, f64),
    out_of_sample: (f64, f64),
}

/// First of two passes over sketches that are too many to be held at once: finds each split's best trial in sample.
///
/// Push all sketches in parts of any size and order, merge what different threads found, and go on with
/// [`BestInSample::into_ranks`]. [`overfitting`] does both passes over sketches in memory.
#[derive(Debug, Clone)]
pub struct BestInSample {
    counts: Vec<u32>,
    splits: Arc<Splits>,
    bars: Vec<f64>,
    winners: Vec<Winner>,
    first_flat: u64,
}

impl BestInSample {
    /// Of no trial yet, on the grid of `sketches`.
    pub fn new(sketches: &Sketches) -> Self {
        Self::of(sketches.counts.clone(), Arc::new(Splits::new(&sketches.counts)))
    }

    fn of(counts: Vec<u32>, splits: Arc<Splits>) -> Self {
        Self {
            counts,
            bars: vec![f64::NEG_INFINITY; splits.len()],
            winners: vec![
                Winner {
                    trial: u64::MAX,
                    score: f64::NEG_INFINITY,
                    in_sample: (0.0, 0.0),
                    out_of_sample: (0.0, 0.0),
                };
                splits.len()
            ],
            first_flat: u64::MAX,
            splits,
        }
    }

    /// Adds trials numbered from `first`.
    ///
    /// # Panics
    /// If the sketches are on another grid.
    pub fn push(&mut self, first: u64, sketches: &Sketches) {
        assert_eq!(self.counts, sketches.counts, "one grid");
        self.push_range(first, sketches, 0..sketches.len());
    }

    /// The same in as many threads as the rayon pool has.
    ///
    /// # Panics
    /// If the sketches are on another grid.
    pub fn push_parallel(&mut self, first: u64, sketches: &Sketches) {
        assert_eq!(self.counts, sketches.counts, "one grid");
        let empty = Self::of(self.counts.clone(), Arc::clone(&self.splits));
        let found = parts(sketches.len()).into_par_iter().map(|part| {
            let mut best = empty.clone();
            best.push_range(first, sketches, part);
            best
        });
        if let Some(found) = found.reduce_with(Self::merge) {
            *self = self.clone().merge(found);
        }
    }

    fn push_range(&mut self, first: u64, sketches: &Sketches, trials: std::ops::Range<usize>) {
        let Self {
            splits, bars, winners, ..
        } = self;
        let mut consider = |bars: &mut [f64], tables: &Tables, split: usize, lane: usize, trial: u64| {
            let (s, q) = tables.of(splits, split, lane);
            let score = score(s, q, splits.observations[split]);
            let best = &mut winners[split];
            if score > best.score || (score == best.score && trial < best.trial) {
                *best = Winner {
                    trial,
                    score,
                    in_sample: (s, q),
                    out_of_sample: tables.of(splits, splits.others[split], lane),
                };
                bars[split] = band(score)[0];
            }
        };
        let mut tables = Tables::new(splits);
        for group in groups(sketches, trials) {
            let number = |lane: usize| first + (group.start + lane) as u64;
            if group.fill(&mut tables, splits, Kind::Plain) {
                tables.above::<false>(splits, bars, |bars, split| {
                    let lanes = group.lanes(Kind::Plain);
                    lanes.for_each(|lane| consider(bars, &tables, split, lane, number(lane)));
                });
            }
            if group.fill(&mut tables, splits, Kind::Still) {
                tables.above::<true>(splits, bars, |bars, split| {
                    let lanes = group.lanes(Kind::Still);
                    lanes.for_each(|lane| consider(bars, &tables, split, lane, number(lane)));
                });
            }
            if group.fill(&mut tables, splits, Kind::Odd) {
                for lane in group.lanes(Kind::Odd) {
                    (0..splits.len()).for_each(|split| consider(bars, &tables, split, lane, number(lane)));
                }
            }
            // Of all flat trials the first can win.
            if let Some(lane) = group.lanes(Kind::Flat).next().filter(|lane| number(*lane) < self.first_flat) {
                self.first_flat = number(lane);
                group.fill(&mut tables, splits, Kind::Flat);
                (0..splits.len()).for_each(|split| consider(bars, &tables, split, lane, number(lane)));
            }
        }
    }

    /// Takes over what another has found on other trials.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.first_flat = self.first_flat.min(other.first_flat);
        for (i, found) in other.winners.into_iter().enumerate() {
            let best = &mut self.winners[i];
            if found.score > best.score || (found.score == best.score && found.trial < best.trial) {
                *best = found;
                self.bars[i] = other.bars[i];
            }
        }
        self
    }

    /// The second pass, over the same trials.
    pub fn into_ranks(self) -> RankOutOfSample {
        // The kernel visits the out-of-sample half of each split as the split that it is itself.
        let others = &self.splits.others;
        let thresholds: Vec<f64> = (0..self.splits.len())
            .map(|split| {
                let (s, q) = self.winners[others[split]].out_of_sample;
                score(s, q, self.splits.observations[split])
            })
            .collect();
        RankOutOfSample {
            bands: thresholds.iter().map(|threshold| band(*threshold)).collect(),
            thresholds,
            less: vec![0; self.splits.len()],
            equal: vec![0; self.splits.len()],
            trials: 0,
            flat: 0,
            winners: self.winners.into(),
            counts: self.counts,
            splits: self.splits,
        }
    }
}

/// Second of two passes: ranks each split's winner among all trials out of sample.
#[derive(Debug, Clone)]
pub struct RankOutOfSample {
    counts: Vec<u32>,
    splits: Arc<Splits>,
    winners: Arc<[Winner]>,
    thresholds: Vec<f64>,
    bands: Vec<[f64; 2]>,
    less: Vec<u64>,
    equal: Vec<u64>,
    trials: u64,
    flat: u64,
}

impl RankOutOfSample {
    /// Adds trials: each trial of the first pass once, in parts of any size and order.
    ///
    /// # Panics
    /// If the sketches are on another grid.
    pub fn push(&mut self, sketches: &Sketches) {
        assert_eq!(self.counts, sketches.counts, "one grid");
        self.push_range(sketches, 0..sketches.len());
    }

    /// The same in as many threads as the rayon pool has.
    ///
    /// # Panics
    /// If the sketches are on another grid.
    pub fn push_parallel(&mut self, sketches: &Sketches) {
        assert_eq!(self.counts, sketches.counts, "one grid");
        let empty = Self {
            less: vec![0; self.less.len()],
            equal: vec![0; self.equal.len()],
            trials: 0,
            flat: 0,
            ..self.clone()
        };
        let found = parts(sketches.len()).into_par_iter().map(|part| {
            let mut ranks = empty.clone();
            ranks.push_range(sketches, part);
            ranks
        });
        if let Some(found) = found.reduce_with(Self::merge) {
            *self = self.clone().merge(found);
        }
    }

    fn push_range(&mut self, sketches: &Sketches, trials: std::ops::Range<usize>) {
        self.trials += trials.len() as u64;
        let Self {
            splits,
            thresholds,
            bands,
            less,
            equal,
            ..
        } = self;
        let mut compare = |less: &mut [u64], tables: &Tables, split: usize, lane: usize| {
            let (s, q) = tables.of(splits, split, lane);
            let score = score(s, q, splits.observations[split]);
            less[split] += u64::from(score < thresholds[split]);
            equal[split] += u64::from(score == thresholds[split]);
        };
        let mut tables = Tables::new(splits);
        for group in groups(sketches, trials) {
            if group.fill(&mut tables, splits, Kind::Plain) {
                tables.below::<false>(splits, bands, less, |less, split| {
                    let lanes = group.lanes(Kind::Plain);
                    lanes.for_each(|lane| compare(less, &tables, split, lane));
                });
            }
            if group.fill(&mut tables, splits, Kind::Still) {
                tables.below::<true>(splits, bands, less, |less, split| {
                    let lanes = group.lanes(Kind::Still);
                    lanes.for_each(|lane| compare(less, &tables, split, lane));
                });
            }
            if group.fill(&mut tables, splits, Kind::Odd) {
                for lane in group.lanes(Kind::Odd) {
                    (0..splits.len()).for_each(|split| compare(less, &tables, split, lane));
                }
            }
            self.flat += group.lanes(Kind::Flat).count() as u64;
        }
    }

    /// Adds the counts of another part of the trials.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.trials += other.trials;
        self.flat += other.flat;
        self.less.iter_mut().zip(other.less).for_each(|(a, b)| *a += b);
        self.equal.iter_mut().zip(other.equal).for_each(|(a, b)| *a += b);
        self
    }

    /// The result; `None` for fewer than two trials.
    pub fn finish(self) -> Option<Overfitting> {
        if self.trials < 2 {
            return None;
        }
        let splits = self.splits.len() as f64;
        let mut logits = Vec::with_capacity(self.splits.len());
        let mut pairs = Vec::with_capacity(self.splits.len());
        let (mut overfit, mut losses) = (0u64, 0u64);
        for (split, winner) in self.winners.iter().enumerate() {
            let other = self.splits.others[split];
            let flat_below = if self.thresholds[other] > 0.0 { self.flat } else { 0 };
            let flat_equal = if self.thresholds[other] == 0.0 { self.flat } else { 0 };
            // Twice the average rank: the winner is among its equals.
            let rank = 2 * (self.less[other] + flat_below) + self.equal[other] + flat_equal + 1;
            overfit += u64::from(rank <= self.trials + 1);
            logits.push(libm::log(rank as f64 / (2 * (self.trials + 1) - rank) as f64));
            let of = |(s, q): (f64, f64), split: usize| sharpe(s, q, self.splits.observations[split]);
            let pair = [of(winner.in_sample, split), of(winner.out_of_sample, other)];
            losses += u64::from(pair[1] < 0.0);
            pairs.push(pair);
        }
        let mean_logit = logits.iter().sum::<f64>() / splits;
        logits.sort_by(f64::total_cmp);
        Some(Overfitting {
            trials: self.trials,
            splits: self.splits.len(),
            probability: overfit as f64 / splits,
            mean_logit,
            median_logit: f64::midpoint(logits[(logits.len() - 1) / 2], logits[logits.len() / 2]),
            loss: losses as f64 / splits,
            degradation: least_squares(&pairs),
        })
    }
}

/// Up to [`LANES`] trials from `start`.
struct Group<'s> {
    sketches: &'s Sketches,
    start: usize,
    kinds: [Option<Kind>; LANES],
}

fn groups(sketches: &Sketches, trials: std::ops::Range<usize>) -> impl Iterator<Item = Group<'_>> {
    let end = trials.end;
    let kind = |trial| {
        let (sums, squares) = sketches.trial(trial);
        Kind::of(sums, squares, &sketches.counts)
    };
    trials.step_by(LANES).map(move |start| Group {
        sketches,
        start,
        kinds: std::array::from_fn(|lane| (start + lane < end).then(|| kind(start + lane))),
    })
}

impl Group<'_> {
    /// Fills the tables with the trials of a kind; says whether there are any.
    fn fill(&self, tables: &mut Tables, splits: &Splits, kind: Kind) -> bool {
        let which = self.kinds.map(|of| of == Some(kind));
        let any = which.contains(&true);
        if any {
            let from = self.start * self.sketches.counts.len();
            tables.fill(splits, &self.sketches.sums[from..], &self.sketches.squares[from..], which);
        }
        any
    }

    fn lanes(&self, kind: Kind) -> impl Iterator<Item = usize> {
        (0..LANES).filter(move |lane| self.kinds[*lane] == Some(kind))
    }
}

/// Slope and intercept.
fn least_squares(pairs: &[[f64; 2]]) -> Option<[f64; 2]> {
    let n = pairs.len() as f64;
    let mean = |i: usize| pairs.iter().map(|pair| pair[i]).sum::<f64>() / n;
    let (x, y) = (mean(0), mean(1));
    let (mut squares, mut products) = (0.0, 0.0);
    for pair in pairs {
        squares += (pair[0] - x) * (pair[0] - x);
        products += (pair[0] - x) * (pair[1] - y);
    }
    let slope = products / squares;
    slope.is_finite().then_some([slope, y - slope * x])
}

#[cfg(test)]
mod tests;
