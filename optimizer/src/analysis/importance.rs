//! How much of a score's variance each parameter explains.

use super::Scored;
use super::forest::{Binned, Leaf, TreeSettings};

/// How a forest is grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportanceSettings {
    /// Trees of the forest.
    pub trees: u64,
    /// Points of a leaf, at least.
    pub leaf: usize,
    /// Pairs are computed among so many of the dimensions that matter most alone.
    pub paired: usize,
    /// Of the draws.
    pub seed: u64,
}

impl Default for ImportanceSettings {
    fn default() -> Self {
        Self {
            trees: 24,
            leaf: 3,
            paired: 5,
            seed: 0,
        }
    }
}

/// What one dimension, or two together beyond what each does alone, does to the score.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// One dimension or two, ascending.
    pub dimensions: Vec<usize>,
    /// Its share of the variance over the whole space, in [0, 1]: the mean over the trees.
    pub share: f64,
    /// Standard deviation over the trees (ddof 1).
    pub spread: f64,
}

/// Splits above each other.
const DEPTH: usize = 24;
/// Below this variance of its leaves a tree says nothing.
const DUST: f64 = 1e-18;

/// The effects of all dimensions and of pairs of the strongest, each sorted by its share, single ones first. Nothing for fewer than
/// eight points, or if all scores are the same.
///
/// Functional analysis of variance of a random forest: with the tree's mean over the whole cube f, the marginal `f_U(x_U)` is the mean
/// prediction over all other dimensions, `V_U` the variance of it over `x_U` less those of the parts of U, and the share is `V_U / V`.
/// Each dimension is weighed as it is drawn: evenly in the parameter's own scale. Combinations that a condition does not admit count as
/// the forest predicts them.
///
/// Source: F. Hutter, H. Hoos, K. Leyton-Brown, "An efficient approach for assessing hyperparameter importance", ICML 2014, 2 and 3.
pub fn importance(scored: &Scored, settings: ImportanceSettings) -> Vec<Effect> {
    let dimensions = scored.dimensions.len();
    let constant = scored.scores.windows(2).all(|pair| pair[0] == pair[1]);
    if scored.len() < 8 || constant || dimensions == 0 {
        return Vec::new();
    }
    let binned = Binned::new(scored);
    let tree_settings = TreeSettings {
        leaf: settings.leaf.max(1),
        depth: DEPTH,
    };
    let trees: Vec<Tree<'_>> = (0..settings.trees)
        .map(|number| Tree::new(&binned, binned.tree(number, settings.seed, tree_settings)))
        .filter(|tree| tree.variance > DUST)
        .collect();
    let singles: Vec<Vec<f64>> = trees
        .iter()
        .map(|tree| (0..dimensions).map(|d| tree.single(d)).collect())
        .collect();
    let mut single: Vec<Effect> = (0..dimensions)
        .map(|d| effect(vec![d], singles.iter().map(|of_tree| of_tree[d])))
        .collect();
    single.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.dimensions.cmp(&b.dimensions)));
    let strongest: Vec<usize> = single
        .iter()
        .take(settings.paired)
        .map(|effect| effect.dimensions[0])
        .collect();
    let mut pairs = Vec::new();
    for (i, a) in strongest.iter().enumerate() {
        for b in &strongest[i + 1..] {
            let (a, b) = (*a.min(b), *a.max(b));
            let beyond = trees
                .iter()
                .zip(&singles)
                .map(|(tree, alone)| (tree.pair(a, b) - alone[a] - alone[b]).max(0.0));
            pairs.push(effect(vec![a, b], beyond));
        }
    }
    pairs.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.dimensions.cmp(&b.dimensions)));
    single.extend(pairs);
    single
}

fn effect(dimensions: Vec<usize>, shares: impl Iterator<Item = f64>) -> Effect {
    let shares: Vec<f64> = shares.collect();
    let n = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = shares.iter().map(|x| (x - mean) * (x - mean)).sum();
    Effect {
        dimensions,
        share: mean,
        spread: if shares.len() < 2 { 0.0 } else { (squares / (n - 1.0)).sqrt() },
    }
}

/// A tree over the whole cube.
struct Tree<'a> {
    widths: &'a [Vec<f64>],
    leaves: Vec<Leaf>,
    /// Of each leaf and dimension the share of it that the leaf covers.
    covered: Vec<Vec<f64>>,
    mean: f64,
    variance: f64,
}

impl<'a> Tree<'a> {
    fn new(binned: &'a Binned, leaves: Vec<Leaf>) -> Self {
        let widths = &binned.widths;
        let covers = |leaf: &Leaf| -> Vec<f64> {
            let share = |(side, widths): (&super::forest::Side, &Vec<f64>)| {
                widths
                    .iter()
                    .enumerate()
                    .filter(|(bin, _)| side.has(*bin))
                    .map(|(_, w)| w)
                    .sum()
            };
            leaf.sides.iter().zip(widths).map(share).collect()
        };
        let covered: Vec<Vec<f64>> = leaves.iter().map(covers).collect();
        let volume = |covered: &Vec<f64>| covered.iter().product::<f64>();
        let mean: f64 = leaves.iter().zip(&covered).map(|(leaf, c)| leaf.value * volume(c)).sum();
        let deviation = |(leaf, c): (&Leaf, &Vec<f64>)| (leaf.value - mean) * (leaf.value - mean) * volume(c);
        let variance = leaves.iter().zip(&covered).map(deviation).sum();
        Self {
            widths,
            leaves,
            covered,
            mean,
            variance,
        }
    }

    /// Share of the variance that is the marginal's of one dimension.
    fn single(&self, d: usize) -> f64 {
        let mut marginal = vec![0.0; self.widths[d].len()];
        for (leaf, covered) in self.leaves.iter().zip(&self.covered) {
            let rest: f64 = covered
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != d)
                .map(|(_, c)| c)
                .product();
            let inside = marginal.iter_mut().enumerate().filter(|(bin, _)| leaf.sides[d].has(*bin));
            inside.for_each(|(_, slot)| *slot += leaf.value * rest);
        }
        let squares = marginal
            .iter()
            .zip(&self.widths[d])
            .map(|(m, w)| (m - self.mean) * (m - self.mean) * w);
        squares.sum::<f64>() / self.variance
    }

    /// Share of the variance that is the marginal's of two dimensions, with what they do alone.
    fn pair(&self, a: usize, b: usize) -> f64 {
        let columns = self.widths[b].len();
        let mut marginal = vec![0.0; self.widths[a].len() * columns];
        for (leaf, covered) in self.leaves.iter().zip(&self.covered) {
            let rest: f64 = covered
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != a && *other != b)
                .map(|(_, c)| c)
                .product();
            for (row, line) in marginal.chunks_exact_mut(columns).enumerate() {
                if !leaf.sides[a].has(row) {
                    continue;
                }
                for (column, slot) in line.iter_mut().enumerate() {
                    if leaf.sides[b].has(column) {
                        *slot += leaf.value * rest;
                    }
                }
            }
        }
        let mut sum = 0.0;
        for (line, height) in marginal.chunks_exact(columns).zip(&self.widths[a]) {
            for (m, width) in line.iter().zip(&self.widths[b]) {
                sum += (m - self.mean) * (m - self.mean) * height * width;
            }
        }
        sum / self.variance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Dimension;
    use crate::search::stream::Stream;

    /// Points drawn evenly, scored by a function of the cube.
    fn drawn(dimensions: &[Dimension], points: usize, score: impl Fn(&[f64]) -> f64) -> Scored {
        let mut draws = Stream::new(5, 1);
        let mut scored = Scored::new(dimensions);
        for _ in 0..points {
            let unit: Vec<f64> = dimensions.iter().map(|_| draws.fraction()).collect();
            scored.push(&unit, score(&unit));
        }
        scored
    }

    fn share(effects: &[Effect], dimensions: &[usize]) -> f64 {
        effects
            .iter()
            .find(|effect| effect.dimensions == dimensions)
            .map_or(f64::NAN, |effect| effect.share)
    }

    /// y = 2 a + b: variances 4/12 and 1/12, so shares of 0.8 and 0.2; c does nothing.
    #[test]
    fn shares_of_a_sum_are_those_of_its_variance() {
        let scored = drawn(&[Dimension::Real; 3], 4_000, |u| 2.0 * u[0] + u[1]);
        let effects = importance(&scored, ImportanceSettings::default());
        assert_eq!(effects[0].dimensions, [0]);
        assert!((share(&effects, &[0]) - 0.8).abs() < 0.02, "{effects:?}");
        assert!((share(&effects, &[1]) - 0.2).abs() < 0.02, "{effects:?}");
        assert!(
            share(&effects, &[2]) < 0.005 && share(&effects, &[0, 1]) < 0.02,
            "{effects:?}"
        );
        assert!(effects[0].spread > 0.0 && effects[0].spread < 0.05);
    }

    /// y = (a - 1/2)(b - 1/2): neither does anything alone.
    #[test]
    fn what_only_two_do_together_is_theirs() {
        let scored = drawn(&[Dimension::Real; 2], 8_000, |u| (u[0] - 0.5) * (u[1] - 0.5));
        let effects = importance(&scored, ImportanceSettings::default());
        assert!(share(&effects, &[0, 1]) > 0.85, "{effects:?}");
        assert!(share(&effects, &[0]) < 0.08, "{effects:?}");
    }

    /// Of categories without an order: means 0, 1, 0, 1 have variance 1/4; a number beside them 1/12.
    #[test]
    fn categories_are_split_by_sets() {
        let dimensions = [Dimension::Category(4), Dimension::Real];
        let scored = drawn(&dimensions, 4_000, |u| f64::from((u[0] * 4.0) as u32 % 2) + u[1]);
        let effects = importance(&scored, ImportanceSettings::default());
        assert!((share(&effects, &[0]) - 0.75).abs() < 0.03, "{effects:?}");
        assert!((share(&effects, &[1]) - 0.25).abs() < 0.03, "{effects:?}");
    }

    #[test]
    fn the_same_points_give_the_same_bits_and_nothing_to_explain_gives_nothing() {
        let scored = drawn(&[Dimension::Real, Dimension::Ordered(7)], 500, |u| u[0] * u[1]);
        let settings = ImportanceSettings::default();
        assert_eq!(importance(&scored, settings), importance(&scored, settings));
        let flat = drawn(&[Dimension::Real], 500, |_| 1.0);
        assert!(importance(&flat, settings).is_empty());
        assert!(importance(&Scored::new(&[Dimension::Real]), settings).is_empty());
        let few = drawn(&[Dimension::Real], 9, |u| u[0]);
        assert!(importance(&few, settings).iter().all(|effect| effect.share.is_finite()));
    }
}
