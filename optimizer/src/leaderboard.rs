//! The best points of a search, in bounded memory.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;

use assay_core::ids::Ordinal;
use assay_core::rank::{Ranked, Standing};
use assay_core::row::TrialRow;

use crate::target::Target;

/// Keeps the best points of those pushed. Which ones, and their order, depends on the set of points alone: neither on the
/// order of pushing nor on how leaderboards were merged.
///
/// ```
/// use assay_core::job::Objective;
/// use assay_core::ids::Ordinal;
/// use assay_core::metrics::{Metric, Metrics};
/// use assay_core::row::{Outcome, TrialRow};
/// use assay_core::space::Point;
/// use assay_optimizer::{Leaderboard, Target};
///
/// let row = |ordinal: u64, sharpe: f64| {
///     let mut metrics = Metrics::default();
///     metrics.set(Metric::Sharpe, sharpe);
///     TrialRow {
///         instrument: 0,
///         ordinal: Ordinal(ordinal),
///         point: Point(Box::from([ordinal as f64])),
///         window: 0,
///         outcome: Outcome::Done { metrics, sketch: None },
///     }
/// };
/// let mut board = Leaderboard::new(2, &Target::new(&Objective::default())?, 1);
/// board.push_block(&[&[row(0, 0.5), row(1, f64::NAN), row(2, 1.5)]]);
/// let ordinals: Vec<u64> = board.ranked().iter().map(|r| r.ordinal.0).collect();
/// assert_eq!(ordinals, [2, 0]);
/// # Ok::<(), assay_optimizer::OptimizerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Leaderboard {
    capacity: usize,
    target: Target,
    instruments: usize,
    /// The worst on top.
    best: BinaryHeap<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    standing: Standing,
    ranked: Ranked,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.standing.compare(&other.standing)
    }
}

impl Leaderboard {
    /// An empty board of the best `capacity` points of a job over `instruments` instruments.
    pub fn new(capacity: usize, target: &Target, instruments: usize) -> Self {
        Self {
            capacity,
            target: target.clone(),
            instruments,
            best: BinaryHeap::new(),
        }
    }

    /// Adds one point: its rows on all instruments, in the job's order. A point is pushed once.
    ///
    /// # Panics
    /// If the rows are not one per instrument of one point.
    pub fn push_point(&mut self, rows: &[&TrialRow]) {
        assert_eq!(rows.len(), self.instruments, "a point has one row per instrument");
        let ordinal = rows[0].ordinal;
        assert!(
            rows.iter()
                .zip(0..)
                .all(|(row, i)| row.ordinal == ordinal && row.instrument == i),
            "the rows are those of one point, in the order of the instruments"
        );
        let metrics: Vec<_> = rows.iter().map(|row| row.metrics()).collect();
        let objective = self.target.objective();
        let metric = objective.maximize.metric;
        let score = objective.score(metrics.iter().map(|metrics| metrics.and_then(|m| m.get(metric))));
        let standing = Standing {
            violation: self.target.violation(&metrics),
            score,
            ordinal,
        };
        if !self.admits(&standing) {
            return;
        }
        let ranked = Ranked {
            ordinal,
            point: rows[0].point.clone(),
            objective: score.map(|score| objective.value(score)),
            violation: standing.violation,
            metrics: metrics.into_iter().map(Option::<&_>::copied).collect(),
        };
        self.insert(Entry { standing, ranked });
    }

    /// Adds the points of a run of blocks: per instrument, in the job's order, the rows of the same points in the same order.
    ///
    /// # Panics
    /// If the slices do not hold the same points.
    pub fn push_block(&mut self, by_instrument: &[&[TrialRow]]) {
        let points = by_instrument.first().map_or(0, |rows| rows.len());
        assert!(
            by_instrument.iter().all(|rows| rows.len() == points),
            "every instrument has every point"
        );
        let mut rows = Vec::with_capacity(self.instruments);
        for i in 0..points {
            rows.clear();
            rows.extend(by_instrument.iter().map(|of_instrument| &of_instrument[i]));
            self.push_point(&rows);
        }
    }

    /// Adds the points of rows in the order of (ordinal, instrument), as stored.
    ///
    /// # Panics
    /// If a point's rows are incomplete.
    pub fn push_rows(&mut self, rows: &[TrialRow]) {
        let mut point = Vec::with_capacity(self.instruments);
        for chunk in rows.chunks(self.instruments) {
            point.clear();
            point.extend(chunk);
            self.push_point(&point);
        }
    }

    /// Takes over the points of another board of the same job.
    pub fn merge(&mut self, other: Self) {
        for entry in other.best {
            if self.admits(&entry.standing) {
                self.insert(entry);
            }
        }
    }

    /// Takes over points that another board of the same job found, and says what that changed: the points that are on the board
    /// now, and those that no longer are.
    pub fn absorb(&mut self, points: impl IntoIterator<Item = Ranked>) -> (Vec<Ranked>, Vec<Ordinal>) {
        let (mut entered, mut left) = (BTreeMap::new(), Vec::new());
        for ranked in points {
            let standing = ranked.standing(self.target.objective());
            let entry = Entry { standing, ranked };
            if !self.admits(&entry.standing) {
                continue;
            }
            entered.insert(entry.ranked.ordinal, entry.ranked.clone());
            if let Some(pushed_out) = self.insert(entry) {
                let ordinal = pushed_out.ranked.ordinal;
                if entered.remove(&ordinal).is_none() {
                    left.push(ordinal);
                }
            }
        }
        (entered.into_values().collect(), left)
    }

    /// Forgets the points of a run of ordinals, which are about to be pushed once more.
    pub fn forget(&mut self, ordinals: &Range<u64>) {
        self.best.retain(|entry| !ordinals.contains(&entry.ranked.ordinal.0));
    }

    /// What a point must beat to be among the best: where the worst stands, once the board is full.
    pub fn threshold(&self) -> Option<Standing> {
        let worst = self.best.peek().filter(|_| self.best.len() >= self.capacity);
        worst.map(|entry| entry.standing)
    }

    /// The best points, best first.
    pub fn ranked(&self) -> Vec<Ranked> {
        let mut entries: Vec<&Entry> = self.best.iter().collect();
        entries.sort();
        entries.into_iter().map(|entry| entry.ranked.clone()).collect()
    }

    /// The same, of a board that is no longer needed.
    pub fn into_ranked(self) -> Vec<Ranked> {
        self.best.into_sorted_vec().into_iter().map(|entry| entry.ranked).collect()
    }

    /// The best point so far.
    pub fn best(&self) -> Option<&Ranked> {
        self.best.iter().min().map(|entry| &entry.ranked)
    }

    fn admits(&self, standing: &Standing) -> bool {
        self.best.len() < self.capacity
            || self
                .best
                .peek()
                .is_some_and(|worst| standing.compare(&worst.standing) == Ordering::Less)
    }

    /// Adds an entry that is admitted; returns the one that it pushes out.
    fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let pushed_out = if self.best.len() >= self.capacity {
            self.best.pop()
        } else {
            None
        };
        self.best.push(entry);
        pushed_out
    }
}

#[cfg(test)]
mod tests {
    use assay_core::job::{Aggregate, Goal, Objective};
    use assay_core::metrics::{Metric, Metrics};
    use assay_core::row::Outcome;
    use assay_core::space::Point;
    use proptest::prelude::*;

    use super::*;

    fn row(ordinal: u64, instrument: u32, sharpe: Option<f64>) -> TrialRow {
        let mut metrics = Metrics::default();
        let outcome = match sharpe {
            Some(sharpe) => {
                metrics.set(Metric::Sharpe, sharpe);
                Outcome::Done { metrics, sketch: None }
            }
            None => Outcome::Failed("panicked".to_owned()),
        };
        TrialRow {
            instrument,
            ordinal: Ordinal(ordinal),
            point: Point(Box::from([ordinal as f64])),
            window: 0,
            outcome,
        }
    }

    fn target(negated: bool, aggregate: Aggregate) -> Target {
        let metric = Metric::Sharpe;
        let objective = Objective {
            maximize: Goal { metric, negated },
            aggregate,
            ..Objective::default()
        };
        Target::new(&objective).unwrap()
    }

    proptest! {
        /// Any grouping of any order of points gives what sorting all of them gives.
        #[test]
        fn merging_in_any_grouping_equals_sorting_everything(
            scores in prop::collection::vec(prop::option::of((-3i32..3, -3i32..3)), 1..60),
            groups in prop::collection::vec(0usize..4, 60),
            reverse: bool, negated: bool, capacity in 0usize..20,
        ) {
            let target = target(negated, Aggregate::Mean);
            let mut boards = vec![Leaderboard::new(capacity, &target, 2); 4];
            let mut all = Vec::new();
            for (ordinal, score) in scores.iter().enumerate() {
                let value = |x: i32| if x == -3 { f64::NAN } else { f64::from(x) };
                let rows = match score {
                    Some((a, b)) => [row(ordinal as u64, 0, Some(value(*a))), row(ordinal as u64, 1, Some(value(*b)))],
                    None => [row(ordinal as u64, 0, Some(1.0)), row(ordinal as u64, 1, None)],
                };
                let mean = score.map(|(a, b)| f64::midpoint(value(a), value(b))).filter(|x| !x.is_nan());
                all.push((mean, Ordinal(ordinal as u64)));
                boards[groups[ordinal]].push_block(&[&rows[..1], &rows[1..]]);
            }
            if reverse {
                boards.reverse();
            }
            let mut merged = boards.pop().unwrap();
            let last = boards.pop().unwrap();
            boards[0].merge(last);
            for board in boards {
                merged.merge(board);
            }
            let mut absorbing = Leaderboard::new(capacity, &target, 2);
            let mut stored = BTreeMap::new();
            for ranked in merged.ranked().into_iter().rev().collect::<Vec<_>>().chunks(3) {
                let (entered, left) = absorbing.absorb(ranked.to_vec());
                for ordinal in &left {
                    prop_assert!(stored.remove(ordinal).is_some());
                }
                stored.extend(entered.into_iter().map(|ranked| (ranked.ordinal, ranked)));
            }
            prop_assert_eq!(absorbing.ranked(), merged.ranked());
            prop_assert_eq!(stored.into_values().collect::<Vec<_>>().len(), merged.ranked().len());
            let sign = if negated { 1.0 } else { -1.0 };
            all.sort_by(|a, b| {
                let key = |x: &(Option<f64>, Ordinal)| x.0.map_or(f64::INFINITY, |v| sign * v);
                key(a).partial_cmp(&key(b)).unwrap().then(a.1.cmp(&b.1))
            });
            all.truncate(capacity);
            let found: Vec<_> = merged.ranked().iter().map(|r| (r.objective, r.ordinal)).collect();
            prop_assert_eq!(found, all);
        }
    }

    #[test]
    fn a_point_keeps_the_metrics_of_every_instrument() {
        let mut board = Leaderboard::new(3, &target(false, Aggregate::Min), 2);
        board.push_rows(&[
            row(0, 0, Some(2.0)),
            row(0, 1, Some(1.0)),
            row(1, 0, Some(9.0)),
            row(1, 1, None),
        ]);
        let ranked = board.ranked();
        assert_eq!(ranked[0].objective, Some(1.0));
        assert_eq!(ranked[0].metrics[0].unwrap().get(Metric::Sharpe), Some(2.0));
        assert_eq!((ranked[1].objective, ranked[1].metrics[1]), (None, None));
        assert_eq!(board.best(), Some(&ranked[0]));
    }
}
