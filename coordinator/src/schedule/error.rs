//! What can be wrong with a schedule.

use assay_core::{Domain, Explain};
use assay_optimizer::OptimizerError;
use assay_store::StoreError;
use assay_strategies::JobFault;

use crate::error::CoordinatorError;

/// A schedule that cannot be what it is asked to be.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Times that cannot be read.
    #[error("`{cron}` does not say when: {reason}")]
    Cron {
        /// As written.
        cron: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A zone that nobody knows.
    #[error("no time zone `{0}`")]
    Zone(String),
    /// A name that cannot be one.
    #[error("`{0}` is not a name for a schedule; expected letters, digits, spaces, `.`, `-`, `_`, at most 64")]
    Name(String),
    /// A name that is taken.
    #[error("there is a schedule `{0}` already")]
    Taken(String),
    /// No schedule of that name.
    #[error("no schedule `{name}`")]
    Unknown {
        /// As asked for.
        name: String,
        /// The nearest name, if there is one.
        nearest: Option<String>,
    },
    /// A schedule that has nothing to report.
    #[error("schedule `{0}` has no report yet")]
    NoReport(String),
    /// A schedule that is enabled or disabled already.
    #[error("schedule `{name}` is {state} already")]
    Already {
        /// Its name.
        name: String,
        /// `enabled` or `disabled`.
        state: &'static str,
    },
    /// A report that cannot be read.
    #[error("the report of schedule `{name}` cannot be read: {reason}")]
    Report {
        /// The schedule.
        name: String,
        /// Why.
        reason: String,
    },
    /// The job.
    #[error(transparent)]
    Job(#[from] JobFault),
    /// Its search.
    #[error(transparent)]
    Search(#[from] OptimizerError),
    /// The coordinator.
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Refuses a name that would be hard to type or to read.
pub(super) fn check_name(name: &str) -> Result<(), ScheduleError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_');
    if name.trim() == name && (1..=64).contains(&name.chars().count()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(ScheduleError::Name(name.to_owned()))
}

impl Explain for ScheduleError {
    fn domain(&self) -> Domain {
        match self {
            Self::Cron { .. } | Self::Zone(_) | Self::Name(_) => Domain::Usage,
            Self::Taken(_) | Self::Already { .. } => Domain::NotAllowed,
            Self::Unknown { .. } | Self::NoReport(_) => Domain::NotFound,
            Self::Report { .. } => Domain::External,
            Self::Job(error) => error.domain(),
            Self::Search(error) => error.domain(),
            Self::Coordinator(error) => error.domain(),
            Self::Store(error) => error.domain(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Coordinator(error) => error.retryable(),
            Self::Store(error) => error.retryable(),
            _ => false,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Cron { .. } => {
                "minute, hour, day of the month, month, day of the week: `0 2 * * *` is every night at two, `30 18 * * MON-FRI` every \
                 weekday at half past six in the evening"
                    .to_owned()
            }
            Self::Zone(_) => "name a zone of the IANA database, such as Europe/London or America/New_York".to_owned(),
            Self::Taken(_) => "choose another --name, or remove the other one: `assay schedule rm NAME`".to_owned(),
            Self::Unknown { nearest: Some(name), .. } => format!("did you mean `{name}`?"),
            Self::Unknown { nearest: None, .. } | Self::Already { .. } => "`assay schedule ls` lists them".to_owned(),
            Self::NoReport(_) => "a report is written when a run's job is over; `assay schedule run-now NAME` begins one".to_owned(),
            Self::Job(error) => return error.hint(),
            Self::Search(error) => return error.hint(),
            Self::Coordinator(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Name(_) => "choose one with --name".to_owned(),
            Self::Report { .. } => return None,
        })
    }
}
