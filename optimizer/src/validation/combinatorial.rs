//! Combinatorial purged cross-validation: every choice of groups as the test, and the paths that they add up to.

use std::ops::Range;

use crate::error::OptimizerError;

/// Most splits that a job may ask for: each is a selection of its own.
const MAX_SPLITS: u64 = 1_000_000;

/// Observations in n groups, of which each choice of k is tested once and trained on the rest.
///
/// Each group is tested in `phi(n, k) = k/n C(n, k) = C(n - 1, k - 1)` splits; taking for each group another of them makes that many
/// paths through all observations, none of which was trained on where it is tested.
///
/// Source: M. López de Prado, "Advances in financial machine learning", 2018, chapters 7 and 12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CombinatorialSplits {
    observations: usize,
    groups: usize,
    purge: usize,
    embargo: usize,
    /// Groups tested by each split, ascending; splits in lexicographic order.
    tested: Vec<Vec<usize>>,
}

/// One split: ranges of observations, ascending and apart from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// To train on.
    pub train: Vec<Range<usize>>,
    /// To test on: the groups, neighbours joined.
    pub test: Vec<Range<usize>>,
}

impl CombinatorialSplits {
    /// `observations` in `groups`, as equal as can be, of which `tested` are tested at a time. `purge` observations on both sides of a
    /// test range and `embargo` more after it are not trained on.
    ///
    /// # Errors
    /// Unless 0 < `tested` < `groups` <= `observations`; where there are too many splits; and where a split has nothing to train on.
    pub fn new(
        observations: usize,
        groups: usize,
        tested: usize,
        purge: usize,
        embargo: usize,
    ) -> Result<Self, OptimizerError> {
        if tested == 0 || tested >= groups {
            return Err(OptimizerError::TestedGroups { groups, tested });
        }
        if groups > observations {
            return Err(OptimizerError::TooFewBars {
                needed: groups,
                bars: observations,
            });
        }
        if choices(groups as u64, tested as u64).is_none_or(|splits| splits > MAX_SPLITS) {
            return Err(OptimizerError::TooManySplits {
                groups,
                tested,
                limit: MAX_SPLITS,
            });
        }
        let splits = Self {
            observations,
            groups,
            purge,
            embargo,
            tested: combinations(groups, tested),
        };
        if (0..splits.count()).any(|split| splits.split(split).train.is_empty()) {
            return Err(OptimizerError::NothingToTrain { purge, embargo });
        }
        Ok(splits)
    }

    /// Observations in all groups.
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// Splits: `C(n, k)`.
    pub fn count(&self) -> usize {
        self.tested.len()
    }

    /// Paths: `phi(n, k)`.
    pub fn paths(&self) -> usize {
        self.tested.iter().filter(|groups| groups[0] == 0).count()
    }

    /// The observations of a group.
    pub fn group(&self, group: usize) -> Range<usize> {
        let start = |group: usize| (group as u128 * self.observations as u128 / self.groups as u128) as usize;
        start(group)..start(group + 1)
    }

    /// The groups that a split tests, ascending.
    pub fn tested(&self, split: usize) -> &[usize] {
        &self.tested[split]
    }

    /// What a split trains and tests on.
    pub fn split(&self, split: usize) -> Split {
        let mut test: Vec<Range<usize>> = Vec::new();
        for range in self.tested[split].iter().map(|group| self.group(*group)) {
            match test.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => test.push(range),
            }
        }
        let mut train = Vec::new();
        let mut from = 0;
        for range in &test {
            train.push(from..range.start.saturating_sub(self.purge));
            from = range.end.saturating_add(self.purge).saturating_add(self.embargo);
        }
        train.push(from..self.observations);
        train.retain(|range| range.start < range.end);
        Split { train, test }
    }

    /// For each group the split whose test of it belongs to a path: the path's turn among those that test the group.
    pub fn path(&self, path: usize) -> Vec<usize> {
        let of = |group: usize| (0..self.count()).filter(move |split| self.tested[*split].contains(&group));
        (0..self.groups).filter_map(|group| of(group).nth(path)).collect()
    }
}

/// n over k; `None` beyond 2^64.
fn choices(n: u64, k: u64) -> Option<u64> {
    let k = k.min(n - k);
    // Each product is divisible: it is a binomial coefficient times the divisor.
    (1..=k).try_fold(1u64, |product, i| product.checked_mul(n - k + i).map(|product| product / i))
}

/// All ways to take `taken` of `0..of`, in lexicographic order.
fn combinations(of: usize, taken: usize) -> Vec<Vec<usize>> {
    let mut current: Vec<usize> = (0..taken).collect();
    let mut all = vec![current.clone()];
    while let Some(place) = (0..taken).rev().find(|place| current[*place] < of - taken + place) {
        current[place] += 1;
        for next in place + 1..taken {
            current[next] = current[next - 1] + 1;
        }
        all.push(current.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn splits_and_paths_of_the_reference() {
        for (groups, tested, splits, paths) in [
            (4, 2, 6, 3),
            (5, 2, 10, 4),
            (6, 1, 6, 1),
            (6, 2, 15, 5),
            (6, 3, 20, 10),
            (8, 2, 28, 7),
            (10, 2, 45, 9),
            (10, 5, 252, 126),
            (16, 8, 12_870, 6435),
        ] {
            let of = CombinatorialSplits::new(1000, groups, tested, 0, 0).unwrap();
            assert_eq!((of.count(), of.paths()), (splits, paths), "{groups} {tested}");
            assert_eq!(choices(groups as u64, tested as u64), Some(splits as u64));
        }
    }

    #[test]
    fn purged_and_embargoed() {
        let of = CombinatorialSplits::new(60, 6, 2, 2, 3).unwrap();
        let joined = of.split(0);
        assert_eq!((of.tested(0), joined.train.len(), joined.test.len()), (&[0, 1][..], 1, 1));
        assert_eq!((&joined.train[0], &joined.test[0]), (&(25..60), &(0..20)));
        let apart = (0..of.count()).find(|split| of.tested(*split) == [1, 4]).unwrap();
        let split = of.split(apart);
        assert_eq!((split.train, split.test), (vec![0..8, 25..38, 55..60], vec![10..20, 40..50]));
    }

    #[test]
    fn what_cannot_be_split_is_an_error() {
        let new = |observations, groups, tested, purge| {
            CombinatorialSplits::new(observations, groups, tested, purge, 0).expect_err("an error")
        };
        assert_eq!(new(60, 6, 0, 0), OptimizerError::TestedGroups { groups: 6, tested: 0 });
        assert_eq!(new(60, 6, 6, 0), OptimizerError::TestedGroups { groups: 6, tested: 6 });
        assert_eq!(new(5, 6, 2, 0), OptimizerError::TooFewBars { needed: 6, bars: 5 });
        assert_eq!(new(60, 6, 2, 40), OptimizerError::NothingToTrain { purge: 40, embargo: 0 });
        for (groups, tested) in [(40, 20), (1000, 500)] {
            let limit = MAX_SPLITS;
            assert_eq!(
                new(5000, groups, tested, 0),
                OptimizerError::TooManySplits { groups, tested, limit }
            );
        }
    }

    proptest! {
        #[test]
        fn training_stays_clear_of_tests(
            groups in 2usize..8, k in 1usize..7, extra in 0usize..100, purge in 0usize..4, embargo in 0usize..4,
        ) {
            let observations = groups + extra;
            prop_assume!(k < groups);
            let Ok(of) = CombinatorialSplits::new(observations, groups, k, purge, embargo) else {
                prop_assert!(purge + embargo > 0);
                return Ok(());
            };
            for split in (0..of.count()).map(|split| of.split(split)) {
                for t in 0..observations {
                    let near = split.test.iter().any(|range| t + purge >= range.start && t < range.end + purge + embargo);
                    prop_assert_eq!(split.train.iter().any(|range| range.contains(&t)), !near);
                }
            }
        }

        #[test]
        fn paths_use_every_test_once(groups in 2usize..8, k in 1usize..7) {
            prop_assume!(k < groups);
            let of = CombinatorialSplits::new(100, groups, k, 0, 0).unwrap();
            let mut used: Vec<(usize, usize)> = Vec::new();
            for path in (0..of.paths()).map(|path| of.path(path)) {
                prop_assert_eq!(path.len(), groups);
                for (group, split) in path.into_iter().enumerate() {
                    prop_assert!(of.tested(split).contains(&group));
                    used.push((split, group));
                }
            }
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), of.count() * k);
            prop_assert!(of.path(of.paths()).is_empty());
        }
    }
}
