//! Jobs, tasks, rankings, workers and logs.

use assay_core::ids::{Attempt, Ordinal, TaskId};
use assay_core::job::Objective;
use assay_core::time::UtcNs;

use super::random::Snapshot;
use super::samples::*;
use crate::fixture::again;
use crate::*;

pub(super) async fn a_task_is_done_once(store: &Store) {
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

pub(super) async fn the_deposed_change_nothing(store: &Store) {
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

pub(super) async fn a_batch_that_fails_changes_nothing(store: &Store) {
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

pub(super) async fn who_takes_office_finds_what_is_under_way(store: &Store) {
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
    for (owner, besides, count) in [("ann", 9, 2), ("ann", 1, 1), ("bob", 9, 0)] {
        assert_eq!(store.open_jobs_of(owner, job_id(besides)).await.unwrap(), count);
    }
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

    let forget = Change::TaskForgotten {
        task: TaskId(1),
        block: assay_core::BLOCK,
    };
    store.apply(epoch, &[forget]).await.unwrap();
    let found = store.unfinished().await.unwrap();
    assert_eq!(found.jobs[0].tasks[0].state, TaskRecordState::Ready);
    assert_eq!(found.jobs[0].record.trials_done, 0);
}

pub(super) async fn the_top_is_current_while_a_job_runs(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    store.apply(epoch, &[added(1), moved(1, JobState::Running)]).await.unwrap();
    let by = Objective::default().maximize;
    let best = async || {
        let record = store.job(job_id(1)).await.unwrap().unwrap();
        let top = store.top(&record, 100, by, None).await.unwrap();
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

pub(super) async fn a_job_that_is_done_keeps_its_history_until_it_is_opened_again(store: &Store) {
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

pub(super) async fn a_worker_that_comes_back_joins_anew(store: &Store) {
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

pub(super) async fn what_was_searched_adds_up_once(store: &Store) {
    let epoch = store.lead("one").await.unwrap().epoch();
    let run = |number| [added(number), moved(number, JobState::Running), completed(number, Vec::new())];
    assert_eq!(store.family(&family()).await.unwrap(), FamilyRecord::default());
    for number in [3, 1, 2] {
        store.apply(epoch, &run(number)).await.unwrap();
    }
    let found = store.family(&family()).await.unwrap();
    assert_eq!(found.points.count(), 200);
    assert_eq!(found.ranges, [(UtcNs(10), UtcNs(40))], "they touch");
    // The same job again.
    let again = [
        moved(2, JobState::Queued),
        moved(2, JobState::Running),
        completed(2, Vec::new()),
    ];
    store.apply(epoch, &again).await.unwrap();
    assert_eq!(store.family(&family()).await.unwrap(), found);
    store.apply(epoch, &run(9)).await.unwrap();
    let look = Look {
        family: family(),
        job: job_id(9),
        range: (UtcNs(40), UtcNs(50)),
        at: UtcNs(70),
    };
    store
        .apply(epoch, &[Change::Looked(look.clone()), Change::Looked(look.clone())])
        .await
        .unwrap();
    let found = store.family(&family()).await.unwrap();
    assert_eq!(found.ranges, [(UtcNs(10), UtcNs(40)), (UtcNs(90), UtcNs(100))]);
    assert_eq!((found.points.count(), found.looks), (300, vec![look.clone(), look]));
    let other = FamilyKey {
        kind: "quotes".to_owned(),
        ..family()
    };
    assert_eq!(store.family(&other).await.unwrap(), FamilyRecord::default());
    let entry = store.ledger_of(job_id(9)).await.unwrap().unwrap();
    assert_eq!(entry.luck, "{\"job\":9}");
    assert_eq!(store.ledger_of(job_id(7)).await.unwrap(), None);
}
