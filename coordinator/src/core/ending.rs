//! From the last task to the end of a job.

use assay_core::ids::{JobId, TaskId};
use assay_core::time::UtcNs;
use assay_proto::Rows;
use assay_store::{Change, JobDone, JobState, StoredMoments};

use super::job::{End, OpenJob, Step, Task};
use super::queue::publish;
use super::{CompactError, Core, Effect, Effects, Written, after, logged};
use crate::plan::{JobPlan, WALK};
use crate::settings::Settings;

impl Core {
    pub(super) fn end_if_computed(&mut self, id: JobId, now: UtcNs, effects: &mut Effects) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.end != End::Open || !job.is_computed() || !job.is_searched() {
            return;
        }
        if job.begin_probe() {
            self.take_turns(id);
            return;
        }
        if job.walk != Step::Over {
            if job.walk == Step::Ahead {
                job.walk = Step::Begun;
                let task = TaskId(self.next_task);
                self.next_task += 1;
                job.open.insert(task, Task::carved(WALK));
                self.tasks.insert(task, id);
                let range = WALK;
                effects.push(Effect::Record(Change::TaskCarved { task, job: id, range }));
                publish(&mut self.waiting, task, id, now, effects);
            }
            return;
        }
        job.end = End::Compacting;
        let text = "all trials are run: writing the result files".to_owned();
        effects.push(logged(id, now, text));
        effects.push(Effect::Compact(Box::new(job.compaction())));
    }

    pub(super) fn compacted(&mut self, id: JobId, result: Result<Written, CompactError>, now: UtcNs, effects: &mut Effects) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match result {
            Ok(written) => {
                let done = end_of(job, &self.settings, written, now);
                let found = &done.compacted;
                let text = format!(
                    "done: {} trials, {} of them failed, fingerprint {}",
                    found.trials, found.failed, found.fingerprint
                );
                effects.push(logged(id, now, text));
                effects.push(Effect::Record(Change::JobDone(Box::new(done))));
                effects.push(Effect::Ended {
                    job: id,
                    state: JobState::Done,
                    error: None,
                });
                self.fair.forget(&job.user, id);
                self.jobs.remove(&id);
            }
            Err(CompactError::Damaged(tasks)) => {
                job.end = End::Open;
                for (task, reason) in tasks {
                    job.reopen(task);
                    self.tasks.insert(task, id);
                    let block = job.plan.block();
                    effects.push(Effect::Record(Change::TaskForgotten { task, block }));
                    if job.state == JobState::Running {
                        publish(&mut self.waiting, task, id, now, effects);
                    }
                    let text = format!("the rows of task {task} are run again: {reason}");
                    effects.push(logged(id, now, text));
                }
            }
            Err(CompactError::Other(reason)) if self.settings.in_process => {
                self.close(id, JobState::Failed, Some(reason), now, effects);
            }
            Err(CompactError::Other(reason)) => {
                let text = format!("the result files cannot be written, trying again: {reason}");
                effects.push(logged(id, now, text));
                job.end = End::Retry {
                    at: after(now, self.settings.retry_after),
                    reason,
                };
            }
        }
    }
}

pub(super) fn end_of(job: &OpenJob, settings: &Settings, written: Written, now: UtcNs) -> JobDone {
    let total = job.statistics.total();
    let moments = |moments: &assay_optimizer::Moments| StoredMoments {
        count: moments.count,
        mean: moments.mean(),
        variance: moments.variance(),
    };
    // Points of staged tasks are in the database already, unless nobody looked on.
    let unrecorded = settings.in_process || job.over.values().any(|task| matches!(task.rows, Rows::Memory(_)));
    JobDone {
        job: job.plan.id,
        compacted: written.compacted,
        points: total.points,
        bars: job.bars,
        seconds: (now.0 - job.started.0) as f64 / 1e9,
        at: now,
        ranked: if unrecorded { job.board.ranked() } else { Vec::new() },
        goal: job.plan.objective.maximize,
        objective: moments(&total.objective),
        sharpe: moments(&total.sharpe),
        luck: written.luck.to_json(),
        searched: job
            .plan
            .families
            .iter()
            .flat_map(|families| families.searched(&written.points))
            .collect(),
        replay_due: replay_due(&job.plan, settings),
    }
}

/// Of how many points the trades are to be kept, if a worker is to replay anything. Whoever runs a job in one process does that itself.
pub(super) fn replay_due(plan: &JobPlan, settings: &Settings) -> Option<u32> {
    let trades = plan.trades_kept.unwrap_or(settings.trades_kept);
    (trades > 0 || (plan.ladder && !settings.in_process)).then_some(trades)
}
