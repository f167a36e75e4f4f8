//! What a point promises.

use super::process::{Belief, Process};
use crate::search::normal;

/// What is maximized to find the next point.
#[derive(Debug)]
pub(super) struct Acquisition<'a> {
    pub(super) objectives: &'a [Process],
    pub(super) goal: &'a Goal,
    /// How far constraints are violated, feasible below 0; nothing if none has been.
    pub(super) violation: Option<&'a Process>,
}

/// What counts as better.
#[derive(Debug)]
pub(super) enum Goal {
    /// Any feasible point: none is known.
    Feasible,
    /// Less than this.
    Improvement(f64),
    /// Points that no point of this front dominates.
    Hypervolume(Steps),
}

/// A front of two objectives as steps: from each `from` on, what exceeds `height` is dominated. Ascending and descending.
#[derive(Debug, PartialEq)]
pub(super) struct Steps {
    /// Ends of the steps along the first objective; the last one is the reference.
    ends: Vec<f64>,
    /// Their heights along the second objective; the first one is the reference.
    heights: Vec<f64>,
}

impl Steps {
    /// The steps of points, dominated ones among them, below a reference a tenth beyond the worst values: ends of the front are worth
    /// finding while it is short.
    pub(super) fn below_worst(points: &[[f64; 2]]) -> Self {
        let beyond = |objective: usize| {
            let values = points.iter().map(|point| point[objective]);
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            high + 0.1 * if high > low { high - low } else { 1.0 }
        };
        Self::new(points, [beyond(0), beyond(1)])
    }

    /// The steps of points, dominated ones among them, that are better than the reference.
    pub(super) fn new(points: &[[f64; 2]], reference: [f64; 2]) -> Self {
        let mut points: Vec<[f64; 2]> = points.to_vec();
        points.retain(|point| point[0] < reference[0] && point[1] < reference[1]);
        points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        let mut steps = Self {
            ends: Vec::new(),
            heights: vec![reference[1]],
        };
        for [first, second] in points {
            if second < *steps.heights.last().expect("the reference") {
                steps.ends.push(first);
                steps.heights.push(second);
            }
        }
        steps.ends.push(reference[0]);
        steps
    }
}

impl Acquisition<'_> {
    /// The logarithm of what a point promises.
    pub(super) fn at(&self, point: &[f64]) -> f64 {
        let beliefs: Vec<Belief> = match self.goal {
            Goal::Feasible => Vec::new(),
            _ => self.objectives.iter().map(|process| process.at(point)).collect(),
        };
        let violation = self.violation.map(|process| process.at(point));
        self.promise(&beliefs, violation.as_ref(), &mut [])
    }

    /// The same, with its derivatives by the coordinates.
    pub(super) fn with_slope(&self, point: &[f64], slope: &mut [f64]) -> f64 {
        let beliefs: Vec<Belief> = match self.goal {
            Goal::Feasible => Vec::new(),
            _ => self.objectives.iter().map(|process| process.with_slopes(point)).collect(),
        };
        let violation = self.violation.map(|process| process.with_slopes(point));
        slope.fill(0.0);
        self.promise(&beliefs, violation.as_ref(), slope)
    }

    fn promise(&self, beliefs: &[Belief], violation: Option<&Belief>, slope: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        match (self.goal, beliefs) {
            (Goal::Improvement(best), [belief]) => {
                let z = (best - belief.mean) / belief.deviation;
                let log = normal::log_improvement(z);
                sum += libm::log(belief.deviation) + log;
                let by_z = libm::exp(normal::log_cumulative(z) - log);
                let (by_mean, by_deviation) = (-by_z / belief.deviation, (1.0 - by_z * z) / belief.deviation);
                add(slope, belief, by_mean, by_deviation);
            }
            (Goal::Hypervolume(steps), [first, second]) => {
                let (value, by_first, by_second) = hypervolume_improvement(steps, first, second);
                // Where nothing is promised as far as numbers reach, no direction is better than another.
                let value = value.max(f64::MIN_POSITIVE);
                sum += libm::log(value);
                add(slope, first, by_first[0] / value, by_first[1] / value);
                add(slope, second, by_second[0] / value, by_second[1] / value);
            }
            _ => {}
        }
        if let Some(violation) = violation {
            let z = -violation.mean / violation.deviation;
            sum += normal::log_cumulative(z);
            let by_z = normal::log_cumulative_slope(z);
            add(slope, violation, -by_z / violation.deviation, -by_z * z / violation.deviation);
        }
        sum
    }
}

fn add(slope: &mut [f64], belief: &Belief, by_mean: f64, by_deviation: f64) {
    let slopes = belief.mean_slope.iter().zip(&belief.deviation_slope);
    for (slope, (mean, deviation)) in slope.iter_mut().zip(slopes) {
        *slope += by_mean * mean + by_deviation * deviation;
    }
}

/// The expected growth of the hypervolume, and its derivatives by mean and deviation of both objectives.
///
/// What a point adds is, over each step, the part of the step's length that lies right of it times how far it lies below the step;
/// both are differences of expected improvements, because the two objectives are independent. Exact, in time linear in the steps.
/// Source: M. Emmerich, K. Yang et al., "Multi-objective Bayesian global optimization using expected hypervolume improvement
/// gradient", Swarm and Evolutionary Computation 44, 2019.
fn hypervolume_improvement(steps: &Steps, first: &Belief, second: &Belief) -> (f64, [f64; 2], [f64; 2]) {
    let (mut sum, mut by_first, mut by_second) = (0.0, [0.0; 2], [0.0; 2]);
    let mut before = [0.0; 3];
    for (end, height) in steps.ends.iter().zip(&steps.heights) {
        let until = improvement(*end, first);
        let length = [until[0] - before[0], until[1] - before[1], until[2] - before[2]];
        let depth = improvement(*height, second);
        sum += length[0] * depth[0];
        by_first[0] += length[1] * depth[0];
        by_first[1] += length[2] * depth[0];
        by_second[0] += length[0] * depth[1];
        by_second[1] += length[0] * depth[2];
        before = until;
    }
    (sum, by_first, by_second)
}

/// E max(bound - Y, 0), and its derivatives by mean and deviation of Y.
fn improvement(bound: f64, belief: &Belief) -> [f64; 3] {
    let z = (bound - belief.mean) / belief.deviation;
    [
        belief.deviation * normal::improvement(z),
        -normal::cumulative(z),
        normal::density(z),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Dimension;
    use crate::search::bayes::kernel::Kernel;
    use crate::search::stream::Stream;

    fn belief(mean: f64, deviation: f64) -> Belief {
        Belief {
            mean,
            deviation,
            ..Belief::default()
        }
    }

    #[test]
    fn the_growth_of_the_hypervolume_is_that_of_many_draws() {
        let steps = Steps::new(&[[1.0, 3.0], [2.0, 2.0], [3.0, 0.5], [3.0, 2.5], [9.0, 0.0]], [4.0, 4.0]);
        let (first, second) = (belief(2.1, 0.9), belief(1.8, 0.7));
        let grows = |a: f64, b: f64| {
            let corners = [
                (f64::NEG_INFINITY, 1.0, 4.0),
                (1.0, 2.0, 3.0),
                (2.0, 3.0, 2.0),
                (3.0, 4.0, 0.5),
            ];
            let part = |(from, to, height): (f64, f64, f64)| (to - a.max(from)).max(0.0) * (height - b).max(0.0);
            corners.into_iter().map(part).sum::<f64>()
        };
        let mut stream = Stream::new(5, 0);
        let draws = 200_000;
        let sum: f64 = (0..draws)
            .map(|_| grows(2.1 + 0.9 * stream.normal(), 1.8 + 0.7 * stream.normal()))
            .sum();
        let (found, ..) = hypervolume_improvement(&steps, &first, &second);
        assert!((found - sum / f64::from(draws)).abs() < 0.01, "{found}");
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let kinds = [Dimension::Real; 2];
        let points: Vec<Vec<f64>> = (0..9u8)
            .map(|i| vec![f64::from(i % 3) / 2.0, f64::from(i / 3) / 2.0])
            .collect();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let kernel = Kernel {
            weights: vec![4.0, 9.0],
            amplitude: 1.5,
            noise: 1e-4,
        };
        let process = |by: f64| {
            let values: Vec<f64> = points.iter().map(|p| libm::sin(by * p[0]) + by * p[1]).collect();
            Process::new(&kinds, kernel.clone(), &points, &values)
        };
        let (objectives, violation) = ([process(3.0), process(-2.0)], process(1.0));
        let front = Goal::Hypervolume(Steps::new(&[[0.2, -1.0], [0.9, -1.5]], [3.0, 0.5]));
        for (count, goal) in [
            (1, Goal::Improvement(-0.2)),
            (1, Goal::Improvement(-30.0)),
            (2, front),
            (2, Goal::Feasible),
        ] {
            let acquisition = Acquisition {
                objectives: &objectives[..count],
                goal: &goal,
                violation: Some(&violation),
            };
            let at = [0.31, 0.62];
            let mut slope = [0.0; 2];
            let value = acquisition.with_slope(&at, &mut slope);
            assert!((value - acquisition.at(&at)).abs() < 1e-9 * value.abs(), "{goal:?}");
            for i in 0..2 {
                let moved = |by: f64| {
                    let mut moved = at;
                    moved[i] += by;
                    acquisition.at(&moved)
                };
                let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!(
                    (slope[i] - difference).abs() < 1e-5 * difference.abs().max(1.0),
                    "{goal:?}: {slope:?} {difference}"
                );
            }
        }
    }
}
