//! Jobs, tasks and points that the conformance tests are made of.

use std::sync::Arc;

use assay_core::distinct::{DistinctPoints, scatter};
use assay_core::fingerprint::Fingerprint;
use assay_core::ids::{Attempt, JobId, Ordinal, TaskId, WorkerId};
use assay_core::job::Objective;
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;

use crate::testing::{layout, row};
use crate::*;

pub(super) fn job_id(number: u8) -> JobId {
    JobId::from_hash([number; 32])
}

pub(super) fn new_job(number: u8) -> NewJob {
    let mut layout = layout(2);
    layout.job = job_id(number);
    NewJob {
        id: layout.job,
        name: format!("sweep {number}"),
        owner: "ann".to_owned(),
        priority: 5,
        body: "body".to_owned(),
        layout,
        created: UtcNs(i64::from(number)),
        ..harness::new_job()
    }
}

pub(super) fn added(number: u8) -> Change {
    Change::JobAdded(Box::new(new_job(number)))
}

pub(super) fn moved(number: u8, to: JobState) -> Change {
    Change::JobMoved {
        job: job_id(number),
        to,
        at: UtcNs(7),
        error: None,
    }
}

pub(super) fn carved(task: u64, number: u8) -> Change {
    Change::TaskCarved {
        task: TaskId(task),
        job: job_id(number),
        range: range(task),
    }
}

pub(super) fn range(task: u64) -> TaskRange {
    TaskRange {
        first_block: task * 2,
        blocks: 2,
    }
}

pub(super) fn worker(number: u8) -> WorkerId {
    format!("worker-{number}").parse().unwrap()
}

pub(super) fn started(task: u64, attempt: u32, by: u8) -> Change {
    Change::AttemptStarted {
        task: TaskId(task),
        attempt: Attempt(attempt),
        worker: worker(by),
        at: UtcNs(10 + i64::from(attempt)),
    }
}

pub(super) fn ended(task: u64, attempt: u32, end: AttemptEnd) -> Change {
    Change::AttemptEnded {
        task: TaskId(task),
        attempt: Attempt(attempt),
        end,
        at: UtcNs(20),
    }
}

/// Points tie, and some have no objective.
pub(super) fn point(ordinal: u64) -> Ranked {
    let rows = [row(ordinal, 0), row(ordinal, 1)];
    Ranked {
        ordinal: Ordinal(ordinal),
        point: rows[0].point.clone(),
        objective: (ordinal % 5 != 4).then_some((ordinal % 3) as f64 - 1.0),
        violation: 0.0,
        metrics: vec![
            rows[0].metrics().copied(),
            (ordinal % 4 != 1).then(|| *rows[1].metrics().unwrap()),
        ],
    }
}

/// A finished task; what it says depends on `salt`.
pub(super) fn finished(task: u64, number: u8, attempt: u32, salt: u8) -> TaskDone {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add_row(&[task as u8, salt]);
    TaskDone {
        task: TaskId(task),
        attempt: Attempt(attempt),
        staged: Staged {
            job: job_id(number),
            range: range(task),
            attempt,
            file: format!("t{task}.parquet"),
            bytes: 100 + task,
            hash: [salt; 32],
            rows: 10 + task,
            failed: task,
            fingerprint,
        },
        statistics: vec![task as u8, 0, 255],
        outcomes: format!("outcomes of {task}"),
        entered: Vec::new(),
        left: Vec::new(),
        bars: 100 + u64::from(number),
        at: UtcNs(30),
    }
}

pub(super) fn done(task: u64, number: u8, attempt: u32) -> Change {
    Change::TaskDone(Box::new(finished(task, number, attempt, 0)))
}

pub(super) fn family() -> FamilyKey {
    FamilyKey {
        symbol: "SYM0".to_owned(),
        kind: "bars".to_owned(),
        shape: "ab".repeat(16),
    }
}

/// Jobs of neighbouring numbers share half of their points and touch in time.
pub(super) fn searched(number: u8) -> Searched {
    let mut points = DistinctPoints::default();
    let first = u64::from(number) * 50;
    points.extend((first..first + 100).map(scatter));
    let from = i64::from(number) * 10;
    Searched {
        family: family(),
        points: Arc::new(points),
        range: (UtcNs(from), UtcNs(from + 10)),
    }
}

pub(super) fn completed(number: u8, ranked: Vec<Ranked>) -> Change {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add_row(&[number]);
    Change::JobDone(Box::new(JobDone {
        job: job_id(number),
        compacted: Compacted {
            trials: 1000,
            failed: 3,
            kept: 900,
            fingerprint,
        },
        points: 500,
        bars: 77,
        seconds: 1.5,
        at: UtcNs(50),
        ranked,
        goal: Objective::default().maximize,
        objective: StoredMoments {
            count: 500,
            mean: Some(0.1),
            variance: Some(0.2),
        },
        sharpe: StoredMoments::default(),
        luck: format!("{{\"job\":{number}}}"),
        searched: vec![searched(number)],
        replay_due: Some(u32::from(number)),
    }))
}
