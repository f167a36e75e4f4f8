//! What every store must do, whatever keeps it.

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::{Attempt, JobId, Ordinal, TaskId, TrialId, WorkerId};
use assay_core::job::Objective;
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::fixture::{Kind, again, on};
use crate::harness::block_on;
use crate::testing::{layout, row};
use crate::*;

macro_rules! on_every_store {
    ($($test:ident)*) => {
        mod memory { $(#[test] fn $test() { super::on(super::Kind::Memory, super::$test); })* }
        mod sqlite { $(#[test] fn $test() { super::on(super::Kind::Sqlite, super::$test); })* }
        mod postgres { $(#[test] fn $test() { super::on(super::Kind::Postgres, super::$test); })* }
    };
}

on_every_store! {
    a_task_is_done_once
    the_deposed_change_nothing
    a_batch_that_fails_changes_nothing
    who_takes_office_finds_what_is_under_way
    the_top_is_current_while_a_job_runs
    a_job_that_is_done_keeps_its_history_until_it_is_opened_again
    a_worker_that_comes_back_joins_anew
    logs_are_read_on_from_where_one_was
    keys_are_found_by_their_hash_until_revoked
    the_same_submission_twice_is_one_job
    a_planned_run_is_claimed_once
    datasets_are_found_by_their_values
    trades_are_kept_once
}

fn job_id(number: u8) -> JobId {
    JobId::from_hash([number; 32])
}

fn new_job(number: u8) -> NewJob {
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

fn added(number: u8) -> Change {
    Change::JobAdded(Box::new(new_job(number)))
}

fn moved(number: u8, to: JobState) -> Change {
    Change::JobMoved {
        job: job_id(number),
        to,
        at: UtcNs(7),
        error: None,
    }
}

fn carved(task: u64, number: u8) -> Change {
    Change::TaskCarved {
        task: TaskId(task),
        job: job_id(number),
        range: range(task),
    }
}

fn range(task: u64) -> TaskRange {
    TaskRange {
        first_block: task * 2,
        blocks: 2,
    }
}

fn worker(number: u8) -> WorkerId {
    format!("worker-{number}").parse().unwrap()
}

fn started(task: u64, attempt: u32, by: u8) -> Change {
    Change::AttemptStarted {
        task: TaskId(task),
        attempt: Attempt(attempt),
        worker: worker(by),
        at: UtcNs(10 + i64::from(attempt)),
    }
}

fn ended(task: u64, attempt: u32, end: AttemptEnd) -> Change {
    Change::AttemptEnded {
        task: TaskId(task),
        attempt: Attempt(attempt),
        end,
        at: UtcNs(20),
    }
}

/// Points tie, and some have no objective.
fn point(ordinal: u64) -> Ranked {
    let rows = [row(ordinal, 0), row(ordinal, 1)];
    Ranked {
        ordinal: Ordinal(ordinal),
        point: rows[0].point.clone(),
        objective: (ordinal % 5 != 4).then_some((ordinal % 3) as f64 - 1.0),
        metrics: vec![
            rows[0].metrics().copied(),
            (ordinal % 4 != 1).then(|| *rows[1].metrics().unwrap()),
        ],
    }
}

/// A finished task; what it says depends on `salt`.
fn finished(task: u64, number: u8, attempt: u32, salt: u8) -> TaskDone {
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
        entered: Vec::new(),
        left: Vec::new(),
        at: UtcNs(30),
    }
}

fn done(task: u64, number: u8, attempt: u32) -> Change {
    Change::TaskDone(Box::new(finished(task, number, attempt, 0)))
}

fn completed(number: u8, ranked: Vec<Ranked>) -> Change {
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
    }))
}

async fn a_task_is_done_once(store: &Store) {
    let office = store.lead("first").await.unwrap();
    let begun = [
        added(1),
        moved(1, JobState::Running),
        carved(1, 1),
        started(1, 1, 1),
        done(1, 1, 1),
    ];
    store.apply(office.epoch(), &begun).await.unwrap();
    let record = store.job(job_id(1)).await.unwrap().unwrap();
    assert_eq!((record.trials_done, record.trials_failed), (11, 1));
    // The same result by another try, alone and beside the start of that try.
    store.apply(office.epoch(), &[done(1, 1, 2)]).await.unwrap();
    store.apply(office.epoch(), &[started(1, 2, 2), done(1, 1, 2)]).await.unwrap();
    assert_eq!(store.job(job_id(1)).await.unwrap().unwrap(), record);
    let other = Change::TaskDone(Box::new(finished(1, 1, 2, 9)));
    let error = store.apply(office.epoch(), &[other]).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { task: TaskId(1), .. }), "{error}");
    let error = store.apply(office.epoch(), &[done(5, 1, 1)]).await.unwrap_err();
    assert!(error.to_string().contains("k5 is recorded as unknown"), "{error}");
    let tasks = store.tasks(job_id(1)).await.unwrap();
    let expected = finished(1, 1, 1, 0);
    assert_eq!(
        tasks,
        [TaskRecord {
            task: TaskId(1),
            range: range(1),
            attempts: 1,
            lost: 0,
            failed: 0,
            state: TaskRecordState::Done {
                staged: expected.staged,
                statistics: expected.statistics
            },
        }]
    );
}

async fn the_deposed_change_nothing(store: &Store) {
    let first = store.lead("first").await.unwrap();
    let epoch = first.epoch();
    store.apply(epoch, &[added(1)]).await.unwrap();
    if let Some(other) = again(store).await {
        assert!(other.try_lead("second").await.unwrap().is_none());
        assert_eq!(other.job(job_id(1)).await.unwrap().unwrap().owner, "ann");
        other.close().await;
    }
    drop(first);
    let mut second = loop {
        // Postgres notices the end of a session a moment later.
        if let Some(second) = store.try_lead("second").await.unwrap() {
            break second;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert!(second.epoch() > epoch);
    let error = store.apply(epoch, &[added(2)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Deposed { epoch: of } if of == epoch), "{error}");
    store.apply(second.epoch(), &[added(3)]).await.unwrap();
    let jobs = store.jobs().await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [job_id(3), job_id(1)]);
    let soon = tokio::time::timeout(std::time::Duration::from_millis(50), second.lost());
    assert!(soon.await.is_err(), "nobody took the office away");
}

async fn a_batch_that_fails_changes_nothing(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let all = [added(1), moved(1, JobState::Running), carved(1, 1), started(1, 1, 1)];
    store.apply(epoch, &all).await.unwrap();
    let before = Snapshot::of(store).await;
    let bad = [done(1, 1, 1), added(2), carved(9, 2), moved(2, JobState::Done)];
    let error = store.apply(epoch, &bad).await.unwrap_err();
    assert!(error.to_string().ends_with("is queued and cannot become done"), "{error}");
    assert_eq!(Snapshot::of(store).await, before);
    let unknown = Change::JobPriority {
        job: job_id(8),
        priority: 1,
    };
    let error = store.apply(epoch, &[carved(9, 1), unknown]).await.unwrap_err();
    assert!(matches!(error, StoreError::UnknownJob { .. }), "{error}");
    assert_eq!(Snapshot::of(store).await, before);
}

async fn who_takes_office_finds_what_is_under_way(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let batch = [
        added(2),
        added(1),
        added(3),
        moved(1, JobState::Running),
        moved(3, JobState::Running),
        moved(3, JobState::Stopped),
        carved(1, 1),
        carved(2, 1),
        carved(3, 1),
        carved(4, 1),
        started(1, 1, 1),
        started(2, 1, 1),
        ended(2, 1, AttemptEnd::Lost),
        started(2, 2, 2),
        // The first worker was slow, not dead; the second still has the task.
        ended(2, 1, AttemptEnd::GivenBack),
        started(3, 1, 1),
        ended(3, 1, AttemptEnd::Failed("no room".to_owned())),
        Change::TaskQuarantined {
            task: TaskId(3),
            reason: "no room".to_owned(),
            at: UtcNs(40),
        },
        done(1, 1, 1),
        moved(1, JobState::Paused),
    ];
    store.apply(epoch, &batch).await.unwrap();
    let found = store.unfinished().await.unwrap();
    let jobs: Vec<_> = found.jobs.iter().map(|job| (job.record.id, job.record.state)).collect();
    assert_eq!(jobs, [(job_id(1), JobState::Paused), (job_id(2), JobState::Queued)]);
    assert_eq!(found.next_task, 5);
    let tasks = &found.jobs[0].tasks;
    assert!(matches!(tasks[0].state, TaskRecordState::Done { .. }));
    assert_eq!(
        tasks[1].state,
        TaskRecordState::Leased {
            worker: worker(2),
            attempt: Attempt(2)
        }
    );
    assert_eq!((tasks[1].attempts, tasks[1].lost, tasks[1].failed), (2, 1, 0));
    assert!(matches!(&tasks[2].state, TaskRecordState::Quarantined { reason } if reason == "no room"));
    assert_eq!(tasks[3].state, TaskRecordState::Ready);
    let counts = store.tasks_of(job_id(1)).await.unwrap();
    assert_eq!((counts.ready, counts.leased, counts.done, counts.quarantined), (1, 1, 1, 1));
    let endings: Vec<_> = store.attempts(job_id(1)).await.unwrap();
    let endings: Vec<_> = endings.iter().map(|attempt| attempt.ending.as_deref()).collect();
    assert_eq!(endings, [Some("done"), Some("lost"), None, Some("failed")]);
    let stopped = store.job_with_tasks(job_id(3)).await.unwrap().unwrap();
    assert_eq!((stopped.record.state, stopped.tasks), (JobState::Stopped, Vec::new()));

    let forget = Change::TaskForgotten { task: TaskId(1) };
    store.apply(epoch, &[forget]).await.unwrap();
    let found = store.unfinished().await.unwrap();
    assert_eq!(found.jobs[0].tasks[0].state, TaskRecordState::Ready);
    assert_eq!(found.jobs[0].record.trials_done, 0);
}

async fn the_top_is_current_while_a_job_runs(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    store.apply(epoch, &[added(1), moved(1, JobState::Running)]).await.unwrap();
    let by = Objective::default().maximize;
    let best = async || {
        let record = store.job(job_id(1)).await.unwrap().unwrap();
        let top = store.top(&record, 100, by).await.unwrap();
        assert!(top.iter().all(|found| *found == point(found.ordinal.0)));
        top.iter().map(|point| point.ordinal.0).collect::<Vec<_>>()
    };
    assert!(best().await.is_empty());
    let with = |task, entered: &[u64], left: &[u64]| {
        Change::TaskDone(Box::new(TaskDone {
            entered: entered.iter().map(|ordinal| point(*ordinal)).collect(),
            left: left.iter().map(|ordinal| Ordinal(*ordinal)).collect(),
            ..finished(task, 1, 1, 0)
        }))
    };
    let first = [carved(1, 1), carved(2, 1), carved(3, 1), with(1, &[4, 5, 8, 6], &[])];
    store.apply(epoch, &first).await.unwrap();
    assert_eq!(best().await, [5, 8, 6, 4]);
    store
        .apply(epoch, &[with(2, &[2, 1], &[6]), with(3, &[11], &[1, 4])])
        .await
        .unwrap();
    assert_eq!(best().await, [2, 5, 8, 11]);
    store.apply(epoch, &[with(3, &[14], &[2])]).await.unwrap();
    assert_eq!(best().await, [2, 5, 8, 11], "a result that was there already changes nothing");
    store.apply(epoch, &[completed(1, vec![point(0)])]).await.unwrap();
    assert_eq!(best().await, [2, 5, 8, 11, 0]);
}

async fn a_job_that_is_done_keeps_its_history_until_it_is_opened_again(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let all = [
        added(1),
        moved(1, JobState::Running),
        carved(1, 1),
        started(1, 1, 1),
        done(1, 1, 1),
        completed(1, vec![point(3)]),
    ];
    store.apply(epoch, &all).await.unwrap();
    let record = store.job(job_id(1)).await.unwrap().unwrap();
    assert_eq!(
        (record.state, record.trials_done, record.points),
        (JobState::Done, 1000, Some(500))
    );
    let TaskRecordState::Done { statistics, .. } = &store.tasks(job_id(1)).await.unwrap()[0].state else {
        panic!("the task is done")
    };
    assert!(statistics.is_empty(), "nobody needs them any more");
    assert_eq!(store.attempts(job_id(1)).await.unwrap().len(), 1);
    assert_eq!(store.ledger().await.unwrap()[0].job, job_id(1));
    store.apply(epoch, &[added(1)]).await.unwrap();
    assert_eq!(store.job(job_id(1)).await.unwrap().unwrap(), record);

    store.apply(epoch, &[moved(1, JobState::Queued)]).await.unwrap();
    let record = store.job(job_id(1)).await.unwrap().unwrap();
    assert_eq!((record.state, record.trials_done, record.points), (JobState::Queued, 0, None));
    assert_eq!(store.tasks(job_id(1)).await.unwrap(), []);
    assert_eq!(store.attempts(job_id(1)).await.unwrap(), []);
    assert_eq!(store.ledger().await.unwrap(), []);
    assert_eq!(store.next_task().await.unwrap(), TaskId(2), "numbers are never given twice");
}

async fn a_worker_that_comes_back_joins_anew(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let seen = |at| {
        Change::WorkerSeen(WorkerSeen {
            worker: worker(1),
            threads: 4,
            memory_bytes: 1 << 33,
            version: "0.1.0".to_owned(),
            at: UtcNs(at),
        })
    };
    let gone = |at| Change::WorkerGone {
        worker: worker(1),
        at: UtcNs(at),
    };
    store.apply(epoch, &[seen(1), seen(2)]).await.unwrap();
    store.apply(epoch, &[seen(3), gone(4), gone(5)]).await.unwrap();
    let all = store.workers().await.unwrap();
    assert_eq!(
        (all[0].joined, all[0].seen, all[0].gone),
        (UtcNs(1), UtcNs(3), Some(UtcNs(4)))
    );
    store.apply(epoch, &[seen(6), seen(7)]).await.unwrap();
    let all = store.workers().await.unwrap();
    assert_eq!((all[0].joined, all[0].seen, all[0].gone), (UtcNs(6), UtcNs(7), None));
}

async fn logs_are_read_on_from_where_one_was(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let logged = |number, text: &str| Change::Logged {
        job: job_id(number),
        at: UtcNs(1),
        text: text.to_owned(),
    };
    store
        .apply(epoch, &[added(1), logged(1, "a"), logged(2, "x"), logged(1, "b")])
        .await
        .unwrap();
    store.apply(epoch, &[logged(1, "c"), logged(1, "d")]).await.unwrap();
    let texts = async |after, limit| {
        let lines = store.logs(job_id(1), after, limit).await.unwrap();
        lines.into_iter().map(|line| (line.number, line.text)).collect::<Vec<_>>()
    };
    assert_eq!(texts(0, 2).await, [(1, "a".to_owned()), (2, "b".to_owned())]);
    assert_eq!(texts(2, 9).await, [(3, "c".to_owned()), (4, "d".to_owned())]);
}

async fn keys_are_found_by_their_hash_until_revoked(store: &Store) {
    let key = |number: u8| KeyRecord {
        id: format!("key-{number}"),
        hash: [number; 32],
        scope: Scope::Submit,
        owner: "ann".to_owned(),
        created: UtcNs(i64::from(number)),
        expires: (number == 2).then_some(UtcNs(99)),
        revoked: None,
    };
    assert!(store.add_key(&key(2)).await.unwrap());
    assert!(store.add_key(&key(1)).await.unwrap());
    assert!(!store.add_key(&key(1)).await.unwrap());
    let same_secret = KeyRecord {
        id: "another".to_owned(),
        ..key(2)
    };
    assert!(!store.add_key(&same_secret).await.unwrap());
    assert_eq!(store.key_by_hash(&[2; 32]).await.unwrap(), Some(key(2)));
    assert_eq!(store.key_by_hash(&[3; 32]).await.unwrap(), None);
    assert!(store.revoke_key("key-2", UtcNs(5)).await.unwrap());
    assert!(!store.revoke_key("key-2", UtcNs(6)).await.unwrap());
    assert!(!store.revoke_key("key-3", UtcNs(6)).await.unwrap());
    let revoked = KeyRecord {
        revoked: Some(UtcNs(5)),
        ..key(2)
    };
    assert_eq!(store.keys().await.unwrap(), [key(1), revoked]);
}

async fn the_same_submission_twice_is_one_job(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let submitted = |owner: &str, body: u8| Submission {
        owner: owner.to_owned(),
        key: "nightly".to_owned(),
        body_hash: [body; 32],
        job: job_id(1),
        at: UtcNs(3),
    };
    let audited = |action: &str| {
        Change::Audited(AuditEntry {
            at: UtcNs(4),
            actor: "ann".to_owned(),
            action: action.to_owned(),
            subject: job_id(1).to_string(),
            detail: String::new(),
        })
    };
    let batch = |owner, body| [added(1), Change::Submitted(submitted(owner, body)), audited("submit")];
    store.apply(epoch, &batch("ann", 1)).await.unwrap();
    store.apply(epoch, &batch("ann", 1)).await.unwrap();
    store.apply(epoch, &batch("bob", 2)).await.unwrap();
    let error = store.apply(epoch, &batch("ann", 2)).await.unwrap_err();
    assert!(matches!(error, StoreError::KeyReused { .. }), "{error}");
    assert_eq!(store.submission("ann", "nightly").await.unwrap(), Some(submitted("ann", 1)));
    assert_eq!(store.submission("ann", "other").await.unwrap(), None);
    let audit = store.audit(1, 10).await.unwrap();
    assert_eq!(audit.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3]);
}

async fn a_planned_run_is_claimed_once(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let nightly = Schedule {
        name: "nightly".to_owned(),
        owner: "ann".to_owned(),
        priority: 3,
        cron: "0 2 * * *".to_owned(),
        zone: "Europe/London".to_owned(),
        body: "job".to_owned(),
        enabled: true,
        created: UtcNs(1),
    };
    assert!(store.add_schedule(&nightly).await.unwrap());
    assert!(!store.add_schedule(&nightly).await.unwrap());
    assert!(store.enable_schedule("nightly", false).await.unwrap());
    assert!(!store.enable_schedule("daily", false).await.unwrap());
    let disabled = Schedule {
        enabled: false,
        ..nightly
    };
    assert_eq!(store.schedules().await.unwrap(), [disabled]);
    assert!(store.claim_run("nightly", UtcNs(10), UtcNs(11)).await.unwrap());
    assert!(!store.claim_run("nightly", UtcNs(10), UtcNs(12)).await.unwrap());
    assert!(store.claim_run("nightly", UtcNs(20), UtcNs(21)).await.unwrap());
    let started = Change::RunStarted {
        schedule: "nightly".to_owned(),
        planned: UtcNs(10),
        job: job_id(1),
    };
    store.apply(epoch, &[started]).await.unwrap();
    let runs = store.runs("nightly", 5).await.unwrap();
    let runs: Vec<_> = runs.iter().map(|run| (run.planned.0, run.claimed.0, run.job)).collect();
    assert_eq!(runs, [(20, 21, None), (10, 11, Some(job_id(1)))]);
}

async fn datasets_are_found_by_their_values(store: &Store) {
    let dataset = |hash: &str, at| DatasetRecord {
        symbol: "EURUSD".parse().unwrap(),
        kind: "ticks".to_owned(),
        hash: hash.to_owned(),
        manifest: "{}".to_owned(),
        object: format!("data/{hash}"),
        bytes: 7,
        owner: "ann".to_owned(),
        uploaded: UtcNs(at),
    };
    assert!(store.add_dataset(&dataset("aa", 1)).await.unwrap());
    assert!(!store.add_dataset(&dataset("aa", 2)).await.unwrap());
    assert!(store.add_dataset(&dataset("bb", 3)).await.unwrap());
    assert_eq!(store.datasets().await.unwrap(), [dataset("bb", 3), dataset("aa", 1)]);
    assert_eq!(store.dataset("aa").await.unwrap(), Some(dataset("aa", 1)));
    assert_eq!(store.dataset("cc").await.unwrap(), None);
}

async fn trades_are_kept_once(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let trial = |ordinal| TrialId {
        job: job_id(1),
        instrument: 1,
        ordinal: Ordinal(ordinal),
    };
    let kept = |ordinal, count: i64| TrialTrades {
        trial: trial(ordinal),
        trades: (0..count)
            .map(|i| TradeRecord {
                long: i % 2 == 0,
                entry: UtcNs(i),
                exit: UtcNs(i + 1),
                entry_price: 1.5,
                exit_price: 1.25,
                units: 1000.0,
                pnl: -0.1,
                ret: (i > 0).then_some(-1e-300),
                fees: 0.0,
                reason: "stop".to_owned(),
            })
            .collect(),
    };
    let change = |ordinal, count| Change::TradesKept(Box::new(kept(ordinal, count)));
    // The last alone is more than Postgres gets in one statement.
    let all = [
        added(1),
        moved(1, JobState::Running),
        change(1, 3),
        change(2, 0),
        change(1, 9),
        change(3, 10_001),
    ];
    store.apply(epoch, &all).await.unwrap();
    store.apply(epoch, &[change(3, 1), change(4, 2)]).await.unwrap();
    for (ordinal, count) in [(1, 3), (2, 0), (3, 10_001), (4, 2), (5, 0)] {
        assert_eq!(store.trades(&trial(ordinal)).await.unwrap(), kept(ordinal, count).trades);
    }
    store
        .apply(epoch, &[completed(1, Vec::new()), moved(1, JobState::Queued)])
        .await
        .unwrap();
    assert_eq!(store.trades(&trial(1)).await.unwrap(), []);
}

/// All that can be read from a store.
#[derive(Debug, PartialEq)]
struct Snapshot {
    unfinished: Unfinished,
    jobs: Vec<JobSnapshot>,
    workers: Vec<WorkerRecord>,
    ledger: Vec<LedgerEntry>,
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
    async fn of(store: &Store) -> Self {
        let mut jobs = Vec::new();
        for record in store.jobs().await.unwrap() {
            let id = record.id;
            jobs.push(JobSnapshot {
                tasks: store.tasks(id).await.unwrap(),
                counts: store.tasks_of(id).await.unwrap(),
                attempts: store.attempts(id).await.unwrap(),
                logs: store.logs(id, 1, 5).await.unwrap(),
                top: store.top(&record, 100, record.objective().unwrap().maximize).await.unwrap(),
                record,
            });
        }
        Self {
            unfinished: store.unfinished().await.unwrap(),
            jobs,
            workers: store.workers().await.unwrap(),
            ledger: store.ledger().await.unwrap(),
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
                ..finished(task, job, attempt, u8::from(c > 250))
            }))
        }
        201..=208 => Change::TaskQuarantined {
            task: TaskId(task),
            reason: format!("poison {c}"),
            at: UtcNs(40),
        },
        209..=216 => Change::TaskForgotten { task: TaskId(task) },
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

#[test]
fn addresses_of_nothing_are_refused() {
    let home = tempfile::tempdir().unwrap();
    for bad in ["", "mysql://x", "postgres://[", "/home/x"] {
        let error = block_on(Store::connect(bad, home.path())).unwrap_err();
        assert!(matches!(error, StoreError::Address { .. }), "{bad}: {error}");
    }
    let error = block_on(Store::connect("postgres://ann:secret@127.0.0.1:1/x", home.path())).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("secret"));
}
