//! What the best trial, or the winners of a walk forward, do on data that their search had not seen.

use assay_core::metrics::{Metric, Metrics};
use assay_data::Catalog;
use assay_optimizer::verdict::OutOfSample;
use assay_proto::{HeldBackState, Recorded};
use serde_json::{Value, json};

use super::Facts;
use super::facts::fact;
use super::market::Replays;
use crate::commands::folds::Fold;
use crate::failure::Failure;
use crate::output::human;

/// What the best trial does on the data that its search had not seen.
pub(super) struct HeldBack {
    pub(super) state: HeldBackState,
    pub(super) metrics: Metrics,
}

impl HeldBack {
    /// Looks, after the look is recorded; `None` without a holdout.
    pub(super) fn look(
        recorded: &Recorded,
        replays: &Replays,
        catalog: &Catalog,
        record_look: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<Option<Self>, Failure> {
        let (Some(state), Some(best)) = (recorded.held_back, &recorded.best) else {
            return Ok(None);
        };
        let Some(markets) = replays.held_back(catalog)? else {
            return Ok(None);
        };
        record_look()?;
        Ok(Some(Self {
            state,
            metrics: replays.on(&markets, &best.point),
        }))
    }

    pub(super) fn of_verdict(&self) -> OutOfSample {
        OutOfSample {
            sharpe: self.metrics.get(Metric::Sharpe),
            seen: self.state.searched || self.state.looked_at_before,
            walked: false,
        }
    }

    pub(super) fn to_json(&self, in_sample: Option<f64>) -> Value {
        let sharpe = self.metrics.get(Metric::Sharpe);
        json!({
            "method": "holdout",
            "from": self.state.from,
            "to": self.state.to,
            "sharpe": sharpe,
            "in_sample_sharpe": in_sample,
            "ratio": sharpe.zip(in_sample.filter(|sharpe| *sharpe > 0.0)).map(|(out, inside)| out / inside),
            "total_return": self.metrics.get(Metric::TotalReturn),
            "trades": self.metrics.get(Metric::Trades),
            "seen": self.of_verdict().seen,
            "looks": self.state.looks + 1,
        })
    }

    pub(super) fn facts(&self) -> Facts {
        let show = |metric: Metric| human::metric(metric, self.metrics.get(metric));
        let seen = match (self.state.searched, self.state.looked_at_before) {
            (true, _) => "a search like this one had them before",
            (false, true) => "the verdict on another job had looked at them before",
            (false, false) => "nobody had seen them before",
        };
        vec![
            fact(
                "held back",
                format!("{} to {}", human::time(self.state.from.0), human::time(self.state.to.0)),
            ),
            fact("seen", seen),
            fact("looks so far", human::count(self.state.looks as i64 + 1)),
            fact("sharpe", show(Metric::Sharpe)),
            fact("total_return", show(Metric::TotalReturn)),
            fact("max_drawdown", show(Metric::MaxDrawdown)),
            fact("trades", show(Metric::Trades)),
        ]
    }
}

/// What a walk forward came to: means over the instruments.
pub(super) struct Walked {
    pub(super) folds: usize,
    pub(super) sharpe: Option<f64>,
    pub(super) total_return: Option<f64>,
    pub(super) efficiency: Option<f64>,
}

impl Walked {
    pub(super) fn new(folds: &[Fold]) -> Option<Self> {
        let whole = || folds.iter().filter(|fold| fold.number < 0);
        let mean = |of: &dyn Fn(&Fold) -> Option<f64>| {
            let all: Option<Vec<f64>> = whole().map(of).collect();
            let all = all.filter(|all| !all.is_empty())?;
            Some(all.iter().sum::<f64>() / all.len() as f64)
        };
        whole().next()?;
        Some(Self {
            folds: folds
                .iter()
                .filter_map(|fold| usize::try_from(fold.number).ok())
                .max()
                .map_or(0, |last| last + 1),
            sharpe: mean(&|fold| fold.value("out_of_sample", Metric::Sharpe)),
            total_return: mean(&|fold| fold.value("out_of_sample", Metric::TotalReturn)),
            efficiency: mean(&|fold| fold.number("efficiency")),
        })
    }

    pub(super) fn to_json(&self, in_sample: Option<f64>) -> Value {
        json!({
            "method": "walk_forward",
            "folds": self.folds,
            "sharpe": self.sharpe,
            "in_sample_sharpe": in_sample,
            "ratio": self.sharpe.zip(in_sample.filter(|sharpe| *sharpe > 0.0)).map(|(out, inside)| out / inside),
            "total_return": self.total_return,
            "efficiency": self.efficiency,
        })
    }

    pub(super) fn facts(&self) -> Facts {
        let show = |metric: Metric, value| fact(metric.name(), human::metric(metric, value));
        vec![
            fact("folds", human::count(self.folds as i64)),
            show(Metric::Sharpe, self.sharpe),
            show(Metric::TotalReturn, self.total_return),
            fact(
                "efficiency: annual return kept of that in training",
                self.efficiency.map_or_else(|| human::UNDEFINED.to_owned(), human::percent),
            ),
        ]
    }
}
