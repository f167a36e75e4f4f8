//! Values that parse but have no meaning.

use super::{DataKind, Extent, Fill, FillGaps, JobError, JobSpec, MOST_TRADES_KEPT, Method, ValidationSpec};
use crate::time::DurationNs;

/// Most points that are run again on ticks: a database keeps no more of a job's best points.
const MOST_FIDELITY: u64 = 10_000;

impl JobSpec {
    /// Reads and validates a job. Paths in it are not resolved here.
    pub fn from_toml(source: &str) -> Result<Self, JobError> {
        let mut job: Self = toml::from_str(source).map_err(|error| super::explain_toml(&error, source))?;
        job.validate()?;
        job.search.fill();
        Ok(job)
    }

    /// Refuses values without a meaning.
    pub fn validate(&self) -> Result<(), JobError> {
        if self.data.instruments.is_empty() {
            return bad(
                "data.instruments",
                "no instrument named".to_owned(),
                "name at least one; `assay data ls` lists what is imported",
            );
        }
        let mut symbols = self.data.instruments.clone();
        symbols.sort();
        if let Some([twice, _]) = symbols.array_windows().find(|[a, b]| a == b) {
            return bad(
                "data.instruments",
                format!("{twice} is named twice"),
                "name each instrument once",
            );
        }
        if let (Some(from), Some(to)) = (self.data.from, self.data.to)
            && from >= to
        {
            return bad(
                "data.to",
                format!("the window from {from} to {to} is empty"),
                "`to` is the first moment no longer traded",
            );
        }
        if self.data.source == Some(DataKind::Funding) {
            return bad(
                "data.source",
                "no bars are made from funding".to_owned(),
                "leave it out, or choose quotes, trades or bars; `[execution] funding = true` applies the rates",
            );
        }
        if self.data.bars.length().is_none() && self.data.fill_gaps == FillGaps::Forward {
            return bad(
                "data.fill_gaps",
                format!("bars of {} leave no gaps", self.data.bars),
                "leave it out: only bars of a length of time have gaps",
            );
        }
        if let Some(fidelity) = &self.fidelity {
            if fidelity.top == 0 || fidelity.top > MOST_FIDELITY {
                let message = format!("{} is not between 1 and {MOST_FIDELITY}", fidelity.top);
                return bad("fidelity.top", message, "so many of the best points are run again on ticks");
            }
            if self.execution.fill == Fill::NextTick {
                let message = "the job fills from ticks already".to_owned();
                return bad(
                    "fidelity",
                    message,
                    "leave it out, or sweep over bars first with fill = \"next_open\"",
                );
            }
        }
        if self.results.trades.is_some_and(|count| count > MOST_TRADES_KEPT) {
            return bad(
                "results.trades",
                format!("the trades of more than {MOST_TRADES_KEPT} points are not kept"),
                "`assay show TRIAL` replays any trial",
            );
        }
        let e = &self.execution;
        for (key, value) in [("execution.capital", e.capital), ("execution.leverage", e.leverage)] {
            if !(value.is_finite() && value > 0.0) {
                return bad(key, format!("{value} is not a positive number"), "give a number above 0");
            }
        }
        for (key, value, below) in [
            ("execution.commission", e.commission, 1.0),
            ("execution.slippage", e.slippage, 1.0),
            ("execution.maintenance_margin", e.maintenance_margin, 1.0),
            ("execution.commission_fixed", e.commission_fixed, f64::MAX),
            ("execution.commission_per_unit", e.commission_per_unit, f64::MAX),
            ("execution.commission_min", e.commission_min, f64::MAX),
            ("execution.spread", e.spread, f64::MAX),
        ] {
            if !(0.0..below).contains(&value) {
                return bad(
                    key,
                    format!("{value} is out of range"),
                    "ratios are written as such: 0.0005 is five hundredths of a per cent",
                );
            }
        }
        for (key, level) in [
            ("execution.stop_loss", &e.stop_loss),
            ("execution.take_profit", &e.take_profit),
            ("execution.trailing_stop", &e.trailing_stop),
        ] {
            // Other expressions are known when they are read.
            if let Some(level) = level
                && level.constant().is_some_and(|distance| distance <= 0.0)
            {
                let message = format!("`{level}` is no distance: every order would be skipped");
                return bad(
                    key,
                    message,
                    "distances are positive on both sides: \"2%\" is two per cent away",
                );
            }
        }
        for (key, value) in [
            ("execution.financing_long", e.financing_long),
            ("execution.financing_short", e.financing_short),
            ("execution.borrow", e.borrow),
            ("metrics.risk_free", self.metrics.risk_free),
        ] {
            if !value.is_finite() {
                return bad(
                    key,
                    format!("{value} is not a number"),
                    "an annual rate: 0.03 is three per cent a year",
                );
            }
        }
        if e.pyramiding == 0 {
            return bad(
                "execution.pyramiding",
                "0 allows no entry".to_owned(),
                "1 allows one entry and no further ones",
            );
        }
        if e.latency.0 > 0 && e.fill != Fill::NextTick {
            return bad(
                "execution.latency",
                "only `fill = \"next_tick\"` has a latency".to_owned(),
                "set fill = \"next_tick\" or leave latency out",
            );
        }
        if self
            .metrics
            .periods_per_year
            .is_some_and(|ppy| !(ppy.is_finite() && ppy > 0.0))
        {
            return bad(
                "metrics.periods_per_year",
                "not a positive number".to_owned(),
                "leave it out to use the instrument's calendar",
            );
        }
        self.validate_search()?;
        self.validate_objective()?;
        self.validation
            .check()
            .or_else(|(key, message, hint)| bad(key, message, hint))
    }

    fn validate_search(&self) -> Result<(), JobError> {
        let search = &self.search;
        let method = search.method;
        match (method, search.trials) {
            (Method::Grid, Some(_)) => {
                return bad(
                    "search.trials",
                    "a grid runs every point".to_owned(),
                    "leave `trials` out or choose method = \"random\"",
                );
            }
            (Method::Grid, None) => {}
            (_, None) => {
                let hint = format!("{method} needs `trials = n`");
                return bad("search.trials", "missing".to_owned(), &hint);
            }
            (_, Some(0)) => return bad("search.trials", "0 trials are none".to_owned(), "give a number above 0"),
            (_, Some(trials)) if method.learns() && trials > MOST_LEARNED => {
                let message = format!("{trials} trials are more than the {MOST_LEARNED} that a search that learns can have");
                return bad("search.trials", message, "search fewer points, or choose method = \"random\"");
            }
            _ => {}
        }
        let learning = [
            ("search.batch", search.batch.is_some()),
            ("search.lag", search.lag.is_some()),
            ("search.patience", search.patience.is_some()),
            ("search.start_from", search.start_from.is_some()),
            ("search.enqueue", !search.enqueue.is_empty()),
            ("search.probe", search.probe.is_some()),
        ];
        for (key, given) in learning {
            if given && !method.learns() {
                let message = format!("{method} does not learn from results");
                return bad(
                    key,
                    message,
                    "leave it out, or choose a search that learns, such as method = \"tpe\"",
                );
            }
        }
        if let Some(stray) = search.stray_settings() {
            let message = format!("[search.{stray}] has settings, but the method is {method}");
            return bad(
                "search.method",
                message,
                &format!("choose method = \"{stray}\", or remove them"),
            );
        }
        if search.batch.is_some_and(|batch| !(1..=100_000).contains(&batch)) {
            return bad(
                "search.batch",
                "not from 1 to 100,000".to_owned(),
                "16 points together are usual",
            );
        }
        if search.lag.is_some_and(|lag| lag > 1_000) {
            return bad(
                "search.lag",
                "more than 1,000".to_owned(),
                "1 keeps workers busy while a batch is proposed",
            );
        }
        if search.time_limit.is_some_and(|limit| limit <= DurationNs(0)) {
            return bad(
                "search.time_limit",
                "no time at all".to_owned(),
                "give a length of time such as \"10m\"",
            );
        }
        if search.patience == Some(0) {
            return bad(
                "search.patience",
                "0 points without an improvement end every search".to_owned(),
                "give a number above 0",
            );
        }
        search
            .check_settings()
            .or_else(|(key, must)| bad(key, "out of range".to_owned(), &format!("give {must}")))
    }

    fn validate_objective(&self) -> Result<(), JobError> {
        let (objective, method) = (&self.objective, self.search.method);
        let goals: Vec<_> = objective.goals().collect();
        for (index, goal) in goals.iter().enumerate() {
            if goals[..index].iter().any(|other| other.metric == goal.metric) {
                let message = format!("{} is named twice", goal.metric);
                return bad("objective.maximize", message, "name each metric once");
            }
        }
        if goals.len() > method.most_goals() {
            let message = format!("{method} pursues one goal, not {}", goals.len());
            return bad(
                "objective.maximize",
                message,
                "name one metric, or choose method = \"genetic\"",
            );
        }
        if goals.len() > MOST_GOALS {
            let message = format!("{} goals are more than {MOST_GOALS}", goals.len());
            return bad(
                "objective.maximize",
                message,
                "nearly all points would be optimal: name fewer metrics",
            );
        }
        let walks = matches!(&self.validation, ValidationSpec::WalkForward(_));
        if walks && goals.len() > 1 {
            let message = "several goals have no one winner to walk forward with".to_owned();
            return bad(
                "objective.maximize",
                message,
                "name one metric, and put the others under `require`",
            );
        }
        if let ValidationSpec::WalkForward(walk) = &self.validation
            && let (Extent::Time(train), Some(length)) = (walk.train, self.data.bars.length())
            && train.0 < length.ns()
        {
            let message = format!("{train} is shorter than a bar of {}", self.data.bars);
            return bad(
                "validation.train",
                message,
                "give it at least the length of some hundred bars",
            );
        }
        Ok(())
    }
}

/// Most points of a search that learns: it keeps all of them in memory.
const MOST_LEARNED: u64 = 1_000_000;
/// Most goals.
const MOST_GOALS: usize = 10;

fn bad<T>(key: &'static str, message: String, hint: &str) -> Result<T, JobError> {
    Err(JobError::Value {
        key,
        message,
        hint: Some(hint.to_owned()),
    })
}
