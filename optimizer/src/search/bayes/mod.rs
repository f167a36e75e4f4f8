//! Bayesian optimization with Gaussian processes.
//!
//! A Gaussian process says of every point what its objective is expected to be and how sure that is. The next point is the one at
//! which the best known one is expected to be improved upon most (one objective), or by which the front's hypervolume is expected
//! to grow most (two; of more objectives, a weighted largest one with other weights in every batch is made into one).
//!
//! Sources: D. Jones et al., "Efficient global optimization of expensive black-box functions", 1998; S. Ament et al., "Unexpected
//! improvements to expected improvement for Bayesian optimization", `NeurIPS` 2023; M. Schonlau et al., "Global versus local
//! search in constrained optimization of computer models", 1998 (constraints); D. Ginsbourger et al., "Kriging is well-suited to
//! parallelize optimization", 2010 (pending points); J. Knowles, "`ParEGO`", IEEE TEC 10(1), 2006 (more than two objectives).

mod acquisition;
mod fit;
mod kernel;
mod maximize;
mod process;
mod triangle;
mod values;

use assay_core::job::BayesSettings;

use crate::search::stream::Stream;
use crate::search::tried::Tried;
use crate::search::{Cube, Dimension, Sampler, Told, Unit};
use acquisition::{Acquisition, Goal, Steps};
use kernel::Kernel;
use maximize::Effort;
use process::Process;

/// The method `bayes`.
#[derive(Debug)]
pub struct Bayes {
    cube: Cube,
    seed: u64,
    settings: BayesSettings,
    told: Vec<Told>,
    tried: Tried,
    /// Which of them have losses.
    known: Vec<usize>,
    objectives: Vec<Model>,
    violation: Option<Model>,
}

/// A process whose kernel is chosen anew from time to time.
#[derive(Debug)]
struct Model {
    process: Process,
    /// How many points it had when its kernel was chosen.
    chosen_at: usize,
}

impl Bayes {
    /// A search of a cube.
    pub fn new(cube: Cube, seed: u64, settings: BayesSettings) -> Self {
        Self {
            tried: Tried::new(&cube, seed),
            cube,
            seed,
            settings,
            told: Vec::new(),
            known: Vec::new(),
            objectives: Vec::new(),
            violation: None,
        }
    }

    /// So much that a proposal takes about the same time with any number of points.
    fn effort(&self, points: usize) -> Effort {
        // A candidate costs the square of the number of points.
        let affordable = 8_000_000 / (points * points).max(1);
        Effort {
            candidates: affordable.max(64).min(self.settings.candidates),
            starts: (affordable / 64).max(2).min(self.settings.starts),
            steps: self.settings.steps,
        }
    }

    fn goal(&self, processes: &[Process]) -> Goal {
        let feasible = |told: &&usize| self.told[**told].outcome.violation == 0.0;
        let smoothed = |process: &Process| -> Vec<f64> {
            let all = process.smoothed().zip(&self.known);
            all.filter(|(_, told)| feasible(told)).map(|(value, _)| value).collect()
        };
        match processes {
            _ if !self.known.iter().any(|told| feasible(&told)) => Goal::Feasible,
            [first, second] => {
                let front: Vec<[f64; 2]> = smoothed(first)
                    .into_iter()
                    .zip(smoothed(second))
                    .map(|(a, b)| [a, b])
                    .collect();
                Goal::Hypervolume(Steps::below_worst(&front))
            }
            [only, ..] => Goal::Improvement(smoothed(only).into_iter().fold(f64::INFINITY, f64::min)),
            [] => Goal::Feasible,
        }
    }

    /// The points around which others are looked for: the best ones.
    fn best(&self) -> Vec<&[f64]> {
        let mut order: Vec<usize> = self.known.clone();
        let rank = |index: usize| {
            let outcome = &self.told[index].outcome;
            let losses = outcome.losses.as_deref().unwrap_or_default();
            (outcome.violation, losses.iter().sum::<f64>())
        };
        order.sort_by(|a, b| {
            let (a, b) = (rank(*a), rank(*b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        order.truncate(CENTRES);
        order.iter().map(|index| &*self.told[*index].unit).collect()
    }
}

/// Points around which others are looked for.
const CENTRES: usize = 5;
/// Most points from which a kernel is chosen: the time that takes grows with their third power.
const MOST_CHOSEN_FROM: usize = 200;

impl Sampler for Bayes {
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit> {
        let mut stream = Stream::new(self.seed, batch);
        let mut known = self.tried.with(&self.cube, pending);
        let mut processes: Vec<Process> = self.objectives.iter().map(|model| model.process.clone()).collect();
        let mut violation = self.violation.as_ref().map(|model| model.process.clone());
        for unit in pending {
            processes
                .iter_mut()
                .chain(&mut violation)
                .for_each(|process| process.imagine(unit));
        }
        let goal = self.goal(&processes);
        let around = self.best();
        let mut proposals = Vec::with_capacity(count);
        while proposals.len() < count {
            let unit = if processes.is_empty() && violation.is_none() {
                known.spread(&mut stream)
            } else {
                let acquisition = Acquisition {
                    objectives: &processes,
                    goal: &goal,
                    violation: violation.as_ref(),
                };
                let size = processes.first().or(violation.as_ref()).map_or(0, Process::len);
                maximize::maximize(&acquisition, &self.cube, &known, &around, self.effort(size), &mut stream)
                    .unwrap_or_else(|| known.random(&mut stream))
            };
            processes
                .iter_mut()
                .chain(&mut violation)
                .for_each(|process| process.imagine(&unit));
            known.insert(&unit);
            proposals.push(unit);
        }
        proposals
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        let first = self.told.len();
        self.told.extend_from_slice(told);
        self.tried.insert(told);
        let has_losses = |index: &usize| self.told[*index].outcome.losses.is_some();
        self.known.extend((first..self.told.len()).filter(has_losses));
        if self.told.len() < self.settings.startup || self.cube.dimensions().is_empty() {
            return;
        }
        let units = |indices: &[usize]| -> Vec<&[f64]> { indices.iter().map(|index| &*self.told[*index].unit).collect() };
        let (kinds, steps) = (self.cube.dimensions(), self.settings.steps);
        let losses: Vec<&[f64]> = self
            .known
            .iter()
            .filter_map(|index| self.told[*index].outcome.losses.as_deref())
            .collect();
        let targets = values::targets(&losses, &mut Stream::new(self.seed, batch));
        let points = units(&self.known);
        self.objectives = {
            let mut before = std::mem::take(&mut self.objectives).into_iter();
            let update = |values: &Vec<f64>| Model::update(before.next(), kinds, &points, values, steps);
            targets.iter().map(update).collect()
        };
        let violations = values::violations(self.told.iter().map(|told| &told.outcome));
        if let Some(violations) = violations {
            let all: Vec<usize> = (0..self.told.len()).collect();
            self.violation = Some(Model::update(self.violation.take(), kinds, &units(&all), &violations, steps));
        }
    }
}

impl Model {
    /// The model of these values, of which the one before knew the first ones.
    fn update(before: Option<Self>, kinds: &[Dimension], points: &[&[f64]], values: &[f64], steps: usize) -> Self {
        let new = before.as_ref().map_or(0, |model| model.process.len());
        if let Some(mut model) = before {
            if points.len() < model.chosen_at + model.chosen_at.div_ceil(20) {
                model.process.extend(&points[new..], values);
                return model;
            }
            let starts = [model.process.kernel().clone()];
            return Self::choose(&starts, kinds, points, values, steps);
        }
        Self::choose(&Kernel::starts(kinds.len()), kinds, points, values, steps)
    }

    fn choose(starts: &[Kernel], kinds: &[Dimension], points: &[&[f64]], values: &[f64], steps: usize) -> Self {
        let sample = values::sample(values, MOST_CHOSEN_FROM);
        let some_points: Vec<&[f64]> = sample.iter().map(|index| points[*index]).collect();
        let some_values: Vec<f64> = sample.iter().map(|index| values[*index]).collect();
        let kernel = fit::most_probable(kinds, &some_points, &some_values, starts, steps);
        Self {
            process: Process::new(kinds, kernel, points, values),
            chosen_at: points.len(),
        }
    }
}
