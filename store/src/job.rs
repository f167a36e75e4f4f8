//! Jobs as the database keeps them.

use std::fmt;
use std::str::FromStr;

use assay_core::ids::JobId;
use assay_core::time::UtcNs;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// Where a job is in its life.
///
/// ```text
///            start              complete
///  queued ----------> running -----------------> done
///    ^               ^ |  ^ |                     |
///    |         start | |  | | pause               |
///    |               | |  | v                     |
///    |               | |  paused                  |
///    |               | |   |                      |
///    |               | v   v stop, fail           |
///    |             stopped, failed                |
///    +--------------------------------------------+
///              reopen: its files are gone
/// ```
/// From paused a job goes on as running. A run that was killed leaves its job `running`; whoever takes office, or holds the home's
/// lock, may start it again from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Known, not begun.
    Queued,
    /// A run works on it, or was killed while it did.
    Running,
    /// Begun; no task is handed out until its user resumes it.
    Paused,
    /// Interrupted by its user.
    Stopped,
    /// Ended by an error.
    Failed,
    /// All results are in place.
    Done,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Stopped,
        Self::Failed,
        Self::Done,
    ];

    /// As stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }

    /// Whether the lifecycle has this step.
    pub const fn may_become(self, next: Self) -> bool {
        use JobState::{Done, Failed, Paused, Queued, Running, Stopped};
        matches!(
            (self, next),
            (Queued | Running | Paused | Stopped | Failed, Running)
                | (Running, Paused | Done)
                | (Running | Paused, Stopped | Failed)
                | (Done, Queued)
        )
    }

    /// Whether a coordinator has something to do with the job.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Paused)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for JobState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("unknown state `{text}`"))
    }
}

/// The values that a job ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataHash {
    /// The instrument.
    pub symbol: String,
    /// Hexadecimal hash of the dataset's values.
    pub hash: String,
    /// Hexadecimal hash of its funding rates, for jobs that apply them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding: Option<String>,
    /// Hexadecimal hash of its ticks, for jobs that are decided by ticks of another dataset than their bars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticks: Option<String>,
}

/// A job about to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Who submitted it.
    pub owner: String,
    /// Its weight beside other jobs: 1 to 10.
    pub priority: u8,
    /// The job with its defaults filled in: an `assay_core::job::JobSpec` as JSON.
    pub spec: String,
    /// The strategy's source.
    pub strategy: String,
    /// What a coordinator and its workers rebuild the job from, in their encoding.
    pub body: String,
    /// What it runs on, in the order of its instruments.
    pub data: Vec<DataHash>,
    /// Columns of its results.
    pub layout: Layout,
    /// Trials expected.
    pub trials: u64,
    /// When it was submitted.
    pub created: UtcNs,
}

/// A job and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Who submitted it.
    pub owner: String,
    /// Its weight beside other jobs: 1 to 10.
    pub priority: u8,
    /// The job with its defaults filled in: an `assay_core::job::JobSpec` as JSON.
    pub spec: String,
    /// The strategy's source.
    pub strategy: String,
    /// What a coordinator and its workers rebuild the job from, in their encoding.
    pub body: String,
    /// What it runs on.
    pub data: Vec<DataHash>,
    /// Semantics version of its numbers.
    pub semantics: u32,
    /// Columns of its results.
    pub layout: Layout,
    /// Where it is.
    pub state: JobState,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was first submitted.
    pub created: UtcNs,
    /// When it was last started.
    pub started: Option<UtcNs>,
    /// When it was done.
    pub finished: Option<UtcNs>,
    /// Trials expected; exact once done.
    pub trials: u64,
    /// Trials whose rows are safe.
    pub trials_done: u64,
    /// Those of them that failed.
    pub trials_failed: u64,
    /// Points, once done.
    pub points: Option<u64>,
    /// Bars of all instruments together, once done.
    pub bars: Option<u64>,
    /// Fingerprint of all rows, once done.
    pub fingerprint: Option<String>,
    /// Wall time of the run that finished it.
    pub seconds: Option<f64>,
    /// Whether another run of it would find the same: not if it was ended by its limit of time.
    pub reproducible: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_back_and_nothing_follows_done_but_reopening() {
        for state in JobState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
            assert_eq!(JobState::Done.may_become(state), state == JobState::Queued);
            assert_eq!(state.may_become(JobState::Done), state == JobState::Running);
        }
        assert!("gone".parse::<JobState>().is_err());
    }
}
