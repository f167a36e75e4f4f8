//! `assay plan | run | top | show | demo`

use std::path::PathBuf;

use assay_core::ids::TrialId;
use assay_core::metrics::Metric;
use clap::Args;
use clap_complete::ArgValueCandidates;

#[cfg(feature = "cluster")]
use super::ClusterArgs;
use super::candidates;
use super::values::{MemoryLimit, ThreadCount};

/// What a computation may take of the machine.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Limits {
    /// Threads that compute: a number, or `all` [default: all]
    #[arg(long, value_name = "N", env = "ASSAY_THREADS", hide_env_values = true)]
    pub(crate) threads: Option<ThreadCount>,
    /// Memory to stay under, such as 4GB [default: half of the limit of the cgroup, else of the machine]
    #[arg(long, value_name = "SIZE", env = "ASSAY_MEMORY", hide_env_values = true)]
    pub(crate) memory: Option<MemoryLimit>,
}

/// `assay plan`
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Job file
    pub(crate) job: PathBuf,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// `assay run`
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Job file
    pub(crate) job: PathBuf,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `assay jobs`
#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `assay top`
#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Job id, job name, or job file
    #[arg(add = ArgValueCandidates::new(candidates::jobs))]
    pub(crate) job: String,
    /// How many
    #[arg(short = 'n', long = "limit", default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Metric to rank by, a leading `-` for the smallest first [default: the job's objective]
    #[arg(long, value_name = "METRIC", allow_hyphen_values = true, value_parser = ranking, add = ArgValueCandidates::new(candidates::metrics))]
    pub(crate) by: Option<Ranking>,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `assay folds`
#[derive(Debug, Args)]
pub(crate) struct FoldsArgs {
    /// Job id, job name, or job file
    #[arg(add = ArgValueCandidates::new(candidates::jobs))]
    pub(crate) job: String,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// A metric and whether the smallest comes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranking {
    pub(crate) metric: Metric,
    pub(crate) negated: bool,
}

/// A metric to rank by.
pub(crate) fn ranking(text: &str) -> Result<Ranking, String> {
    let (negated, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
    let metric = name.parse::<Metric>().map_err(|error| error.to_string())?;
    Ok(Ranking { metric, negated })
}

/// `assay show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Trial id, as `top` prints it
    #[arg(add = ArgValueCandidates::new(candidates::trials))]
    pub(crate) trial: TrialId,
    /// What csv and parquet have a row of
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = ShowRows::Trades)]
    pub(crate) rows: ShowRows,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// What the rows of a trial are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ShowRows {
    /// Its trades.
    Trades,
    /// The close of each bar: equity, buy-and-hold, drawdown.
    Equity,
}

/// `assay compare`
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Trial id, as `top` prints it
    #[arg(add = ArgValueCandidates::new(candidates::trials))]
    pub(crate) first: TrialId,
    /// Another one
    #[arg(add = ArgValueCandidates::new(candidates::trials))]
    pub(crate) second: TrialId,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `assay verdict`
#[derive(Debug, Args)]
pub(crate) struct VerdictArgs {
    /// Job id, job name, or job file
    #[arg(conflicts_with = "returns", required_unless_present = "returns", add = ArgValueCandidates::new(candidates::jobs))]
    pub(crate) job: Option<String>,
    /// Judge returns from elsewhere: a Parquet file with one column a trial; a column `benchmark` holds the market's
    #[arg(long, value_name = "FILE")]
    pub(crate) returns: Option<PathBuf>,
    /// How many trials there were in all, if the file holds some of them
    #[arg(long, value_name = "N", requires = "returns")]
    pub(crate) trials: Option<u64>,
    /// Rows of the file in a year
    #[arg(long, value_name = "N", default_value_t = 252.0, requires = "returns", value_parser = positive)]
    pub(crate) periods_per_year: f64,
    /// Annual risk-free rate of the file's returns
    #[arg(long, value_name = "RATE", default_value_t = 0.0, requires = "returns", allow_negative_numbers = true, value_parser = finite)]
    pub(crate) risk_free: f64,
    /// Test all trials together, however long it takes, rather than as many as half a minute allows
    #[arg(long, conflicts_with = "returns")]
    pub(crate) every_trial: bool,
    /// Write the verdict as a page, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

fn finite(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    value.is_finite().then_some(value).ok_or_else(|| "not a number".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    finite(text).and_then(|value| {
        if value > 0.0 {
            Ok(value)
        } else {
            Err("not above 0".to_owned())
        }
    })
}

/// `assay demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) limits: Limits,
}
