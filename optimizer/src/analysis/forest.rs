//! A forest of regression trees, small and deterministic.
//!
//! No library serves: `linfa-trees` has trees for classification only, and forests elsewhere draw from a generator of the system or
//! depend on threads. Coordinates are binned, so that a split costs one pass over a node's points whatever their number.

use super::{Scored, category};
use crate::search::Dimension;
use crate::search::stream::Stream;

/// Bins of a dimension.
const BINS: usize = 64;

/// What a tree splits at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct TreeSettings {
    /// Points of a leaf, at least.
    pub(super) leaf: usize,
    /// Splits above each other.
    pub(super) depth: usize,
}

/// The values of a dimension that a leaf covers: bins `from..to` of a number, or a set of bins of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) mask: u64,
}

impl Side {
    pub(super) fn has(self, bin: usize) -> bool {
        self.mask >> bin & 1 == 1
    }
}

/// A leaf: a box of the cube and the mean score in it.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) sides: Vec<Side>,
    pub(super) value: f64,
}

/// Points with their coordinates binned.
#[derive(Debug)]
pub(super) struct Binned {
    /// Bin of every point, by dimension.
    bins: Vec<Vec<u8>>,
    /// Share of the dimension that each bin takes.
    pub(super) widths: Vec<Vec<f64>>,
    /// Whether bins have an order.
    ordered: Vec<bool>,
    scores: Vec<f64>,
}

impl Binned {
    /// Values of a category get a bin each, numbers equal ones of the cube: as wide as they are likely.
    pub(super) fn new(scored: &Scored) -> Self {
        let mut binned = Self {
            bins: Vec::new(),
            widths: Vec::new(),
            ordered: Vec::new(),
            scores: scored.scores.clone(),
        };
        for (dimension, units) in scored.dimensions.iter().zip(&scored.units) {
            let (bins, ordered) = match dimension {
                Dimension::Category(len) => ((*len as usize).min(BINS), *len as usize > BINS),
                Dimension::Ordered(len) | Dimension::LogOrdered(len) => ((*len as usize).min(BINS), true),
                Dimension::Real => (BINS, true),
            };
            let bins = bins.max(1);
            binned
                .bins
                .push(units.iter().map(|u| category(*u, bins as u64) as u8).collect());
            binned.widths.push(vec![1.0 / bins as f64; bins]);
            binned.ordered.push(ordered);
        }
        binned
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    fn whole(&self) -> Vec<Side> {
        let all = |widths: &Vec<f64>| Side {
            mask: u64::MAX >> (64 - widths.len()),
        };
        self.widths.iter().map(all).collect()
    }

    /// The leaves of a tree grown on a bootstrap sample of the points. Every split is the one that leaves the least squared error,
    /// of as many dimensions as there are but about a sixth, drawn for each
    /// node; of all where none of these splits.
    ///
    /// Source: L. Breiman, "Random forests", Machine Learning 45, 2001; categories are ordered by their mean, which is exact for squared
    /// errors (L. Breiman et al., "Classification and regression trees", 1984, 9.4).
    pub(super) fn tree(&self, number: u64, seed: u64, settings: TreeSettings) -> Vec<Leaf> {
        let mut draws = Stream::new(seed, number);
        let mut points: Vec<u32> = (0..self.len()).map(|_| draws.index(self.len()) as u32).collect();
        // In order, so that each node reads the columns forwards.
        points.sort_unstable();
        let mut leaves = Vec::new();
        let mut open = vec![(points, self.whole(), 0)];
        while let Some((points, sides, depth)) = open.pop() {
            let mean = points.iter().map(|p| self.scores[*p as usize]).sum::<f64>() / points.len() as f64;
            let kept: Vec<bool> = sides.iter().map(|_| draws.fraction() < 5.0 / 6.0).collect();
            let may_split = depth < settings.depth && points.len() >= 2 * settings.leaf;
            let try_with = |kept: &[bool]| self.split(&points, &sides, mean, settings.leaf, kept);
            // A draw that leaves nothing to split by is no reason for a leaf.
            let split = if may_split {
                try_with(&kept).or_else(|| try_with(&vec![true; kept.len()]))
            } else {
                None
            };
            let Some((dimension, left)) = split else {
                leaves.push(Leaf { sides, value: mean });
                continue;
            };
            let column = &self.bins[dimension];
            let (into_left, into_right): (Vec<u32>, Vec<u32>) =
                points.iter().partition(|p| left.has(usize::from(column[**p as usize])));
            let mut others = sides.clone();
            others[dimension] = Side {
                mask: sides[dimension].mask & !left.mask,
            };
            let mut own = sides;
            own[dimension] = left;
            open.push((into_right, others, depth + 1));
            open.push((into_left, own, depth + 1));
        }
        leaves
    }

    /// The dimension of the best split and what goes to its left; `None` if none is better than the mean.
    fn split(&self, points: &[u32], sides: &[Side], mean: f64, leaf: usize, kept: &[bool]) -> Option<(usize, Side)> {
        let mut best: Option<(f64, usize, Side)> = None;
        for (dimension, side) in sides.iter().enumerate().filter(|(dimension, _)| kept[*dimension]) {
            if side.mask.count_ones() < 2 {
                continue;
            }
            let mut sums = [(0.0f64, 0u32); BINS];
            for point in points {
                let bin = usize::from(self.bins[dimension][*point as usize]);
                // From the mean, so that sums of squares do not cancel.
                sums[bin].0 += self.scores[*point as usize] - mean;
                sums[bin].1 += 1;
            }
            let mut order: Vec<usize> = (0..self.widths[dimension].len()).filter(|bin| side.has(*bin)).collect();
            if !self.ordered[dimension] {
                let of = |bin: &usize| {
                    if sums[*bin].1 == 0 {
                        0.0
                    } else {
                        sums[*bin].0 / f64::from(sums[*bin].1)
                    }
                };
                order.sort_by(|a, b| of(a).total_cmp(&of(b)).then(a.cmp(b)));
            }
            let total: f64 = order.iter().map(|bin| sums[*bin].0).sum();
            let (mut sum, mut count, mut mask) = (0.0, 0u32, 0u64);
            for bin in &order[..order.len() - 1] {
                sum += sums[*bin].0;
                count += sums[*bin].1;
                mask |= 1 << bin;
                let rest = points.len() as u32 - count;
                if (count as usize) < leaf || (rest as usize) < leaf {
                    continue;
                }
                let gain = sum * sum / f64::from(count) + (total - sum) * (total - sum) / f64::from(rest);
                if gain > best.map_or(1e-12, |best| best.0) {
                    best = Some((gain, dimension, Side { mask }));
                }
            }
        }
        best.map(|(_, dimension, side)| (dimension, side))
    }
}
