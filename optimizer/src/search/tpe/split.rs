//! Which points are good.

use crate::search::hypervolume::hypervolume;
use crate::search::{Told, pareto};

/// Most good points.
const MOST: usize = 25;

/// Which points are good: a tenth of all, but at most 25. Feasible points come before infeasible ones, which are ordered by their
/// violation; failed ones are never good.
pub(super) fn good(told: &[Told]) -> Vec<bool> {
    let wanted = told.len().div_ceil(10).min(MOST);
    let mut candidates: Vec<usize> = (0..told.len())
        .filter(|index| told[*index].outcome.losses.is_some())
        .collect();
    let losses = |index: usize| told[index].outcome.losses.as_deref().unwrap_or_default();
    let mut is_good = vec![false; told.len()];
    if candidates.first().is_some_and(|index| losses(*index).len() > 1) {
        let outcomes: Vec<_> = candidates.iter().map(|index| &told[*index].outcome).collect();
        let mut missing = wanted;
        for front in pareto::fronts(&outcomes) {
            if missing == 0 {
                break;
            }
            let members: Vec<&[f64]> = front.iter().map(|i| losses(candidates[*i])).collect();
            let chosen = most_volume(&members, missing);
            missing -= chosen.len();
            for i in chosen {
                is_good[candidates[front[i]]] = true;
            }
        }
    } else {
        let rank = |index: usize| {
            (
                told[index].outcome.violation,
                losses(index).first().copied().unwrap_or_default(),
            )
        };
        // Of equal ones that which was told first.
        let before = |a: &usize, b: &usize| {
            let (x, y) = (rank(*a), rank(*b));
            x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)).then(a.cmp(b))
        };
        if wanted < candidates.len() {
            candidates.select_nth_unstable_by(wanted, before);
        }
        candidates.iter().take(wanted).for_each(|index| is_good[*index] = true);
    }
    is_good
}

/// At most `count` members of a front, chosen one after the other by how much hypervolume they add. What a member adds only shrinks,
/// so that it is computed anew only for those which were best before.
///
/// Source: J. Bader, E. Zitzler, "`HypE`", Evolutionary Computation 19(1), 2011 (greedy selection).
fn most_volume(front: &[&[f64]], count: usize) -> Vec<usize> {
    if front.len() <= count {
        return (0..front.len()).collect();
    }
    let reference: Vec<f64> = (0..front[0].len())
        .map(|objective| {
            let values = front.iter().map(|losses| losses[objective]);
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            high + 0.1 * if high > low { high - low } else { 1.0 }
        })
        .collect();
    let mut chosen: Vec<usize> = Vec::with_capacity(count);
    let mut volumes: Vec<&[f64]> = Vec::with_capacity(count);
    let mut total = 0.0;
    let mut bounds: Vec<f64> = vec![f64::INFINITY; front.len()];
    while chosen.len() < count {
        let mut fresh = vec![false; front.len()];
        let next = loop {
            let open = (0..front.len()).filter(|i| !chosen.contains(i));
            // The first one of equal members.
            let next = open
                .rev()
                .max_by(|a, b| bounds[*a].total_cmp(&bounds[*b]))
                .expect("fewer are chosen than there are");
            if fresh[next] {
                break next;
            }
            volumes.push(front[next]);
            bounds[next] = hypervolume(&volumes, &reference) - total;
            volumes.pop();
            fresh[next] = true;
        };
        volumes.push(front[next]);
        total += bounds[next];
        chosen.push(next);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Outcome;

    fn told(losses: Option<&[f64]>, violation: f64) -> Told {
        Told {
            unit: [].into(),
            outcome: Outcome {
                losses: losses.map(Into::into),
                violation,
            },
        }
    }

    fn split(told: &[Told]) -> (Vec<usize>, Vec<usize>) {
        let good = good(told);
        (0..told.len()).partition(|index| good[*index])
    }

    #[test]
    fn feasible_points_are_good_before_infeasible_and_failed_ones() {
        let mut all: Vec<Told> = (0..18).map(|_| told(None, 0.0)).collect();
        all[3] = told(Some(&[1.0]), 2.0);
        all[4] = told(Some(&[5.0]), 1.0);
        assert_eq!(split(&all).0, [3, 4]);
        all[9] = told(Some(&[9.0]), 0.0);
        assert_eq!(split(&all).0, [4, 9]);
        all[11] = told(Some(&[8.0]), 0.0);
        all[12] = told(Some(&[7.0]), 0.0);
        assert_eq!(split(&all).0, [11, 12]);
        assert_eq!(split(&all).1.len(), 16);
    }

    #[test]
    fn of_a_front_those_are_good_that_span_the_largest_volume() {
        let mut all: Vec<Told> = (0..30).map(|_| told(Some(&[10.0, 10.0]), 0.0)).collect();
        all[2] = told(Some(&[0.0, 4.0]), 0.0);
        all[5] = told(Some(&[1.0, 1.0]), 0.0);
        all[7] = told(Some(&[0.9, 1.2]), 0.0);
        all[8] = told(Some(&[4.0, 0.0]), 0.0);
        assert_eq!(split(&all).0, [2, 5, 8]);
    }
}
