//! Differential evolution.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use assay_core::job::DeSettings;

use crate::search::random::uniform;
use crate::search::stream::Stream;
use crate::search::{Cube, Dimension, Outcome, Sampler, Told, Unit, pareto};

/// Differential evolution that learns its factor and crossover rate (SHADE), for one objective.
///
/// A trial point replaces the member that it was made for if it is no worse. Values without an order are taken from one of the points
/// that are combined.
///
/// Sources: R. Tanabe, A. Fukunaga, "Success-history based parameter adaptation for differential evolution", 2013;
/// J. Zhang, A. C. Sanderson, "JADE: adaptive differential evolution with optional external archive", 2009.
pub struct De {
    cube: Cube,
    settings: DeSettings,
    seed: u64,
    population: usize,
    members: Vec<Told>,
    /// Members that were replaced.
    archive: Vec<Unit>,
    /// Factor and crossover rate.
    memory: Vec<[f64; 2]>,
    remembered: usize,
    /// Factor, crossover rate and gain of the trials that replaced a member since the memory was updated.
    successes: Vec<[f64; 3]>,
    told: usize,
    since_update: usize,
    /// The member that each point of a batch may replace, its factor and its crossover rate.
    plans: BTreeMap<u64, Vec<Plan>>,
}

type Plan = Option<(usize, [f64; 2])>;

impl De {
    /// Differential evolution.
    pub fn new(cube: Cube, seed: u64, settings: DeSettings) -> Self {
        let usual = (5 * cube.dimensions().len()).clamp(12, 60);
        Self {
            population: settings.population.unwrap_or(usual).max(5),
            memory: vec![[0.5, 0.5]; settings.memory.max(1)],
            cube,
            settings,
            seed,
            members: Vec::new(),
            archive: Vec::new(),
            remembered: 0,
            successes: Vec::new(),
            told: 0,
            since_update: 0,
            plans: BTreeMap::new(),
        }
    }

    fn plan(&mut self, batch: u64, count: usize, pending: usize) -> Vec<Unit> {
        let mut stream = Stream::new(self.seed, batch);
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by(|a, b| better(&self.members[*a].outcome, &self.members[*b].outcome));
        let mut plans = Vec::with_capacity(count);
        let mut units = Vec::with_capacity(count);
        for number in self.told + pending..self.told + pending + count {
            if number < self.population || self.members.len() < 4 {
                units.push(uniform(&self.cube, &mut stream));
                plans.push(None);
                continue;
            }
            let target = number % self.members.len();
            let rates = self.rates(&mut stream);
            units.push(self.trial(target, rates, &order, &mut stream));
            plans.push(Some((target, rates)));
        }
        self.plans.insert(batch, plans);
        units
    }

    /// A factor from a Cauchy distribution and a crossover rate from a normal one, around a pair that did well.
    fn rates(&self, stream: &mut Stream) -> [f64; 2] {
        let [factor, rate] = self.memory[stream.index(self.memory.len())];
        let rate = (rate + 0.1 * stream.normal()).clamp(0.0, 1.0);
        for _ in 0..100 {
            let drawn = factor + 0.1 * libm::tan(std::f64::consts::PI * (stream.fraction() - 0.5));
            if drawn > 0.0 {
                return [drawn.min(1.0), rate];
            }
        }
        [factor, rate]
    }

    /// From the target towards one of the best, plus a difference of two others; crossed with the target.
    fn trial(&self, target: usize, [factor, rate]: [f64; 2], order: &[usize], stream: &mut Stream) -> Unit {
        let members = &self.members;
        let leaders = ((self.settings.best * members.len() as f64) as usize).clamp(2, members.len());
        let best = &members[order[stream.index(leaders)]].unit;
        let base = &members[target].unit;
        let first = (target + 1 + stream.index(members.len() - 1)) % members.len();
        // Another one, of the members or of those that they replaced.
        let mut second = stream.index(members.len() + self.archive.len());
        while second == target || second == first {
            second = (second + 1) % (members.len() + self.archive.len());
        }
        let minus = members
            .get(second)
            .map_or_else(|| &self.archive[second - members.len()], |told| &told.unit);
        let plus = &members[first].unit;
        let dimensions = self.cube.dimensions();
        let forced = stream.index(dimensions.len().max(1));
        let mut unit = base.clone();
        for (i, dimension) in dimensions.iter().enumerate() {
            if stream.fraction() >= rate && i != forced {
                continue;
            }
            let x = if matches!(dimension, Dimension::Category(_)) {
                let pool = [best[i], plus[i], minus[i], stream.fraction()];
                // Now and then any value, so that none is lost for good.
                pool[if stream.fraction() < 0.05 { 3 } else { stream.index(3) }]
            } else {
                base[i] + factor * (best[i] - base[i]) + factor * (plus[i] - minus[i])
            };
            // Beyond the edge, halfway between it and the target.
            unit[i] = if x < 0.0 {
                0.5 * base[i]
            } else if x > 1.0 {
                0.5 * (base[i] + 1.0)
            } else {
                x
            };
        }
        self.cube.repair(&unit, base)
    }

    fn select(&mut self, target: usize, rates: [f64; 2], told: &Told, stream: &mut Stream) {
        let member = &self.members[target];
        let order = better(&told.outcome, &member.outcome);
        if order == Ordering::Greater || told.unit == member.unit {
            return;
        }
        if order == Ordering::Less {
            self.successes
                .push([rates[0], rates[1], gain(&member.outcome, &told.outcome)]);
            if self.archive.len() < self.population {
                self.archive.push(member.unit.clone());
            } else {
                let place = stream.index(self.archive.len());
                self.archive[place].clone_from(&member.unit);
            }
        }
        self.members[target] = told.clone();
    }

    fn update_memory(&mut self) {
        let total: f64 = self.successes.iter().map(|success| success[2]).sum();
        if total > 0.0 && total.is_finite() {
            let sum = |f: &dyn Fn(&[f64; 3]) -> f64| {
                self.successes
                    .iter()
                    .map(|success| success[2] / total * f(success))
                    .sum::<f64>()
            };
            let (factor, squares) = (sum(&|s| s[0]), sum(&|s| s[0] * s[0]));
            self.memory[self.remembered % self.settings.memory.max(1)] = [squares / factor, sum(&|s| s[1])];
            self.remembered += 1;
        }
        self.successes.clear();
    }
}

/// How much better an outcome is than another, 1 where losses do not say.
fn gain(from: &Outcome, to: &Outcome) -> f64 {
    match (&from.losses, &to.losses) {
        (Some(before), Some(after)) if from.violation == to.violation => (before[0] - after[0]).clamp(0.0, 1e100),
        (Some(_), Some(_)) => (from.violation - to.violation).clamp(0.0, 1e100),
        _ => 1.0,
    }
}

fn better(a: &Outcome, b: &Outcome) -> Ordering {
    pareto::compare(a, b).unwrap_or(Ordering::Equal)
}

impl Sampler for De {
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit> {
        self.plan(batch, count, pending.len())
    }

    fn recall(&mut self, batch: u64, count: usize, pending: &[Unit]) {
        self.plan(batch, count, pending.len());
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        let plans = self.plans.remove(&batch).unwrap_or_default();
        let mut stream = Stream::new(self.seed ^ 3, batch);
        for (k, told) in told.iter().enumerate() {
            self.told += 1;
            if let Some(Some((target, rates))) = plans.get(k) {
                self.select(*target, *rates, told, &mut stream);
                self.since_update += 1;
            } else if self.members.len() < self.population {
                self.members.push(told.clone());
            } else {
                // A point from elsewhere replaces the worst.
                let worst = (0..self.members.len()).max_by(|a, b| better(&self.members[*a].outcome, &self.members[*b].outcome));
                let worst = worst.filter(|worst| better(&told.outcome, &self.members[*worst].outcome).is_lt());
                if let Some(worst) = worst {
                    self.members[worst] = told.clone();
                }
            }
        }
        if self.since_update >= self.population {
            self.since_update = 0;
            self.update_memory();
        }
    }
}
