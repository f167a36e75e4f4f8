//! How a search came to what it found.

use crate::search::Outcome;
use crate::search::hypervolume::hypervolume;
use crate::search::pareto::Front;

/// The best score so far, point by point: each new best with how many points were tried before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BestSoFar {
    tried: u64,
    steps: Vec<(u64, f64)>,
}

impl BestSoFar {
    /// Takes note of the next point's score; `None` is never better.
    pub fn push(&mut self, score: Option<f64>) {
        if let Some(score) = score.filter(|score| score.is_finite())
            && self.steps.last().is_none_or(|best| score > best.1)
        {
            self.steps.push((self.tried, score));
        }
        self.tried += 1;
    }

    /// Points tried.
    pub fn tried(&self) -> u64 {
        self.tried
    }

    /// Positions and scores of each new best, ascending in both.
    pub fn steps(&self) -> &[(u64, f64)] {
        &self.steps
    }
}

/// The hypervolume of the Pareto front so far, outcome by outcome. Infeasible outcomes have none.
#[derive(Debug, Clone)]
pub struct HypervolumeCourse {
    reference: Box<[f64]>,
    front: Front,
    tried: u64,
    steps: Vec<(u64, f64)>,
}

impl HypervolumeCourse {
    /// Against a reference point of losses: what is worse in one of them adds nothing.
    pub fn new(reference: &[f64]) -> Self {
        Self {
            reference: reference.into(),
            front: Front::default(),
            tried: 0,
            steps: Vec::new(),
        }
    }

    /// A reference point that is worse than all outcomes in every objective, by a tenth of their range: it depends on the set alone.
    pub fn reference<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Option<Box<[f64]>> {
        let mut ends: Option<Vec<(f64, f64)>> = None;
        for losses in outcomes.into_iter().filter_map(|outcome| outcome.losses.as_ref()) {
            let ends = ends.get_or_insert_with(|| vec![(f64::INFINITY, f64::NEG_INFINITY); losses.len()]);
            for ((low, high), loss) in ends.iter_mut().zip(losses) {
                (*low, *high) = (low.min(*loss), high.max(*loss));
            }
        }
        let beyond = |(low, high): (f64, f64)| high + ((high - low) * 0.1).max(high.abs() * 1e-6).max(1e-12);
        Some(ends?.into_iter().map(beyond).collect())
    }

    /// Takes note of the next outcome.
    pub fn push(&mut self, outcome: &Outcome) {
        if outcome.violation == 0.0 && self.front.push(self.tried, outcome) {
            let losses = self.front.members().iter().filter_map(|(_, member)| member.losses.as_deref());
            let volume = hypervolume(&losses.collect::<Vec<_>>(), &self.reference);
            if self.steps.last().is_none_or(|last| volume > last.1) {
                self.steps.push((self.tried, volume));
            }
        }
        self.tried += 1;
    }

    /// The front.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// Positions at which the hypervolume grew, and what it was then, ascending in both.
    pub fn steps(&self) -> &[(u64, f64)] {
        &self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_better_is_a_step() {
        let mut best = BestSoFar::default();
        for score in [None, Some(1.0), Some(1.0), Some(f64::NAN), Some(0.5), Some(3.0)] {
            best.push(score);
        }
        assert_eq!((best.steps(), best.tried()), ([(1, 1.0), (5, 3.0)].as_slice(), 6));
    }

    #[test]
    fn the_hypervolume_never_falls_and_ends_where_that_of_the_front_is() {
        let outcome = |a: f64, b: f64| Outcome {
            losses: Some([a, b].into()),
            violation: 0.0,
        };
        let mut outcomes: Vec<Outcome> = (0..40u32)
            .map(|i| outcome(f64::from(i * 7 % 40), f64::from(i * 11 % 40)))
            .collect();
        outcomes.push(Outcome {
            losses: Some([-9.0, -9.0].into()),
            violation: 1.0,
        });
        let reference = HypervolumeCourse::reference(&outcomes).unwrap();
        assert_eq!(reference.len(), 2);
        let mut course = HypervolumeCourse::new(&reference);
        for outcome in &outcomes {
            course.push(outcome);
        }
        assert!(course.steps().is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1));
        let feasible: Vec<&[f64]> = outcomes[..40].iter().map(|o| o.losses.as_deref().unwrap()).collect();
        assert_eq!(course.steps().last().unwrap().1, hypervolume(&feasible, &reference));
        assert!(HypervolumeCourse::reference([]).is_none());
    }
}
