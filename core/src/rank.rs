//! Which of two points is better: one rule for everything that ranks.

use std::cmp::Ordering;

use crate::ids::Ordinal;
use crate::job::{Aggregate, Objective};
use crate::metrics::Metrics;
use crate::space::Point;

/// A point and what became of it, as leaderboards show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Its position in the job.
    pub ordinal: Ordinal,
    /// Its coordinates.
    pub point: Point,
    /// The aggregated metric of the objective, in that metric's unit; `None` if it is undefined on any instrument.
    pub objective: Option<f64>,
    /// By how much it violates what the job requires; 0 if it satisfies all.
    pub violation: f64,
    /// Per instrument, in the job's order; `None` where the trial failed.
    pub metrics: Vec<Option<Metrics>>,
}

impl Aggregate {
    /// The aggregate of the values of a point's trials; `None` without values, or if any of them is undefined.
    pub fn over(self, values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
        let mut values = values.into_iter().collect::<Option<Vec<f64>>>()?;
        let count = values.len();
        if count == 0 {
            return None;
        }
        Some(match self {
            Self::Mean => values.iter().sum::<f64>() / count as f64,
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Median => {
                values.sort_by(f64::total_cmp);
                f64::midpoint(values[(count - 1) / 2], values[count / 2])
            }
        })
    }
}

impl Objective {
    /// What is maximized, from the values of the goal's metric on each instrument. `min` takes the worst instrument, which for
    /// a minimized metric is the one with the largest value.
    pub fn score(&self, values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
        let scores = values.into_iter().map(|value| value.map(|x| self.maximize.score(x)));
        // A score of -0 ranks like 0.
        self.aggregate.over(scores).map(|score| score + 0.0)
    }

    /// The score of an aggregated metric.
    pub fn score_of(&self, value: f64) -> f64 {
        self.maximize.score(value) + 0.0
    }

    /// The aggregated metric behind a score.
    pub fn value(&self, score: f64) -> f64 {
        self.maximize.score(score) + 0.0
    }
}

/// What a point is ranked by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// By how much it violates what the job requires.
    pub violation: f64,
    /// What is maximized.
    pub score: Option<f64>,
    /// Its position in the job.
    pub ordinal: Ordinal,
}

impl Standing {
    /// Order of two points: `Less` is the better one. An undefined score comes last, and before it what violates the job's
    /// requirements, by how much it does; ties go to the smaller ordinal.
    pub fn compare(&self, other: &Self) -> Ordering {
        let scores = match (self.score, other.score) {
            (Some(a), Some(b)) => self.violation.total_cmp(&other.violation).then(b.total_cmp(&a)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        scores.then(self.ordinal.cmp(&other.ordinal))
    }
}

impl Ranked {
    /// What it is ranked by.
    pub fn standing(&self, objective: &Objective) -> Standing {
        Standing {
            violation: self.violation,
            score: self.objective.map(|value| objective.score_of(value)),
            ordinal: self.ordinal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Goal;
    use crate::metrics::Metric;

    #[test]
    fn aggregates_refuse_undefined_values() {
        let values = [Some(3.0), Some(1.0), Some(2.0), Some(6.0)];
        assert_eq!(Aggregate::Mean.over(values), Some(3.0));
        assert_eq!(Aggregate::Median.over(values), Some(2.5));
        assert_eq!(Aggregate::Min.over(values), Some(1.0));
        assert_eq!(Aggregate::Mean.over([Some(1.0), None]), None);
        assert_eq!(Aggregate::Min.over([]), None);
    }

    #[test]
    fn the_worst_instrument_of_a_minimized_metric_has_the_largest_value() {
        let maximize = Goal {
            metric: Metric::Volatility,
            negated: true,
        };
        let objective = Objective {
            maximize,
            aggregate: Aggregate::Min,
            ..Objective::default()
        };
        let score = objective.score([Some(0.1), Some(0.3)]).unwrap();
        assert_eq!(objective.value(score), 0.3);
        assert_eq!(objective.score([Some(0.0)]).unwrap().to_bits(), 0);
    }

    #[test]
    fn undefined_comes_last_after_what_is_not_allowed_and_ties_go_to_the_smaller_ordinal() {
        let standing = |violation, score, ordinal| Standing {
            violation,
            score,
            ordinal: Ordinal(ordinal),
        };
        let mut points = [
            standing(0.0, None, 0),
            standing(0.5, Some(9.0), 1),
            standing(0.0, Some(1.0), 3),
            standing(0.0, Some(2.0), 4),
            standing(0.0, Some(1.0), 2),
        ];
        points.sort_by(Standing::compare);
        assert_eq!(points.iter().map(|p| p.ordinal.0).collect::<Vec<_>>(), [4, 2, 3, 1, 0]);
    }
}
