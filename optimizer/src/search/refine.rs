//! A coarse grid, then finer ones where it was best.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use assay_core::job::RefineSettings;

use crate::generator;
use crate::search::stream::Stream;
use crate::search::tried::bits;
use crate::search::{Cube, Dimension, EARLIER, Outcome, Sampler, Told, Unit, pareto};
use crate::sobol::{self, Sobol};

/// Grids up to three parameters are refined in all directions at once, larger ones along one axis at a time.
const FULL: usize = 3;

/// A search by nested grids: a coarse one over the whole space, then finer ones around plateaus, the points that are good together
/// with their neighbours.
///
/// Where even two values per parameter are more points than the coarse grid may have, a Sobol sequence takes its place. Values without
/// an order are all in the coarse grid, and stay what they are in the finer ones. With several objectives places are compared by
/// the sum of their losses' ranks.
pub struct Refine {
    cube: Cube,
    settings: RefineSettings,
    told: Vec<(Unit, Outcome)>,
    known: BTreeSet<Box<[u64]>>,
    /// The points of this round, and how many were proposed.
    queue: Vec<Unit>,
    next: usize,
    /// Batches of this round that were not observed.
    open: BTreeSet<u64>,
    rounds: usize,
    /// Distance of neighbours, per dimension.
    steps: Vec<f64>,
}

impl Refine {
    /// A refining search.
    pub fn new(cube: Cube, seed: u64, settings: RefineSettings) -> Self {
        let (queue, steps) = coarse(&cube, settings.coarse.max(1), seed);
        Self {
            cube,
            settings,
            told: Vec::new(),
            known: BTreeSet::new(),
            queue,
            next: 0,
            open: BTreeSet::new(),
            rounds: 0,
            steps,
        }
    }

    fn plan(&mut self, batch: u64, count: usize) -> &[Unit] {
        while self.next == self.queue.len() && self.open.is_empty() && self.rounds < self.settings.rounds {
            self.rounds += 1;
            self.queue = self.finer();
            self.next = 0;
        }
        let first = self.next;
        self.next = (first + count).min(self.queue.len());
        if self.next > first {
            self.open.insert(batch);
        }
        &self.queue[first..self.next]
    }

    /// A finer grid around the best plateaus.
    fn finer(&mut self) -> Vec<Unit> {
        let places = self.plateaus();
        self.steps.iter_mut().for_each(|step| *step /= self.settings.factor);
        let dimensions = self.cube.dimensions();
        let ordered: Vec<usize> = (0..dimensions.len())
            .filter(|i| !matches!(dimensions[*i], Dimension::Category(_)))
            .collect();
        let mut offsets: Vec<Vec<f64>> = Vec::new();
        if ordered.len() <= FULL {
            let choices = [-1.0, 0.0, 1.0];
            offsets.push(vec![0.0; dimensions.len()]);
            for i in &ordered {
                let widened = offsets.iter().flat_map(|offset| {
                    choices.map(|choice| {
                        let mut offset = offset.clone();
                        offset[*i] = choice;
                        offset
                    })
                });
                offsets = widened.collect();
            }
        } else {
            for i in &ordered {
                for choice in [-1.0, 1.0] {
                    let mut offset = vec![0.0; dimensions.len()];
                    offset[*i] = choice;
                    offsets.push(offset);
                }
            }
        }
        let mut fresh = BTreeSet::new();
        let mut queue = Vec::new();
        for place in &places {
            for offset in &offsets {
                let moved = |(i, x): (usize, &f64)| {
                    // At least to the next value.
                    let least = self.cube.cell(i, *x).map_or(0.0, |(left, right)| right - left);
                    (x + offset[i] * self.steps[i].max(least)).clamp(0.0, 1.0)
                };
                let unit: Vec<f64> = place.iter().enumerate().map(moved).collect();
                let unit = self.cube.repair(&unit, place);
                if !self.known.contains(&bits(&unit)) && fresh.insert(bits(&unit)) {
                    queue.push(unit);
                }
            }
        }
        queue
    }

    /// The best places: those whose loss, averaged with that of their neighbours on the last grid, is least, and that are no
    /// neighbours of each other.
    fn plateaus(&self) -> Vec<Unit> {
        let ranks = ranks(&self.told);
        let near = |a: &[f64], b: &[f64]| {
            let close = |i: usize| match self.cube.dimensions()[i] {
                Dimension::Category(_) => a[i] == b[i],
                _ => (a[i] - b[i]).abs() <= 1.5 * self.steps[i],
            };
            (0..a.len()).all(close)
        };
        let mut order: Vec<usize> = (0..self.told.len()).filter(|i| self.told[*i].1.losses.is_some()).collect();
        order.sort_by(|a, b| ranks[*a].total_cmp(&ranks[*b]));
        // Only good points are asked for their neighbours.
        order.truncate((10 * self.settings.places).max(order.len() / 10));
        let score = |index: usize| {
            let neighbours = (0..self.told.len()).filter(|other| near(&self.told[index].0, &self.told[*other].0));
            let (sum, count) = neighbours.fold((0.0, 0.0), |(sum, count), other| (sum + ranks[other], count + 1.0));
            // A point counts as much as its neighbours together.
            0.5 * (ranks[index] + sum / count)
        };
        let mut scored: Vec<(f64, usize)> = order.into_iter().map(|index| (score(index), index)).collect();
        scored.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut places: Vec<Unit> = Vec::new();
        // The best point is refined whatever its neighbours do.
        let best = (0..self.told.len()).min_by(|a, b| ranks[*a].total_cmp(&ranks[*b]));
        for index in best.into_iter().chain(scored.into_iter().map(|(_, index)| index)) {
            let unit = &self.told[index].0;
            if places.len() < self.settings.places.max(1) && !places.iter().any(|place| near(place, unit)) {
                places.push(unit.clone());
            }
        }
        places
    }
}

/// The place of each outcome among all, summed over objectives; feasible before infeasible before failed.
fn ranks(told: &[(Unit, Outcome)]) -> Vec<f64> {
    let objectives = told
        .iter()
        .find_map(|(_, outcome)| outcome.losses.as_ref())
        .map_or(0, |losses| losses.len());
    let mut ranks = vec![0.0; told.len()];
    for j in 0..objectives.max(1) {
        let compare = |a: &Outcome, b: &Outcome| match (&a.losses, &b.losses) {
            (Some(left), Some(right)) if a.violation == b.violation => left[j].total_cmp(&right[j]),
            _ => pareto::compare(a, b).unwrap_or(Ordering::Equal),
        };
        let mut order: Vec<usize> = (0..told.len()).collect();
        order.sort_by(|a, b| compare(&told[*a].1, &told[*b].1));
        for (rank, index) in order.into_iter().enumerate() {
            ranks[index] += rank as f64;
        }
    }
    ranks
}

/// The coarse grid and the distances of neighbours in it.
fn coarse(cube: &Cube, most: u64, seed: u64) -> (Vec<Unit>, Vec<f64>) {
    let dimensions = cube.dimensions();
    let len = |dimension: &Dimension, values: u64| match dimension {
        Dimension::Category(len) => *len,
        Dimension::Ordered(len) | Dimension::LogOrdered(len) => values.min(*len),
        Dimension::Real => values,
    };
    let points = |values: u64| {
        dimensions
            .iter()
            .try_fold(1u64, |n, dimension| n.checked_mul(len(dimension, values)))
    };
    let fits = |values: &u64| points(*values).is_some_and(|points| points <= most);
    // Beyond `most` values per parameter nothing changes, or nothing fits.
    let values = (2..=most.max(2)).take_while(fits).last();
    let Some(values) = values else {
        let spread = libm::pow(most as f64, -1.0 / dimensions.len() as f64);
        let steps = vec![spread; dimensions.len()];
        let number = dimensions.len().min(sobol::MAX_DIMENSIONS);
        let sequence = Sobol::new(number, generator::key(seed, 8));
        let mut stream = Stream::new(seed, 0);
        let mut point = |index: u64| -> Unit {
            let at = |i: usize| {
                if i < number {
                    sequence.at(index, i)
                } else {
                    stream.fraction()
                }
            };
            cube.centre(&(0..dimensions.len()).map(at).collect::<Vec<f64>>())
        };
        return (distinct((0..most).map(&mut point), cube), steps);
    };
    let lens: Vec<u64> = dimensions.iter().map(|dimension| len(dimension, values)).collect();
    let steps = lens.iter().map(|len| 1.0 / *len as f64).collect();
    let total: u64 = lens.iter().product();
    let point = |index: u64| -> Unit {
        let mut rest = index;
        let coordinate = |len: &u64| {
            let digit = rest % len;
            rest /= len;
            (digit as f64 + 0.5) / *len as f64
        };
        let unit: Vec<f64> = lens.iter().map(coordinate).collect();
        cube.centre(&unit)
    };
    (distinct((0..total).map(point), cube), steps)
}

fn distinct(points: impl Iterator<Item = Unit>, cube: &Cube) -> Vec<Unit> {
    let mut known = BTreeSet::new();
    points.filter(|unit| cube.admits(unit) && known.insert(bits(unit))).collect()
}

impl Sampler for Refine {
    fn propose(&mut self, batch: u64, count: usize, _: &[Unit]) -> Vec<Unit> {
        self.plan(batch, count).to_vec()
    }

    fn recall(&mut self, batch: u64, count: usize, _: &[Unit]) {
        self.plan(batch, count);
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        self.open.remove(&batch);
        for told in told {
            // Places of an earlier job may be refined, and may be tried again.
            if batch == EARLIER || self.known.insert(bits(&told.unit)) {
                self.told.push((told.unit.clone(), told.outcome.clone()));
            }
        }
    }
}
