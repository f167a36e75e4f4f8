//! Which of several outcomes are better when there is more than one objective.

use std::cmp::Ordering;

use crate::search::Outcome;

/// How two outcomes compare where neither objectives nor constraints are weighed against each other: `Less` if `a` is better, `None`
/// if neither is.
///
/// A feasible one is better than one that violates constraints, of which the one with the smaller violation is better; one whose
/// objectives are undefined is worse than all others. Feasible ones compare by dominance: better in one objective and worse in none.
///
/// Source: K. Deb, "An efficient constraint handling method for genetic algorithms", 2000, and Deb et al. 2002 (NSGA-II), 6.
pub fn compare(a: &Outcome, b: &Outcome) -> Option<Ordering> {
    match (&a.losses, &b.losses) {
        (Some(left), Some(right)) if a.violation == b.violation => dominance(left, right),
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(_), Some(_)) | (None, None) => Some(a.violation.total_cmp(&b.violation)),
    }
}

/// Whether `a` is better than `b`.
pub fn dominates(a: &Outcome, b: &Outcome) -> bool {
    compare(a, b) == Some(Ordering::Less)
}

/// How two vectors of losses compare: `Less` if `a` is smaller in one and larger in none, `None` if each is smaller in some.
pub fn dominance(a: &[f64], b: &[f64]) -> Option<Ordering> {
    let (mut less, mut greater) = (false, false);
    for (left, right) in a.iter().zip(b) {
        less |= left < right;
        greater |= left > right;
    }
    match (less, greater) {
        (true, true) => None,
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => Some(Ordering::Equal),
    }
}

/// Sorts outcomes into fronts: those that no other is better than, those that only these are better than, and so on. Indices are
/// ascending inside a front.
///
/// Source: X. Zhang, Y. Tian, R. Cheng, Y. Jin, "An efficient approach to nondominated sorting for evolutionary multiobjective
/// optimization" (ENS-SS), 2015.
pub fn fronts(outcomes: &[&Outcome]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by(|a, b| before(outcomes[*a], outcomes[*b]));
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    for index in order {
        // What comes later in this order is never better.
        let fits = |front: &&mut Vec<usize>| !front.iter().rev().any(|other| dominates(outcomes[*other], outcomes[index]));
        match fronts.iter_mut().find(fits) {
            Some(front) => front.push(index),
            None => fronts.push(vec![index]),
        }
    }
    for front in &mut fronts {
        front.sort_unstable();
    }
    fronts
}

/// The first of these fronts, as many as hold `wanted` outcomes or all: of a million outcomes nobody looks at the thousandth front.
pub fn first_fronts(outcomes: &[&Outcome], wanted: usize) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> = (0..outcomes.len()).collect();
    left.sort_by(|a, b| before(outcomes[*a], outcomes[*b]));
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    let mut taken = 0;
    while !left.is_empty() && taken < wanted {
        let (mut front, mut rest) = (Vec::new(), Vec::new());
        for index in left {
            // What comes later in this order is never better.
            let beaten = front
                .iter()
                .rev()
                .any(|other: &usize| dominates(outcomes[*other], outcomes[index]));
            if beaten { rest.push(index) } else { front.push(index) }
        }
        taken += front.len();
        front.sort_unstable();
        fronts.push(front);
        left = rest;
    }
    fronts
}

/// An order in which nothing comes before what is better.
fn before(a: &Outcome, b: &Outcome) -> Ordering {
    let by_losses = || {
        let pairs = a.losses.iter().flatten().zip(b.losses.iter().flatten());
        pairs
            .map(|(left, right)| left.partial_cmp(right).unwrap_or(Ordering::Equal))
            .find(|order| order.is_ne())
    };
    a.losses
        .is_none()
        .cmp(&b.losses.is_none())
        .then(a.violation.total_cmp(&b.violation))
        .then_with(|| by_losses().unwrap_or(Ordering::Equal))
}

/// The outcomes seen so far that none seen so far is better than, kept up to date one by one.
#[derive(Debug, Clone, Default)]
pub struct Front {
    members: Vec<(u64, Outcome)>,
}

impl Front {
    /// Takes note of an outcome and of the number it goes by. Says whether it is a new member: whether it is better than some member
    /// or as good as all of them, and not equal to one. Outcomes without objectives never are.
    pub fn push(&mut self, number: u64, outcome: &Outcome) -> bool {
        if outcome.losses.is_none() {
            return false;
        }
        let beaten = |member: &(u64, Outcome)| matches!(compare(&member.1, outcome), Some(Ordering::Less | Ordering::Equal));
        if self.members.iter().any(beaten) {
            return false;
        }
        self.members.retain(|member| !dominates(outcome, &member.1));
        self.members.push((number, outcome.clone()));
        true
    }

    /// Its members with their numbers, in the order in which they came. All of them are feasible, or all violate the constraints by
    /// the same amount.
    pub fn members(&self) -> &[(u64, Outcome)] {
        &self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(losses: &[f64], violation: f64) -> Outcome {
        Outcome {
            losses: Some(losses.into()),
            violation,
        }
    }

    #[test]
    fn feasible_comes_before_infeasible_before_failed() {
        let failed = Outcome {
            losses: None,
            violation: 0.0,
        };
        let all = [
            outcome(&[1.0, 2.0], 0.0),
            outcome(&[2.0, 1.0], 0.0),
            outcome(&[2.0, 2.0], 0.0),
            outcome(&[0.0, 0.0], 0.1),
            outcome(&[0.0, 0.0], 0.2),
            failed,
        ];
        let found = fronts(&all.iter().collect::<Vec<_>>());
        assert_eq!(found, [vec![0, 1], vec![2], vec![3], vec![4], vec![5]]);
    }

    #[test]
    fn the_first_fronts_are_the_first_of_all() {
        let drawn = |i: u64| {
            let digit = |k: u64| (assay_core::distinct::scatter(i * 7 + k) % 9) as f64;
            match i % 10 {
                0 => Outcome {
                    losses: None,
                    violation: 0.0,
                },
                1 => outcome(&[digit(1), digit(2)], digit(3)),
                _ => outcome(&[digit(1), digit(2)], 0.0),
            }
        };
        let all: Vec<Outcome> = (0..300).map(drawn).collect();
        let all: Vec<&Outcome> = all.iter().collect();
        let every = fronts(&all);
        for wanted in [1, 20, 100, 300, 1_000] {
            let first = first_fronts(&all, wanted);
            assert_eq!(first, every[..first.len()]);
            let without_last = first.iter().rev().skip(1).map(Vec::len).sum::<usize>();
            assert!(
                without_last < wanted && (first.len() == every.len() || without_last + first[first.len() - 1].len() >= wanted)
            );
        }
        assert!(first_fronts(&all, 0).is_empty());
    }

    #[test]
    fn the_front_holds_what_nothing_beats() {
        let mut front = Front::default();
        assert!(front.push(0, &outcome(&[0.0, 0.0], 1.0)));
        assert!(front.push(1, &outcome(&[3.0, 3.0], 0.0)));
        assert!(front.push(2, &outcome(&[1.0, 4.0], 0.0)));
        assert!(!front.push(3, &outcome(&[1.0, 4.0], 0.0)));
        assert!(front.push(4, &outcome(&[2.0, 3.0], 0.0)));
        assert!(!front.push(5, &outcome(&[0.0, 0.0], 0.5)));
        let numbers: Vec<u64> = front.members().iter().map(|member| member.0).collect();
        assert_eq!(numbers, [2, 4]);
    }
}
