//! The coordinator's decisions: what happened goes in, what is to be done comes out.
//!
//! [`Core::step`] reads no clock and does no I/O, so that the same events at the same times give the same effects. Whoever drives it
//! carries the effects out: first it makes all [`Effect::Record`] durable in one transaction, then it does the rest. A core that lost
//! its database is thrown away; the next one starts from what the database knows.
//!
//! A task on its way:
//! ```text
//!             publish            lease                 report
//!   carved ----------> waiting ---------> leased ------------------> done
//!                         ^                 |  \
//!                         | lost, given back|   \ failed too often
//!                         +-----------------+    +-----------------> quarantined: its trials failed
//! ```
//! Only a small window of tasks is carved and published at a time, and fairness decides which: so priorities, pauses and
//! cancellation take effect at once, whatever the size of a job.

mod attempts;
mod ending;
mod event;
mod fair;
mod job;
mod jobs;
mod pace;
mod queue;
mod remaining;
mod search;
#[cfg(test)]
mod simulation;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_core::ids::{Attempt, JobId, TaskId};
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;
use assay_proto::{JobView, QueueView, WorkerView};
use assay_store::{AttemptEnd, Change, JobState, UnfinishedJob};

pub use event::{CompactError, Compaction, Effect, Event, Request, Written};
use fair::Fair;
use job::OpenJob;
pub use search::{Proposed, Proposing};
use workers::Workers;

use crate::plan::JobPlan;
use crate::settings::Settings;

/// The state of a coordinator in office.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    jobs: BTreeMap<JobId, OpenJob>,
    /// Which job an open task belongs to.
    tasks: BTreeMap<TaskId, JobId>,
    /// Tasks whose message is out and that nobody has taken, and since when.
    waiting: BTreeMap<TaskId, UtcNs>,
    workers: Workers,
    fair: Fair,
    next_task: u64,
    /// How often a search was handed out.
    handed_out: u64,
}

/// The effects of a step in the making.
type Effects = Vec<Effect>;

fn nanoseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn after(now: UtcNs, duration: std::time::Duration) -> UtcNs {
    UtcNs(now.0.saturating_add(nanoseconds(duration)))
}

impl Core {
    /// A coordinator that takes office: `jobs` are those that are not over, with their plans; `next_task` is the number of the next
    /// task. Its first effects publish what waits.
    pub fn new(
        settings: Settings,
        jobs: Vec<(Arc<JobPlan>, UnfinishedJob)>,
        next_task: u64,
        now: UtcNs,
    ) -> (Self, Vec<Effect>) {
        let mut core = Self {
            settings,
            jobs: BTreeMap::new(),
            tasks: BTreeMap::new(),
            waiting: BTreeMap::new(),
            workers: Workers::default(),
            fair: Fair::default(),
            next_task,
            handed_out: 0,
        };
        let mut effects = Vec::new();
        for (plan, known) in jobs {
            let priority = known.record.priority;
            if known.record.state == JobState::Queued {
                effects.push(moved(plan.id, JobState::Running, now, None));
            }
            let (done, trials) = (known.record.trials_done, plan.trials());
            let text = format!("a coordinator took over: {done} of {trials} trials are safe");
            effects.push(logged(plan.id, now, text));
            let user = Arc::from(known.record.owner.as_str());
            core.open(plan, user, priority, Some(known), now, &mut effects);
        }
        core.fill_window(now, &mut effects);
        (core, effects)
    }

    /// Takes one event in and returns what is to be done.
    pub fn step(&mut self, event: Event, now: UtcNs) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Submit {
                request,
                job,
                plan,
                known,
            } => self.submit(request, *job, plan, known, now, &mut effects),
            Event::Control { request, job, control } => self.control(request, job, control, now, &mut effects),
            Event::Heartbeat {
                request,
                worker,
                slots,
                running,
            } => self.heartbeat(request, worker, slots, &running, now, &mut effects),
            Event::Leave { worker } => self.leave(&worker, now, &mut effects),
            Event::Lease { request, worker, task } => self.lease(request, &worker, task, now, &mut effects),
            Event::Report {
                request,
                worker,
                task,
                attempt,
                report,
            } => self.report(request, &worker, task, attempt, report, now, &mut effects),
            Event::Compacted { job, result } => self.compacted(job, result, now, &mut effects),
            Event::Proposed(proposed) => self.proposed(*proposed, now, &mut effects),
            Event::QueueRecovered => self.publish_again(|_| true, now, &mut effects),
            Event::Tick => self.tick(now, &mut effects),
        }
        self.fill_window(now, &mut effects);
        effects
    }

    /// How far a job is that is not over.
    pub fn job(&self, job: JobId) -> Option<JobView> {
        self.jobs.get(&job).map(OpenJob::view)
    }

    /// All jobs that are not over.
    pub fn jobs(&self) -> impl Iterator<Item = JobView> {
        self.jobs.values().map(OpenJob::view)
    }

    /// The best points of a job that is not over, best first.
    pub fn top(&self, job: JobId) -> Option<Vec<Ranked>> {
        self.jobs.get(&job).map(|job| job.board.ranked())
    }

    /// The text from which workers make a job that is not over.
    pub fn body(&self, job: JobId) -> Option<Arc<str>> {
        self.jobs.get(&job).map(|job| Arc::clone(&job.plan.body))
    }

    /// All workers.
    pub fn workers(&self) -> impl Iterator<Item = WorkerView> {
        self.workers.all().map(|(id, slots, seen)| WorkerView {
            worker: id.clone(),
            slots,
            running: self.leased_by(id).map(|(task, job, _)| (task, job)).collect(),
            seen,
        })
    }

    /// The queue in numbers.
    pub fn queue(&self) -> QueueView {
        let open = self.jobs.values().flat_map(|job| job.open.values());
        QueueView {
            waiting: self.waiting.len(),
            running: open.filter(|task| !task.leases.is_empty()).count(),
            slots: self.workers.slots() as u32,
            uncarved_blocks: self.jobs.values().map(|job| job.remaining.blocks()).sum(),
        }
    }
}

fn moved(job: JobId, to: JobState, at: UtcNs, error: Option<String>) -> Effect {
    Effect::Record(Change::JobMoved { job, to, at, error })
}

fn logged(job: JobId, at: UtcNs, text: String) -> Effect {
    Effect::Record(Change::Logged { job, at, text })
}

/// One line for each job about some of its tasks: their numbers, or how many they are.
fn log_by_job(tasks: impl Iterator<Item = (JobId, TaskId)>, at: UtcNs, effects: &mut Effects, line: impl Fn(String) -> String) {
    let mut by_job: BTreeMap<JobId, Vec<TaskId>> = BTreeMap::new();
    for (job, task) in tasks {
        by_job.entry(job).or_default().push(task);
    }
    for (job, tasks) in by_job {
        let text = match tasks.as_slice() {
            [task] => format!("task {task}"),
            [first, second] => format!("tasks {first} and {second}"),
            many => format!("{} tasks", many.len()),
        };
        effects.push(logged(job, at, line(text)));
    }
}

fn ended(task: TaskId, attempt: Attempt, end: AttemptEnd, at: UtcNs) -> Effect {
    Effect::Record(Change::AttemptEnded { task, attempt, end, at })
}
