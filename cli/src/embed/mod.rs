//! What a program in the same process may ask for: the commands without their output.
//!
//! [`Assay`] stands for a home, or for a cluster with a home beside it. Records come as JSON, rows as Arrow batches with the columns of
//! the command's files, errors as [`Failure`]. Nothing is printed: an [`Audience`] hears of progress and warnings.

mod frames;
mod jobs;
mod language;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use assay_core::ids::TrialId;
use serde_json::Value;

pub use crate::audience::Audience;
pub use crate::failure::Failure;
pub use frames::{FrameOf, Signals};
pub use jobs::{JobText, RunEnd};
pub use language::{evaluate, functions, library_source, strategy};

use crate::args::{ClusterArgs, FoldsArgs, GlobalArgs, JobsArgs, Limits, MemoryLimit, ThreadCount, TopArgs, VerdictArgs};
use crate::commands;
use crate::output::Rows;
use crate::settings::Settings;

/// Where things are, and what may be taken of the machine. What is left out comes from `ASSAY_*`, `assay.toml` and so on, as on the
/// command line.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The home.
    pub home: Option<PathBuf>,
    /// Threads that compute.
    pub threads: Option<String>,
    /// Memory to stay under, such as `4GB`.
    pub memory: Option<String>,
    /// Addresses of a cluster's coordinators, separated by commas.
    pub cluster: Option<String>,
    /// The key for it.
    pub key: Option<String>,
}

/// A home or a cluster.
#[derive(Debug)]
pub struct Assay {
    settings: Settings,
    limits: Limits,
    cluster: ClusterArgs,
}

impl Assay {
    /// Reads the settings; nothing is opened or created yet.
    pub fn new(place: Place, audience: Arc<dyn Audience>) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let global = GlobalArgs {
            home: place.home.or_else(|| variable("ASSAY_HOME").map(PathBuf::from)),
            output: None,
            verbose: 0,
        };
        let threads = place.threads.or_else(|| variable("ASSAY_THREADS"));
        let memory = place.memory.or_else(|| variable("ASSAY_MEMORY"));
        let mut settings = Settings::load(&global, Instant::now())?;
        settings.audience = Some(audience);
        Ok(Self {
            settings,
            limits: Limits {
                threads: threads
                    .map(|text| text.parse::<ThreadCount>())
                    .transpose()
                    .map_err(Failure::usage)?,
                memory: memory
                    .map(|text| text.parse::<MemoryLimit>())
                    .transpose()
                    .map_err(Failure::usage)?,
            },
            cluster: ClusterArgs {
                cluster: place.cluster,
                key: place.key,
            },
        })
    }

    /// Where data and results live.
    pub fn home(&self) -> &Path {
        &self.settings.home
    }

    /// All jobs, newest first: the columns of `assay jobs`.
    pub fn jobs(&self) -> Result<RecordBatch, Failure> {
        batch(&commands::jobs::all_rows(
            &JobsArgs {
                cluster: self.cluster.clone(),
            },
            &self.settings,
        )?)
    }

    /// The best points of a job: the columns of `assay top`. `by` is a metric, with a leading `-` for the smallest first.
    pub fn top(&self, job: &str, count: usize, by: Option<&str>) -> Result<RecordBatch, Failure> {
        let args = TopArgs {
            job: job.to_owned(),
            limit: count,
            by: by.map(crate::args::ranking).transpose().map_err(Failure::usage)?,
            cluster: self.cluster.clone(),
        };
        let ranking = commands::top::Ranking::find(&args, &self.settings)?;
        batch(&ranking.board()?.file_rows())
    }

    /// The folds of a walk forward.
    pub fn folds(&self, job: &str) -> Result<RecordBatch, Failure> {
        let args = FoldsArgs {
            job: job.to_owned(),
            cluster: self.cluster.clone(),
        };
        batch(&commands::folds::all_rows(&args, &self.settings)?)
    }

    /// What the best of a job is worth: the JSON of `assay verdict`, and its page.
    pub fn verdict(&self, job: &str) -> Result<(Value, String), Failure> {
        let args = VerdictArgs {
            every_trial: false,
            job: Some(job.to_owned()),
            returns: None,
            trials: None,
            periods_per_year: 252.0,
            risk_free: 0.0,
            html: None,
            cluster: self.cluster.clone(),
        };
        commands::verdict::json_and_page(&args, &self.settings)
    }

    /// A trial run again in full: the JSON of `assay show`, its trades, and the close of each bar.
    pub fn trial(&self, trial: TrialId) -> Result<(Value, RecordBatch, RecordBatch), Failure> {
        let (json, trades, equity) = commands::show::in_full(trial, &self.cluster, &self.settings)?;
        Ok((json, batch(&trades)?, batch(&equity)?))
    }

    /// The trades of a trial, as they are kept, or run again where they are not.
    pub fn trades(&self, trial: TrialId) -> Result<RecordBatch, Failure> {
        batch(&commands::trades::kept_rows(trial, &self.cluster, &self.settings)?)
    }

    /// Shares of the objective's variance that parameters explain: the columns of `assay importance`.
    pub fn importance(&self, job: &str) -> Result<RecordBatch, Failure> {
        let args = crate::args::ImportanceArgs {
            job: job.to_owned(),
            cluster: self.cluster.clone(),
        };
        batch(&commands::importance::found(&args, &self.settings)?.rows)
    }
}

fn batch(rows: &Rows) -> Result<RecordBatch, Failure> {
    rows.to_batch()
        .map_err(|error| Failure::internal(format!("cannot lay out columns: {error}")))
}
