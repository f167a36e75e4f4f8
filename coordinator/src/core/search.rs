//! Searches that learn, as the core sees them: what was proposed, what is to be told, and who has the state machine.
//!
//! Proposing may take a while, so the core never does it. It hands the [`Study`] out with all that it is to be told
//! ([`Proposing`]), and gets it back with new batches ([`Proposed`]), which are recorded before any of their points is run. What
//! dies meanwhile is proposed again, and comes out the same: a study is a function of the batches and outcomes before.

use std::cmp::Ordering;
use std::sync::Arc;

use assay_core::ids::{JobId, Ordinal};
use assay_core::space::Point;
use assay_core::time::UtcNs;
use assay_optimizer::search::pareto;
use assay_optimizer::search::{Ask, Batch, Outcome, Study};
use assay_store::{Change, JobState, StoredBatch};

use super::job::OpenJob;
use super::{Core, Effect, Effects};
use crate::plan::JobPlan;

/// Batches that are asked for at a time.
const BATCHES: usize = 64;

/// One search of a job: the only one, or that of a fold. Ordinals in it count from 0.
#[derive(Debug)]
pub(super) struct Leg {
    study: Place,
    /// Points and levels by ordinal.
    proposed: Vec<(Point, u32)>,
    untold: Vec<(Ordinal, Outcome)>,
    /// Nothing more will be proposed.
    pub(super) done: bool,
    /// The last time the study was handed out: one that comes back from an earlier time is of no use.
    token: u64,
    best: Option<(Ordinal, Outcome)>,
}

#[derive(Debug)]
enum Place {
    /// To be made, from what is recorded.
    Unmade(Vec<Batch>),
    Here(Box<Study>),
    Away,
}

/// A study on its way to propose.
#[derive(Debug)]
pub struct Proposing {
    /// The job.
    pub job: JobId,
    leg: u32,
    token: u64,
    plan: Arc<JobPlan>,
    study: Result<Box<Study>, Vec<Batch>>,
    told: Vec<(Ordinal, Outcome)>,
}

/// A study that comes back.
#[derive(Debug)]
pub struct Proposed {
    pub(super) job: JobId,
    pub(super) leg: u32,
    pub(super) token: u64,
    /// With the new batches, and whether they are the last.
    pub(super) result: Result<(Box<Study>, Vec<Batch>, bool), String>,
}

impl Proposing {
    /// Tells the study what there is to be told, and asks it for as many batches as it has.
    #[must_use]
    pub fn carry_out(self) -> Proposed {
        Proposed {
            job: self.job,
            leg: self.leg,
            token: self.token,
            result: advance(&self.plan, self.study, &self.told),
        }
    }

    /// What becomes of it if that ends in a panic.
    #[must_use]
    pub fn failed(&self) -> Proposed {
        Proposed {
            job: self.job,
            leg: self.leg,
            token: self.token,
            result: Err("a defect in the search".to_owned()),
        }
    }
}

fn advance(
    plan: &JobPlan,
    study: Result<Box<Study>, Vec<Batch>>,
    told: &[(Ordinal, Outcome)],
) -> Result<(Box<Study>, Vec<Batch>, bool), String> {
    let mut study = match study {
        Ok(mut study) => {
            for (ordinal, outcome) in told {
                study.tell(*ordinal, outcome.clone()).map_err(|error| error.to_string())?;
            }
            study
        }
        Err(stored) => {
            let learning = plan.learning.as_ref().ok_or("the job has no search that learns")?;
            let mut study = learning.study(&plan.earlier).map_err(|error| error.to_string())?;
            study.restore(&stored, told).map_err(|error| error.to_string())?;
            Box::new(study)
        }
    };
    let mut batches = Vec::new();
    while batches.len() < BATCHES {
        match study.ask() {
            Ask::Batch(batch) => batches.push(batch),
            Ask::Wait => return Ok((study, batches, false)),
            Ask::Done => return Ok((study, batches, true)),
        }
    }
    Ok((study, batches, false))
}

impl Leg {
    /// From what is recorded: the batches in their order, and what became of their points.
    pub(super) fn new(stored: Vec<Batch>, outcomes: Vec<(Ordinal, Outcome)>, levels: u32) -> Self {
        let mut leg = Self {
            study: Place::Away,
            proposed: Vec::new(),
            untold: Vec::new(),
            done: false,
            token: 0,
            best: None,
        };
        for batch in &stored {
            leg.note(batch);
        }
        leg.study = Place::Unmade(stored);
        for (ordinal, outcome) in outcomes {
            leg.tell(ordinal, outcome, levels);
        }
        leg
    }

    /// Takes note of a batch; returns how many of its points are new.
    pub(super) fn note(&mut self, batch: &Batch) -> u64 {
        let before = self.proposed.len();
        let new = batch.proposals.iter().filter(|proposal| proposal.new);
        self.proposed
            .extend(new.map(|proposal| (proposal.point.clone(), proposal.level)));
        (self.proposed.len() - before) as u64
    }

    /// Points proposed so far.
    pub(super) fn points(&self) -> &[(Point, u32)] {
        &self.proposed
    }

    /// Takes note of what became of a point.
    pub(super) fn tell(&mut self, ordinal: Ordinal, outcome: Outcome, levels: u32) {
        let level = self.proposed.get(ordinal.0 as usize).map(|(_, level)| *level);
        if level == Some(levels - 1) {
            self.lead(ordinal, &outcome);
        }
        self.untold.push((ordinal, outcome));
    }

    /// Takes note of a point that may be the best of the leg.
    pub(super) fn lead(&mut self, ordinal: Ordinal, outcome: &Outcome) {
        let better = |(best, of_best): &(Ordinal, Outcome)| match pareto::compare(outcome, of_best) {
            Some(Ordering::Less) => true,
            Some(Ordering::Equal) => ordinal < *best,
            Some(Ordering::Greater) | None => false,
        };
        if outcome.losses.is_some() && self.best.as_ref().is_none_or(better) {
            self.best = Some((ordinal, outcome.clone()));
        }
    }

    /// The best point in full, if any has an objective.
    pub(super) fn best(&self) -> Option<Ordinal> {
        self.best.as_ref().map(|(ordinal, _)| *ordinal)
    }

    /// Hands the study out, if it is here and something is to be told, or it was never asked.
    pub(super) fn hand_out(&mut self, job: JobId, leg: u32, plan: &Arc<JobPlan>, token: u64) -> Option<Proposing> {
        let fresh = matches!(self.study, Place::Unmade(_));
        if self.done || matches!(self.study, Place::Away) || self.untold.is_empty() && !fresh {
            return None;
        }
        self.token = token;
        let study = match std::mem::replace(&mut self.study, Place::Away) {
            Place::Here(study) => Ok(study),
            Place::Unmade(stored) => Err(stored),
            Place::Away => unreachable!("it is here"),
        };
        Some(Proposing {
            job,
            leg,
            token,
            plan: Arc::clone(plan),
            study,
            told: std::mem::take(&mut self.untold),
        })
    }

    /// Whether the study was handed out at that time, and is still away.
    pub(super) fn is_away(&self, token: u64) -> bool {
        !self.done && token == self.token && matches!(self.study, Place::Away)
    }

    /// Takes the study back; false if it is not the one that was handed out last.
    pub(super) fn take_back(&mut self, study: Box<Study>, token: u64, done: bool) -> bool {
        if !self.is_away(token) {
            return false;
        }
        self.study = Place::Here(study);
        self.done = done;
        true
    }
}

impl Core {
    /// Hands out the searches of a job that have something to be told.
    pub(super) fn propose(&mut self, id: JobId, effects: &mut Effects) {
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
    pub(super) fn proposed(&mut self, proposed: Proposed, now: UtcNs, effects: &mut Effects) {
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

    /// Ends searches that have taken as long as they may.
    pub(super) fn cut_searches(&mut self, now: UtcNs, effects: &mut Effects) {
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
}
