//! What the best of a search is worth: a grade, and why, from what was measured. A pure function of its evidence.
//!
//! Luck is tested twice. The Sharpe ratio of the best trial is compared with what the best of as many trials without skill would show,
//! with the number of points that were ever tried on this data with strategies of this shape ([`Evidence::trials_family`]). The same is
//! asked of what is left of its returns when the market's share in them is taken away: a market that rises makes nobody skilled.

mod plateau;
mod returns;

use std::fmt;

use crate::statistics::{SharpeEstimate, deflation_threshold, verdict_variance};

pub use plateau::{Plateau, plateau};
pub use returns::{Found, Returns, measure_returns};

/// Gold must be so unlikely a gift of luck: one search without skill in 400 gets this far. The figure to keep is one in 100, over any
/// 200 searches; this leaves room for their scatter, and for what makes real returns worse than normal ones.
pub const GOLD_LUCK: f64 = 0.0025;
/// Silver: one in twenty.
pub const SILVER_LUCK: f64 = 0.05;
/// Deflated Sharpe probability that gold must reach.
pub const GOLD_DEFLATED: f64 = 0.90;
/// Probability of overfitting that gold may have; and silver, from which on choosing in sample is no better than a coin.
pub const GOLD_OVERFITTING: f64 = 0.3;
/// See [`GOLD_OVERFITTING`].
pub const SILVER_OVERFITTING: f64 = 0.5;
/// Fewer trades prove nothing.
pub const LEAST_TRADES: f64 = 30.0;
/// Gold survives so many times its costs.
pub const GOLD_COSTS: f64 = 1.5;
/// Share of its Sharpe ratio that gold must leave to its neighbours.
pub const GOLD_PLATEAU: f64 = 0.25;

/// What was measured of a search and of its best trial. What is unknown or does not apply is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Sharpe ratio of the best trial.
    pub best: Option<SharpeEstimate>,
    /// Sharpe ratio of its returns without the market's share in them.
    pub beyond_market: BeyondMarket,
    /// Returns a year.
    pub periods_per_year: f64,
    /// Variance of the Sharpe ratios, per observation, over the trials of the search.
    pub variance: Option<f64>,
    /// Points that the search tried.
    pub trials_job: u64,
    /// Points ever tried that this search adds to.
    pub trials_family: u64,
    /// Probability of backtest overfitting; `Err` says why there is none.
    pub overfitting: Result<f64, String>,
    /// Closed trades of the best trial.
    pub trades: Option<f64>,
    /// Its Sharpe ratio over buy-and-hold.
    pub excess_sharpe: Option<f64>,
    /// What it showed on data that was held back.
    pub out_of_sample: Option<OutOfSample>,
    /// Share of its Sharpe ratio that its neighbours have.
    pub plateau: Option<f64>,
    /// Multiple of its costs at which nothing is left.
    pub cost_break_even: Option<f64>,
    /// Share of its trades that a bar decided which reached both stop and target.
    pub ambiguous: Option<f64>,
}

/// Returns of the best trial without the market's share in them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BeyondMarket {
    /// Over its beta times buy-and-hold.
    Market(Option<SharpeEstimate>),
    /// Nothing is known of the market: over the average trial.
    AverageTrial(Option<SharpeEstimate>),
    /// The returns themselves are not at hand.
    Unknown,
}

/// What a trial showed on data that no search had seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfSample {
    /// Annual Sharpe ratio.
    pub sharpe: Option<f64>,
    /// Whether the data had been searched or looked at before.
    pub seen: bool,
    /// Whether the whole search was tried again and again on what came later, as a walk forward does: what the probability of overfitting
    /// estimates was observed.
    pub walked: bool,
}

/// What the best of a search is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Too little to say anything.
    Unproven,
    /// What luck and the market explain.
    FoolsGold,
    /// More than luck explains, with a flaw or too little evidence.
    Silver,
    /// What neither luck, nor the market, nor a flaw explains.
    Gold,
}

impl Grade {
    /// As shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gold => "gold",
            Self::Silver => "silver",
            Self::FoolsGold => "fool's gold",
            Self::Unproven => "unproven",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A grade and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The grade.
    pub grade: Grade,
    /// Annual Sharpe ratio of the best trial.
    pub sharpe: Option<f64>,
    /// The same over what the best of as many trials without skill is expected to show.
    pub deflated_sharpe: Option<f64>,
    /// Probability that the true Sharpe ratio exceeds that.
    pub dsr: Option<f64>,
    /// The same probability as its paper has it, with the variance over the trials as it is and the number of this search alone.
    pub dsr_paper: Option<f64>,
    /// Probability that the best of so many trials without skill looks as good.
    pub luck: Option<f64>,
    /// The same of the returns without the market's share.
    pub luck_beyond_market: Option<f64>,
    /// Why not better; of gold, why.
    pub reasons: Vec<String>,
}

/// Judges.
pub fn judge(evidence: &Evidence) -> Verdict {
    let trials = evidence.trials_family.max(evidence.trials_job).max(1);
    let root = evidence.periods_per_year.sqrt();
    let best = evidence.best;
    let variance = best.and_then(|best| verdict_variance(evidence.variance, best.observations));
    let threshold = variance.map(|variance| deflation_threshold(variance, trials));
    let beyond = match evidence.beyond_market {
        BeyondMarket::Market(estimate) | BeyondMarket::AverageTrial(estimate) => {
            Some(estimate.and_then(|estimate| luck(&estimate, trials)).unwrap_or(1.0))
        }
        BeyondMarket::Unknown => None,
    };
    let mut verdict = Verdict {
        grade: Grade::Gold,
        sharpe: best.map(|best| best.sharpe * root),
        deflated_sharpe: best.zip(threshold).map(|(best, threshold)| (best.sharpe - threshold) * root),
        dsr: best
            .zip(threshold)
            .and_then(|(best, threshold)| best.probabilistic(threshold)),
        dsr_paper: best.and_then(|best| best.deflated(evidence.variance.unwrap_or(0.0), evidence.trials_job.max(1))),
        luck: best.and_then(|best| luck(&best, trials)),
        luck_beyond_market: beyond,
        reasons: Vec::new(),
    };
    let mut court = Court::default();
    court.unproven(evidence, &verdict);
    court.luck(&verdict, trials);
    court.market(evidence, &verdict);
    court.flaws(evidence);
    verdict.grade = court.grade();
    verdict.reasons = court.reasons(&verdict, trials);
    verdict
}

/// Probability that the best of `trials` independent trials without skill shows at least this: `1 - PSR(0)^N`. Dependent trials show
/// less, so that it is an upper bound for them.
///
/// Source: Z. Šidák, "Rectangular confidence regions for the means of multivariate normal distributions", JASA 62, 1967.
pub fn luck(best: &SharpeEstimate, trials: u64) -> Option<f64> {
    let one = 1.0 - best.probabilistic(0.0)?;
    Some(-libm::expm1(trials as f64 * libm::log1p(-one)))
}

/// What speaks against each grade.
#[derive(Debug, Default)]
struct Court {
    /// The best grade that is left, and why it is no better.
    charges: Vec<(Grade, String)>,
}

impl Court {
    fn charge(&mut self, at_most: Grade, reason: String) {
        self.charges.push((at_most, reason));
    }

    fn grade(&self) -> Grade {
        self.charges.iter().map(|(at_most, _)| *at_most).min().unwrap_or(Grade::Gold)
    }

    /// What decided comes first.
    fn reasons(mut self, verdict: &Verdict, trials: u64) -> Vec<String> {
        if self.charges.is_empty() {
            let luck = verdict.luck.unwrap_or_default();
            return vec![format!(
                "the best of {trials} trials without skill would look as good {}, and no flaw was found",
                once_in(luck)
            )];
        }
        self.charges.sort_by_key(|(grade, _)| *grade);
        self.charges.into_iter().map(|(_, reason)| reason).collect()
    }

    fn unproven(&mut self, evidence: &Evidence, verdict: &Verdict) {
        if verdict.sharpe.is_none() || verdict.luck.is_none() {
            self.charge(
                Grade::Unproven,
                "the best trial has no Sharpe ratio: too few returns, or none that vary".to_owned(),
            );
        }
        if let Err(reason) = &evidence.overfitting {
            let walked = evidence
                .out_of_sample
                .is_some_and(|found| found.walked && found.sharpe.is_some());
            let grade = if walked { Grade::Silver } else { Grade::Unproven };
            self.charge(grade, format!("no probability of overfitting: {reason}"));
        }
        if let Some(trades) = evidence.trades.filter(|trades| *trades < LEAST_TRADES) {
            self.charge(
                Grade::Unproven,
                format!("{trades:.0} trades prove nothing; {LEAST_TRADES} are the least"),
            );
        }
    }

    fn luck(&mut self, verdict: &Verdict, trials: u64) {
        if let Some(luck) = verdict.luck {
            let text = format!("the best of {trials} trials without skill looks as good {}", once_in(luck));
            if luck > SILVER_LUCK {
                self.charge(Grade::FoolsGold, text);
            } else if luck > GOLD_LUCK {
                self.charge(Grade::Silver, text);
            }
        }
        if let Some(dsr) = verdict.dsr {
            let text = format!("the deflated Sharpe probability is {dsr:.2}");
            if dsr <= 0.5 {
                self.charge(Grade::FoolsGold, text);
            } else if dsr < GOLD_DEFLATED {
                self.charge(Grade::Silver, text);
            }
        }
    }

    fn market(&mut self, evidence: &Evidence, verdict: &Verdict) {
        let beyond = match evidence.beyond_market {
            BeyondMarket::Market(_) => "without the market's share in its returns",
            BeyondMarket::AverageTrial(_) => {
                "over the average trial (there is no column `benchmark` that would tell the market's share)"
            }
            BeyondMarket::Unknown => "",
        };
        if let Some(luck) = verdict.luck_beyond_market {
            let text = format!("{beyond}, luck explains it {}", once_in(luck));
            let of_market = matches!(evidence.beyond_market, BeyondMarket::Market(_));
            if luck > SILVER_LUCK && of_market {
                self.charge(Grade::FoolsGold, text);
            } else if luck > GOLD_LUCK {
                self.charge(Grade::Silver, text);
            }
        } else {
            self.charge(
                Grade::Silver,
                "its returns are not at hand, so nobody knows how many of them are the market's".to_owned(),
            );
        }
        if let Some(excess) = evidence.excess_sharpe.filter(|excess| *excess <= 0.0) {
            self.charge(
                Grade::Silver,
                format!("buy-and-hold did better: excess Sharpe ratio {excess:.2}"),
            );
        }
    }

    fn flaws(&mut self, evidence: &Evidence) {
        if let Ok(pbo) = evidence.overfitting {
            let text = format!("the best in one half of the time is below the median in the other with probability {pbo:.2}");
            if pbo >= SILVER_OVERFITTING {
                self.charge(Grade::FoolsGold, text);
            } else if pbo > GOLD_OVERFITTING {
                self.charge(Grade::Silver, text);
            }
        }
        if let Some(found) = evidence.out_of_sample {
            match found.sharpe {
                Some(sharpe) if sharpe > 0.0 => {}
                Some(sharpe) => self.charge(Grade::FoolsGold, format!("out of sample it loses: Sharpe ratio {sharpe:.2}")),
                None => self.charge(Grade::Silver, "out of sample it has no Sharpe ratio".to_owned()),
            }
            if found.seen {
                self.charge(
                    Grade::Silver,
                    "what was held back had been searched or looked at before".to_owned(),
                );
            }
        }
        if let Some(multiple) = evidence.cost_break_even.filter(|multiple| *multiple < GOLD_COSTS) {
            let grade = if multiple <= 1.0 { Grade::FoolsGold } else { Grade::Silver };
            let reason = if multiple > 0.0 {
                format!("at {multiple:.2} times its costs nothing is left")
            } else {
                "even without costs nothing is left".to_owned()
            };
            self.charge(grade, reason);
        }
        if let Some(share) = evidence.plateau.filter(|share| *share < GOLD_PLATEAU) {
            self.charge(
                Grade::Silver,
                format!(
                    "it is a spike: its neighbours have {:.0} % of its Sharpe ratio",
                    share * 100.0
                ),
            );
        }
        if let Some(share) = evidence.ambiguous.filter(|share| *share > 0.2) {
            self.charge(
                Grade::Silver,
                format!(
                    "{:.0} % of its trades ended in bars that reached both stop and target",
                    share * 100.0
                ),
            );
        }
    }
}

fn once_in(luck: f64) -> String {
    if luck >= 0.1 {
        format!("{:.0} times in 100", luck * 100.0)
    } else if luck > 1e-12 {
        let times = 1.0 / luck;
        let digits = libm::pow(10.0, libm::floor(libm::log10(times)) - 1.0);
        format!("once in {:.0}", libm::round(times / digits) * digits)
    } else {
        "less than once in a million million".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Annual Sharpe ratio on five years of days, the best of 1,000.
    fn evidence(sharpe: f64) -> Evidence {
        let estimate = SharpeEstimate {
            sharpe: sharpe / 252f64.sqrt(),
            observations: 1260,
            skew: 0.0,
            kurtosis: 3.0,
        };
        Evidence {
            best: Some(estimate),
            beyond_market: BeyondMarket::Market(Some(estimate)),
            periods_per_year: 252.0,
            variance: Some(1.0 / 1259.0),
            trials_job: 1000,
            trials_family: 1000,
            overfitting: Ok(0.05),
            trades: Some(200.0),
            excess_sharpe: Some(1.0),
            out_of_sample: None,
            plateau: Some(0.8),
            cost_break_even: Some(5.0),
            ambiguous: Some(0.0),
        }
    }

    fn grade(change: impl FnOnce(&mut Evidence)) -> Grade {
        let mut changed = evidence(3.0);
        change(&mut changed);
        judge(&changed).grade
    }

    #[test]
    fn the_grade_follows_the_sharpe_ratio_and_how_many_were_tried() {
        assert_eq!(judge(&evidence(3.0)).grade, Grade::Gold);
        assert_eq!(judge(&evidence(1.9)).grade, Grade::Silver);
        assert_eq!(judge(&evidence(1.4)).grade, Grade::FoolsGold);
        let mut alone = evidence(1.4);
        (alone.trials_job, alone.trials_family) = (1, 1);
        assert_eq!(judge(&alone).grade, Grade::Gold, "one trial has nothing to be deflated by");
        assert_eq!(judge(&alone).deflated_sharpe, judge(&alone).sharpe);
        alone.trials_family = 100_000;
        assert_eq!(judge(&alone).grade, Grade::FoolsGold, "the family counts");
    }

    #[test]
    fn each_flaw_costs_gold() {
        assert_eq!(grade(|e| e.overfitting = Err("too short".to_owned())), Grade::Unproven);
        assert_eq!(grade(|e| e.trades = Some(29.0)), Grade::Unproven);
        assert_eq!(grade(|e| e.best = None), Grade::Unproven);
        assert_eq!(grade(|e| e.overfitting = Ok(0.6)), Grade::FoolsGold);
        assert_eq!(grade(|e| e.overfitting = Ok(0.4)), Grade::Silver);
        assert_eq!(grade(|e| e.beyond_market = BeyondMarket::Market(None)), Grade::FoolsGold);
        assert_eq!(grade(|e| e.beyond_market = BeyondMarket::AverageTrial(None)), Grade::Silver);
        assert_eq!(grade(|e| e.beyond_market = BeyondMarket::Unknown), Grade::Silver);
        assert_eq!(grade(|e| e.excess_sharpe = Some(-0.1)), Grade::Silver);
        assert_eq!(grade(|e| e.cost_break_even = Some(1.2)), Grade::Silver);
        assert_eq!(grade(|e| e.plateau = Some(0.1)), Grade::Silver);
        assert_eq!(grade(|e| e.ambiguous = Some(0.5)), Grade::Silver);
        let held_back = |sharpe, seen| {
            Some(OutOfSample {
                sharpe,
                seen,
                walked: false,
            })
        };
        let walked = |sharpe| {
            move |e: &mut Evidence| {
                e.overfitting = Err("different windows".to_owned());
                e.out_of_sample = Some(OutOfSample {
                    sharpe,
                    seen: false,
                    walked: true,
                });
            }
        };
        assert_eq!(grade(walked(Some(1.0))), Grade::Silver);
        assert_eq!(grade(walked(Some(-1.0))), Grade::FoolsGold);
        assert_eq!(grade(walked(None)), Grade::Unproven);
        assert_eq!(grade(|e| e.out_of_sample = held_back(Some(1.0), false)), Grade::Gold);
        assert_eq!(grade(|e| e.out_of_sample = held_back(Some(1.0), true)), Grade::Silver);
        assert_eq!(grade(|e| e.out_of_sample = held_back(Some(-1.0), false)), Grade::FoolsGold);
        let both = |e: &mut Evidence| {
            e.plateau = Some(0.1);
            e.trades = Some(3.0);
        };
        let mut changed = evidence(3.0);
        both(&mut changed);
        assert!(judge(&changed).reasons[0].starts_with("3 trades"), "what decides comes first");
    }

    #[test]
    fn luck_is_that_of_the_best_of_so_many() {
        let estimate = |z: f64| SharpeEstimate {
            sharpe: z / 1e4f64.sqrt(),
            observations: 10_001,
            skew: 0.0,
            kurtosis: 1.0,
        };
        let at = luck(&estimate(4.264), 1000).unwrap();
        assert!((at - 0.01).abs() < 2e-4, "{at}");
        assert!((luck(&estimate(0.0), 1).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(luck(&estimate(-9.0), 10).unwrap(), 1.0);
    }
}
