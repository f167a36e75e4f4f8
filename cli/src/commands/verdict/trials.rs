//! All trials of a job at once, run again for their returns: would the best of as many trials without merit look as good?

use std::borrow::Cow;
use std::collections::HashSet;

use assay_core::space::Point;
use assay_optimizer::statistics::{
    Resamples, SharpeEstimate, StepDown, Superiority, SuperiorityTest, benjamini_yekutieli, default_block, haircut, holm,
    sharpe_p_value,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::Facts;
use super::market::Replays;
use crate::failure::Failure;
use crate::output::human;

/// Bars that are run again at most, over all trials, unless every trial is asked for: half a minute of one thread.
const MOST_BARS: usize = 2_000_000_000;
/// Returns that are resampled at most: some ten seconds of one thread for each test.
const MOST_RETURNS: usize = 60_000_000;
/// Returns that are kept for further steps rather than computed again: 128 MB.
const KEPT: usize = 16_000_000;
/// Returns below which nothing is tested: as many as the probability of overfitting asks for.
const LEAST_RETURNS: usize = 128;
/// Resamples, and the numbers that they are drawn by.
const DRAWS: usize = 1_000;
const SEED: u64 = 1;
/// Level of the stepwise test.
const LEVEL: f64 = 0.05;
/// Steps of it that are taken.
const STEPS: usize = 12;
/// Trials of a thread between two merges.
const SHARE: usize = 64;

/// Series of returns by number.
pub(super) trait Trials: Sync {
    fn count(&self) -> usize;
    /// One more series, or nothing where a trial failed.
    fn returns(&self, trial: usize) -> Option<Cow<'_, [f64]>>;
}

impl Trials for Vec<Vec<f64>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn returns(&self, trial: usize) -> Option<Cow<'_, [f64]>> {
        Some(Cow::Borrowed(&self[trial]))
    }
}

/// Trials that are run again whenever their returns are asked for.
struct RunAgain<'a> {
    replays: &'a Replays,
    points: Vec<&'a Point>,
}

impl Trials for RunAgain<'_> {
    fn count(&self) -> usize {
        self.points.len()
    }

    fn returns(&self, trial: usize) -> Option<Cow<'_, [f64]>> {
        self.replays.returns(self.points[trial]).ok().map(Cow::Owned)
    }
}

/// What all trials prove together.
pub(super) struct Tests {
    /// Against zero.
    zero: Superiority,
    /// Against buy-and-hold, where the market's returns are known.
    holding: Option<Superiority>,
    /// Trials that beat zero by more than the search explains, and whether all steps were taken.
    superior: usize,
    complete: bool,
    /// The best Sharpe ratio after the adjustments of Holm, and of Benjamini, Hochberg and Yekutieli; annual.
    haircuts: Option<[f64; 2]>,
    /// Trials that there were.
    pub(super) of: u64,
    /// Points that there was no time for.
    pub(super) left_out: usize,
}

/// Tests the distinct points of a job, all of them or as many as a verdict has time for, the best one among them. `of` points were tried.
pub(super) fn of_job(
    replays: &Replays,
    points: &[Point],
    best: &Point,
    of: u64,
    every: bool,
) -> Result<Option<Tests>, Failure> {
    let market = replays.market()?;
    if market.len() < LEAST_RETURNS {
        return Ok(None);
    }
    let bits = |point: &Point| point.0.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
    let mut seen = HashSet::new();
    let distinct: Vec<&Point> = points.iter().filter(|point| seen.insert(bits(point))).collect();
    let room = (MOST_BARS / replays.bars().max(1)).min(MOST_RETURNS / market.len()).max(1);
    let count = distinct.len();
    let step = if every { 1 } else { count.div_ceil(room).max(1) };
    let mut taken: Vec<&Point> = distinct.into_iter().step_by(step).collect();
    if !taken.iter().any(|point| bits(point) == bits(best)) {
        taken.push(best);
    }
    let left_out = count.saturating_sub(taken.len());
    let again = RunAgain { replays, points: taken };
    let (risk_free, periods) = (replays.risk_free(), replays.periods_per_year());
    if again.count() * market.len() > KEPT {
        let tests = run(&again, Some(&market), market.len(), risk_free, periods, of)?;
        return Ok(tests.map(|tests| Tests { left_out, ..tests }));
    }
    let kept = (0..again.count())
        .into_par_iter()
        .filter_map(|trial| again.replays.returns(again.points[trial]).ok());
    let kept: Vec<Vec<f64>> = kept.collect();
    let tests = run(&kept, Some(&market), market.len(), risk_free, periods, of)?;
    Ok(tests.map(|tests| Tests { left_out, ..tests }))
}

/// Tests series of returns of one length.
pub(super) fn run(
    trials: &impl Trials,
    market: Option<&[f64]>,
    observations: usize,
    risk_free: f64,
    periods_per_year: f64,
    of: u64,
) -> Result<Option<Tests>, Failure> {
    let resamples = Resamples::stationary(observations, default_block(observations), DRAWS, SEED);
    let numbers = || (0..trials.count()).into_par_iter().with_min_len(SHARE);
    let first = || -> Result<(SuperiorityTest<'_>, SuperiorityTest<'_>, Vec<SharpeEstimate>), Failure> {
        Ok((SuperiorityTest::new(&resamples), SuperiorityTest::new(&resamples), Vec::new()))
    };
    let passed = numbers()
        .fold(first, |sum, trial| {
            let (mut zero, mut holding, mut estimates) = sum?;
            if let Some(returns) = trials.returns(trial) {
                let number = trial as u64;
                let excess: Vec<f64> = returns.iter().map(|r| r - risk_free).collect();
                zero.push(number, &excess)?;
                if let Some(market) = market {
                    let apart: Vec<f64> = returns.iter().zip(market).map(|(r, m)| r - m).collect();
                    holding.push(number, &apart)?;
                }
                estimates.extend(SharpeEstimate::measure(&returns, risk_free));
            }
            Ok((zero, holding, estimates))
        })
        .reduce(first, |a, b| {
            let ((zero, holding, mut estimates), (zero_b, holding_b, estimates_b)) = (a?, b?);
            estimates.extend(estimates_b);
            Ok((zero.merge(zero_b), holding.merge(holding_b), estimates))
        });
    let (zero, holding, estimates) = passed?;
    let Some((zero, mut steps)) = zero.finish(LEVEL) else {
        return Ok(None);
    };
    let mut taken = 1;
    while !steps.is_finished() && taken < STEPS {
        taken += 1;
        let begun = || -> Result<StepDown<'_>, Failure> { Ok(steps.clone()) };
        let pass = numbers()
            .fold(begun, |sum, trial| {
                let mut sum = sum?;
                if let Some(returns) = trials.returns(trial) {
                    let excess: Vec<f64> = returns.iter().map(|r| r - risk_free).collect();
                    sum.push(trial as u64, &excess)?;
                }
                Ok(sum)
            })
            .reduce(begun, |a, b| Ok(a?.merge(b?)));
        steps = pass?;
        steps.close();
    }
    Ok(Some(Tests {
        zero,
        holding: market.and(holding.finish(LEVEL)).map(|(found, _)| found),
        superior: steps.superior().len(),
        complete: steps.is_finished(),
        haircuts: haircuts(&estimates, periods_per_year),
        of,
        left_out: 0,
    }))
}

/// The best Sharpe ratio after two adjustments for as many tests.
fn haircuts(estimates: &[SharpeEstimate], periods_per_year: f64) -> Option<[f64; 2]> {
    let mut p = Vec::new();
    let mut best: Option<(usize, &SharpeEstimate)> = None;
    for estimate in estimates {
        let Some(value) = sharpe_p_value(estimate.sharpe, estimate.observations) else {
            continue;
        };
        if best.is_none_or(|(_, best)| estimate.sharpe > best.sharpe) {
            best = Some((p.len(), estimate));
        }
        p.push(value);
    }
    let (at, best) = best.filter(|(_, best)| best.sharpe > 0.0)?;
    let cut = |adjusted: &[f64]| haircut(best.sharpe, best.observations, adjusted[at]);
    let [holm, yekutieli] = [cut(&holm(&p))?, cut(&benjamini_yekutieli(&p))?];
    Some([holm.sharpe, yekutieli.sharpe].map(|sharpe| sharpe * periods_per_year.sqrt()))
}

impl Tests {
    /// Trials that were tested.
    pub(super) fn tested(&self) -> u64 {
        self.zero.trials
    }

    pub(super) fn to_json(&self) -> Value {
        let of = |found: &Superiority| {
            json!({
                "reality_check": found.reality_check,
                "spa_lower": found.lower,
                "spa_consistent": found.consistent,
                "spa_upper": found.upper,
            })
        };
        json!({
            "trials": self.tested(),
            "of": self.of,
            "against_zero": of(&self.zero),
            "against_holding": self.holding.as_ref().map(of),
            "superior": self.superior,
            "superior_complete": self.complete,
            "sharpe_holm": self.haircuts.map(|cut| cut[0]),
            "sharpe_benjamini_yekutieli": self.haircuts.map(|cut| cut[1]),
        })
    }

    pub(super) fn facts(&self) -> Facts {
        let count = |n: u64| human::count(n as i64);
        let p = |value: f64| format!("p {value:.4}");
        let tested = match self.tested() {
            all if all == self.of => format!("all {}", count(all)),
            some => format!("{} of {}", count(some), count(self.of)),
        };
        let mut facts = vec![
            ("trials".to_owned(), tested),
            ("Reality Check, against zero".to_owned(), p(self.zero.reality_check)),
            (
                "superior predictive ability, against zero".to_owned(),
                format!(
                    "{} (between {:.4} and {:.4})",
                    p(self.zero.consistent),
                    self.zero.lower,
                    self.zero.upper
                ),
            ),
        ];
        if let Some(holding) = &self.holding {
            facts.push(("Reality Check, against holding".to_owned(), p(holding.reality_check)));
            facts.push((
                "superior predictive ability, against holding".to_owned(),
                p(holding.consistent),
            ));
        }
        let more = if self.complete { "" } else { " or more" };
        facts.push((
            "trials better than zero, at 5 % for any false one".to_owned(),
            format!("{}{more}", count(self.superior as u64)),
        ));
        if let Some([holm, yekutieli]) = self.haircuts {
            facts.push(("best Sharpe ratio after Holm's haircut".to_owned(), format!("{holm:.2}")));
            facts.push((
                "after that of Benjamini, Hochberg and Yekutieli".to_owned(),
                format!("{yekutieli:.2}"),
            ));
        }
        facts
    }
}
