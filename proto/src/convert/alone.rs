//! What a worker and a process of its own that runs a single task say to each other, as bytes.

use std::sync::Arc;

use prost::Message;

use super::WireError;
use crate::protocol::{Grant, Question, Report};
use crate::wire;

/// A task, with all that is needed to run it without a coordinator.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskAlone {
    /// What to run.
    pub grant: Grant,
    /// The text from which its job is made.
    pub body: Arc<str>,
}

impl TaskAlone {
    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let wire = wire::TaskAlone {
            grant: Some(self.grant.clone().into()),
            body: self.body.to_string(),
        };
        wire.encode_to_vec()
    }

    /// As it comes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let wire = wire::TaskAlone::decode(bytes).map_err(|error| WireError::new("task", error))?;
        Ok(Self {
            grant: wire.grant.ok_or(WireError::missing("grant"))?.try_into()?,
            body: wire.body.into(),
        })
    }
}

/// What became of the task, as it is sent back.
pub fn report_to_bytes(grant: &Grant, report: &Report) -> Result<Vec<u8>, WireError> {
    let wire = wire::ReportRequest {
        worker: NOBODY.to_owned(),
        task: grant.task.0,
        attempt: grant.attempt.0,
        report: Some(report.try_into()?),
    };
    Ok(wire.encode_to_vec())
}

/// What became of the task, as it comes back; it must be about this one.
pub fn report_of(grant: &Grant, bytes: &[u8]) -> Result<Report, WireError> {
    let wire = wire::ReportRequest::decode(bytes).map_err(|error| WireError::new("report", error))?;
    match wire.try_into()? {
        Question::Report {
            task, attempt, report, ..
        } if (task, attempt) == (grant.task, grant.attempt) => Ok(report),
        _ => Err(WireError::new("task", "another one than was given")),
    }
}

/// The process has no name of its own.
const NOBODY: &str = "alone";

#[cfg(test)]
mod tests {
    use assay_core::ids::{Attempt, TaskId};
    use assay_store::TaskRange;

    use super::*;
    use crate::protocol::Work;

    #[test]
    fn a_task_and_its_end_come_through_and_another_ones_does_not() {
        let range = TaskRange {
            first_block: 7,
            blocks: 2,
        };
        let grant = Grant {
            task: TaskId(5),
            attempt: Attempt(3),
            job: "j_00000000000000ff".parse().unwrap(),
            range,
            work: Work::Blocks { first: 0, window: 0 },
            isolated: true,
            in_memory: false,
            threshold: None,
        };
        let task = TaskAlone {
            grant: grant.clone(),
            body: "a job".into(),
        };
        assert_eq!(TaskAlone::from_bytes(&task.to_bytes()), Ok(task.clone()));
        assert!(TaskAlone::from_bytes(&task.to_bytes()[..9]).is_err());
        let bytes = report_to_bytes(&grant, &Report::GivenBack(Some("full".to_owned()))).unwrap();
        let report = report_of(&grant, &bytes).unwrap();
        assert!(matches!(report, Report::GivenBack(Some(reason)) if reason == "full"));
        let other = Grant {
            attempt: Attempt(4),
            ..grant
        };
        assert_eq!(report_of(&other, &bytes).unwrap_err().field, "task");
        assert!(report_of(&other, b"rubbish").is_err());
    }
}
