//! Successive halving: many points cheaply, the best of them in full.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::search::tried::bits;
use crate::search::{Cube, EARLIER, Outcome, Sampler, Told, Unit, pareto};

/// Asynchronous successive halving over the levels of fidelity of a cube ([`Cube::with_levels`]).
///
/// New points come from another method and are run at the lowest level. Whenever a batch is proposed, points that are among the best
/// 1 / `reduction` of a level and were not run at the next one are promoted to it, from high levels to low, before new points are
/// taken. The other method learns from the lowest level alone.
///
/// Source: L. Li et al., "A system for massively parallel hyperparameter tuning" (ASHA), 2020.
pub struct Halving {
    cube: Cube,
    reduction: usize,
    inner: Box<dyn Sampler>,
    /// Per level, what was told of it.
    levels: Vec<Vec<(Unit, Outcome)>>,
    /// Points that were promoted from a level.
    promoted: Vec<BTreeSet<Box<[u64]>>>,
    /// How many points of a batch that is not observed yet were promoted; the others are those of the other method.
    plans: BTreeMap<u64, usize>,
}

impl Halving {
    /// Halving in a cube with levels, one point in `reduction` reaching the next level; `inner` proposes points of the same space
    /// without levels.
    pub fn new(cube: Cube, reduction: usize, inner: Box<dyn Sampler>) -> Self {
        let levels = cube.levels() as usize;
        Self {
            cube,
            reduction: reduction.max(2),
            inner,
            levels: vec![Vec::new(); levels],
            promoted: vec![BTreeSet::new(); levels],
            plans: BTreeMap::new(),
        }
    }

    fn promotions(&mut self, batch: u64, count: usize) -> Vec<Unit> {
        let mut found = Vec::new();
        for level in (0..self.levels.len() - 1).rev() {
            let mut order: Vec<&(Unit, Outcome)> = self.levels[level].iter().filter(|(_, o)| o.losses.is_some()).collect();
            order.sort_by(|a, b| pareto::compare(&a.1, &b.1).unwrap_or(Ordering::Equal));
            for (unit, _) in order.into_iter().take(self.levels[level].len() / self.reduction) {
                if found.len() < count && self.promoted[level].insert(bits(unit)) {
                    found.push(self.at_level(unit, level as u32 + 1));
                }
            }
        }
        self.plans.insert(batch, found.len());
        found
    }

    fn at_level(&self, base: &[f64], level: u32) -> Unit {
        let share = (f64::from(level) + 0.5) / f64::from(self.cube.levels());
        let has_level = self.cube.levels() > 1;
        base.iter().copied().chain(has_level.then_some(share)).collect()
    }

    fn base(&self, unit: &[f64]) -> Unit {
        unit[..unit.len() - usize::from(self.cube.levels() > 1)].into()
    }

    fn without_levels(&self, pending: &[Unit]) -> Vec<Unit> {
        let lowest = pending.iter().filter(|unit| self.cube.level(unit) == 0);
        lowest.map(|unit| self.base(unit)).collect()
    }
}

impl Sampler for Halving {
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit> {
        let mut units = self.promotions(batch, count);
        let left = count - units.len();
        let new = self.inner.propose(batch, left, &self.without_levels(pending));
        units.extend(new.iter().take(left).map(|unit| self.at_level(unit, 0)));
        units
    }

    fn recall(&mut self, batch: u64, count: usize, pending: &[Unit]) {
        let left = count - self.promotions(batch, count).len();
        self.inner.recall(batch, left, &self.without_levels(pending));
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        let lowest = told.iter().skip(self.plans.remove(&batch).unwrap_or(0));
        let lowest = lowest.filter(|told| batch == EARLIER || self.cube.level(&told.unit) == 0);
        let inner: Vec<Told> = lowest
            .map(|told| Told {
                unit: self.base(&told.unit),
                outcome: told.outcome.clone(),
            })
            .collect();
        self.inner.observe(batch, &inner);
        if batch == EARLIER {
            return;
        }
        for told in told {
            let (base, level) = (self.base(&told.unit), self.cube.level(&told.unit) as usize);
            // A point that is proposed again is told again.
            if !self.levels[level].iter().any(|(known, _)| *known == base) {
                self.levels[level].push((base, told.outcome.clone()));
            }
        }
    }
}
