//! Evolution strategy with covariance matrix adaptation.

mod categories;
mod distribution;

use std::cmp::Ordering;

use nalgebra::DVector;

use assay_core::job::{CmaesSettings, Restarts};

use crate::search::random::uniform;
use crate::search::stream::Stream;
use crate::search::{Cube, Dimension, EARLIER, Sampler, Told, Unit, pareto};
use categories::Categories;
use distribution::{Distribution, orthogonal};

/// Draws for a point inside the cube that the condition admits.
const ATTEMPTS: usize = 100;

/// CMA-ES with active updates, orthogonal samples and restarts, for one objective.
///
/// Values that have an order are drawn from one normal distribution; what is told of them is the centre of their cell, and the
/// deviation of a discrete one never falls so low that its value would stay the same in a whole generation. Values without an
/// order have probabilities of their own. Outcomes are used in generations, in the order in which they are told: batches need not be
/// generations.
///
/// Sources: N. Hansen, "The CMA evolution strategy: a tutorial", 2016; discrete values: T. Marty, N. Hansen, A. Auger, Y. Semet,
/// S. Héron, "LB+IC-CMA-ES: two simple modifications of CMA-ES to handle mixed-integer problems", 2024, with the probability of the
/// margin of R. Hamano et al., "CMA-ES with margin", 2022.
pub struct Cmaes {
    cube: Cube,
    settings: CmaesSettings,
    seed: u64,
    /// Dimensions of the normal distribution.
    ordered: Vec<usize>,
    distribution: Distribution,
    categories: Categories,
    /// Told, and not yet part of a generation.
    waiting: Vec<Told>,
    /// Points proposed in all.
    drawn: u64,
    restart: Restart,
}

/// Where the sequence of restarts is.
#[derive(Debug, Clone, Default)]
struct Restart {
    /// How many there were.
    count: u64,
    /// How often the population was doubled.
    doublings: u32,
    /// Evaluations of the large and the small populations.
    spent: [u64; 2],
    small: bool,
    /// Evaluations after which a small population ends.
    budget: u64,
}

impl Cmaes {
    /// An evolution strategy.
    pub fn new(cube: Cube, seed: u64, settings: CmaesSettings) -> Self {
        let all = cube.dimensions().iter().enumerate();
        let ordered: Vec<usize> = all
            .filter(|(_, dimension)| !matches!(dimension, Dimension::Category(_)))
            .map(|(i, _)| i)
            .collect();
        let mean = ordered
            .iter()
            .map(|i| settings.start.as_ref().map_or(0.5, |start| start[*i]))
            .collect();
        let population = settings
            .population
            .unwrap_or_else(|| usual_population(cube.dimensions().len()))
            .max(2);
        Self {
            distribution: Distribution::new(mean, settings.sigma, population),
            categories: Categories::new(cube.dimensions()),
            waiting: Vec::new(),
            drawn: 0,
            restart: Restart::default(),
            cube,
            settings,
            seed,
            ordered,
        }
    }

    /// A point from the distributions; the normal vector is tried first.
    fn draw(&self, normal: &DVector<f64>, stream: &mut Stream) -> Unit {
        let mut unit = self.cube.centre(&vec![0.5; self.cube.dimensions().len()]);
        for attempt in 0..ATTEMPTS {
            let least = |k| self.least_deviation(k);
            let place = if attempt == 0 {
                self.distribution.place(normal, least)
            } else {
                let again = DVector::from_fn(normal.len(), |_, _| stream.normal());
                self.distribution.place(&again, least)
            };
            for (i, x) in self.ordered.iter().zip(&place) {
                unit[*i] = x.clamp(0.0, 1.0);
            }
            self.categories.draw(stream, &mut unit);
            let inside = place.iter().all(|x| (0.0..=1.0).contains(x));
            if (inside || attempt + 1 == ATTEMPTS) && self.cube.admits(&unit) {
                return unit;
            }
        }
        self.cube.repair(&unit, &uniform(&self.cube, stream))
    }

    /// The deviation at which a value in the middle of its cell leaves it once in a generation of one such parameter; 0 for numbers.
    fn least_deviation(&self, k: usize) -> f64 {
        let cell = self.cube.cell(self.ordered[k], self.distribution.mean(k));
        cell.map_or(0.0, |(left, right)| 0.5 * (right - left) / self.distribution.margin())
    }

    fn generation(&mut self) {
        let mut told: Vec<Told> = self.waiting.drain(..self.distribution.population()).collect();
        told.sort_by(|a, b| pareto::compare(&a.outcome, &b.outcome).unwrap_or(Ordering::Equal));
        let places: Vec<Vec<f64>> = told
            .iter()
            .map(|told| self.ordered.iter().map(|i| told.unit[*i]).collect())
            .collect();
        self.distribution.update(&places);
        self.categories.update(&told, self.distribution.weights());
        let loss = |told: &Told| told.outcome.losses.as_ref().map(|losses| losses[0]);
        let range = [told.first(), told.last()].map(|told| told.and_then(loss));
        self.distribution.note(range);
        self.restart.spent[usize::from(self.restart.small)] += told.len() as u64;
        let exhausted = self.restart.small && self.restart.spent[1] >= self.restart.budget;
        if exhausted || self.distribution.has_converged() {
            self.begin_again();
        }
    }

    fn begin_again(&mut self) {
        let usual = self
            .settings
            .population
            .unwrap_or_else(|| usual_population(self.cube.dimensions().len()))
            .max(2);
        let restart = &mut self.restart;
        restart.count += 1;
        let mut stream = Stream::new(self.seed ^ 2, restart.count);
        restart.small = self.settings.restarts == Restarts::Bipop && restart.count > 1 && restart.spent[1] < restart.spent[0];
        let (population, sigma) = if restart.small {
            let ratio = 0.5 * libm::pow(2.0, f64::from(restart.doublings));
            let exponent = stream.fraction();
            restart.budget = restart.spent[1] + restart.spent[0] / 2;
            let population = usual as f64 * libm::pow(ratio.max(1.0), exponent * exponent);
            (
                population as usize,
                self.settings.sigma * libm::pow(10.0, -2.0 * stream.fraction()),
            )
        } else {
            restart.doublings = (restart.doublings + 1).min(16);
            (usual << restart.doublings, self.settings.sigma)
        };
        let place = uniform(&self.cube, &mut stream);
        let mean = self.ordered.iter().map(|i| place[*i]).collect();
        self.distribution = Distribution::new(mean, sigma, population.max(2));
        self.categories = Categories::new(self.cube.dimensions());
    }
}

fn usual_population(dimensions: usize) -> usize {
    4 + (3.0 * libm::log(dimensions.max(1) as f64)) as usize
}

impl Sampler for Cmaes {
    fn propose(&mut self, batch: u64, count: usize, _: &[Unit]) -> Vec<Unit> {
        let mut stream = Stream::new(self.seed, batch);
        let n = self.ordered.len();
        // As far as possible, the vectors of a generation are at right angles.
        let size = n.min(self.distribution.population()).max(1);
        let mut block = (u64::MAX, Vec::new());
        let mut units = Vec::with_capacity(count);
        for number in self.drawn..self.drawn + count as u64 {
            let (index, place) = (number / size as u64, number % size as u64);
            if block.0 != index {
                block = (index, orthogonal(n, size, &mut Stream::new(self.seed ^ 4, index)));
            }
            units.push(self.draw(&block.1[place as usize], &mut stream));
        }
        self.drawn += count as u64;
        units
    }

    fn recall(&mut self, _: u64, count: usize, _: &[Unit]) {
        self.drawn += count as u64;
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        if batch == EARLIER {
            let known = told.iter().filter(|told| told.outcome.losses.is_some());
            let best = known.min_by(|a, b| pareto::compare(&a.outcome, &b.outcome).unwrap_or(Ordering::Equal));
            if let (Some(best), None) = (best, &self.settings.start) {
                let mean = self.ordered.iter().map(|i| best.unit[*i]).collect();
                self.distribution = Distribution::new(mean, self.settings.sigma, self.distribution.population());
            }
            return;
        }
        self.waiting.extend_from_slice(told);
        while self.waiting.len() >= self.distribution.population() {
            self.generation();
        }
    }
}
