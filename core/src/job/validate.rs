//! Values that parse but have no meaning.

use super::{DataKind, Fill, JobError, JobSpec, Method};

impl JobSpec {
    /// Reads and validates a job. Paths in it are not resolved here.
    pub fn from_toml(source: &str) -> Result<Self, JobError> {
        let job: Self = toml::from_str(source).map_err(|error| super::explain_toml(&error, source))?;
        job.validate()?;
        Ok(job)
    }

    /// Refuses values without a meaning.
    pub fn validate(&self) -> Result<(), JobError> {
        let bad = |key, message: String, hint: &str| {
            Err(JobError::Value {
                key,
                message,
                hint: Some(hint.to_owned()),
            })
        };
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
        match (self.search.method, self.search.trials) {
            (Method::Random | Method::Sobol, None) => {
                bad("search.trials", "missing".to_owned(), "random and sobol need `trials = n`")
            }
            (_, Some(0)) => bad("search.trials", "0 trials are none".to_owned(), "give a number above 0"),
            (Method::Grid, Some(_)) => bad(
                "search.trials",
                "a grid runs every point".to_owned(),
                "leave `trials` out or choose method = \"random\"",
            ),
            _ => Ok(()),
        }
    }
}
