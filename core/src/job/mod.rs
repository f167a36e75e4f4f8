//! What a user submits: one TOML file, unknown keys refused, every default filled in.

mod error;
mod execution;
mod fidelity;
mod forms;
mod methods;
mod objective;
mod search;
#[cfg(test)]
mod tests;
mod validate;
mod validation;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use error::{JobError, explain_toml};
pub use execution::{Amount, Direction, Execution, Fill, Intrabar, Level, OnOpposite, Size};
pub use fidelity::FidelitySpec;
pub use methods::{
    BayesSettings, CmaesSettings, DeSettings, GeneticSettings, HalvingSettings, PolishSettings, PsoSettings, RefineSettings,
    Restarts, TpeSettings,
};
pub use objective::{Aggregate, Goal, Objective};
pub use search::{DEFAULT_BATCH, DEFAULT_LAG, DEFAULT_PROBE, Method, SearchSpec};
pub use validation::{CpcvSpec, Extent, HoldoutSpec, ValidationSpec, WalkForwardSpec};

use crate::bars::BarSpec;
use crate::ids::Symbol;
use crate::space::Space;
use crate::time::UtcNs;

/// A job as written, defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// A name for people.
    pub name: String,
    /// Which data.
    pub data: DataSpec,
    /// Which strategy.
    pub strategy: StrategyRef,
    /// The space; without it, the strategy's own. Parameters left out take the strategy's defaults.
    #[serde(default)]
    pub params: Option<Space>,
    /// How signals become fills.
    #[serde(default)]
    pub execution: Execution,
    /// How returns are sampled and annualised.
    #[serde(default)]
    pub metrics: MetricsSpec,
    /// How the space is searched.
    #[serde(default)]
    pub search: SearchSpec,
    /// What is better.
    #[serde(default)]
    pub objective: Objective,
    /// What the search may not see. Left out of the canonical job where there is none, so that such jobs keep their ids.
    #[serde(default, skip_serializing_if = "ValidationSpec::is_none")]
    pub validation: ValidationSpec,
    /// What is run again on ticks. It changes no row of the job, and so not its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fidelity: Option<FidelitySpec>,
    /// What is kept.
    #[serde(default)]
    pub results: ResultsSpec,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Symbols in the catalog.
    pub instruments: Vec<Symbol>,
    /// What makes a bar.
    pub bars: BarSpec,
    /// First moment traded (bars before it are warm-up).
    #[serde(default)]
    pub from: Option<UtcNs>,
    /// First moment no longer traded.
    #[serde(default)]
    pub to: Option<UtcNs>,
    /// What stands where no bar exists.
    #[serde(default)]
    pub fill_gaps: FillGaps,
    /// Which dataset bars are made from; by default quotes, else trades, else bars.
    #[serde(default)]
    pub source: Option<DataKind>,
}

/// Kind of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// Ticks with bid and ask.
    Quotes,
    /// Ticks with price and size.
    Trades,
    /// Time bars.
    Bars,
    /// Rates that holders of a position pay at certain times; no bars are made from them.
    Funding,
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quotes => "quotes",
            Self::Trades => "trades",
            Self::Bars => "bars",
            Self::Funding => "funding",
        })
    }
}

/// `fill_gaps`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillGaps {
    /// Bars exist only where there was data.
    #[default]
    None,
    /// A missing bar repeats the last close, with volume 0.
    Forward,
}

/// `[strategy]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyRef {
    /// Path of a file beside the job, or a library name.
    #[serde(rename = "use")]
    pub name: String,
}

/// How often equity is sampled for returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sampling {
    /// Every bar.
    #[serde(rename = "bar")]
    Bar,
    /// Every trading day.
    #[serde(rename = "1d")]
    Day,
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSpec {
    /// By default `1d` for bars shorter than a day, else `bar`.
    pub sampling: Option<Sampling>,
    /// Returns a year; by default from the calendar.
    pub periods_per_year: Option<f64>,
    /// Annual risk-free rate.
    pub risk_free: f64,
}

/// How many rows are kept in the result files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Every trial.
    #[default]
    All,
    /// The best so many points.
    Best(u64),
}

/// `[results]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResultsSpec {
    /// Rows kept.
    pub keep: Keep,
    /// Best points whose trades are kept in the database, on every instrument; by default [`TRADES_KEPT`] in a cluster, and none on one
    /// machine, where a trial is replayed when it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trades: Option<u32>,
}

/// Best points of a job whose trades a cluster keeps, unless the job says otherwise.
pub const TRADES_KEPT: u32 = 10;
/// Most that a job may ask for.
pub const MOST_TRADES_KEPT: u32 = 10_000;
