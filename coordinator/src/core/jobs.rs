//! What users do with jobs: submit them, send them another way.

use std::sync::Arc;

use assay_core::ids::{Attempt, JobId};
use assay_core::time::UtcNs;
use assay_proto::{Answer, Control};
use assay_store::{AttemptEnd, Change, JobState, NewJob, UnfinishedJob};

use super::job::OpenJob;
use super::queue::publish;
use super::{Core, Effect, Effects, Request, after, ended, logged, moved};
use crate::plan::JobPlan;

impl Core {
    pub(super) fn submit(
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
    pub(super) fn open(
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

    pub(super) fn control(&mut self, request: Request, id: JobId, control: Control, now: UtcNs, effects: &mut Effects) {
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
    pub(super) fn close(&mut self, id: JobId, state: JobState, error: Option<String>, now: UtcNs, effects: &mut Effects) {
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
}
