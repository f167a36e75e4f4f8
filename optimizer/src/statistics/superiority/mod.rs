//! Whether the best of all trials beats zero by more than the search for it explains.

mod lanes;
mod step_down;

use self::lanes::{Lanes, raise};
pub use self::step_down::{StepDown, Superior};
use crate::error::OptimizerError;
use crate::statistics::bootstrap::{Resamples, monte_carlo_p};

/// What the best of all trials proves. Each p-value is the probability that the best of as many trials without merit, as dependent on
/// each other and over time as these, would look as good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Superiority {
    /// Trials tested.
    pub trials: u64,
    /// White's Reality Check: of the largest mean return.
    pub reality_check: f64,
    /// Hansen's statistic: the largest mean return in units of its error, at least 0.
    pub statistic: f64,
    /// Hansen's lower p-value: trials worse than zero are taken as they are.
    pub lower: f64,
    /// Hansen's consistent p-value, the one to use: trials clearly worse than zero do not count.
    pub consistent: f64,
    /// Hansen's upper p-value: all trials are taken to be as good as zero.
    pub upper: f64,
}

/// White's Reality Check, Hansen's test of superior predictive ability and the first step of Romano and Wolf's, over all trials of a
/// job in one pass: each trial's resampled means are taken while its returns live, and only their maxima are kept per resample.
///
/// With T returns of mean m, resampled means m*, and w^2 the variance of sqrt(T) m* under the stationary bootstrap:
/// - Reality Check: largest sqrt(T) m against the largest sqrt(T) (m* - m);
/// - SPA: largest sqrt(T) m / w, at least 0, against the largest sqrt(T) (m* - g) / w with g = max(m, 0) (lower), m where
///   sqrt(T) m / w >= -sqrt(2 ln ln T) and else 0 (consistent), or m (upper).
///
/// For a test against a benchmark push differences of returns. A trial whose returns do not vary has no w and counts in the Reality
/// Check only. Order and grouping of the trials do not matter.
///
/// Sources: H. White, "A reality check for data snooping", Econometrica 68(5), 2000; P. R. Hansen, "A test for superior predictive
/// ability", Journal of Business & Economic Statistics 23(4), 2005.
#[derive(Debug, Clone)]
pub struct SuperiorityTest<'r> {
    lanes: Lanes<'r>,
    draws: Vec<Maxima>,
    largest_mean: f64,
    statistics: Vec<(u64, Option<f64>)>,
}

/// Largest over the trials in one resample.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Maxima {
    reality_check: f64,
    lower: f64,
    consistent: f64,
    upper: f64,
}

impl<'r> SuperiorityTest<'r> {
    /// Of no trial yet.
    pub fn new(resamples: &'r Resamples) -> Self {
        let none = Maxima {
            reality_check: f64::NEG_INFINITY,
            lower: f64::NEG_INFINITY,
            consistent: f64::NEG_INFINITY,
            upper: f64::NEG_INFINITY,
        };
        Self {
            lanes: Lanes::new(resamples),
            draws: vec![none; resamples.draws()],
            largest_mean: f64::NEG_INFINITY,
            statistics: Vec::new(),
        }
    }

    /// Adds a trial's returns, or their differences to a benchmark's.
    pub fn push(&mut self, trial: u64, returns: &[f64]) -> Result<(), OptimizerError> {
        let series = self.lanes.push(returns)?;
        self.largest_mean = self.largest_mean.max(series.mean);
        self.statistics.push((trial, series.statistic()));
        if self.lanes.is_full() {
            self.flush();
        }
        Ok(())
    }

    /// Adds the trials of another part of the job.
    #[must_use]
    pub fn merge(mut self, mut other: Self) -> Self {
        other.flush();
        for (best, draw) in self.draws.iter_mut().zip(&other.draws) {
            best.reality_check = best.reality_check.max(draw.reality_check);
            best.lower = best.lower.max(draw.lower);
            best.consistent = best.consistent.max(draw.consistent);
            best.upper = best.upper.max(draw.upper);
        }
        self.largest_mean = self.largest_mean.max(other.largest_mean);
        self.statistics.append(&mut other.statistics);
        self
    }

    /// The result, and Romano and Wolf's test at `level` (0.05) after its first step; `None` without trials.
    pub fn finish(mut self, level: f64) -> Option<(Superiority, StepDown<'r>)> {
        self.flush();
        if self.statistics.is_empty() {
            return None;
        }
        let statistic = self.statistics.iter().filter_map(|(_, t)| *t).fold(0.0, f64::max);
        let p = |extreme: &dyn Fn(&Maxima) -> bool| {
            monte_carlo_p(self.draws.iter().filter(|draw| extreme(draw)).count(), self.draws.len())
        };
        let root = (self.lanes.resamples.observations() as f64).sqrt();
        let superiority = Superiority {
            trials: self.statistics.len() as u64,
            reality_check: p(&|draw| draw.reality_check >= root * self.largest_mean),
            statistic,
            lower: p(&|draw| draw.lower.max(0.0) >= statistic),
            consistent: p(&|draw| draw.consistent.max(0.0) >= statistic),
            upper: p(&|draw| draw.upper.max(0.0) >= statistic),
        };
        let maxima = self.draws.iter().map(|draw| draw.upper).collect();
        let statistics = self
            .statistics
            .into_iter()
            .filter_map(|(trial, t)| Some((trial, t?)))
            .collect();
        let steps = StepDown::new(self.lanes, level, maxima, statistics);
        Some((superiority, steps))
    }

    fn flush(&mut self) {
        let draws = &mut self.draws;
        self.lanes.flush(|draw, series, mean| {
            let best = &mut draws[draw];
            raise(&mut best.reality_check, series.root * (mean - series.mean));
            raise(&mut best.lower, series.scale * (mean - series.mean.max(0.0)));
            raise(&mut best.consistent, series.scale * (mean - series.centre));
            raise(&mut best.upper, series.scale * (mean - series.mean));
        });
    }
}

#[cfg(test)]
mod tests;
