//! What a database would hold, and that no change contradicts what is in it.

use std::collections::{BTreeMap, BTreeSet};

use assay_core::ids::{Attempt, JobId, TaskId};
use assay_store::{AttemptEnd, Change, JobDone, JobRecord, JobState, NewJob, TaskRecord, TaskRecordState, UnfinishedJob};

use super::BARS;

/// What a database would hold.
#[derive(Default)]
pub(super) struct Database {
    pub(super) jobs: BTreeMap<JobId, UnfinishedJob>,
    pub(super) done: BTreeMap<JobId, JobDone>,
    /// Tries that have begun and not ended.
    pub(super) attempts: BTreeSet<(TaskId, Attempt)>,
    pub(super) next_task: u64,
}

impl Database {
    pub(super) fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.apply_one(change);
        }
    }

    pub(super) fn task(&mut self, task: TaskId) -> &mut TaskRecord {
        let mut tasks = self.jobs.values_mut().flat_map(|job| &mut job.tasks);
        tasks.find(|record| record.task == task).expect("the task was carved")
    }

    pub(super) fn expect_no_try_of(&self, task: TaskId) {
        let mut open = self.attempts.iter().filter(|(of, _)| *of == task);
        assert_eq!(open.next(), None, "a task that is over has a try that is not");
    }

    /// A job is over: so is every try of its tasks.
    pub(super) fn expect_no_tries(&self, job: JobId) {
        self.jobs[&job]
            .tasks
            .iter()
            .for_each(|record| self.expect_no_try_of(record.task));
    }

    pub(super) fn apply_one(&mut self, change: Change) {
        match change {
            Change::JobAdded(job) => {
                self.jobs.entry(job.id).or_insert_with(|| UnfinishedJob {
                    record: record(&job),
                    tasks: Vec::new(),
                    ranked: Vec::new(),
                    batches: Vec::new(),
                    outcomes: Vec::new(),
                    folds: Vec::new(),
                });
            }
            Change::JobMoved { job, to, .. } => {
                let record = &mut self.jobs.get_mut(&job).unwrap().record;
                assert!(record.state.may_become(to), "{} -> {to}", record.state);
                record.state = to;
                if !to.is_open() {
                    self.expect_no_tries(job);
                }
            }
            Change::TaskCarved { task, job, range } => {
                assert!(task.0 >= self.next_task, "numbers of tasks are never used twice");
                self.next_task = task.0 + 1;
                self.jobs.get_mut(&job).unwrap().tasks.push(TaskRecord {
                    task,
                    range,
                    attempts: 0,
                    lost: 0,
                    failed: 0,
                    state: TaskRecordState::Ready,
                });
            }
            Change::AttemptStarted {
                task, attempt, worker, ..
            } => {
                let record = self.task(task);
                record.attempts += 1;
                assert_eq!(record.attempts, attempt.0);
                record.state = TaskRecordState::Leased { worker, attempt };
                self.attempts.insert((task, attempt));
            }
            Change::AttemptEnded { task, attempt, end, .. } => {
                self.attempts.remove(&(task, attempt));
                let record = self.task(task);
                match end {
                    AttemptEnd::Lost => record.lost += 1,
                    AttemptEnd::Failed(_) => record.failed += 1,
                    _ => {}
                }
                if matches!(&record.state, TaskRecordState::Leased { attempt: held, .. } if *held == attempt) {
                    record.state = TaskRecordState::Ready;
                }
            }
            Change::TaskDone(done) => {
                self.attempts.remove(&(done.task, done.attempt));
                let record = self.task(done.task);
                assert!(!matches!(record.state, TaskRecordState::Done { .. }), "a task is done once");
                record.state = TaskRecordState::Done {
                    staged: done.staged.clone(),
                    statistics: done.statistics,
                };
                let job = self.jobs.get_mut(&done.staged.job).unwrap();
                job.record.bars = job.record.bars.max(Some(done.bars));
                job.outcomes.extend((!done.outcomes.is_empty()).then_some(done.outcomes));
                job.ranked.retain(|point| !done.left.contains(&point.ordinal));
                job.ranked
                    .retain(|point| !done.entered.iter().any(|new| new.ordinal == point.ordinal));
                job.ranked.extend(done.entered);
            }
            Change::TaskQuarantined { task, reason, .. } => {
                self.expect_no_try_of(task);
                self.task(task).state = TaskRecordState::Quarantined { reason };
            }
            Change::BatchProposed(batch) => {
                let batches = &mut self.jobs.get_mut(&batch.job).unwrap().batches;
                let known = batches.iter().filter(|known| known.leg == batch.leg).count();
                assert_eq!(known as u64, batch.number, "batches come in their order, and none twice");
                batches.push(batch);
            }
            Change::SearchCut { job } => self.jobs.get_mut(&job).unwrap().record.reproducible = false,
            Change::Walked { job, task, folds } => {
                // They go with their task.
                self.attempts.retain(|(of, _)| *of != task);
                let job = self.jobs.get_mut(&job).unwrap();
                job.tasks.retain(|record| record.task != task);
                assert!(job.folds.is_empty(), "a walk is made once");
                job.folds = folds;
            }
            Change::TaskForgotten { task, block } => {
                let record = self.task(task);
                record.state = TaskRecordState::Ready;
                let range = record.range;
                let job = self
                    .jobs
                    .values_mut()
                    .find(|job| job.tasks.iter().any(|record| record.task == task));
                let blocks = range.first_block..range.end();
                let points = &mut job.expect("the task has a job").ranked;
                points.retain(|point| !blocks.contains(&(point.ordinal.0 / block)));
            }
            Change::JobDone(done) => {
                self.jobs.get_mut(&done.job).unwrap().record.state = JobState::Done;
                self.expect_no_tries(done.job);
                let tasks = &self.jobs[&done.job].tasks;
                let counted = tasks.iter().any(|task| matches!(task.state, TaskRecordState::Done { .. }));
                assert_eq!(
                    done.bars,
                    if counted { BARS } else { 0 },
                    "whoever was in office when they were counted"
                );
                assert!(self.done.insert(done.job, *done).is_none(), "a job is done once");
            }
            Change::JobPriority { .. } | Change::Logged { .. } => {}
            other => panic!("the core does not decide about this: {other:?}"),
        }
    }
}

pub(super) fn record(job: &NewJob) -> JobRecord {
    JobRecord {
        id: job.id,
        name: job.name.clone(),
        owner: job.owner.clone(),
        body: String::new(),
        spec: String::new(),
        strategy: String::new(),
        data: Vec::new(),
        semantics: 1,
        layout: job.layout.clone(),
        state: JobState::Queued,
        error: None,
        created: job.created,
        started: None,
        finished: None,
        trials: job.trials,
        trials_done: 0,
        trials_failed: 0,
        points: None,
        bars: None,
        fingerprint: None,
        priority: job.priority,
        seconds: None,
        reproducible: true,
    }
}
