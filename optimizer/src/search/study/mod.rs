//! A search from its first batch to its last.

mod error;
mod fill;
mod run;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use assay_core::ids::Ordinal;
use assay_core::space::Point;
use serde::{Deserialize, Serialize};

pub use error::StudyError;

use crate::error::OptimizerError;
use crate::proposals::no_point;
use crate::search::pareto::Front;
use crate::search::{Cube, EARLIER, Outcome, Sampler, Told, Unit};
use fill::Filler;

/// Batches in a row that may hold nothing new before one is filled with random points.
const BARREN: usize = 64;

/// How a search proceeds.
#[derive(Debug, Clone, PartialEq)]
pub struct StudySettings {
    /// Points to evaluate at most.
    pub trials: u64,
    /// Points in a batch, at least 1.
    pub batch: usize,
    /// Batch b is proposed from the results of batches up to b - 1 - lag.
    pub lag: u64,
    /// Evaluations without an improvement after which the search ends.
    pub patience: Option<u64>,
    /// Seed of the points that are drawn where the sampler has no new ones.
    pub seed: u64,
    /// Losses in an outcome.
    pub objectives: usize,
}

/// A point that the search wants to know about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its number: new points are numbered from 0 in the order in which they are proposed.
    pub ordinal: Ordinal,
    /// The point.
    pub point: Point,
    /// Its level of fidelity (see [`Cube::with_levels`]); 0 where there is only one.
    pub level: u32,
    /// Whether it is to be evaluated. Otherwise it was proposed before, under the same number, and its outcome counts again for the
    /// sampler but for nothing else.
    pub new: bool,
}

/// Points that were proposed together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Batches are numbered from 0.
    pub number: u64,
    /// In the order of the sampler. There may be none that is new, or none at all: then the next batch can be asked for at once, or
    /// as soon as results come in.
    pub proposals: Vec<Proposal>,
}

/// Answer to a question for more points.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// The next batch. It must be stored before its points are evaluated.
    Batch(Batch),
    /// Results must be told first.
    Wait,
    /// There are no more batches. Results of earlier ones may still be told.
    Done,
}

/// What a search knows: a state machine without threads, clock or files.
///
/// Asked for batches and told outcomes in any order, it proposes the same points: the sampler is told whole batches in their order,
/// and of batch b - 1 - lag at the latest when batch b is proposed. No point is evaluated twice. An interrupted search goes on
/// where it was when its batches and outcomes are given to [`Study::restore`].
pub struct Study {
    cube: Cube,
    sampler: Box<dyn Sampler>,
    settings: StudySettings,
    enqueued: VecDeque<(Point, u32)>,
    batches: Vec<Vec<Ordinal>>,
    /// Batches that the sampler was told of.
    observed: usize,
    /// By ordinal.
    trials: Vec<Trial>,
    known: BTreeMap<Key, Ordinal>,
    filler: Filler,
    available: Option<u64>,
    front: Front,
    /// Evaluations observed since the front changed, and of which ordinals these are the next.
    idle: u64,
    counted: usize,
    /// Batches in a row, up to the last, that hold proposals and none that is new.
    barren: usize,
    ended: bool,
}

struct Trial {
    point: Point,
    level: u32,
    unit: Unit,
    outcome: Option<Outcome>,
}

/// What tells points apart: the bits of their coordinates and their level.
type Key = (Box<[u64]>, u32);

impl fmt::Debug for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (batches, trials) = (self.batches.len(), self.trials.len());
        write!(f, "Study of {trials} points in {batches} batches")
    }
}

impl Study {
    /// A search in a cube. `earlier` are outcomes of another job, told to the sampler before the first batch; `enqueued` points are
    /// evaluated first, in batches of their own, those that the condition does not admit or that occur twice left out.
    ///
    /// Fails if the cube admits no point, as far as bounded work can tell.
    pub fn new(
        cube: Cube,
        mut sampler: Box<dyn Sampler>,
        settings: StudySettings,
        earlier: &[(Point, Outcome)],
        enqueued: &[Point],
    ) -> Result<Self, OptimizerError> {
        let available = fill::available(&cube);
        let mut filler = Filler::new(&cube, settings.seed);
        let admits_any = available != Some(0) && filler.next(&cube, |_| true).is_some();
        if let (false, Some(condition)) = (admits_any, cube.condition()) {
            return Err(no_point(condition));
        }
        let told = |(point, outcome): &(Point, Outcome)| Told {
            unit: cube.unit(point),
            outcome: cleaned(outcome.clone()),
        };
        let comparable = |told: &Told| {
            told.outcome
                .losses
                .as_ref()
                .is_none_or(|losses| losses.len() == settings.objectives)
        };
        let earlier: Vec<Told> = earlier.iter().map(told).filter(comparable).collect();
        if !earlier.is_empty() {
            sampler.observe(EARLIER, &earlier);
        }
        let mut queue: VecDeque<(Point, u32)> = VecDeque::new();
        for point in enqueued {
            // By way of the cube, which moves values into their ranges.
            let entry = (cube.point(&cube.unit(point)), cube.levels() - 1);
            if cube.admits(&cube.unit(point)) && !queue.contains(&entry) {
                queue.push_back(entry);
            }
        }
        Ok(Self {
            filler: Filler::new(&cube, settings.seed),
            cube,
            sampler,
            settings,
            enqueued: queue,
            batches: Vec::new(),
            observed: 0,
            trials: Vec::new(),
            known: BTreeMap::new(),
            available,
            front: Front::default(),
            idle: 0,
            counted: 0,
            barren: 0,
            ended: false,
        })
    }

    /// Brings a new search (made with the same arguments as the interrupted one) to where it was: `batches` are all that were
    /// proposed, `outcomes` all that were told. Nothing is proposed anew.
    pub fn restore(&mut self, batches: &[Batch], outcomes: &[(Ordinal, Outcome)]) -> Result<(), StudyError> {
        let mut by_ordinal: BTreeMap<Ordinal, &Outcome> =
            outcomes.iter().map(|(ordinal, outcome)| (*ordinal, outcome)).collect();
        for batch in batches {
            if batch.number != self.batches.len() as u64 {
                return Err(StudyError::MissingBatch {
                    expected: self.batches.len() as u64,
                    found: batch.number,
                });
            }
            if !self.catch_up() {
                return Err(StudyError::MissingOutcomes { batch: batch.number });
            }
            if self.enqueued.is_empty() {
                self.sampler.recall(batch.number, self.room(), &self.pending());
            } else {
                let taken = self.enqueued.len().min(self.room());
                self.enqueued.drain(..taken);
            }
            let slots = batch.proposals.iter().map(|p| (p.point.clone(), p.level)).collect();
            let replayed = self.register(slots);
            if replayed != *batch {
                return Err(StudyError::OtherNumbers { batch: batch.number });
            }
            for proposal in replayed.proposals.iter().filter(|proposal| proposal.new) {
                if let Some(outcome) = by_ordinal.remove(&proposal.ordinal) {
                    self.tell(proposal.ordinal, outcome.clone())?;
                }
            }
        }
        match by_ordinal.keys().next() {
            Some(ordinal) => Err(StudyError::NeverProposed { ordinal: *ordinal }),
            None => Ok(()),
        }
    }

    /// The next batch, if it can be proposed yet.
    pub fn ask(&mut self) -> Ask {
        if self.ended {
            return Ask::Done;
        }
        if !self.catch_up() {
            return Ask::Wait;
        }
        if self.is_over() {
            self.ended = true;
            return Ask::Done;
        }
        let room = self.room();
        if !self.enqueued.is_empty() {
            let taken = self.enqueued.len().min(room);
            let slots = self.enqueued.drain(..taken).collect();
            return Ask::Batch(self.register(slots));
        }
        let pending = self.pending();
        let proposed = self.sampler.propose(self.batches.len() as u64, room, &pending);
        let mut slots = Vec::with_capacity(room);
        for unit in proposed.iter().take(room) {
            slots.extend(self.admitted(unit));
        }
        // What is under way may be known points only, which are not pending.
        let idle = self.batches[self.observed..].iter().all(Vec::is_empty);
        if slots.is_empty() && idle {
            self.ended = true;
            return Ask::Done;
        }
        let none_new = slots
            .iter()
            .all(|(point, level)| self.known.contains_key(&key(&point.0, *level)));
        if !slots.is_empty() && none_new && self.barren + 1 >= BARREN && !self.fill(room, &mut slots) && idle {
            self.ended = true;
            return Ask::Done;
        }
        Ask::Batch(self.register(slots))
    }

    /// What became of a point. The same outcome may be told again.
    pub fn tell(&mut self, ordinal: Ordinal, outcome: Outcome) -> Result<(), StudyError> {
        let outcome = cleaned(outcome);
        let found = outcome.losses.as_ref().map(|losses| losses.len());
        if let Some(found) = found.filter(|found| *found != self.settings.objectives) {
            return Err(StudyError::Objectives {
                expected: self.settings.objectives,
                found,
            });
        }
        let trial = usize::try_from(ordinal.0).ok().and_then(|index| self.trials.get_mut(index));
        let trial = trial.ok_or(StudyError::NeverProposed { ordinal })?;
        match &trial.outcome {
            Some(known) if *known != outcome => Err(StudyError::ToldTwice { ordinal }),
            Some(_) => Ok(()),
            None => {
                trial.outcome = Some(outcome);
                Ok(())
            }
        }
    }

    /// The best of the outcomes that the sampler was told of: one, or with several objectives all that none is better than. Only
    /// points at the full level of fidelity.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// Points proposed so far.
    pub fn proposed(&self) -> u64 {
        self.trials.len() as u64
    }

    /// A proposed point, and its outcome once told.
    pub fn trial(&self, ordinal: Ordinal) -> Option<(&Point, Option<&Outcome>)> {
        let trial = self.trials.get(usize::try_from(ordinal.0).ok()?)?;
        Some((&trial.point, trial.outcome.as_ref()))
    }

    /// Tells the sampler of the batches that the next one is proposed from; false if their outcomes are not all known.
    fn catch_up(&mut self) -> bool {
        while (self.observed as u64).saturating_add(self.settings.lag) < self.batches.len() as u64 {
            let mut told = Vec::with_capacity(self.batches[self.observed].len());
            for ordinal in &self.batches[self.observed] {
                let trial = &self.trials[ordinal.0 as usize];
                let Some(outcome) = trial.outcome.clone() else {
                    return false;
                };
                told.push(Told {
                    unit: trial.unit.clone(),
                    outcome,
                });
            }
            self.sampler.observe(self.observed as u64, &told);
            self.count_improvements();
            self.observed += 1;
        }
        true
    }

    fn count_improvements(&mut self) {
        for ordinal in &self.batches[self.observed] {
            if ordinal.0 as usize != self.counted {
                continue;
            }
            self.counted += 1;
            self.idle += 1;
            let trial = &self.trials[ordinal.0 as usize];
            let full = trial.level + 1 == self.cube.levels();
            if full
                && trial
                    .outcome
                    .as_ref()
                    .is_some_and(|outcome| self.front.push(ordinal.0, outcome))
            {
                self.idle = 0;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.room() == 0
            || self.settings.patience.is_some_and(|patience| self.idle >= patience)
            || self.available.is_some_and(|available| self.known.len() as u64 >= available)
    }

    /// Points that the next batch may hold.
    fn room(&self) -> usize {
        let left = self.settings.trials - self.trials.len() as u64;
        usize::try_from(left).unwrap_or(usize::MAX).min(self.settings.batch.max(1))
    }

    /// Points of batches that the sampler was not told of.
    fn pending(&self) -> Vec<Unit> {
        let unit = |trial: &Trial| trial.unit.clone();
        self.trials[self.counted..].iter().map(unit).collect()
    }

    /// The point nearest to what a sampler proposed that the condition admits; nothing where it is not known to admit any.
    fn admitted(&mut self, unit: &[f64]) -> Option<(Point, u32)> {
        let clean: Vec<f64> = unit
            .iter()
            .map(|u| if u.is_nan() { 0.5 } else { u.clamp(0.0, 1.0) })
            .collect();
        let level = self.cube.level(&clean);
        if self.cube.admits(&clean) {
            return Some((self.cube.point(&clean), level));
        }
        let distance = |trial: &Trial| -> f64 { trial.unit.iter().zip(&clean).map(|(a, b)| (a - b) * (a - b)).sum() };
        let nearest = self.trials.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        match nearest {
            Some(trial) => Some((self.cube.point(&self.cube.repair(&clean, &trial.unit)), level)),
            None => self.filler.next(&self.cube, |_| true).map(|point| (Point(point), level)),
        }
    }

    /// Makes room for random points at the cost of known ones; false if there are none.
    fn fill(&mut self, room: usize, slots: &mut Vec<(Point, u32)>) -> bool {
        slots.clear();
        let known = &self.known;
        while slots.len() < room
            && let Some(point) = self.filler.next(&self.cube, |point| !known.contains_key(&key(point, 0)))
        {
            slots.push((Point(point), 0));
        }
        !slots.is_empty()
    }

    /// Gives numbers to the points of the next batch.
    fn register(&mut self, slots: Vec<(Point, u32)>) -> Batch {
        let mut proposals = Vec::with_capacity(slots.len());
        for (point, level) in slots {
            let next = Ordinal(self.trials.len() as u64);
            let ordinal = *self.known.entry(key(&point.0, level)).or_insert(next);
            let new = ordinal == next;
            if new {
                self.trials.push(Trial {
                    unit: self.cube.unit_at(&point, level),
                    point: point.clone(),
                    level,
                    outcome: None,
                });
            }
            proposals.push(Proposal {
                ordinal,
                point,
                level,
                new,
            });
        }
        if proposals.iter().any(|proposal| proposal.new) {
            self.barren = 0;
        } else if !proposals.is_empty() {
            self.barren += 1;
        }
        let number = self.batches.len() as u64;
        self.batches.push(proposals.iter().map(|proposal| proposal.ordinal).collect());
        Batch { number, proposals }
    }
}

fn key(coordinates: &[f64], level: u32) -> Key {
    // Both zeros are one value.
    (coordinates.iter().map(|x| (x + 0.0).to_bits()).collect(), level)
}

/// An outcome as samplers may be told of it: finite losses or none, a violation of at least 0.
fn cleaned(outcome: Outcome) -> Outcome {
    let violation = if outcome.violation.is_nan() {
        f64::MAX
    } else {
        outcome.violation
    };
    Outcome {
        losses: outcome.losses.filter(|losses| losses.iter().all(|loss| loss.is_finite())),
        violation: violation.clamp(0.0, f64::MAX),
    }
}
