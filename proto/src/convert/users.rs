//! What users and operators ask, and what they are answered.

use assay_core::ids::{Ordinal, TaskId};
use assay_core::job::Goal;
use assay_core::metrics::Metric;
use assay_core::row::{Outcome, TrialRow};
use assay_core::space::Point;
use assay_core::time::UtcNs;
use assay_optimizer::verdict::Plateau;
use assay_store::{JobRecord, LogLine};

use super::{WireError, parse};
use crate::protocol::{Control, HeldBackState, JobInfo, KeyInfo, QueueView, Recorded, WorkerView};
use crate::wire;

fn json<T: serde::de::DeserializeOwned>(field: &'static str, text: &str) -> Result<T, WireError> {
    serde_json::from_str(text).map_err(|error| WireError::new(field, error))
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain records are JSON")
}

/// What points are ranked by: a metric's name, with a leading `-` for the smallest first.
pub fn goal(text: &str) -> Result<Goal, WireError> {
    let (negated, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
    let metric: Metric = parse("by", name)?;
    Ok(Goal { metric, negated })
}

impl From<JobInfo> for wire::JobInfo {
    fn from(info: JobInfo) -> Self {
        let JobRecord {
            id,
            name,
            owner,
            priority,
            spec,
            strategy,
            body,
            data,
            semantics,
            layout,
            state,
            error,
            created,
            started,
            finished,
            trials,
            trials_done,
            trials_failed,
            points,
            bars,
            fingerprint,
            seconds,
            reproducible,
        } = info.record;
        Self {
            job: id.to_string(),
            name,
            owner,
            priority: priority.into(),
            state: wire::JobState::from(state).into(),
            error,
            created_ns: created.0,
            started_ns: started.map(|at| at.0),
            finished_ns: finished.map(|at| at.0),
            trials,
            trials_done,
            trials_failed,
            running: info.running,
            best: info.best.as_ref().map(Into::into),
            fingerprint,
            seconds,
            points,
            bars,
            trouble: info.trouble,
            spec,
            strategy,
            layout: to_json(&layout),
            data: to_json(&data),
            semantics,
            irreproducible: !reproducible,
            body,
        }
    }
}

impl TryFrom<wire::JobInfo> for JobInfo {
    type Error = WireError;

    fn try_from(info: wire::JobInfo) -> Result<Self, WireError> {
        let state = info.state().try_into()?;
        let record = JobRecord {
            id: parse("job", &info.job)?,
            name: info.name,
            owner: info.owner,
            priority: u8::try_from(info.priority).map_err(|error| WireError::new("priority", error))?,
            spec: info.spec,
            strategy: info.strategy,
            body: info.body,
            data: json("data", &info.data)?,
            semantics: info.semantics,
            layout: json("layout", &info.layout)?,
            state,
            error: info.error,
            created: UtcNs(info.created_ns),
            started: info.started_ns.map(UtcNs),
            finished: info.finished_ns.map(UtcNs),
            trials: info.trials,
            trials_done: info.trials_done,
            trials_failed: info.trials_failed,
            points: info.points,
            bars: info.bars,
            fingerprint: info.fingerprint,
            seconds: info.seconds,
            reproducible: !info.irreproducible,
        };
        Ok(Self {
            record,
            running: info.running,
            best: info.best.map(TryInto::try_into).transpose()?,
            trouble: info.trouble,
        })
    }
}

impl From<Control> for wire::control_request::Control {
    fn from(control: Control) -> Self {
        match control {
            Control::Pause => Self::Pause(wire::Pause {}),
            Control::Resume => Self::Resume(wire::Resume {}),
            Control::Stop => Self::Cancel(wire::Cancel {}),
            Control::Priority(priority) => Self::Priority(priority.into()),
        }
    }
}

impl TryFrom<wire::control_request::Control> for Control {
    type Error = WireError;

    fn try_from(control: wire::control_request::Control) -> Result<Self, WireError> {
        use wire::control_request::Control as Kind;
        Ok(match control {
            Kind::Pause(_) => Self::Pause,
            Kind::Resume(_) => Self::Resume,
            Kind::Cancel(_) => Self::Stop,
            Kind::Priority(priority) => Self::Priority(super::priority(priority)?),
        })
    }
}

impl wire::RowReply {
    /// A row of a job.
    pub fn new(job: JobInfo, row: TrialRow) -> Self {
        use wire::row_reply::Outcome as Kind;
        Self {
            job: Some(job.into()),
            ordinal: row.ordinal.0,
            instrument: row.instrument,
            coordinates: row.point.0.to_vec(),
            window: row.window,
            outcome: Some(match row.outcome {
                Outcome::Done { metrics, .. } => Kind::Metrics((&metrics).into()),
                Outcome::Failed(reason) => Kind::Failed(reason),
            }),
        }
    }
}

impl TryFrom<wire::RowReply> for (JobInfo, TrialRow) {
    type Error = WireError;

    fn try_from(reply: wire::RowReply) -> Result<Self, WireError> {
        use wire::row_reply::Outcome as Kind;
        let outcome = match reply.outcome.ok_or(WireError::missing("outcome"))? {
            Kind::Metrics(values) => Outcome::Done {
                metrics: values.metrics()?.ok_or(WireError::missing("metrics"))?,
                sketch: None,
            },
            Kind::Failed(reason) => Outcome::Failed(reason),
        };
        let row = TrialRow {
            instrument: reply.instrument,
            ordinal: Ordinal(reply.ordinal),
            point: Point(reply.coordinates.into()),
            window: reply.window,
            outcome,
        };
        Ok((reply.job.ok_or(WireError::missing("job"))?.try_into()?, row))
    }
}

impl wire::EvidenceReply {
    /// What is recorded of a job.
    pub fn new(job: JobInfo, recorded: &Recorded) -> Self {
        Self {
            job: Some(job.into()),
            best: recorded.best.as_ref().map(Into::into),
            window: recorded.window,
            sharpe_variance: recorded.sharpe_variance,
            luck: recorded.luck.clone(),
            family_points: recorded.family_points,
            plateau: recorded.plateau.map(|plateau| wire::Plateau {
                neighbours: plateau.neighbours as u64,
                median: plateau.median,
                share: plateau.share,
            }),
            held_back: recorded.held_back.map(|held| wire::HeldBack {
                from_ns: held.from.0,
                to_ns: held.to.0,
                searched: held.searched,
                looked_at_before: held.looked_at_before,
                looks: held.looks,
            }),
        }
    }
}

impl TryFrom<wire::EvidenceReply> for (JobInfo, Recorded) {
    type Error = WireError;

    fn try_from(reply: wire::EvidenceReply) -> Result<Self, WireError> {
        let recorded = Recorded {
            best: reply.best.map(TryInto::try_into).transpose()?,
            window: reply.window,
            sharpe_variance: reply.sharpe_variance,
            luck: reply.luck,
            family_points: reply.family_points,
            plateau: reply.plateau.map(|plateau| Plateau {
                neighbours: plateau.neighbours as usize,
                median: plateau.median,
                share: plateau.share,
            }),
            held_back: reply.held_back.map(|held| HeldBackState {
                from: UtcNs(held.from_ns),
                to: UtcNs(held.to_ns),
                searched: held.searched,
                looked_at_before: held.looked_at_before,
                looks: held.looks,
            }),
        };
        Ok((reply.job.ok_or(WireError::missing("job"))?.try_into()?, recorded))
    }
}

impl From<LogLine> for wire::LogLine {
    fn from(line: LogLine) -> Self {
        Self {
            number: line.number,
            time_ns: line.at.0,
            text: line.text,
        }
    }
}

impl From<wire::LogLine> for LogLine {
    fn from(line: wire::LogLine) -> Self {
        Self {
            number: line.number,
            at: UtcNs(line.time_ns),
            text: line.text,
        }
    }
}

impl From<WorkerView> for wire::WorkerInfo {
    fn from(worker: WorkerView) -> Self {
        let running = worker.running.into_iter().map(|(task, job)| wire::RunningTask {
            task: task.0,
            job: job.to_string(),
        });
        Self {
            worker: worker.worker.to_string(),
            slots: worker.slots,
            running: running.collect(),
            seen_ns: worker.seen.0,
        }
    }
}

impl TryFrom<wire::WorkerInfo> for WorkerView {
    type Error = WireError;

    fn try_from(worker: wire::WorkerInfo) -> Result<Self, WireError> {
        let running = worker
            .running
            .iter()
            .map(|running| Ok((TaskId(running.task), parse("running.job", &running.job)?)));
        Ok(Self {
            worker: parse("worker", &worker.worker)?,
            slots: worker.slots,
            running: running.collect::<Result<_, WireError>>()?,
            seen: UtcNs(worker.seen_ns),
        })
    }
}

impl From<QueueView> for wire::QueueReply {
    fn from(queue: QueueView) -> Self {
        Self {
            waiting: queue.waiting as u64,
            running: queue.running as u64,
            slots: queue.slots,
            uncarved_blocks: queue.uncarved_blocks,
        }
    }
}

impl From<wire::QueueReply> for QueueView {
    fn from(queue: wire::QueueReply) -> Self {
        Self {
            waiting: queue.waiting as usize,
            running: queue.running as usize,
            slots: queue.slots,
            uncarved_blocks: queue.uncarved_blocks,
        }
    }
}

impl From<KeyInfo> for wire::KeyInfo {
    fn from(key: KeyInfo) -> Self {
        Self {
            id: key.id,
            owner: key.owner,
            scope: key.scope.to_string(),
            created_ns: key.created.0,
            expires_ns: key.expires.map(|at| at.0),
            revoked_ns: key.revoked.map(|at| at.0),
        }
    }
}

impl TryFrom<wire::KeyInfo> for KeyInfo {
    type Error = WireError;

    fn try_from(key: wire::KeyInfo) -> Result<Self, WireError> {
        Ok(Self {
            id: key.id,
            scope: parse("scope", &key.scope)?,
            owner: key.owner,
            created: UtcNs(key.created_ns),
            expires: key.expires_ns.map(UtcNs),
            revoked: key.revoked_ns.map(UtcNs),
        })
    }
}

#[cfg(test)]
mod tests {
    use assay_core::space::Space;
    use assay_store::{JobState, Layout};

    use super::*;

    #[test]
    fn a_job_survives_the_wire_without_its_body() {
        let id = "j_00000000000000ff".parse().unwrap();
        let record = JobRecord {
            id,
            name: "n".to_owned(),
            owner: "o".to_owned(),
            priority: 7,
            spec: "{}".to_owned(),
            strategy: "s".to_owned(),
            body: "long".to_owned(),
            data: Vec::new(),
            semantics: 1,
            layout: Layout::new(id, &["X".parse().unwrap()], &Space::default()),
            state: JobState::Failed,
            error: Some("e".to_owned()),
            created: UtcNs(1),
            started: Some(UtcNs(2)),
            finished: None,
            trials: 3,
            trials_done: 2,
            trials_failed: 1,
            points: Some(4),
            bars: None,
            fingerprint: None,
            seconds: Some(0.1),
            reproducible: false,
        };
        let info = JobInfo::new(record.clone(), None);
        assert_eq!(info.record.body, "");
        assert_eq!(JobInfo::try_from(wire::JobInfo::from(info.clone())).unwrap(), info);
        let whole = JobInfo::whole(record);
        assert_eq!(whole.record.body, "long");
        assert_eq!(JobInfo::try_from(wire::JobInfo::from(whole.clone())).unwrap(), whole);
    }

    #[test]
    fn evidence_survives_the_wire() {
        let id = "j_00000000000000ff".parse().unwrap();
        let layout = Layout::new(id, &["X".parse().unwrap()], &Space::default());
        let job = wire::JobInfo {
            job: id.to_string(),
            state: wire::JobState::Done.into(),
            priority: 5,
            layout: to_json(&layout),
            data: "[]".to_owned(),
            ..wire::JobInfo::default()
        };
        let recorded = Recorded {
            best: None,
            window: 3,
            sharpe_variance: Some(0.25),
            luck: "{}".to_owned(),
            family_points: 7,
            plateau: Some(Plateau {
                neighbours: 8,
                median: 0.5,
                share: None,
            }),
            held_back: Some(HeldBackState {
                from: UtcNs(1),
                to: UtcNs(2),
                searched: false,
                looked_at_before: true,
                looks: 3,
            }),
        };
        let reply = wire::EvidenceReply::new(job.try_into().unwrap(), &recorded);
        assert_eq!(<(JobInfo, Recorded)>::try_from(reply).unwrap().1, recorded);
    }

    #[test]
    fn goals_and_controls_are_looked_at() {
        assert_eq!(goal("-max_drawdown").unwrap().to_string(), "-max_drawdown");
        assert_eq!(goal("rubbish").unwrap_err().field, "by");
        let control = wire::control_request::Control::Priority(11);
        assert_eq!(Control::try_from(control).unwrap_err().field, "priority");
    }
}
