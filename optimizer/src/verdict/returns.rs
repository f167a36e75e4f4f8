//! Evidence from returns alone, without a job.

use super::{BeyondMarket, Evidence};
use crate::error::OptimizerError;
use crate::statistics::{EffectiveTrials, Moments, SAME_TRIAL, SharpeEstimate, Sketches, effective_trials, overfitting};

/// Blocks of the splits, and the least returns of a block.
const BLOCKS: usize = 16;
const LEAST: usize = 8;
/// Groups of similar trials that are told apart at most.
const CLUSTERS: usize = 1_024;

/// Returns of many trials, one number a period, and what is known besides.
#[derive(Debug, Clone, Copy)]
pub struct Returns<'r> {
    /// Of each trial; all as long as each other.
    pub trials: &'r [Vec<f64>],
    /// The market's.
    pub benchmark: Option<&'r [f64]>,
    /// Periods of a year.
    pub periods_per_year: f64,
    /// Annual risk-free rate.
    pub risk_free: f64,
    /// How many trials there were in all.
    pub trials_family: u64,
}

/// What returns tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The trial with the highest Sharpe ratio, the first of equals; `None` if no trial has one.
    pub best: Option<usize>,
    /// For [`super::judge`].
    pub evidence: Evidence,
    /// Groups of similar trials, where there are enough returns to tell.
    pub groups: Option<EffectiveTrials>,
}

/// Measures returns.
///
/// # Errors
/// Series of different lengths.
pub fn measure_returns(returns: &Returns<'_>) -> Result<Found, OptimizerError> {
    let Returns {
        trials,
        benchmark,
        periods_per_year,
        ..
    } = *returns;
    let risk_free = returns.risk_free / periods_per_year;
    let observations = trials.first().map_or(0, Vec::len);
    for series in trials.iter().map(Vec::as_slice).chain(benchmark) {
        if series.len() != observations {
            return Err(OptimizerError::SeriesLength {
                found: series.len(),
                wanted: observations,
            });
        }
    }
    let estimates: Vec<Option<SharpeEstimate>> = trials.iter().map(|of| SharpeEstimate::measure(of, risk_free)).collect();
    let mut moments = Moments::default();
    let mut best: Option<(usize, f64)> = None;
    for (at, estimate) in estimates.iter().enumerate() {
        let Some(estimate) = estimate else { continue };
        moments.push(estimate.sharpe);
        if best.is_none_or(|(_, sharpe)| estimate.sharpe > sharpe) {
            best = Some((at, estimate.sharpe));
        }
    }
    let best = best.map(|(at, _)| at);
    let (overfitting, groups) = over_splits(trials, observations, risk_free)?;
    let of_best = best.map(|best| trials[best].as_slice());
    let excess = of_best.zip(benchmark).and_then(|(of, benchmark)| {
        let apart: Vec<f64> = of.iter().zip(benchmark).map(|(r, b)| r - b).collect();
        SharpeEstimate::measure(&apart, 0.0)
    });
    let evidence = Evidence {
        best: best.and_then(|best| estimates[best]),
        beyond_market: match (of_best, benchmark) {
            (None, _) => BeyondMarket::Unknown,
            (Some(of), Some(benchmark)) => BeyondMarket::Market(SharpeEstimate::beyond(of, benchmark, risk_free)),
            (Some(of), None) => BeyondMarket::AverageTrial(SharpeEstimate::measure(&over_average(of, trials), 0.0)),
        },
        periods_per_year,
        variance: moments.variance(),
        trials_job: trials.len() as u64,
        trials_family: returns.trials_family.max(trials.len() as u64),
        overfitting,
        trades: None,
        excess_sharpe: excess.map(|excess| excess.sharpe * periods_per_year.sqrt()),
        out_of_sample: None,
        plateau: None,
        cost_break_even: None,
        ambiguous: None,
    };
    Ok(Found { best, evidence, groups })
}

type OverSplits = (Result<f64, String>, Option<EffectiveTrials>);

fn over_splits(trials: &[Vec<f64>], observations: usize, risk_free: f64) -> Result<OverSplits, OptimizerError> {
    if observations < BLOCKS * LEAST {
        let least = BLOCKS * LEAST;
        return Ok((Err(format!("{observations} returns, {least} are the least")), None));
    }
    let mut sketches = Sketches::equal_blocks(BLOCKS, observations)?;
    for of in trials {
        sketches.push_returns(of)?;
    }
    let sketches = sketches.over(risk_free);
    let groups = effective_trials(&sketches, SAME_TRIAL, CLUSTERS);
    let found = overfitting(&sketches).map(|found| found.probability);
    let found = found.ok_or_else(|| "there is one trial, and nothing to choose from".to_owned());
    Ok((found, Some(groups)))
}

fn over_average(of: &[f64], trials: &[Vec<f64>]) -> Vec<f64> {
    let count = trials.len() as f64;
    let average = |at: usize| trials.iter().map(|trial| trial[at]).sum::<f64>() / count;
    of.iter().enumerate().map(|(at, r)| r - average(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::testing::pinned_matrix;
    use crate::verdict::{Grade, judge};

    fn returns(trials: &[Vec<f64>]) -> Returns<'_> {
        Returns {
            trials,
            benchmark: None,
            periods_per_year: 252.0,
            risk_free: 0.0,
            trials_family: 0,
        }
    }

    #[test]
    fn the_pinned_matrix_has_its_figures() {
        let trials = pinned_matrix(0.004);
        let found = measure_returns(&returns(&trials)).unwrap();
        assert_eq!((found.best, found.evidence.trials_family), (Some(7), 20));
        let verdict = judge(&found.evidence);
        let sharpe = verdict.sharpe.unwrap() / 252f64.sqrt();
        assert!((sharpe - 0.281_556_981_206_504_46).abs() < 1e-14);
        assert!((verdict.dsr_paper.unwrap() - 0.935_316_247_481_917_8).abs() < 1e-14);
        // With the smaller variance of luck alone the threshold is lower.
        assert!(verdict.dsr.unwrap() > verdict.dsr_paper.unwrap());
        assert_eq!(verdict.grade, Grade::Gold);
        let noise = pinned_matrix(0.0);
        let verdict = judge(&measure_returns(&returns(&noise)).unwrap().evidence);
        assert_eq!(verdict.grade, Grade::FoolsGold, "{:?}", verdict.reasons);
    }

    #[test]
    fn a_drift_that_all_share_is_no_skill() {
        let mut trials = pinned_matrix(0.0);
        trials.iter_mut().flatten().for_each(|r| *r += 0.01);
        assert_eq!(
            judge(&measure_returns(&returns(&trials)).unwrap().evidence).grade,
            Grade::Silver
        );
        let market: Vec<f64> = trials[3].clone();
        let doubled: Vec<Vec<f64>> = trials.iter().map(|_| market.iter().map(|b| 2.0 * b).collect()).collect();
        let given = Returns {
            benchmark: Some(&market),
            ..returns(&doubled)
        };
        assert_eq!(judge(&measure_returns(&given).unwrap().evidence).grade, Grade::FoolsGold);
    }

    #[test]
    fn too_little_proves_nothing_and_other_lengths_are_refused() {
        let mut trials = pinned_matrix(0.004);
        let one = &trials[7..8];
        assert_eq!(
            judge(&measure_returns(&returns(one)).unwrap().evidence).grade,
            Grade::Unproven
        );
        let short: Vec<Vec<f64>> = trials.iter().map(|of| of[..100].to_vec()).collect();
        let verdict = judge(&measure_returns(&returns(&short)).unwrap().evidence);
        assert!(verdict.reasons[0].contains("100 returns, 128 are the least"));
        assert_eq!(
            judge(&measure_returns(&returns(&[])).unwrap().evidence).grade,
            Grade::Unproven
        );
        let flat = vec![vec![0.0; 200]; 3];
        assert_eq!(
            judge(&measure_returns(&returns(&flat)).unwrap().evidence).grade,
            Grade::Unproven
        );
        trials[2].pop();
        assert!(measure_returns(&returns(&trials)).is_err());
    }
}
