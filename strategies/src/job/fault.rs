//! What can be wrong with a job.

use assay_core::ids::Symbol;
use assay_core::job::JobError;
use assay_core::time::UtcNs;
use assay_core::{Domain, Explain, SEMANTICS_VERSION};

use crate::error::StrategyError;

/// A job that cannot be made from what is given.
#[derive(Debug, thiserror::Error)]
pub enum JobFault {
    /// The job file.
    #[error(transparent)]
    Spec(#[from] JobError),
    /// The strategy, or the job's parameters for it.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// A window beyond the data.
    #[error("data.{key}: the window {what} at {at}, beyond the data of {symbol}")]
    Window {
        /// `from` or `to`.
        key: &'static str,
        /// `begins` or `ends`.
        what: &'static str,
        /// Where.
        at: UtcNs,
        /// The instrument.
        symbol: Symbol,
        /// Time of its first row.
        first: UtcNs,
        /// Time of its last row.
        last: UtcNs,
    },
    /// A text that is no job.
    #[error("a job cannot be read from its stored text: {0}")]
    Body(String),
    /// A job of another version.
    #[error("the job is of version {found} of the semantics, this is version {SEMANTICS_VERSION}")]
    Semantics {
        /// Its version.
        found: u32,
    },
}

impl Explain for JobFault {
    fn domain(&self) -> Domain {
        match self {
            Self::Spec(error) => error.domain(),
            Self::Strategy(error) => error.domain(),
            Self::Window { .. } => Domain::Usage,
            Self::Body(_) => Domain::External,
            Self::Semantics { .. } => Domain::NotAllowed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Spec(error) => error.hint(),
            Self::Strategy(error) => error.hint(),
            Self::Window { key, first, last, .. } => Some(format!(
                "they go from {first} to {last}: move `{key}` there, leave it out to use all of them, or import more"
            )),
            Self::Body(_) => None,
            Self::Semantics { .. } => Some("use the same version of assay everywhere, and run the job again".to_owned()),
        }
    }
}
