//! What a change does to the tables in memory.

use assay_core::ids::{JobId, Ordinal, TaskId};
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;

use super::{Tables, Task};
use crate::activity::{AttemptRecord, LogLine, WorkerRecord};
use crate::change::{AttemptEnd, Change, JobDone, TaskDone, TaskRecord, TaskRecordState, WorkerSeen};
use crate::error::StoreError;
use crate::families::FamilyRecord;
use crate::job::{JobRecord, JobState, NewJob};
use crate::jobs::{self, check_step, unknown};
use crate::ranked::{LedgerEntry, RANKED};

impl Tables {
    pub(super) fn settle(&mut self, keep: bool) {
        self.jobs.settle(keep);
        self.tasks.settle(keep);
        self.attempts.settle(keep);
        self.ranked.settle(keep);
        self.batches.settle(keep);
        self.outcomes.settle(keep);
        self.folds.settle(keep);
        self.ledger.settle(keep);
        self.logs.settle(keep);
        self.workers.settle(keep);
        self.trades.settle(keep);
        self.keys.settle(keep);
        self.audit.settle(keep);
        self.submissions.settle(keep);
        self.replays_due.settle(keep);
        self.schedules.settle(keep);
        self.runs.settle(keep);
        self.datasets.settle(keep);
        self.families.settle(keep);
    }

    pub(super) fn best(&self, job: JobId) -> Result<Vec<Ranked>, StoreError> {
        let of_job = self.ranked.range((job, Ordinal(0))..=(job, Ordinal(u64::MAX)));
        let mut best: Vec<Ranked> = of_job.map(|(_, point)| point.clone()).collect();
        if let Some(record) = self.jobs.get(&job) {
            let objective = record.objective()?;
            best.sort_by(|a, b| a.standing(&objective).compare(&b.standing(&objective)));
        }
        Ok(best)
    }

    pub(super) fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::JobAdded(job) => self.add_job(job),
            Change::JobMoved { job, to, at, error } => {
                let record = self.known(*job)?;
                check_step(*job, record.state, *to)?;
                if jobs::starts(record.state, *to) {
                    record.started = Some(*at);
                }
                record.state = *to;
                record.error.clone_from(error);
                if *to == JobState::Queued {
                    self.reopen(*job)?;
                }
            }
            Change::JobPriority { job, priority } => self.known(*job)?.priority = *priority,
            Change::TaskCarved { task, job, range } => {
                let record = TaskRecord {
                    task: *task,
                    range: *range,
                    attempts: 0,
                    lost: 0,
                    failed: 0,
                    state: TaskRecordState::Ready,
                };
                self.last_task = self.last_task.max(task.0);
                self.tasks.add(*task, Task { job: *job, record });
            }
            Change::AttemptStarted {
                task,
                attempt,
                worker,
                at,
            } => {
                let record = AttemptRecord {
                    task: *task,
                    attempt: *attempt,
                    worker: worker.clone(),
                    started: *at,
                    ended: None,
                    ending: None,
                    reason: None,
                };
                self.attempts.add((*task, attempt.0), record);
                if let Some(open) = self.open(*task) {
                    open.attempts += 1;
                    open.state = TaskRecordState::Leased {
                        worker: worker.clone(),
                        attempt: *attempt,
                    };
                }
            }
            Change::AttemptEnded { task, attempt, end, at } => {
                let reason = match end {
                    AttemptEnd::Failed(reason) => Some(reason),
                    _ => None,
                };
                self.end_attempt((*task, attempt.0), end.name(), reason, *at);
                if let Some(task) = self.tasks.change(task) {
                    let record = &mut task.record;
                    record.lost += u32::from(*end == AttemptEnd::Lost);
                    record.failed += u32::from(reason.is_some());
                    if matches!(&record.state, TaskRecordState::Leased { attempt: held, .. } if held == attempt) {
                        record.state = TaskRecordState::Ready;
                    }
                }
            }
            Change::TaskDone(done) => self.finish_task(done)?,
            Change::TaskQuarantined { task, reason, .. } => {
                if let Some(open) = self.open(*task) {
                    open.state = TaskRecordState::Quarantined { reason: reason.clone() };
                }
            }
            Change::TaskForgotten { task, block } => self.forget_task(*task, *block),
            Change::BatchProposed(batch) => _ = self.batches.add((batch.job, batch.leg, batch.number), batch.clone()),
            Change::SearchCut { job } => {
                if let Some(record) = self.jobs.change(job) {
                    record.reproducible = false;
                }
            }
            Change::Walked { job, task, folds } => {
                for fold in folds {
                    self.folds.add((*job, fold.fold, fold.instrument), fold.clone());
                }
                self.attempts.remove_where(|(of, _), _| of == task);
                self.tasks.remove(task);
            }
            Change::JobDone(done) => self.finish_job(done)?,
            Change::WorkerSeen(seen) => self.see(seen),
            Change::WorkerGone { worker, at } => {
                if let Some(record) = self.workers.change(worker) {
                    record.gone.get_or_insert(*at);
                }
            }
            Change::TradesKept(kept) => _ = self.trades.add(kept.trial, kept.trades.clone()),
            Change::Submitted(new) => {
                let key = (new.owner.clone(), new.key.clone());
                if let Some(earlier) = self.submissions.get(&key) {
                    new.expect_same(earlier)?;
                }
                self.submissions.add(key, new.clone());
            }
            Change::ReplaySettled { job } => self.replays_due.remove_where(|(_, of), _| of == job),
            Change::ReplayAsked { job, spec, body } => {
                let record = self.known(*job)?;
                let finished = record.finished;
                (record.spec, record.body) = (spec.clone(), body.clone());
                let waits = self.replays_due.iter().any(|((_, of), _)| of == job);
                if let Some(at) = finished.filter(|_| !waits) {
                    self.replays_due.put((at, *job), 0);
                }
            }
            Change::RunTaken(run) => _ = self.runs.add((run.schedule.clone(), run.planned), (**run).clone()),
            Change::RunReported {
                schedule,
                planned,
                report,
            } => {
                if let Some(run) = self.runs.change(&(schedule.clone(), *planned)) {
                    run.report = Some(report.clone());
                }
            }
            Change::Looked(look) => {
                self.families.add(look.family.clone(), FamilyRecord::default());
                if let Some(family) = self.families.change(&look.family) {
                    family.looks.push(look.clone());
                }
            }
            Change::Audited(entry) => {
                let number = self.audit.len() as u64 + 1;
                self.audit.put(number, entry.clone());
            }
            Change::Logged { job, at, text } => {
                let last = self.logs.range((*job, 0)..=(*job, u64::MAX)).next_back();
                let number = last.map_or(0, |((_, number), _)| *number) + 1;
                let line = LogLine {
                    number,
                    at: *at,
                    text: text.clone(),
                };
                self.logs.put((*job, number), line);
            }
        }
        Ok(())
    }

    fn known(&mut self, job: JobId) -> Result<&mut JobRecord, StoreError> {
        self.jobs.change(&job).ok_or_else(|| unknown(&job.to_string(), &[]))
    }

    /// A task that is neither done nor quarantined.
    fn open(&mut self, task: TaskId) -> Option<&mut TaskRecord> {
        let record = &mut self.tasks.change(&task)?.record;
        matches!(record.state, TaskRecordState::Ready | TaskRecordState::Leased { .. }).then_some(record)
    }

    fn end_attempt(&mut self, key: (TaskId, u32), ending: &str, reason: Option<&String>, at: UtcNs) {
        let attempt = self.attempts.change(&key).filter(|attempt| attempt.ended.is_none());
        if let Some(attempt) = attempt {
            attempt.ended = Some(at);
            attempt.ending = Some(ending.to_owned());
            attempt.reason = reason.cloned();
        }
    }

    fn add_job(&mut self, new: &NewJob) {
        if let Some(record) = self.jobs.change(&new.id) {
            if record.state != JobState::Done {
                record.trials = new.trials;
                if record.body.is_empty() {
                    record.body.clone_from(&new.body);
                }
            }
            return;
        }
        let record = JobRecord {
            id: new.id,
            name: new.name.clone(),
            owner: new.owner.clone(),
            priority: new.priority,
            spec: new.spec.clone(),
            strategy: new.strategy.clone(),
            body: new.body.clone(),
            data: new.data.clone(),
            semantics: assay_core::SEMANTICS_VERSION,
            layout: new.layout.clone(),
            state: JobState::Queued,
            error: None,
            created: new.created,
            started: None,
            finished: None,
            trials: new.trials,
            trials_done: 0,
            trials_failed: 0,
            points: None,
            bars: None,
            fingerprint: None,
            seconds: None,
            reproducible: true,
        };
        self.jobs.put(new.id, record);
    }

    fn reopen(&mut self, job: JobId) -> Result<(), StoreError> {
        self.ranked.remove_where(|(of, _), _| *of == job);
        self.ledger.remove(&job);
        self.trades.remove_where(|trial, _| trial.job == job);
        self.replays_due.remove_where(|(_, of), _| *of == job);
        let tasks = &self.tasks;
        self.outcomes
            .remove_where(|task, _| tasks.get(task).is_some_and(|task| task.job == job));
        self.batches.remove_where(|(of, ..), _| *of == job);
        self.folds.remove_where(|(of, ..), _| *of == job);
        self.attempts
            .remove_where(|(task, _), _| tasks.get(task).is_some_and(|task| task.job == job));
        self.tasks.remove_where(|_, task| task.job == job);
        let record = self.known(job)?;
        (record.trials_done, record.trials_failed) = (0, 0);
        (record.points, record.bars, record.fingerprint) = (None, None, None);
        (record.seconds, record.finished) = (None, None);
        record.reproducible = true;
        Ok(())
    }

    fn finish_task(&mut self, done: &TaskDone) -> Result<(), StoreError> {
        let job = done.staged.job;
        let Some(open) = self.open(done.task) else {
            return self.expect_same(done);
        };
        open.state = TaskRecordState::Done {
            staged: done.staged.clone(),
            statistics: done.statistics.clone(),
        };
        if !done.outcomes.is_empty() {
            self.outcomes.add(done.task, done.outcomes.clone());
        }
        self.end_attempt((done.task, done.attempt.0), "done", None, done.at);
        if let Some(record) = self.jobs.change(&job) {
            record.trials_done += done.staged.rows;
            record.trials_failed += done.staged.failed;
            if record.bars.unwrap_or_default() < done.bars {
                record.bars = Some(done.bars);
            }
        }
        for ordinal in &done.left {
            self.ranked.remove(&(job, *ordinal));
        }
        if !done.entered.is_empty() {
            self.known(job)?;
        }
        for point in &done.entered {
            self.ranked.add((job, point.ordinal), point.clone());
        }
        Ok(())
    }

    fn expect_same(&self, done: &TaskDone) -> Result<(), StoreError> {
        let offered = done.staged.fingerprint.to_string();
        let recorded = match self.tasks.get(&done.task).map(|task| &task.record.state) {
            Some(TaskRecordState::Done { staged, .. }) => staged.fingerprint.to_string(),
            Some(_) => "quarantined".to_owned(),
            None => "unknown".to_owned(),
        };
        if recorded == offered {
            return Ok(());
        }
        Err(StoreError::Conflict {
            task: done.task,
            recorded,
            offered,
        })
    }

    fn forget_task(&mut self, task: TaskId, block: u64) {
        let Some(Task { job, record }) = self.tasks.change(&task) else {
            return;
        };
        let TaskRecordState::Done { staged, .. } = &record.state else {
            return;
        };
        let (job, rows, failed) = (*job, staged.rows, staged.failed);
        let blocks = record.range.first_block..record.range.end();
        record.state = TaskRecordState::Ready;
        self.ranked
            .remove_where(|(of, ordinal), _| *of == job && blocks.contains(&(ordinal.0 / block)));
        if let Some(record) = self.jobs.change(&job) {
            record.trials_done -= rows;
            record.trials_failed -= failed;
        }
    }

    fn finish_job(&mut self, done: &JobDone) -> Result<(), StoreError> {
        let record = self.known(done.job)?;
        check_step(done.job, record.state, JobState::Done)?;
        if let Some(count) = done.replay_due {
            self.replays_due.put((done.at, done.job), count);
        }
        let record = self.known(done.job)?;
        record.state = JobState::Done;
        record.error = None;
        record.finished = Some(done.at);
        record.trials = done.compacted.trials;
        record.trials_done = done.compacted.trials;
        record.trials_failed = done.compacted.failed;
        record.points = Some(done.points);
        record.bars = Some(done.bars);
        record.fingerprint = Some(done.compacted.fingerprint.to_string());
        record.seconds = Some(done.seconds);
        let entry = LedgerEntry {
            job: done.job,
            symbols: record.layout.instruments.clone(),
            data: record.data.clone(),
            goal: done.goal.to_string(),
            points: done.points,
            trials: done.compacted.trials,
            failed: done.compacted.failed,
            objective: done.objective,
            sharpe: done.sharpe,
            luck: done.luck.clone(),
            finished: done.at,
        };
        self.ledger.put(done.job, entry);
        for part in &done.searched {
            self.families.add(part.family.clone(), FamilyRecord::default());
            if let Some(family) = self.families.change(&part.family) {
                family.add(&part.points, part.range);
            }
        }
        for point in done.ranked.iter().take(RANKED) {
            self.ranked.add((done.job, point.ordinal), point.clone());
        }
        for point in self.best(done.job)?.iter().skip(RANKED) {
            self.ranked.remove(&(done.job, point.ordinal));
        }
        let of_job: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.job == done.job)
            .map(|(id, _)| *id)
            .collect();
        for id in of_job {
            self.outcomes.remove(&id);
            if let Some(task) = self.tasks.change(&id)
                && let TaskRecordState::Done { statistics, .. } = &mut task.record.state
            {
                statistics.clear();
            }
        }
        Ok(())
    }

    fn see(&mut self, seen: &WorkerSeen) {
        let known = self.workers.get(&seen.worker).filter(|known| known.gone.is_none());
        let record = WorkerRecord {
            worker: seen.worker.clone(),
            threads: seen.threads,
            memory_bytes: seen.memory_bytes,
            version: seen.version.clone(),
            joined: known.map_or(seen.at, |known| known.joined),
            seen: seen.at,
            gone: None,
        };
        self.workers.put(seen.worker.clone(), record);
    }
}
