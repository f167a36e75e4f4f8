//! What can go wrong between a coordinator and those who ask it.

use assay_core::ids::JobId;
use assay_core::{Domain, Explain};
use assay_proto::Answer;
use assay_store::{JobState, StoreError};

/// A request that a coordinator cannot fulfil, or the end of its office.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The office was lost: the database was out of reach for too long, or another coordinator took over.
    #[error("this coordinator is no longer in office")]
    Deposed,
    /// Its office is over.
    #[error("the coordinator has stopped")]
    Gone,
    /// A job that is over, or was never there.
    #[error("job {job} is not running")]
    NotOpen {
        /// The job.
        job: JobId,
    },
    /// A step that the job's lifecycle does not have.
    #[error("job {job} is {state}")]
    NotNow {
        /// The job.
        job: JobId,
        /// Where it is.
        state: JobState,
    },
    /// A search that cannot begin with the results of another job.
    #[error("search.start_from: the search cannot begin with the results of {job}: {reason}")]
    StartFrom {
        /// The other job.
        job: JobId,
        /// Why.
        reason: String,
    },
    /// A defect.
    #[error("an answer that does not fit the question: {0}")]
    Unexpected(String),
}

impl CoordinatorError {
    pub(crate) fn unexpected(answer: &Answer) -> Self {
        Self::Unexpected(format!("{answer:?}"))
    }
}

impl Explain for CoordinatorError {
    fn domain(&self) -> Domain {
        match self {
            Self::Store(error) => error.domain(),
            Self::Gone | Self::Deposed => Domain::Unreachable,
            Self::NotOpen { .. } => Domain::NotFound,
            Self::NotNow { .. } => Domain::NotAllowed,
            Self::StartFrom { .. } => Domain::Usage,
            Self::Unexpected(_) => Domain::Internal,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.retryable(),
            Self::Gone | Self::Deposed => true,
            _ => false,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Gone | Self::Deposed => Some("another one takes over within seconds: try again".to_owned()),
            Self::NotOpen { .. } => Some("`assay jobs` lists the jobs and where they are".to_owned()),
            Self::NotNow { .. } => Some("a running job can be paused, a paused one resumed, both can be cancelled".to_owned()),
            Self::StartFrom { .. } => Some("name a finished job over the same parameters; `assay jobs` lists them".to_owned()),
            Self::Unexpected(_) => None,
        }
    }
}
