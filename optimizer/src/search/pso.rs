//! Particle swarm.

use std::collections::BTreeMap;

use assay_core::job::PsoSettings;

use crate::search::random::uniform;
use crate::search::stream::Stream;
use crate::search::{Cube, Dimension, Sampler, Told, Unit, pareto};

/// Weight of a particle's velocity, and most of the pull towards its own and its neighbours' best place.
///
/// Source: M. Clerc, J. Kennedy, "The particle swarm: explosion, stability, and convergence in a multidimensional complex space", 2002.
const INERTIA: f64 = 0.729_843_788_127_783_5;
const PULL: f64 = 1.496_179_765_662_956_3;

/// Particles that fly towards the best places that they and their neighbours on a ring have seen, for one objective.
///
/// A value without an order is taken from one of these places.
///
/// Source: J. Kennedy, R. Eberhart, "Particle swarm optimization", 1995, with the constriction of Clerc and Kennedy and the ring of
/// J. Kennedy, R. Mendes, "Population structure and particle swarm performance", 2002.
pub struct Pso {
    cube: Cube,
    settings: PsoSettings,
    seed: u64,
    particles: Vec<Particle>,
    told: usize,
    /// Which particle each point of a batch is of, and its velocity.
    plans: BTreeMap<u64, Vec<Plan>>,
}

type Plan = Option<(usize, Vec<f64>)>;

#[derive(Debug, Clone)]
struct Particle {
    at: Unit,
    velocity: Vec<f64>,
    best: Told,
}

impl Pso {
    /// A particle swarm.
    pub fn new(cube: Cube, seed: u64, mut settings: PsoSettings) -> Self {
        settings.particles = settings.particles.max(2);
        Self {
            cube,
            settings,
            seed,
            particles: Vec::new(),
            told: 0,
            plans: BTreeMap::new(),
        }
    }

    fn plan(&mut self, batch: u64, count: usize, pending: usize) -> Vec<Unit> {
        let mut stream = Stream::new(self.seed, batch);
        let mut plans = Vec::with_capacity(count);
        let mut units = Vec::with_capacity(count);
        for number in self.told + pending..self.told + pending + count {
            if number < self.settings.particles || self.particles.is_empty() {
                units.push(uniform(&self.cube, &mut stream));
                plans.push(None);
                continue;
            }
            let index = number % self.particles.len();
            let (unit, velocity) = self.moved(index, &mut stream);
            units.push(unit);
            plans.push(Some((index, velocity)));
        }
        self.plans.insert(batch, plans);
        units
    }

    fn moved(&self, index: usize, stream: &mut Stream) -> (Unit, Vec<f64>) {
        let particle = &self.particles[index];
        let (own, ring) = (&particle.best.unit, &self.leader(index).unit);
        let (mut unit, mut velocity) = (particle.at.clone(), particle.velocity.clone());
        for (i, dimension) in self.cube.dimensions().iter().enumerate() {
            let [r, s] = [stream.fraction(), stream.fraction()];
            if matches!(dimension, Dimension::Category(_)) {
                // Now and then any value, so that none is lost for good.
                let pool = [unit[i], own[i], ring[i], s];
                unit[i] = pool[if r < 0.05 { 3 } else { stream.index(3) }];
                continue;
            }
            velocity[i] = INERTIA * velocity[i] + PULL * (r * (own[i] - unit[i]) + s * (ring[i] - unit[i]));
            let x = unit[i] + velocity[i];
            if !(0.0..=1.0).contains(&x) {
                // Stopped at the edge, and sent back.
                velocity[i] *= -0.5;
            }
            unit[i] = x.clamp(0.0, 1.0);
        }
        (self.cube.repair(&unit, own), velocity)
    }

    /// The best place that a particle and its neighbours know; of equal ones the first on the ring.
    fn leader(&self, index: usize) -> &Told {
        let count = self.particles.len();
        let around = 2 * self.settings.neighbours.min(count / 2) + 1;
        let first = index + count - around / 2;
        let places = (first..first + around).map(|i| &self.particles[i % count].best);
        places.fold(&self.particles[index].best, |best, place| {
            if pareto::dominates(&place.outcome, &best.outcome) {
                place
            } else {
                best
            }
        })
    }
}

impl Sampler for Pso {
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit> {
        self.plan(batch, count, pending.len())
    }

    fn recall(&mut self, batch: u64, count: usize, pending: &[Unit]) {
        self.plan(batch, count, pending.len());
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        let plans = self.plans.remove(&batch).unwrap_or_default();
        for (k, told) in told.iter().enumerate() {
            self.told += 1;
            if let Some(Some((index, velocity))) = plans.get(k) {
                let particle = &mut self.particles[*index];
                particle.at.clone_from(&told.unit);
                particle.velocity.clone_from(velocity);
                if pareto::dominates(&told.outcome, &particle.best.outcome) {
                    particle.best = told.clone();
                }
            } else if self.particles.len() < self.settings.particles {
                self.particles.push(Particle {
                    at: told.unit.clone(),
                    velocity: vec![0.0; told.unit.len()],
                    best: told.clone(),
                });
            } else {
                // A place from elsewhere is told to the particle that knows the worst.
                let better = |worst: usize, i: usize| {
                    if pareto::dominates(&self.particles[worst].best.outcome, &self.particles[i].best.outcome) {
                        i
                    } else {
                        worst
                    }
                };
                let worst = (1..self.particles.len()).fold(0, better);
                if pareto::dominates(&told.outcome, &self.particles[worst].best.outcome) {
                    self.particles[worst].best = told.clone();
                }
            }
        }
    }
}
