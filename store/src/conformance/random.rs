//! Random changes leave a database as they leave the memory.

use assay_core::ids::{Ordinal, TaskId};
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::samples::*;
use crate::fixture::{Kind, on};
use crate::*;

/// All that can be read from a store.
#[derive(Debug, PartialEq)]
pub(super) struct Snapshot {
    unfinished: Unfinished,
    jobs: Vec<JobSnapshot>,
    workers: Vec<WorkerRecord>,
    ledger: Vec<LedgerEntry>,
    family: FamilyRecord,
}

#[derive(Debug, PartialEq)]
struct JobSnapshot {
    tasks: Vec<TaskRecord>,
    counts: TaskCounts,
    attempts: Vec<AttemptRecord>,
    logs: Vec<LogLine>,
    top: Vec<Ranked>,
    record: JobRecord,
}

impl Snapshot {
    pub(super) async fn of(store: &Store) -> Self {
        let mut jobs = Vec::new();
        for record in store.jobs().await.unwrap() {
            let id = record.id;
            jobs.push(JobSnapshot {
                tasks: store.tasks(id).await.unwrap(),
                counts: store.tasks_of(id).await.unwrap(),
                attempts: store.attempts(id).await.unwrap(),
                logs: store.logs(id, 1, 5).await.unwrap(),
                top: store
                    .top(&record, 100, record.objective().unwrap().maximize, None)
                    .await
                    .unwrap(),
                record,
            });
        }
        Self {
            unfinished: store.unfinished().await.unwrap(),
            jobs,
            workers: store.workers().await.unwrap(),
            ledger: store.ledger().await.unwrap(),
            family: store.family(&family()).await.unwrap(),
        }
    }
}

/// A change out of a few bytes: sensible more often than not, but nothing that a coordinator would not do is left out.
fn change([kind, a, b, c]: [u8; 4]) -> Change {
    let task = u64::from(a % 8) + 1;
    let job = (task % 2) as u8 + 1;
    let attempt = u32::from(b % 3) + 1;
    match kind {
        0..=5 => added(job),
        6..=25 => moved(
            job,
            if c < 120 {
                JobState::Running
            } else {
                JobState::ALL[usize::from(c % 6)]
            },
        ),
        26..=30 => Change::JobPriority {
            job: job_id(job),
            priority: c % 10 + 1,
        },
        31..=80 => carved(task, job),
        81..=120 => started(task, attempt, c % 3),
        121..=150 => {
            let ends = [
                AttemptEnd::Lost,
                AttemptEnd::GivenBack,
                AttemptEnd::Cancelled,
                AttemptEnd::Failed(format!("because {c}")),
            ];
            ended(task, attempt, ends[usize::from(c % 4)].clone())
        }
        151..=200 => {
            let ordinals = |from: u8| (0..c % 4).map(move |i| u64::from(from.wrapping_add(i * 7) % 16));
            Change::TaskDone(Box::new(TaskDone {
                entered: ordinals(a).map(point).collect(),
                left: ordinals(b).map(Ordinal).collect(),
                bars: u64::from(b),
                ..finished(task, job, attempt, u8::from(c > 250))
            }))
        }
        201..=208 => Change::TaskQuarantined {
            task: TaskId(task),
            reason: format!("poison {c}"),
            at: UtcNs(40),
        },
        209..=212 => Change::TaskForgotten {
            task: TaskId(task),
            block: if a.is_multiple_of(2) { 1 } else { assay_core::BLOCK },
        },
        213..=214 => Change::BatchProposed(StoredBatch {
            job: job_id(job),
            leg: u32::from(a % 2),
            number: u64::from(b % 3),
            proposals: format!("batch {c}"),
        }),
        215 => Change::SearchCut { job: job_id(job) },
        216 => Change::Walked {
            job: job_id(job),
            task: TaskId(task),
            folds: vec![FoldRecord {
                fold: i64::from(b % 3) - 1,
                instrument: 0,
                record: format!("fold {c}"),
            }],
        },
        217..=222 => completed(job, (0..u64::from(c % 5)).map(point).collect()),
        223..=235 => Change::WorkerSeen(WorkerSeen {
            worker: worker(a % 3),
            threads: u32::from(b),
            memory_bytes: u64::from(c) << 30,
            version: format!("0.{b}"),
            at: UtcNs(i64::from(c)),
        }),
        236..=240 => Change::WorkerGone {
            worker: worker(a % 3),
            at: UtcNs(i64::from(c)),
        },
        241..=244 => Change::Looked(Look {
            family: family(),
            job: job_id(job),
            range: searched(b % 5).range,
            at: UtcNs(i64::from(c)),
        }),
        _ => Change::Logged {
            job: job_id(job),
            at: UtcNs(i64::from(c)),
            text: format!("line {c}"),
        },
    }
}

/// Batches of changes leave a database as they leave the memory, and fail alike.
async fn same_as_memory(store: &Store, batches: &[Vec<[u8; 4]>]) {
    let home = store.home();
    let memory = Store::in_memory(home);
    let office = (store.lead("one").await.unwrap(), memory.lead("one").await.unwrap());
    let both = [added(1), added(2), moved(1, JobState::Running)];
    store.apply(office.0.epoch(), &both).await.unwrap();
    memory.apply(office.1.epoch(), &both).await.unwrap();
    for batch in batches {
        let changes: Vec<Change> = batch.iter().map(|bytes| change(*bytes)).collect();
        let made = store.apply(office.0.epoch(), &changes).await.map_err(|e| e.to_string());
        let expected = memory.apply(office.1.epoch(), &changes).await.map_err(|e| e.to_string());
        assert_eq!(made, expected, "{changes:#?}");
        assert!(Snapshot::of(store).await == Snapshot::of(&memory).await, "{changes:#?}");
    }
}

fn batches() -> impl Strategy<Value = Vec<Vec<[u8; 4]>>> {
    prop::collection::vec(prop::collection::vec(any::<[u8; 4]>(), 1..12), 1..12)
}

#[test]
fn sqlite_does_what_the_memory_does() {
    let mut runner = TestRunner::new(Config::with_cases(60));
    let tested = runner.run(&batches(), |batches| {
        on(Kind::Sqlite, async |store| same_as_memory(store, &batches).await);
        Ok(())
    });
    tested.unwrap();
}

#[test]
fn postgres_does_what_the_memory_does() {
    let mut runner = TestRunner::new(Config::with_cases(12));
    let tested = runner.run(&batches(), |batches| {
        on(Kind::Postgres, async |store| same_as_memory(store, &batches).await);
        Ok(())
    });
    tested.unwrap();
}
