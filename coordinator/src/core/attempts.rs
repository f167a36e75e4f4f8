//! From a lease to a result that is recorded, or to a task that others may try.

use assay_core::ids::{Attempt, JobId, TaskId, WorkerId};
use assay_core::time::UtcNs;
use assay_proto::{Answer, Grant, Report, Rows, TaskResult};
use assay_store::{AttemptEnd, Change, FoldRecord, JobState, TaskDone};

use super::job::{Lease, Step, text_of};
use super::queue::publish;
use super::{Core, Effect, Effects, Request, after, ended, log_by_job, logged};
use crate::plan::WALK;

impl Core {
    pub(super) fn heartbeat(
        &mut self,
        request: Request,
        worker: WorkerId,
        slots: u32,
        running: &[(TaskId, Attempt)],
        now: UtcNs,
        effects: &mut Effects,
    ) {
        let until = after(now, self.settings.lease);
        let mut drop = Vec::new();
        for (task, attempt) in running {
            let open = self.tasks.get(task).and_then(|id| self.jobs.get_mut(id)?.open.get_mut(task));
            let lease = open.and_then(|open| {
                open.leases
                    .iter_mut()
                    .find(|lease| lease.worker == worker && lease.attempt == *attempt)
            });
            match lease {
                Some(lease) => lease.until = until,
                None => drop.push((*task, *attempt)),
            }
        }
        self.workers.heard(worker, slots, now);
        effects.push(Effect::Answer(request, Answer::Welcome { drop }));
    }

    pub(super) fn leave(&mut self, worker: &WorkerId, now: UtcNs, effects: &mut Effects) {
        let held: Vec<(TaskId, JobId, Attempt)> = self.leased_by(worker).collect();
        let jobs = held.iter().map(|(task, id, _)| (*id, *task));
        log_by_job(jobs, now, effects, |tasks| {
            format!("worker {worker} left and gave back {tasks}")
        });
        for (task, id, attempt) in held {
            self.release(id, task, attempt, AttemptEnd::GivenBack, now, effects);
        }
        self.workers.leave(worker);
    }

    pub(super) fn leased_by(&self, worker: &WorkerId) -> impl Iterator<Item = (TaskId, JobId, Attempt)> {
        self.jobs.iter().flat_map(move |(id, job)| {
            job.open.iter().flat_map(move |(task, open)| {
                let mine = open.leases.iter().filter(move |lease| lease.worker == *worker);
                mine.map(move |lease| (*task, *id, lease.attempt))
            })
        })
    }

    pub(super) fn lease(&mut self, request: Request, worker: &WorkerId, task: TaskId, now: UtcNs, effects: &mut Effects) {
        if !self.workers.knows(worker) {
            effects.push(Effect::Answer(request, Answer::WhoAreYou));
            return;
        }
        let grant = self.grant(worker, task, now, effects);
        effects.push(Effect::Answer(request, grant.map_or(Answer::NotWanted, Answer::Granted)));
    }

    pub(super) fn grant(&mut self, worker: &WorkerId, task: TaskId, now: UtcNs, effects: &mut Effects) -> Option<Grant> {
        let id = *self.tasks.get(&task)?;
        let job = self.jobs.get_mut(&id)?;
        let open = job.open.get_mut(&task)?;
        if job.state != JobState::Running || !open.is_free_for(worker) {
            return None;
        }
        self.waiting.remove(&task);
        open.attempts += 1;
        open.overtake = false;
        let attempt = Attempt(open.attempts);
        let isolated = open.is_suspect(&self.settings);
        if isolated {
            let text = format!("try {} of task {task} runs alone, in a process of its own", attempt.0);
            effects.push(logged(id, now, text));
        }
        open.leases.push(Lease {
            worker: worker.clone(),
            attempt,
            isolated,
            began: now,
            until: after(now, self.settings.lease),
        });
        effects.push(Effect::Record(Change::AttemptStarted {
            task,
            attempt,
            worker: worker.clone(),
            at: now,
        }));
        let range = open.range;
        let whole = job.plan.known_blocks() == Some(range.blocks) && job.plan.folds == 0;
        Some(Grant {
            work: job.work(range),
            task,
            attempt,
            job: id,
            range,
            isolated,
            in_memory: self.settings.in_process && whole,
            threshold: job.board.threshold(),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one event")]
    pub(super) fn report(
        &mut self,
        request: Request,
        worker: &WorkerId,
        task: TaskId,
        attempt: Attempt,
        report: Report,
        now: UtcNs,
        effects: &mut Effects,
    ) {
        self.workers.seen(worker, now);
        let answer = match (report, self.tasks.get(&task).copied()) {
            (Report::Done(result), Some(id)) => self.done(id, task, attempt, *result, now, effects),
            (Report::Done(result), None) => self.done_before(task, &result, effects),
            (Report::GivenBack(reason), Some(id)) => {
                if let Some(reason) = reason {
                    let text = format!("worker {worker} gave task {task} back and pauses: {reason}");
                    effects.push(logged(id, now, text));
                }
                self.release(id, task, attempt, AttemptEnd::GivenBack, now, effects);
                Answer::Recorded
            }
            (Report::Failed(reason), Some(id)) => {
                self.failed(id, task, attempt, reason, now, effects);
                Answer::Recorded
            }
            (Report::Walked(folds), Some(id)) => self.walked(id, task, folds, now, effects),
            (Report::GivenBack(_) | Report::Failed(_) | Report::Walked(_), None) => Answer::NotWanted,
        };
        effects.push(Effect::Answer(request, answer));
    }

    /// A result of an open task: the first one counts, whichever attempt it comes from, since all have the same bits.
    pub(super) fn done(
        &mut self,
        id: JobId,
        task: TaskId,
        attempt: Attempt,
        result: TaskResult,
        now: UtcNs,
        effects: &mut Effects,
    ) -> Answer {
        let (Some(job), true) = (self.jobs.get_mut(&id), self.tasks.remove(&task).is_some()) else {
            return Answer::NotWanted;
        };
        let Some(open) = job.open.remove(&task) else {
            return Answer::NotWanted;
        };
        self.waiting.remove(&task);
        if let Some(lease) = open.leases.iter().find(|lease| lease.attempt == attempt) {
            job.durations.push((now.0 - lease.began.0) as f64 / 1e9);
        }
        for other in open.leases.iter().filter(|lease| lease.attempt != attempt) {
            let text = format!(
                "try {} of task {task} on {} was overtaken by try {}",
                other.attempt.0, other.worker, attempt.0
            );
            effects.push(logged(id, now, text));
            effects.push(ended(task, other.attempt, AttemptEnd::Cancelled, now));
        }
        job.pace.measured(result.points, result.seconds);
        job.bars = job.bars.max(result.bars);
        let (mut entered, mut left) = job.board.absorb(result.best);
        if self.settings.in_process {
            // Nobody looks on meanwhile: the best points are recorded once, at the end.
            (entered, left) = (Vec::new(), Vec::new());
        }
        if let Rows::Staged(staged) = &result.rows {
            effects.push(Effect::Record(Change::TaskDone(Box::new(TaskDone {
                task,
                attempt,
                staged: staged.clone(),
                statistics: result.statistics.to_bytes(),
                outcomes: text_of(&result.outcomes),
                entered,
                left,
                bars: result.bars,
                at: now,
            }))));
        }
        job.learn(&result.outcomes);
        job.finish(task, &open, result.rows, result.statistics);
        self.propose(id, effects);
        self.end_if_computed(id, now, effects);
        Answer::Recorded
    }

    /// A result of a task that is over: a worker that was thought lost, or one that was overtaken.
    pub(super) fn done_before(&self, task: TaskId, result: &TaskResult, effects: &mut Effects) -> Answer {
        let over = self.jobs.values().find_map(|job| job.over.get(&task));
        match (over.map(|over| &over.rows), &result.rows) {
            (Some(Rows::Staged(first)), Rows::Staged(second)) => {
                if (first.rows, first.fingerprint) == (second.rows, second.fingerprint) {
                    return Answer::Recorded;
                }
                let message = format!(
                    "task {task} of job {} came back with other bits: {first:?}, {second:?}",
                    first.job
                );
                effects.push(Effect::Alarm(message));
                Answer::Conflict
            }
            (None, Rows::Staged(late)) if !self.jobs.contains_key(&late.job) => {
                effects.push(Effect::Late { job: late.job });
                Answer::NotWanted
            }
            _ => Answer::NotWanted,
        }
    }

    /// The winners of a walk forward were run.
    pub(super) fn walked(
        &mut self,
        id: JobId,
        task: TaskId,
        folds: Vec<FoldRecord>,
        now: UtcNs,
        effects: &mut Effects,
    ) -> Answer {
        let Some(job) = self.jobs.get_mut(&id) else {
            return Answer::NotWanted;
        };
        if job.open.remove(&task).is_none() {
            return Answer::NotWanted;
        }
        job.walk = Step::Over;
        job.folds.clone_from(&folds);
        self.tasks.remove(&task);
        self.waiting.remove(&task);
        effects.push(Effect::Record(Change::Walked { job: id, task, folds }));
        self.end_if_computed(id, now, effects);
        Answer::Recorded
    }

    pub(super) fn failed(
        &mut self,
        id: JobId,
        task: TaskId,
        attempt: Attempt,
        reason: String,
        now: UtcNs,
        effects: &mut Effects,
    ) {
        if self.settings.in_process {
            self.close(id, JobState::Failed, Some(reason), now, effects);
            return;
        }
        let open = self.jobs.get(&id).and_then(|job| job.open.get(&task));
        let mut isolated = false;
        if let Some(lease) = open.and_then(|open| open.leases.iter().find(|lease| lease.attempt == attempt)) {
            let text = format!("try {} of task {task} failed on {}: {reason}", attempt.0, lease.worker);
            effects.push(logged(id, now, text));
            isolated = lease.isolated;
        }
        self.release(id, task, attempt, AttemptEnd::Failed(reason.clone()), now, effects);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(open) = job.open.get(&task) else { return };
        if !open.is_hopeless(isolated, &self.settings) {
            return;
        }
        let Some(open) = job.open.remove(&task) else { return };
        for lease in &open.leases {
            effects.push(ended(task, lease.attempt, AttemptEnd::Cancelled, now));
        }
        effects.push(Effect::Record(Change::TaskQuarantined {
            task,
            reason: reason.clone(),
            at: now,
        }));
        let (first, last) = (open.range.first_block, open.range.end() - 1);
        let text = format!("task {task} is given up, the trials of blocks {first} to {last} count as failed: {reason}");
        effects.push(logged(id, now, text));
        self.tasks.remove(&task);
        self.waiting.remove(&task);
        if open.range == WALK {
            self.close(
                id,
                JobState::Failed,
                Some(format!("the walk forward: {reason}")),
                now,
                effects,
            );
            return;
        }
        job.give_up(task, &open, &reason);
        self.propose(id, effects);
        self.end_if_computed(id, now, effects);
    }

    /// Takes a lease back. The task is ready again, unless another worker has it too.
    pub(super) fn release(
        &mut self,
        id: JobId,
        task: TaskId,
        attempt: Attempt,
        end: AttemptEnd,
        now: UtcNs,
        effects: &mut Effects,
    ) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(open) = job.open.get_mut(&task) else { return };
        let before = open.leases.len();
        open.leases.retain(|lease| lease.attempt != attempt);
        if open.leases.len() == before {
            return;
        }
        match end {
            AttemptEnd::Lost => open.lost += 1,
            AttemptEnd::Failed(_) => open.failed += 1,
            AttemptEnd::GivenBack | AttemptEnd::Cancelled => {}
        }
        let ready = open.leases.is_empty() && job.state == JobState::Running;
        effects.push(ended(task, attempt, end, now));
        if ready {
            publish(&mut self.waiting, task, id, now, effects);
        }
    }
}
