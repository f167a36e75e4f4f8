//! Which members of a population survive, by their distance from directions.

use nalgebra::{DMatrix, DVector};

use super::survival::Member;
use crate::search::stream::Stream;
use crate::search::{Outcome, Told, pareto};

/// What NSGA-III remembers of the objectives' scales.
#[derive(Debug, Clone)]
pub(super) struct Niches {
    /// Of length 1.
    directions: Vec<Box<[f64]>>,
    /// Least loss seen in each objective.
    ideal: Vec<f64>,
    /// Per objective, the losses of the point that is best when that objective hardly counts.
    extremes: Vec<Box<[f64]>>,
}

impl Niches {
    pub(super) fn new(directions: &[Box<[f64]>]) -> Self {
        let objectives = directions.first().map_or(0, |direction| direction.len());
        let unit = |direction: &[f64]| -> Box<[f64]> {
            let length = libm::sqrt(direction.iter().map(|d| d * d).sum());
            direction.iter().map(|d| d / length).collect()
        };
        Self {
            directions: directions.iter().map(|direction| unit(direction)).collect(),
            ideal: vec![f64::INFINITY; objectives],
            extremes: Vec::new(),
        }
    }

    /// The first fronts, as far as they fit into `count`, and of the next one those along whose direction there are fewest.
    pub(super) fn select(&mut self, all: Vec<Told>, count: usize, stream: &mut Stream) -> Vec<Member> {
        let outcomes: Vec<&Outcome> = all.iter().map(|told| &told.outcome).collect();
        let fronts = pareto::fronts(&outcomes);
        let feasible = |index: &&usize| outcomes[**index].violation == 0.0;
        let losses_of = |index: &usize| outcomes[*index].losses.as_deref();
        let first: Vec<&[f64]> = fronts
            .first()
            .into_iter()
            .flatten()
            .filter(feasible)
            .filter_map(losses_of)
            .collect();
        self.update(&first);
        let scale = self.scale(&first);
        // Members without losses are along no direction.
        let niche = |index: &usize| losses_of(index).map_or((0, f64::MAX), |losses| self.nearest(losses, &scale));
        let mut counts = vec![0usize; self.directions.len()];
        let mut ranks: Vec<Option<(usize, usize)>> = vec![None; all.len()];
        let mut left = count;
        for (rank, mut front) in fronts.into_iter().enumerate() {
            let mut niches: Vec<(usize, f64)> = front.iter().map(niche).collect();
            while left > 0 && !front.is_empty() {
                let chosen = if front.len() <= left {
                    front.len() - 1
                } else {
                    emptiest(&niches, &counts, stream)
                };
                let (member, (niche, _)) = (front.swap_remove(chosen), niches.swap_remove(chosen));
                counts[niche] += 1;
                ranks[member] = Some((rank, niche));
                left -= 1;
            }
        }
        let placed = all.into_iter().zip(ranks);
        let member = |(told, rank): (Told, Option<(usize, usize)>)| {
            rank.map(|(rank, niche)| Member::new(told, rank, -(counts[niche] as f64)))
        };
        placed.filter_map(member).collect()
    }

    fn update(&mut self, first: &[&[f64]]) {
        for losses in first {
            self.ideal
                .iter_mut()
                .zip(*losses)
                .for_each(|(least, loss)| *least = least.min(*loss));
        }
        if first.is_empty() {
            return;
        }
        let ideal = &self.ideal;
        // How far from an axis, most of all in the other objectives.
        let distance = |losses: &[f64], axis: usize| {
            let weighted = losses.iter().zip(ideal).enumerate().map(|(j, (loss, least))| {
                let excess = loss - least;
                if j == axis { excess } else { excess * 1e6 }
            });
            weighted.fold(0.0, f64::max)
        };
        let best = |axis: usize| {
            let candidates = self.extremes.iter().map(|extreme| &**extreme).chain(first.iter().copied());
            candidates
                .min_by(|a, b| distance(a, axis).total_cmp(&distance(b, axis)))
                .map(Box::from)
        };
        self.extremes = (0..ideal.len()).filter_map(best).collect();
    }

    /// Per objective, where the plane through the extreme points meets its axis, seen from the ideal point; where there is no such
    /// plane, the range of the first front.
    fn scale(&self, first: &[&[f64]]) -> Vec<f64> {
        let n = self.ideal.len();
        let range = |j: usize| first.iter().map(|losses| losses[j] - self.ideal[j]).fold(0.0, f64::max);
        let ranges: Vec<f64> = (0..n).map(|j| range(j).clamp(1e-12, f64::MAX)).collect();
        if self.extremes.len() < n {
            return ranges;
        }
        let matrix = DMatrix::from_fn(n, n, |i, j| self.extremes[i][j] - self.ideal[j]);
        let solution = matrix.lu().solve(&DVector::from_element(n, 1.0));
        let intercepts: Option<Vec<f64>> = solution.map(|plane| plane.iter().map(|x| 1.0 / x).collect());
        let sound = |(intercept, range): (&f64, &f64)| intercept.is_finite() && *intercept > 1e-6 && *intercept <= 2.0 * range;
        match intercepts {
            Some(found) if found.iter().zip(&ranges).all(sound) => found,
            _ => ranges,
        }
    }

    /// The direction nearest to a point, and the point's distance from its line.
    fn nearest(&self, losses: &[f64], scale: &[f64]) -> (usize, f64) {
        let point: Vec<f64> = losses
            .iter()
            .zip(&self.ideal)
            .zip(scale)
            .map(|((x, least), s)| (x - least) / s)
            .collect();
        let length: f64 = point.iter().map(|x| x * x).sum();
        let distance = |direction: &[f64]| {
            let along: f64 = direction.iter().zip(&point).map(|(d, x)| d * x).sum();
            length - along * along
        };
        let distances = self.directions.iter().map(|direction| distance(direction)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::MAX))
    }
}

/// Which candidate to take: one of the direction with the fewest members (a random one of those), the nearest to it if it has none
/// yet, else any.
fn emptiest(niches: &[(usize, f64)], counts: &[usize], stream: &mut Stream) -> usize {
    let fewest = niches.iter().map(|(niche, _)| counts[*niche]).min().unwrap_or(0);
    let mut open: Vec<usize> = niches
        .iter()
        .map(|(niche, _)| *niche)
        .filter(|niche| counts[*niche] == fewest)
        .collect();
    open.sort_unstable();
    open.dedup();
    let niche = open[stream.index(open.len())];
    let candidates: Vec<usize> = (0..niches.len()).filter(|i| niches[*i].0 == niche).collect();
    if fewest > 0 {
        return candidates[stream.index(candidates.len())];
    }
    let nearest = candidates
        .iter()
        .copied()
        .min_by(|a, b| niches[*a].1.total_cmp(&niches[*b].1));
    nearest.expect("an open direction has a candidate")
}
