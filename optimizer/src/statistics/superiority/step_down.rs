//! Which of the trials beat zero.

use super::lanes::{Lanes, raise};
use crate::error::OptimizerError;
use crate::statistics::bootstrap::monte_carlo_p;

/// A trial that beats zero by more than the search explains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Superior {
    /// Its number.
    pub trial: u64,
    /// Its mean return in units of its error.
    pub statistic: f64,
    /// Its p-value, adjusted for all trials.
    pub p_value: f64,
}

/// Romano and Wolf's stepwise test: which trials beat zero, with the chance of any false one held at the level.
///
/// The first step compares each trial's `sqrt(T) m / w` with the largest `sqrt(T) (m* - m) / w` over all trials. What stands out is set
/// aside, and the largest of the others is taken again, in a pass over their returns for each further step:
///
/// ```
/// # use assay_optimizer::statistics::{Resamples, SuperiorityTest};
/// # let trials = vec![vec![0.1, -0.1, 0.2, 0.05], vec![-0.1, 0.1, 0.0, 0.1]];
/// let resamples = Resamples::stationary(4, 2.0, 1000, 1);
/// let mut test = SuperiorityTest::new(&resamples);
/// for (number, returns) in (0..).zip(&trials) {
///     test.push(number, returns)?;
/// }
/// let (_superiority, mut steps) = test.finish(0.05).expect("there are trials");
/// while !steps.is_finished() {
///     for (number, returns) in (0..).zip(&trials) {
///         steps.push(number, returns)?;
///     }
///     steps.close();
/// }
/// assert!(steps.superior().is_empty());
/// # Ok::<(), assay_optimizer::OptimizerError>(())
/// ```
///
/// Source: J. P. Romano, M. Wolf, "Stepwise multiple testing as formalized data snooping", Econometrica 73(4), 2005, and "Efficient
/// computation of adjusted p-values for resampling-based stepdown multiple testing", Statistics & Probability Letters 113, 2016.
#[derive(Debug, Clone)]
pub struct StepDown<'r> {
    lanes: Lanes<'r>,
    level: f64,
    /// Largest of the remaining trials in each resample.
    maxima: Vec<f64>,
    /// Trials not set aside, ascending, and their statistics.
    remaining: Vec<(u64, f64)>,
    superior: Vec<Superior>,
    finished: bool,
}

impl<'r> StepDown<'r> {
    /// After the first pass, with the largest `sqrt(T) (m* - m) / w` in each resample and the trials' statistics.
    pub(super) fn new(lanes: Lanes<'r>, level: f64, maxima: Vec<f64>, statistics: Vec<(u64, f64)>) -> Self {
        let mut steps = Self {
            lanes,
            level,
            maxima,
            remaining: statistics,
            superior: Vec::new(),
            finished: false,
        };
        steps.remaining.sort_by_key(|(trial, _)| *trial);
        steps.reject();
        steps
    }

    /// Whether no further pass can change anything.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Adds a trial's returns in a further pass; those already set aside are passed over.
    pub fn push(&mut self, trial: u64, returns: &[f64]) -> Result<(), OptimizerError> {
        if self.remaining.binary_search_by_key(&trial, |(trial, _)| *trial).is_ok() {
            self.lanes.push(returns)?;
            if self.lanes.is_full() {
                self.flush();
            }
        }
        Ok(())
    }

    /// Adds what another has of this pass.
    #[must_use]
    pub fn merge(mut self, mut other: Self) -> Self {
        other.flush();
        self.maxima.iter_mut().zip(&other.maxima).for_each(|(a, b)| *a = a.max(*b));
        self
    }

    /// Ends a pass in which all remaining trials were pushed.
    pub fn close(&mut self) {
        self.flush();
        self.reject();
    }

    /// The trials that beat zero, in the order of their p-values.
    pub fn superior(&self) -> &[Superior] {
        &self.superior
    }

    fn flush(&mut self) {
        let maxima = &mut self.maxima;
        self.lanes
            .flush(|draw, series, mean| raise(&mut maxima[draw], series.scale * (mean - series.mean)));
    }

    fn reject(&mut self) {
        self.maxima.sort_by(f64::total_cmp);
        let so_far = self.superior.last().map_or(0.0, |last| last.p_value);
        let mut rejected = Vec::new();
        self.remaining.retain(|(trial, statistic)| {
            let below = self.maxima.partition_point(|largest| largest < statistic);
            let p_value = monte_carlo_p(self.maxima.len() - below, self.maxima.len()).max(so_far);
            if p_value <= self.level {
                rejected.push(Superior {
                    trial: *trial,
                    statistic: *statistic,
                    p_value,
                });
            }
            p_value > self.level
        });
        rejected.sort_by(|a, b| b.statistic.total_cmp(&a.statistic).then(a.trial.cmp(&b.trial)));
        self.finished = rejected.is_empty() || self.remaining.is_empty();
        self.superior.append(&mut rejected);
        self.maxima.fill(f64::NEG_INFINITY);
    }
}
