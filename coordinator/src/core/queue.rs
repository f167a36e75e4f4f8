//! What goes into the queue, when, and how often.

use std::collections::{BTreeMap, BTreeSet};

use assay_core::ids::{JobId, TaskId, WorkerId};
use assay_core::time::UtcNs;
use assay_store::{AttemptEnd, Change, JobState};

use super::fair::HEAD_START_SECONDS;
use super::job::{End, Task};
use super::{Core, Effect, Effects, log_by_job, nanoseconds};

/// So much work of every slot waits in the queue: enough to keep workers busy, little enough that a new job is soon heard.
const WINDOW_SECONDS: f64 = 0.5;
/// Tasks that wait in the queue for every slot, at most, however short they are.
const WINDOW_PER_SLOT: usize = 4;
/// Tasks that wait in the queue, at least.
const LEAST_WINDOW: usize = 2;
/// Slow tasks are handed out a second time when this share of a job's blocks is over.
const OVERTAKE_SHARE: f64 = 0.95;
/// A task is slow if it takes so many times the median.
const SLOW: f64 = 3.0;

impl Core {
    pub(super) fn tick(&mut self, now: UtcNs, effects: &mut Effects) {
        let mut expired = Vec::new();
        for (id, job) in &self.jobs {
            for (task, open) in &job.open {
                let late = open.leases.iter().filter(|lease| lease.until < now);
                expired.extend(late.map(|lease| (*id, *task, lease.attempt, lease.worker.clone())));
            }
        }
        let lost: BTreeSet<WorkerId> = expired.iter().map(|(_, _, _, worker)| worker.clone()).collect();
        for worker in lost {
            let of_worker = expired.iter().filter(|(_, _, _, by)| *by == worker);
            let of_worker = of_worker.map(|(id, task, _, _)| (*id, *task));
            log_by_job(of_worker, now, effects, |tasks| {
                format!("worker {worker} was not heard of and lost {tasks}")
            });
        }
        for (id, task, attempt, _) in expired {
            self.release(id, task, attempt, AttemptEnd::Lost, now, effects);
        }
        self.cut_searches(now, effects);
        let silent = nanoseconds(self.settings.lease);
        self.workers.forget_before(UtcNs(now.0.saturating_sub(silent)));
        self.overtake_slow_tasks(now, effects);
        let old = UtcNs(now.0.saturating_sub(nanoseconds(self.settings.resend_after)));
        if self.has_idle_slots() {
            self.publish_again(|since| since < old, now, effects);
        }
        let due: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, job)| matches!(job.end, End::Retry { at, .. } if at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            if let Some(job) = self.jobs.get_mut(&id) {
                job.end = End::Open;
            }
            self.end_if_computed(id, now, effects);
        }
    }

    /// Towards the end of a job, slow tasks are handed out a second time: the first result counts.
    pub(super) fn overtake_slow_tasks(&mut self, now: UtcNs, effects: &mut Effects) {
        if self.settings.in_process {
            return;
        }
        for (id, job) in &mut self.jobs {
            let open: u64 = job.open.values().map(|task| task.range.blocks).sum();
            let over = job.over.values().map(|task| task.range.blocks).sum::<u64>() as f64;
            let blocks = over + (open + job.remaining.blocks()) as f64;
            if job.state != JobState::Running || !job.remaining.is_empty() || over < OVERTAKE_SHARE * blocks {
                continue;
            }
            let Some(median) = job.durations.median() else { continue };
            let slow = UtcNs(now.0 - (SLOW * median * 1e9) as i64);
            for (task, open) in &mut job.open {
                if let [lease] = open.leases.as_slice()
                    && lease.began < slow
                    && !open.overtake
                {
                    open.overtake = true;
                    publish(&mut self.waiting, *task, *id, now, effects);
                }
            }
        }
    }

    pub(super) fn has_idle_slots(&self) -> bool {
        let open = self.jobs.values().flat_map(|job| job.open.values());
        open.filter(|task| !task.leases.is_empty()).count() < self.workers.slots()
    }

    /// Publishes tasks once more whose message may be lost.
    pub(super) fn publish_again(&mut self, which: impl Fn(UtcNs) -> bool, now: UtcNs, effects: &mut Effects) {
        for (task, since) in &mut self.waiting {
            if let Some(job) = self.tasks.get(task)
                && which(*since)
            {
                *since = now;
                effects.push(Effect::Publish { task: *task, job: *job });
            }
        }
    }

    /// Lets a job take its turns if it wants work.
    pub(super) fn take_turns(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id).filter(|job| job.wants_work()) else {
            return;
        };
        let slots = self.workers.slots() as f64;
        let head_start = HEAD_START_SECONDS * slots / f64::from(job.priority.max(1));
        self.fair.join(&job.user, id, head_start);
    }

    /// Carves and publishes tasks until enough of them wait.
    pub(super) fn fill_window(&mut self, now: UtcNs, effects: &mut Effects) {
        let slots = self.workers.slots();
        while let Some(id) = self.fair.next() {
            let Some(job) = self.jobs.get_mut(&id) else { return };
            if !job.wants_work() {
                self.fair.leave(&job.user, id);
                continue;
            }
            let blocks = job.pace.blocks(&self.settings.task_size, slots, job.remaining.blocks());
            if self.waiting.len() >= window(slots, job.pace.seconds(blocks)) {
                return;
            }
            let Some(range) = job.remaining.take(blocks) else { return };
            let task = TaskId(self.next_task);
            self.next_task += 1;
            job.open.insert(task, Task::carved(range));
            self.tasks.insert(task, id);
            effects.push(Effect::Record(Change::TaskCarved { task, job: id, range }));
            publish(&mut self.waiting, task, id, now, effects);
            self.fair.served(&job.user, id, job.pace.seconds(range.blocks), job.priority);
        }
    }
}

/// Tasks of so many seconds that may wait for so many slots.
pub(super) fn window(slots: usize, seconds: f64) -> usize {
    let wanted = (slots as f64 * WINDOW_SECONDS / seconds.max(1e-6)) as usize;
    wanted.clamp(LEAST_WINDOW + slots / 4, LEAST_WINDOW + slots * WINDOW_PER_SLOT)
}

pub(super) fn publish(waiting: &mut BTreeMap<TaskId, UtcNs>, task: TaskId, job: JobId, now: UtcNs, effects: &mut Effects) {
    waiting.insert(task, now);
    effects.push(Effect::Publish { task, job });
}
