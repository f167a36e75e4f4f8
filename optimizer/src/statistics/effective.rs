//! How many different trials a search has made.

use crate::statistics::cscv::Sketches;

/// Correlation from which two trials are taken for the same. With 16 blocks, unrelated trials correlate this highly once in two
/// million pairs; at 0.5 it would be one pair in forty, and a large search would seem to be made of the same few trials.
pub const SAME_TRIAL: f64 = 0.9;

/// How many independent trials a search amounts to. For the reader: nothing is graded on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectiveTrials {
    /// Groups of correlated trials.
    pub clusters: usize,
    /// Whether all trials were looked at; false if clustering stopped at the limit, and `clusters` is a lower bound.
    pub complete: bool,
    /// Mean correlation between two trials that vary; `None` for fewer than two.
    pub mean_correlation: Option<f64>,
    /// Independent trials that the mean correlation implies, `rho + (1 - rho) N`, negative rho taken for 0.
    ///
    /// Source: Bailey, López de Prado, "The deflated Sharpe ratio" (2014), appendix 3.
    pub implied: Option<f64>,
}

/// Effective number of trials from the correlation of their mean returns in the blocks of their sketches.
///
/// Leader clustering: trials come in their order, and each joins the first cluster with whose first trial it correlates by `same`
/// ([`SAME_TRIAL`]) or more, or opens one, up to `limit` clusters. One pass, and time in proportion to trials times clusters. Trials
/// whose blocks are all equal have no correlation and are one cluster together.
///
/// Source: J. A. Hartigan, "Clustering algorithms", 1975, chapter 3; idea: M. López de Prado, M. J. Lewis, "Detection of false
/// investment strategies using unsupervised learning methods", Quantitative Finance 19(9), 2019.
pub fn effective_trials(sketches: &Sketches, same: f64, limit: usize) -> EffectiveTrials {
    let blocks = sketches.counts.len();
    let mut leaders: Vec<f64> = Vec::new();
    let mut total = vec![0.0; blocks];
    let (mut varying, mut still, mut complete) = (0u64, false, true);
    for trial in 0..sketches.len() {
        let Some(unit) = direction(sketches.trial(trial).0, &sketches.counts) else {
            still = true;
            continue;
        };
        varying += 1;
        total.iter_mut().zip(&unit).for_each(|(sum, x)| *sum += x);
        let known = || leaders.chunks_exact(blocks).any(|leader| dot(leader, &unit) >= same);
        if complete && !known() {
            if leaders.len() / blocks < limit {
                leaders.extend(unit);
            } else {
                complete = false;
            }
        }
    }
    let n = varying as f64;
    let mean_correlation = (varying > 1).then(|| (dot(&total, &total) - n) / (n * (n - 1.0)));
    EffectiveTrials {
        clusters: leaders.len() / blocks + usize::from(still),
        complete,
        mean_correlation,
        implied: mean_correlation
            .map(|rho| rho.clamp(0.0, 1.0))
            .map(|rho| rho + (1.0 - rho) * n),
    }
}

/// The block means less their mean, at length 1; `None` if they are all equal.
fn direction(sums: &[f64], counts: &[u32]) -> Option<Vec<f64>> {
    let means: Vec<f64> = sums.iter().zip(counts).map(|(s, n)| s / f64::from((*n).max(1))).collect();
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    let apart: Vec<f64> = means.iter().map(|m| m - mean).collect();
    let squares = dot(&apart, &apart);
    // Rounding is no direction.
    (squares > 1e-24 * dot(&means, &means)).then(|| apart.iter().map(|x| x / squares.sqrt()).collect())
}

/// Scalar product, summed in four lanes.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::testing::normals;

    const LIMIT: usize = 1000;

    fn sketches(trials: &[Vec<f64>]) -> Sketches {
        let mut sketches = Sketches::new(&[4; 16]).unwrap();
        for returns in trials {
            sketches.push_returns(returns).unwrap();
        }
        sketches
    }

    #[test]
    fn copies_count_once_and_unrelated_trials_each() {
        let base: Vec<Vec<f64>> = normals(10 * 64, 3).chunks(64).map(<[f64]>::to_vec).collect();
        let mut trials = Vec::new();
        for copy in 0..50 {
            // Scaled, and with a little noise of their own.
            let noise = normals(640, 100 + copy);
            for (i, returns) in base.iter().enumerate() {
                let scale = 1.0 + copy as f64;
                trials.push(
                    returns
                        .iter()
                        .zip(&noise[i * 64..])
                        .map(|(r, z)| scale * (r + 0.05 * z))
                        .collect(),
                );
            }
        }
        trials.push(vec![0.0; 64]);
        trials.push(vec![0.1; 64]);
        let found = effective_trials(&sketches(&trials), SAME_TRIAL, LIMIT);
        assert_eq!((found.clusters, found.complete), (11, true));
        let stopped = effective_trials(&sketches(&trials), SAME_TRIAL, 4);
        assert_eq!((stopped.clusters, stopped.complete), (5, false));
        assert_eq!(stopped.mean_correlation, found.mean_correlation);
    }

    #[test]
    fn the_mean_correlation_is_that_of_all_pairs() {
        let common = normals(64, 1);
        let trials: Vec<Vec<f64>> = (0..200)
            .map(|seed| common.iter().zip(normals(64, 10 + seed)).map(|(c, z)| c + z).collect())
            .collect();
        let found = effective_trials(&sketches(&trials), SAME_TRIAL, LIMIT);
        let units: Vec<Vec<f64>> = (0..200)
            .map(|trial| direction(sketches(&trials).trial(trial).0, &[4; 16]).unwrap())
            .collect();
        let pairs = (0..200).flat_map(|i| (0..i).map(move |j| (i, j)));
        let wanted = pairs.map(|(i, j)| dot(&units[i], &units[j])).sum::<f64>() / 19_900.0;
        let rho = found.mean_correlation.unwrap();
        assert!((rho - wanted).abs() < 1e-12 && (0.3..0.7).contains(&rho), "{rho} {wanted}");
        assert!((found.implied.unwrap() - (rho + (1.0 - rho) * 200.0)).abs() < 1e-9);
        let independent: Vec<Vec<f64>> = normals(200 * 64, 4).chunks(64).map(<[f64]>::to_vec).collect();
        let found = effective_trials(&sketches(&independent), SAME_TRIAL, LIMIT);
        assert_eq!(found.clusters, 200);
        assert!(found.implied.unwrap() > 190.0);
    }

    #[test]
    fn none_and_one() {
        let none = effective_trials(&sketches(&[]), SAME_TRIAL, LIMIT);
        assert_eq!((none.clusters, none.mean_correlation, none.implied), (0, None, None));
        let one = effective_trials(&sketches(&[normals(64, 1)]), SAME_TRIAL, LIMIT);
        assert_eq!((one.clusters, one.mean_correlation), (1, None));
    }
}
