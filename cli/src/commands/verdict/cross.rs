//! Combinatorial purged cross-validation: every trial once more for its returns, and the paths that choosing among them leads to.

use assay_core::job::{CpcvSpec, Extent};
use assay_core::space::Point;
use assay_optimizer::validation::{CombinatorialSplits, cross_validate};
use assay_report::Paths;
use assay_strategies::sweep::Sweep;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::Facts;
use super::market::Replays;
use crate::failure::Failure;
use crate::output::human;

/// Bars that are replayed at most, over all trials: a minute of one thread. Of more trials every so-manieth is taken.
const MOST_BARS: usize = 4_000_000_000;

/// The paths of a cross-validation.
pub(super) struct Crossed {
    spec: CpcvSpec,
    splits: usize,
    /// Annual Sharpe ratios, ascending; paths without one left out.
    paths: Vec<f64>,
    /// Paths there are.
    count: usize,
    trials: usize,
    of: usize,
}

impl Crossed {
    pub(super) fn new(spec: &CpcvSpec, replays: &Replays, points: &[Point]) -> Result<Self, Failure> {
        let bars = replays.bars().max(1);
        let step = points.len().div_ceil((MOST_BARS / bars).max(1)).max(1);
        let taken: Vec<&Point> = points.iter().step_by(step).collect();
        // A trial that failed has no returns and cannot be chosen.
        let returns: Vec<Vec<f64>> = taken.par_iter().filter_map(|point| replays.returns(point).ok()).collect();
        let observations = returns.first().map_or(0, Vec::len);
        let within = |extent: Extent| match extent {
            Extent::Bars(count) => (count as usize * observations).div_ceil(bars),
            Extent::Time(time) => (time.0 as f64 / replays.elapsed_ns() * observations as f64).ceil() as usize,
        };
        let (purge, embargo) = (within(spec.purge), within(spec.embargo));
        let splits = CombinatorialSplits::new(observations, spec.n as usize, spec.k as usize, purge, embargo)?;
        let periods = replays.periods_per_year();
        let found = cross_validate(&splits, &returns, replays.risk_free())?;
        let mut paths: Vec<f64> = found.paths.iter().flatten().map(|sharpe| sharpe * periods.sqrt()).collect();
        paths.sort_by(f64::total_cmp);
        Ok(Self {
            spec: spec.clone(),
            splits: splits.count(),
            paths,
            count: splits.paths(),
            trials: returns.len(),
            of: points.len(),
        })
    }

    /// Of the paths' Sharpe ratios; `None` if none has one.
    pub(super) fn median(&self) -> Option<f64> {
        let middle = self.paths.len().checked_sub(1)? / 2;
        Some(f64::midpoint(self.paths[middle], self.paths[self.paths.len() / 2]))
    }

    /// As it is drawn.
    pub(super) fn paths(&self, in_sample: Option<f64>) -> Paths {
        Paths {
            sharpe: self.paths.clone(),
            in_sample,
        }
    }

    fn losing(&self) -> f64 {
        let losing = self.paths.iter().filter(|sharpe| **sharpe <= 0.0).count();
        losing as f64 / self.paths.len().max(1) as f64
    }

    pub(super) fn to_json(&self, in_sample: Option<f64>) -> Value {
        json!({
            "method": "cpcv",
            "n": self.spec.n,
            "k": self.spec.k,
            "sharpe": self.median(),
            "in_sample_sharpe": in_sample,
            "paths": self.paths,
            "losing": self.losing(),
            "trials": self.trials,
        })
    }

    pub(super) fn facts(&self) -> Facts {
        let number = |value: Option<&f64>| value.map_or_else(|| human::UNDEFINED.to_owned(), |value| format!("{value:.2}"));
        let count = |n: usize| human::count(n as i64);
        let mut facts = vec![
            (
                "groups".to_owned(),
                format!(
                    "{}, {} tested at a time, {} splits",
                    self.spec.n,
                    self.spec.k,
                    count(self.splits)
                ),
            ),
            ("paths".to_owned(), count(self.count)),
            ("Sharpe ratio on the worst".to_owned(), number(self.paths.first())),
            ("on the median".to_owned(), number(self.median().as_ref())),
            ("on the best".to_owned(), number(self.paths.last())),
            ("paths that lose".to_owned(), human::percent(self.losing())),
        ];
        if self.trials < self.of {
            facts.push((
                "trials among which was chosen".to_owned(),
                format!("{} of {}", count(self.trials), count(self.of)),
            ));
        }
        facts
    }
}

impl Replays {
    /// Returns of a point: the mean over the instruments.
    pub(super) fn returns(&self, point: &Point) -> Result<Vec<f64>, Failure> {
        self.mean(|sweep| Ok(sweep.replay(point)?.returns))
    }

    /// Returns of buy-and-hold: the mean over the instruments.
    pub(super) fn market(&self) -> Result<Vec<f64>, Failure> {
        self.mean(|sweep| Ok(sweep.plan().benchmark_returns()))
    }

    fn mean(&self, of: impl Fn(&Sweep) -> Result<Vec<f64>, Failure>) -> Result<Vec<f64>, Failure> {
        let mut sum: Vec<f64> = Vec::new();
        for sweep in self.sweeps() {
            let returns = of(sweep)?;
            if sum.is_empty() {
                sum = returns;
            } else if sum.len() == returns.len() {
                sum.iter_mut().zip(returns).for_each(|(total, r)| *total += r);
            } else {
                return Err(Failure::usage("the instruments have different numbers of returns")
                    .hint("set `from` and `to` in [data] to a window that all of them have"));
            }
        }
        let count = self.sweeps().count() as f64;
        Ok(sum.into_iter().map(|total| total / count).collect())
    }

    pub(super) fn bars(&self) -> usize {
        self.sweeps().map(|sweep| sweep.plan().market.window.len()).sum()
    }

    fn elapsed_ns(&self) -> f64 {
        let of = |sweep: &Sweep| {
            let market = &sweep.plan().market;
            let window = market.window.clone();
            (market.time[window.end - 1] - market.time[window.start] + market.bar_ns) as f64
        };
        self.sweeps().map(of).fold(1.0, f64::max)
    }

    /// A period's, at which Sharpe ratios count from.
    pub(super) fn risk_free(&self) -> f64 {
        self.sweeps().map(|sweep| sweep.plan().config.risk_free).fold(0.0, f64::max)
    }

    pub(super) fn periods_per_year(&self) -> f64 {
        self.sweeps()
            .map(|sweep| sweep.plan().config.periods_per_year)
            .fold(1.0, f64::max)
    }
}
