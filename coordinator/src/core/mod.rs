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

mod event;
mod fair;
mod job;
mod pace;
mod remaining;
mod search;
#[cfg(test)]
mod simulation;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_core::ids::{Attempt, JobId, TaskId, WorkerId};
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;
use assay_proto::{Answer, Control, Grant, JobView, QueueView, Report, Rows, TaskResult, WorkerView};
use assay_store::{
    AttemptEnd, Change, FoldRecord, JobDone, JobState, NewJob, StoredBatch, StoredMoments, TaskDone, UnfinishedJob,
};

pub use event::{CompactError, Compaction, Effect, Event, Request, Written};
use fair::{Fair, HEAD_START_SECONDS};
use job::{End, Lease, OpenJob, Step, Task, text_of};
pub use search::{Proposed, Proposing};
use workers::Workers;

use crate::plan::{JobPlan, WALK};
use crate::settings::Settings;

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

    fn submit(
        &mut self,
        request: Request,
        job: NewJob,
        plan: Arc<JobPlan>,
        known: Option<Box<UnfinishedJob>>,
        now: UtcNs,
        effects: &mut Effects,
    ) {
        let id = plan.id;
        if let Some(open) = self.jobs.get(&id) {
            effects.push(Effect::Answer(request, Answer::Submitted(open.state)));
            return;
        }
        let state = known.as_ref().map(|known| known.record.state);
        let (user, priority) = (Arc::from(job.owner.as_str()), job.priority);
        effects.push(Effect::Record(Change::JobAdded(Box::new(job))));
        if state == Some(JobState::Done) {
            // Its result files are gone, or nobody would have asked.
            effects.push(moved(id, JobState::Queued, now, None));
        }
        if state != Some(JobState::Running) {
            effects.push(moved(id, JobState::Running, now, None));
        }
        let (trials, blocks) = (plan.trials(), plan.proposals.blocks());
        let done = known.as_ref().map_or(0, |known| known.record.trials_done);
        let text = match done {
            0 => format!("begun: {trials} trials in {blocks} blocks, priority {priority}"),
            done => format!("goes on: {done} of {trials} trials are safe"),
        };
        effects.push(logged(id, now, text));
        let known = known.map(|mut known| {
            known.record.state = JobState::Running;
            known.record.started = Some(now);
            *known
        });
        self.open(plan, user, priority, known, now, effects);
        effects.push(Effect::Answer(request, Answer::Submitted(JobState::Running)));
    }

    /// Takes a job in hand.
    fn open(
        &mut self,
        plan: Arc<JobPlan>,
        user: Arc<str>,
        priority: u8,
        known: Option<UnfinishedJob>,
        now: UtcNs,
        effects: &mut Effects,
    ) {
        let id = plan.id;
        // Workers of an earlier process of this kind died with it.
        let leased_until = (!self.settings.in_process).then(|| after(now, self.settings.lease));
        let job = OpenJob::new(plan, user, priority, known, now, leased_until, &self.settings);
        for (task, open) in &job.open {
            self.tasks.insert(*task, id);
            // Of a task that several workers had, the database names the last one: the tries of the others end here.
            for attempt in (1..=open.attempts).map(Attempt) {
                if open.leases.iter().all(|lease| lease.attempt != attempt) {
                    effects.push(ended(*task, attempt, AttemptEnd::Cancelled, now));
                }
            }
            if open.leases.is_empty() && job.state == JobState::Running {
                publish(&mut self.waiting, *task, id, now, effects);
            }
        }
        self.jobs.insert(id, job);
        self.take_turns(id);
        self.propose(id, effects);
        self.end_if_computed(id, now, effects);
    }

    fn control(&mut self, request: Request, id: JobId, control: Control, now: UtcNs, effects: &mut Effects) {
        let Some(job) = self.jobs.get_mut(&id) else {
            effects.push(Effect::Answer(request, Answer::UnknownJob));
            return;
        };
        match (control, job.state) {
            (Control::Priority(priority), _) => {
                job.priority = priority;
                effects.push(logged(id, now, format!("priority {priority}")));
                effects.push(Effect::Record(Change::JobPriority { job: id, priority }));
            }
            (Control::Pause, JobState::Running) => {
                job.state = JobState::Paused;
                effects.push(moved(id, JobState::Paused, now, None));
                effects.push(logged(id, now, "paused: no further task is handed out".to_owned()));
                self.fair.leave(&job.user, id);
                let open = &job.open;
                self.waiting.retain(|task, _| !open.contains_key(task));
            }
            (Control::Resume, JobState::Paused) => {
                job.state = JobState::Running;
                effects.push(moved(id, JobState::Running, now, None));
                effects.push(logged(id, now, "resumed".to_owned()));
                for (task, open) in &job.open {
                    if open.leases.is_empty() {
                        publish(&mut self.waiting, *task, id, now, effects);
                    }
                }
                self.take_turns(id);
            }
            (Control::Stop, _) => self.close(id, JobState::Stopped, None, now, effects),
            (Control::Pause | Control::Resume, state) => {
                effects.push(Effect::Answer(request, Answer::NotNow { state }));
                return;
            }
        }
        effects.push(Effect::Answer(request, Answer::Done));
    }

    /// Ends a job without results. Its tasks stay recorded, and those that are not over are ready when it is submitted again.
    fn close(&mut self, id: JobId, state: JobState, error: Option<String>, now: UtcNs, effects: &mut Effects) {
        let Some(job) = self.jobs.remove(&id) else { return };
        self.fair.forget(&job.user, id);
        for (task, open) in job.open {
            self.tasks.remove(&task);
            self.waiting.remove(&task);
            for lease in open.leases {
                effects.push(ended(task, lease.attempt, AttemptEnd::Cancelled, now));
            }
        }
        effects.push(moved(id, state, now, error.clone()));
        let reason = error.as_deref().map_or(String::new(), |error| format!(": {error}"));
        effects.push(logged(id, now, format!("{state}{reason}")));
        effects.push(Effect::Ended { job: id, state, error });
    }

    fn heartbeat(
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

    fn leave(&mut self, worker: &WorkerId, now: UtcNs, effects: &mut Effects) {
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

    fn leased_by(&self, worker: &WorkerId) -> impl Iterator<Item = (TaskId, JobId, Attempt)> {
        self.jobs.iter().flat_map(move |(id, job)| {
            job.open.iter().flat_map(move |(task, open)| {
                let mine = open.leases.iter().filter(move |lease| lease.worker == *worker);
                mine.map(move |lease| (*task, *id, lease.attempt))
            })
        })
    }

    fn lease(&mut self, request: Request, worker: &WorkerId, task: TaskId, now: UtcNs, effects: &mut Effects) {
        if !self.workers.knows(worker) {
            effects.push(Effect::Answer(request, Answer::WhoAreYou));
            return;
        }
        let grant = self.grant(worker, task, now, effects);
        effects.push(Effect::Answer(request, grant.map_or(Answer::NotWanted, Answer::Granted)));
    }

    fn grant(&mut self, worker: &WorkerId, task: TaskId, now: UtcNs, effects: &mut Effects) -> Option<Grant> {
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
    fn report(
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
    fn done(
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

    /// Hands out the searches of a job that have something to be told.
    fn propose(&mut self, id: JobId, effects: &mut Effects) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let plan = Arc::clone(&job.plan);
        if plan.learning.is_none() {
            return;
        }
        for (leg, number) in job.legs.iter_mut().zip(0..) {
            let token = self.handed_out + 1;
            if let Some(proposing) = leg.hand_out(id, number, &plan, token) {
                self.handed_out = token;
                effects.push(Effect::Propose(Box::new(proposing)));
            }
        }
    }

    /// A search comes back. Its batches are recorded before any of their points is run.
    fn proposed(&mut self, proposed: Proposed, now: UtcNs, effects: &mut Effects) {
        let (id, number) = (proposed.job, proposed.leg);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let plan = Arc::clone(&job.plan);
        let leg = &mut job.legs[number as usize];
        let (study, batches, done) = match proposed.result {
            Ok(result) => result,
            Err(reason) => {
                if leg.is_away(proposed.token) {
                    self.close(id, JobState::Failed, Some(format!("the search: {reason}")), now, effects);
                }
                return;
            }
        };
        if !leg.take_back(study, proposed.token, done) {
            return;
        }
        let first = plan.legs[number as usize].first;
        for batch in batches {
            let leg = &mut job.legs[number as usize];
            let before = leg.points().len() as u64;
            let new = leg.note(&batch);
            effects.push(Effect::Record(Change::BatchProposed(StoredBatch {
                job: id,
                leg: number,
                number: batch.number,
                proposals: serde_json::to_string(&batch).expect("points are JSON"),
            })));
            // A task holds points of one batch, so that the next one is not kept waiting.
            job.add(first + before..first + before + new);
        }
        self.take_turns(id);
        self.propose(id, effects);
        self.end_if_computed(id, now, effects);
    }

    /// The winners of a walk forward were run.
    fn walked(&mut self, id: JobId, task: TaskId, folds: Vec<FoldRecord>, now: UtcNs, effects: &mut Effects) -> Answer {
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

    /// Ends searches that have taken as long as they may.
    fn cut_searches(&mut self, now: UtcNs, effects: &mut Effects) {
        let late = |job: &OpenJob| {
            let limit = job.plan.time_limit_ns.filter(|_| !job.cut && job.state == JobState::Running);
            limit.is_some_and(|limit| now.0 - job.started.0 >= limit)
        };
        let due: Vec<JobId> = self.jobs.iter().filter(|(_, job)| late(job)).map(|(id, _)| *id).collect();
        for id in due {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            if job.is_searched() && job.remaining.is_empty() {
                continue;
            }
            job.end_search();
            effects.push(Effect::Record(Change::SearchCut { job: id }));
            let text = "the search ends at its limit of time: another run of the job would not find the same".to_owned();
            effects.push(Effect::Record(Change::Logged { job: id, at: now, text }));
            self.fair.leave(&job.user, id);
            self.end_if_computed(id, now, effects);
        }
    }

    /// A result of a task that is over: a worker that was thought lost, or one that was overtaken.
    fn done_before(&self, task: TaskId, result: &TaskResult, effects: &mut Effects) -> Answer {
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

    fn failed(&mut self, id: JobId, task: TaskId, attempt: Attempt, reason: String, now: UtcNs, effects: &mut Effects) {
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
    fn release(&mut self, id: JobId, task: TaskId, attempt: Attempt, end: AttemptEnd, now: UtcNs, effects: &mut Effects) {
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

    fn tick(&mut self, now: UtcNs, effects: &mut Effects) {
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
    fn overtake_slow_tasks(&mut self, now: UtcNs, effects: &mut Effects) {
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

    fn has_idle_slots(&self) -> bool {
        let open = self.jobs.values().flat_map(|job| job.open.values());
        open.filter(|task| !task.leases.is_empty()).count() < self.workers.slots()
    }

    /// Publishes tasks once more whose message may be lost.
    fn publish_again(&mut self, which: impl Fn(UtcNs) -> bool, now: UtcNs, effects: &mut Effects) {
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
    fn take_turns(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id).filter(|job| job.wants_work()) else {
            return;
        };
        let slots = self.workers.slots() as f64;
        let head_start = HEAD_START_SECONDS * slots / f64::from(job.priority.max(1));
        self.fair.join(&job.user, id, head_start);
    }

    /// Carves and publishes tasks until enough of them wait.
    fn fill_window(&mut self, now: UtcNs, effects: &mut Effects) {
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

    fn end_if_computed(&mut self, id: JobId, now: UtcNs, effects: &mut Effects) {
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

    fn compacted(&mut self, id: JobId, result: Result<Written, CompactError>, now: UtcNs, effects: &mut Effects) {
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

/// Tasks of so many seconds that may wait for so many slots.
fn window(slots: usize, seconds: f64) -> usize {
    let wanted = (slots as f64 * WINDOW_SECONDS / seconds.max(1e-6)) as usize;
    wanted.clamp(LEAST_WINDOW + slots / 4, LEAST_WINDOW + slots * WINDOW_PER_SLOT)
}

fn end_of(job: &OpenJob, settings: &Settings, written: Written, now: UtcNs) -> JobDone {
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
fn replay_due(plan: &JobPlan, settings: &Settings) -> Option<u32> {
    let trades = plan.trades_kept.unwrap_or(settings.trades_kept);
    (trades > 0 || (plan.ladder && !settings.in_process)).then_some(trades)
}

fn publish(waiting: &mut BTreeMap<TaskId, UtcNs>, task: TaskId, job: JobId, now: UtcNs, effects: &mut Effects) {
    waiting.insert(task, now);
    effects.push(Effect::Publish { task, job });
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
