//! What the choice of the best trial is worth on the paths of a combinatorial cross-validation.

use rayon::prelude::*;

use super::CombinatorialSplits;
use crate::error::OptimizerError;
use crate::statistics::SharpeEstimate;

/// What a cross-validation found. Sharpe ratios are per observation.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidation {
    /// For each split the trial that is best where it trains (the first of equals); `None` if no trial has a Sharpe ratio there.
    pub chosen: Vec<Option<usize>>,
    /// For each path the Sharpe ratio of the returns that the chosen trials have where they are tested; 0 where none was chosen. `None`
    /// for a path that does not vary.
    pub paths: Vec<Option<f64>>,
}

/// Chooses on each split the trial with the highest Sharpe ratio over what is trained on, and strings the returns of the chosen ones
/// together along each path. `trials` have a return for each observation of the splits, taken from one run over all of them.
///
/// # Errors
/// Series of another length.
pub fn cross_validate(
    splits: &CombinatorialSplits,
    trials: &[Vec<f64>],
    risk_free: f64,
) -> Result<CrossValidation, OptimizerError> {
    let wanted = splits.observations();
    if let Some(other) = trials.iter().find(|returns| returns.len() != wanted) {
        return Err(OptimizerError::SeriesLength {
            found: other.len(),
            wanted,
        });
    }
    let sums: Vec<Sums> = trials.par_iter().map(|returns| Sums::new(returns)).collect();
    let choose = |split: usize| {
        let train = splits.split(split).train;
        let mut best: Option<(usize, f64)> = None;
        for (trial, sums) in sums.iter().enumerate() {
            if let Some(sharpe) = sums.sharpe(&train, risk_free)
                && best.is_none_or(|(_, known)| sharpe > known)
            {
                best = Some((trial, sharpe));
            }
        }
        best.map(|(trial, _)| trial)
    };
    let chosen: Vec<Option<usize>> = (0..splits.count()).into_par_iter().map(choose).collect();
    let path = |path: usize| {
        let mut returns = Vec::with_capacity(wanted);
        for (group, split) in splits.path(path).into_iter().enumerate() {
            let range = splits.group(group);
            match chosen[split] {
                Some(trial) => returns.extend_from_slice(&trials[trial][range]),
                None => returns.extend(range.map(|_| 0.0)),
            }
        }
        SharpeEstimate::measure(&returns, risk_free).map(|estimate| estimate.sharpe)
    };
    let paths = (0..splits.paths()).into_par_iter().map(path).collect();
    Ok(CrossValidation { chosen, paths })
}

/// Running sums of returns and of their squares.
struct Sums(Vec<[f64; 2]>);

impl Sums {
    fn new(returns: &[f64]) -> Self {
        let mut sums = Vec::with_capacity(returns.len() + 1);
        let mut last = [0.0, 0.0];
        sums.push(last);
        for r in returns {
            last = [last[0] + r, last[1] + r * r];
            sums.push(last);
        }
        Self(sums)
    }

    /// Over ranges of observations; `None` without variance.
    fn sharpe(&self, ranges: &[std::ops::Range<usize>], risk_free: f64) -> Option<f64> {
        let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for range in ranges {
            let (from, to) = (self.0[range.start], self.0[range.end]);
            n += range.len() as f64;
            sum += to[0] - from[0];
            squares += to[1] - from[1];
        }
        let mean = sum / n;
        let apart = squares - sum * mean;
        (n >= 2.0 && apart > crate::statistics::VARIANCE_DUST * squares)
            .then(|| (mean - risk_free) / (apart / (n - 1.0)).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::testing::pinned_matrix;

    #[test]
    fn paths_are_strung_from_the_trials_that_were_best_elsewhere() {
        let trials = pinned_matrix(0.0);
        let splits = CombinatorialSplits::new(240, 6, 2, 3, 2).unwrap();
        let found = cross_validate(&splits, &trials, 0.0).unwrap();
        assert_eq!((found.chosen.len(), found.paths.len()), (15, 5));
        for (split, chosen) in found.chosen.iter().enumerate() {
            let train: Vec<usize> = splits.split(split).train.into_iter().flatten().collect();
            let sharpe = |trial: usize| {
                let returns: Vec<f64> = train.iter().map(|t| trials[trial][*t]).collect();
                SharpeEstimate::measure(&returns, 0.0).unwrap().sharpe
            };
            let best = (0..20).max_by(|a, b| sharpe(*a).total_cmp(&sharpe(*b)));
            assert_eq!(*chosen, best);
        }
        let path: Vec<f64> = (0..6)
            .flat_map(|group| {
                let split = splits.path(2)[group];
                trials[found.chosen[split].unwrap()][splits.group(group)].to_vec()
            })
            .collect();
        let expected = SharpeEstimate::measure(&path, 0.0).unwrap().sharpe;
        assert!((found.paths[2].unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn an_edge_shows_on_every_path_and_nothing_comes_of_nothing() {
        let splits = CombinatorialSplits::new(240, 6, 2, 0, 0).unwrap();
        let found = cross_validate(&splits, &pinned_matrix(0.006), 0.0).unwrap();
        assert!(
            found.paths.iter().all(|path| path.is_some_and(|sharpe| sharpe > 0.1)),
            "{found:?}"
        );
        let flat = cross_validate(&splits, &[vec![0.0; 240]], 0.0).unwrap();
        assert_eq!((flat.chosen[0], flat.paths[0]), (None, None));
        assert!(cross_validate(&splits, &[vec![0.0; 239]], 0.0).is_err());
    }
}
