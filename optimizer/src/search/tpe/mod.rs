//! The tree-structured Parzen estimator.
//!
//! Points are split into good and bad ones, a density is estimated of each, and that candidate drawn from the good ones' density
//! is proposed at which it exceeds the bad ones' most. All dimensions are estimated together, so that what parameters do jointly
//! is seen.
//!
//! Sources: J. Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS 2011; S. Falkner et al., "BOHB", ICML 2018
//! (several dimensions in one kernel); S. Watanabe, "Tree-structured Parzen estimator: understanding its algorithm components and
//! their roles for better empirical performance", 2023; Y. Ozaki et al., "Multiobjective tree-structured Parzen estimator", JAIR
//! 2022.

mod parzen;
mod sorted;
mod split;

use assay_core::job::TpeSettings;

use crate::search::stream::Stream;
use crate::search::tried::Tried;
use crate::search::{Cube, Sampler, Told, Unit};
use parzen::Parzen;
use sorted::Sorted;

/// Kernels of good points may be half as wide as those of bad ones: measured over Branin, Hartmann6, Ackley and Levy functions.
const NARROWEST_GOOD: f64 = 0.5;

/// The method `tpe`.
#[derive(Debug)]
pub struct Tpe {
    cube: Cube,
    seed: u64,
    settings: TpeSettings,
    told: Vec<Told>,
    tried: Tried,
    sorted: Sorted,
    /// Which of what was told is good, as soon as that is asked for.
    good: Option<Vec<bool>>,
}

impl Tpe {
    /// A search of a cube.
    pub fn new(cube: Cube, seed: u64, settings: TpeSettings) -> Self {
        Self {
            tried: Tried::new(&cube, seed),
            sorted: Sorted::new(cube.dimensions().len()),
            cube,
            seed,
            settings,
            told: Vec::new(),
            good: None,
        }
    }
}

impl Sampler for Tpe {
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit> {
        let mut stream = Stream::new(self.seed, batch);
        let mut known = self.tried.with(&self.cube, pending);
        let is_good = &**self.good.get_or_insert_with(|| split::good(&self.told));
        let units = |wanted: bool| -> Vec<&[f64]> {
            let both = self.told.iter().zip(is_good);
            both.filter(|(_, good)| **good == wanted)
                .map(|(told, _)| &*told.unit)
                .collect()
        };
        let (good_units, bad_units) = (units(true), units(false));
        let good_order = self.sorted.of(|index| is_good[index]);
        let bad_order = self.sorted.of(|index| !is_good[index]);
        let mut good = Parzen::new(
            &self.cube,
            &good_units,
            &good_order,
            &recency(good_units.len()),
            NARROWEST_GOOD,
        );
        let mut proposals: Vec<Unit> = Vec::with_capacity(count);
        while proposals.len() < count {
            let unit = if self.told.len() < self.settings.startup {
                known.spread(&mut stream)
            } else {
                // What is pending counts as bad, so that it is not proposed again.
                let lies = known.others().iter().map(|unit| &**unit);
                let all_bad: Vec<&[f64]> = bad_units.iter().copied().chain(lies).collect();
                let order = sorted::with_rest(bad_order.clone(), &all_bad);
                let mut bad = Parzen::new(&self.cube, &all_bad, &order, &recency(all_bad.len()), 1.0);
                let mut best: Option<(f64, Unit)> = None;
                for _ in 0..self.settings.candidates {
                    let unit = self.cube.centre(&good.draw(&mut stream));
                    if !known.lacks(&unit) || !self.cube.admits(&unit) {
                        continue;
                    }
                    let score = good.log_density(&unit) - bad.log_density(&unit);
                    if best.as_ref().is_none_or(|(highest, _)| score > *highest) {
                        best = Some((score, unit));
                    }
                }
                best.map_or_else(|| known.random(&mut stream), |(_, unit)| unit)
            };
            known.insert(&unit);
            proposals.push(unit);
        }
        proposals
    }

    fn observe(&mut self, _batch: u64, told: &[Told]) {
        self.told.extend_from_slice(told);
        self.tried.insert(told);
        self.sorted.insert(&self.told);
        self.good = None;
    }
}

/// Weights by age: the newest 25 count 1, older ones less, down to 1 / count for the oldest.
fn recency(count: usize) -> Vec<f64> {
    const NEWEST: usize = 25;
    let old = count.saturating_sub(NEWEST);
    let least = 1.0 / count.max(1) as f64;
    let ramp = |i: usize| {
        if i >= old || old == 1 {
            1.0
        } else {
            least + (1.0 - least) * i as f64 / (old - 1) as f64
        }
    };
    (0..count).map(ramp).collect()
}
