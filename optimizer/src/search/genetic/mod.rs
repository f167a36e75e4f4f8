//! Genetic search: a population, of which pairs have children, of which the best stay.

mod niches;
mod survival;
mod variation;

use assay_core::job::GeneticSettings;

use crate::search::random::uniform;
use crate::search::stream::Stream;
use crate::search::{Cube, Sampler, Told, Unit, directions};
use niches::Niches;
use survival::Member;

/// Attempts at a child that is not known.
const ATTEMPTS: usize = 32;

/// A genetic search that keeps the best of population and batch after every batch.
///
/// With one objective the best are those of the least loss. With two or three they are those of the first fronts, the last of
/// which is thinned out where it is crowded (NSGA-II); with more, where it is far from evenly spread directions (NSGA-III).
/// Constraints come before objectives: see [`crate::search::pareto::compare`].
///
/// Sources: K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002;
/// K. Deb, H. Jain, "An evolutionary many-objective optimization algorithm using reference-point-based nondominated sorting
/// approach, part I", 2014. That survivors are chosen after every batch, and not once for a whole population of children, follows
/// J. J. Durillo et al., "On the effect of the steady-state selection scheme in multi-objective genetic algorithms", 2009.
pub struct Genetic {
    cube: Cube,
    settings: GeneticSettings,
    seed: u64,
    objectives: usize,
    niches: Option<Niches>,
    members: Vec<Member>,
    /// Points told in all.
    told: usize,
}

impl Genetic {
    /// A genetic search for so many objectives.
    pub fn new(cube: Cube, seed: u64, settings: GeneticSettings, objectives: usize) -> Self {
        let along = (objectives > 3).then(|| directions::directions(objectives, settings.population.max(2)));
        Self::build(cube, seed, settings, objectives, along.as_deref())
    }

    /// NSGA-III along these directions, for any number of objectives.
    pub fn along(cube: Cube, seed: u64, settings: GeneticSettings, directions: &[Box<[f64]>]) -> Self {
        let objectives = directions.first().map_or(1, |direction| direction.len());
        Self::build(cube, seed, settings, objectives, Some(directions))
    }

    fn build(
        cube: Cube,
        seed: u64,
        mut settings: GeneticSettings,
        objectives: usize,
        directions: Option<&[Box<[f64]>]>,
    ) -> Self {
        settings.population = settings.population.max(4);
        Self {
            niches: directions.map(Niches::new),
            cube,
            settings,
            seed,
            objectives,
            members: Vec::new(),
            told: 0,
        }
    }

    /// The points that survived so far.
    pub fn population(&self) -> impl Iterator<Item = &Told> {
        self.members.iter().map(|member| &member.told)
    }

    /// The better of two random members.
    fn parent(&self, stream: &mut Stream) -> &[f64] {
        let [a, b] = [0; 2].map(|_| &self.members[stream.index(self.members.len())]);
        &if a.is_before(b) { a } else { b }.told.unit
    }
}

impl Sampler for Genetic {
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit> {
        let mut stream = Stream::new(self.seed, batch);
        // The first population is drawn; those of it that are pending count.
        let drawn = self.settings.population.saturating_sub(self.told + pending.len());
        let mut units = Vec::with_capacity(count);
        for number in 0..count {
            let mut unit = Unit::default();
            for _ in 0..ATTEMPTS {
                unit = if number < drawn || self.members.len() < 2 {
                    uniform(&self.cube, &mut stream)
                } else {
                    let parents = [self.parent(&mut stream), self.parent(&mut stream)];
                    let child = variation::child(&self.cube, &self.settings, parents, &mut stream);
                    self.cube.repair(&child, parents[0])
                };
                unit = self.cube.centre(&unit);
                let known = self.population().map(|told| &told.unit).chain(pending).chain(&units);
                if !known.into_iter().any(|known| *known == unit) {
                    break;
                }
            }
            units.push(unit);
        }
        units
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        self.told += told.len();
        let mut all: Vec<Told> = self.members.drain(..).map(|member| member.told).collect();
        for new in told {
            // A point that is proposed again is told again.
            if !all.iter().any(|known| known.unit == new.unit) {
                all.push(new.clone());
            }
        }
        let count = self.settings.population;
        self.members = match &mut self.niches {
            _ if self.objectives == 1 => survival::best(all, count),
            Some(niches) => niches.select(all, count, &mut Stream::new(self.seed ^ 1, batch)),
            None => survival::least_crowded(all, count),
        };
    }
}
