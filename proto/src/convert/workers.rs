//! What workers say, and what they are answered.

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::{Attempt, Ordinal, TaskId};
use assay_core::rank::{Ranked, Standing};
use assay_core::row::Planned;
use assay_core::space::Point;
use assay_optimizer::JobStatistics;
use assay_optimizer::search::Outcome;
use assay_store::{FoldRecord, Staged, TaskRange};

use super::{WireError, parse};
use crate::protocol::{Answer, Grant, PointOutcome, Question, Report, Rows, TaskResult, Work};
use crate::wire;

fn bytes32(field: &'static str, bytes: &[u8]) -> Result<[u8; 32], WireError> {
    bytes
        .try_into()
        .map_err(|_| WireError::new(field, format!("{} bytes instead of 32", bytes.len())))
}

impl From<TaskRange> for wire::BlockRange {
    fn from(range: TaskRange) -> Self {
        Self {
            first_block: range.first_block,
            blocks: range.blocks,
        }
    }
}

impl TryFrom<Option<wire::BlockRange>> for TaskRangeOf {
    type Error = WireError;

    fn try_from(range: Option<wire::BlockRange>) -> Result<Self, WireError> {
        let range = range.ok_or(WireError::missing("range"))?;
        if range.blocks == 0 || range.first_block.checked_add(range.blocks).is_none() {
            return Err(WireError::new("range", "no run of blocks"));
        }
        Ok(Self(TaskRange {
            first_block: range.first_block,
            blocks: range.blocks,
        }))
    }
}

/// A range that was looked at.
struct TaskRangeOf(TaskRange);

impl From<&Staged> for wire::StagedFile {
    fn from(staged: &Staged) -> Self {
        Self {
            job: staged.job.to_string(),
            range: Some(staged.range.into()),
            attempt: staged.attempt,
            file: staged.file.clone(),
            bytes: staged.bytes,
            hash: staged.hash.to_vec(),
            rows: staged.rows,
            failed: staged.failed,
            fingerprint: staged.fingerprint.to_bytes().to_vec(),
        }
    }
}

impl TryFrom<wire::StagedFile> for Staged {
    type Error = WireError;

    fn try_from(staged: wire::StagedFile) -> Result<Self, WireError> {
        let TaskRangeOf(range) = staged.range.try_into()?;
        // The name becomes a path: only the name that a worker gives such a file is one.
        if staged.file != Self::file_name(range, staged.attempt) {
            return Err(WireError::new(
                "staged.file",
                format!("`{}` is not the name of this task's file", staged.file),
            ));
        }
        Ok(Self {
            job: parse("staged.job", &staged.job)?,
            range,
            attempt: staged.attempt,
            file: staged.file,
            bytes: staged.bytes,
            hash: bytes32("staged.hash", &staged.hash)?,
            rows: staged.rows,
            failed: staged.failed,
            fingerprint: Fingerprint::from_bytes(bytes32("staged.fingerprint", &staged.fingerprint)?),
        })
    }
}

impl TryFrom<&TaskResult> for wire::TaskResult {
    type Error = WireError;

    fn try_from(result: &TaskResult) -> Result<Self, WireError> {
        let Rows::Staged(staged) = &result.rows else {
            return Err(WireError::new("staged", "rows in memory cannot be sent"));
        };
        Ok(Self {
            staged: Some(staged.into()),
            statistics: result.statistics.to_bytes(),
            best: result.best.iter().map(Into::into).collect(),
            bars: result.bars,
            points: result.points,
            seconds: result.seconds,
            outcomes: result.outcomes.iter().map(Into::into).collect(),
        })
    }
}

impl From<&PointOutcome> for wire::PointOutcome {
    fn from(point: &PointOutcome) -> Self {
        let losses = &point.outcome.losses;
        Self {
            ordinal: point.ordinal.0,
            losses: losses.as_ref().map_or(Vec::new(), |losses| losses.to_vec()),
            undefined: losses.is_none(),
            violation: point.outcome.violation,
        }
    }
}

impl From<wire::PointOutcome> for PointOutcome {
    fn from(point: wire::PointOutcome) -> Self {
        Self {
            ordinal: Ordinal(point.ordinal),
            outcome: Outcome {
                losses: (!point.undefined).then(|| point.losses.into()),
                violation: point.violation,
            },
        }
    }
}

impl From<&FoldRecord> for wire::FoldRecord {
    fn from(fold: &FoldRecord) -> Self {
        Self {
            fold: fold.fold,
            instrument: fold.instrument,
            record: fold.record.clone(),
        }
    }
}

impl From<wire::FoldRecord> for FoldRecord {
    fn from(fold: wire::FoldRecord) -> Self {
        Self {
            fold: fold.fold,
            instrument: fold.instrument,
            record: fold.record,
        }
    }
}

impl From<&Planned> for wire::PlannedPoint {
    fn from(planned: &Planned) -> Self {
        Self {
            ordinal: planned.ordinal.0,
            coordinates: planned.point.0.to_vec(),
            window: planned.window,
        }
    }
}

impl From<wire::PlannedPoint> for Planned {
    fn from(planned: wire::PlannedPoint) -> Self {
        Self {
            ordinal: Ordinal(planned.ordinal),
            point: Point(planned.coordinates.into()),
            window: planned.window,
        }
    }
}

impl TryFrom<wire::TaskResult> for TaskResult {
    type Error = WireError;

    fn try_from(result: wire::TaskResult) -> Result<Self, WireError> {
        let staged: Staged = result.staged.ok_or(WireError::missing("staged"))?.try_into()?;
        let statistics = JobStatistics::from_bytes(&result.statistics);
        let best = result.best.into_iter().map(Ranked::try_from);
        if !(result.seconds.is_finite() && result.seconds >= 0.0) {
            return Err(WireError::new("seconds", "not a length of time"));
        }
        Ok(Self {
            rows: Rows::Staged(staged),
            statistics: statistics.ok_or(WireError::new("statistics", "not statistics of blocks"))?,
            best: best.collect::<Result<_, _>>()?,
            bars: result.bars,
            points: result.points,
            seconds: result.seconds,
            outcomes: result.outcomes.into_iter().map(Into::into).collect(),
        })
    }
}

impl TryFrom<wire::ReportRequest> for Question {
    type Error = WireError;

    fn try_from(request: wire::ReportRequest) -> Result<Self, WireError> {
        use wire::report_request::Report as Kind;
        let report = match request.report.ok_or(WireError::missing("report"))? {
            Kind::Done(result) => Report::Done(Box::new(result.try_into()?)),
            Kind::GivenBack(given) => Report::GivenBack(given.reason),
            Kind::Failed(failed) => Report::Failed(failed.reason),
            Kind::Walked(walked) => Report::Walked(walked.folds.into_iter().map(Into::into).collect()),
        };
        Ok(Self::Report {
            worker: parse("worker", &request.worker)?,
            task: TaskId(request.task),
            attempt: Attempt(request.attempt),
            report,
        })
    }
}

impl TryFrom<&Report> for wire::report_request::Report {
    type Error = WireError;

    fn try_from(report: &Report) -> Result<Self, WireError> {
        Ok(match report {
            Report::Done(result) => Self::Done(result.as_ref().try_into()?),
            Report::GivenBack(reason) => Self::GivenBack(wire::GivenBack { reason: reason.clone() }),
            Report::Failed(reason) => Self::Failed(wire::TaskFailed { reason: reason.clone() }),
            Report::Walked(folds) => Self::Walked(wire::WalkResult {
                folds: folds.iter().map(Into::into).collect(),
            }),
        })
    }
}

impl From<(TaskId, Attempt)> for wire::TaskAttempt {
    fn from((task, attempt): (TaskId, Attempt)) -> Self {
        Self {
            task: task.0,
            attempt: attempt.0,
        }
    }
}

impl From<wire::TaskAttempt> for (TaskId, Attempt) {
    fn from(wire: wire::TaskAttempt) -> Self {
        (TaskId(wire.task), Attempt(wire.attempt))
    }
}

impl TryFrom<wire::HeartbeatRequest> for Question {
    type Error = WireError;

    fn try_from(request: wire::HeartbeatRequest) -> Result<Self, WireError> {
        Ok(Self::Heartbeat {
            worker: parse("worker", &request.worker)?,
            slots: request.slots,
            running: request.running.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<Grant> for wire::Grant {
    fn from(grant: Grant) -> Self {
        let (mut points, mut walk, mut fold_first_block, mut over) = (None, None, 0, 0);
        match &grant.work {
            Work::Blocks { first, window } => (fold_first_block, over) = (*first, *window),
            Work::Points(planned) => {
                points = Some(wire::PlannedPoints {
                    points: planned.iter().map(Into::into).collect(),
                });
            }
            Work::Walk(winners) => {
                let winner = |point: &Option<Planned>| wire::Winner {
                    point: point.as_ref().map(Into::into),
                };
                walk = Some(wire::Walk {
                    winners: winners.iter().map(winner).collect(),
                });
            }
        }
        Self {
            points,
            walk,
            fold_first_block,
            window: over,
            task: grant.task.0,
            attempt: grant.attempt.0,
            job: grant.job.to_string(),
            range: Some(grant.range.into()),
            isolated: grant.isolated,
            threshold: grant.threshold.map(|standing| wire::Threshold {
                score: standing.score,
                ordinal: standing.ordinal.0,
                violation: standing.violation,
            }),
        }
    }
}

impl TryFrom<wire::Grant> for Grant {
    type Error = WireError;

    fn try_from(grant: wire::Grant) -> Result<Self, WireError> {
        let TaskRangeOf(range) = grant.range.try_into()?;
        let work = match (grant.points, grant.walk) {
            (Some(planned), None) => Work::Points(planned.points.into_iter().map(Into::into).collect()),
            (None, Some(walk)) => {
                let winners = walk.winners.into_iter();
                Work::Walk(winners.map(|winner| winner.point.map(Into::into)).collect())
            }
            (None, None) => Work::Blocks {
                first: grant.fold_first_block,
                window: grant.window,
            },
            (Some(_), Some(_)) => return Err(WireError::new("walk", "beside points")),
        };
        Ok(Self {
            work,
            task: TaskId(grant.task),
            attempt: Attempt(grant.attempt),
            job: parse("job", &grant.job)?,
            range,
            isolated: grant.isolated,
            in_memory: false,
            threshold: grant.threshold.map(|threshold| Standing {
                violation: threshold.violation,
                score: threshold.score,
                ordinal: Ordinal(threshold.ordinal),
            }),
        })
    }
}

impl TryFrom<wire::LeaseReply> for Answer {
    type Error = WireError;

    fn try_from(reply: wire::LeaseReply) -> Result<Self, WireError> {
        use wire::lease_reply::Answer as Kind;
        Ok(match reply.answer.ok_or(WireError::missing("answer"))? {
            Kind::Granted(grant) => Self::Granted(grant.try_into()?),
            Kind::NotWanted(_) => Self::NotWanted,
            Kind::WhoAreYou(_) => Self::WhoAreYou,
        })
    }
}

impl From<Answer> for wire::LeaseReply {
    /// An answer to another question is no grant.
    fn from(answer: Answer) -> Self {
        use wire::lease_reply::Answer as Kind;
        Self {
            answer: Some(match answer {
                Answer::Granted(grant) => Kind::Granted(grant.into()),
                Answer::WhoAreYou => Kind::WhoAreYou(wire::WhoAreYou {}),
                _ => Kind::NotWanted(wire::NotWanted {}),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_core::metrics::{Metric, Metrics};

    use super::*;

    fn staged() -> Staged {
        let range = TaskRange {
            first_block: 3,
            blocks: 2,
        };
        Staged {
            job: "j_00000000000000ff".parse().unwrap(),
            range,
            attempt: 2,
            file: Staged::file_name(range, 2),
            bytes: 5,
            hash: [7; 32],
            rows: 9,
            failed: 1,
            fingerprint: Fingerprint::from_bytes([8; 32]),
        }
    }

    #[test]
    fn a_result_survives_the_wire_to_the_last_bit() {
        let mut metrics = Metrics::default();
        metrics.set(Metric::Sharpe, 0.1 + 0.2);
        let result = TaskResult {
            rows: Rows::Staged(staged()),
            statistics: JobStatistics::default(),
            best: vec![Ranked {
                ordinal: Ordinal(u64::MAX),
                point: Point(Box::from([-0.0, 1e300])),
                objective: Some(0.1 + 0.2),
                violation: 0.25,
                metrics: vec![Some(metrics), None],
            }],
            outcomes: vec![PointOutcome {
                ordinal: Ordinal(7),
                outcome: Outcome {
                    losses: None,
                    violation: 0.5,
                },
            }],
            bars: 1,
            points: 2,
            seconds: 0.5,
        };
        let wire = wire::TaskResult::try_from(&result).unwrap();
        let back = TaskResult::try_from(wire).unwrap();
        assert_eq!(format!("{back:?}"), format!("{result:?}"));
    }

    #[test]
    fn what_would_lead_out_of_the_folder_is_refused() {
        let mut wire = wire::StagedFile::from(&staged());
        wire.file = "../../etc/passwd".to_owned();
        assert_eq!(Staged::try_from(wire).unwrap_err().field, "staged.file");
        let mut wire = wire::StagedFile::from(&staged());
        wire.range = Some(wire::BlockRange {
            first_block: u64::MAX,
            blocks: 2,
        });
        assert_eq!(Staged::try_from(wire).unwrap_err().field, "range");
        let mut wire = wire::StagedFile::from(&staged());
        wire.hash.pop();
        assert_eq!(Staged::try_from(wire).unwrap_err().field, "staged.hash");
    }
}
