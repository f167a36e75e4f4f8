//! Settings of the searches that learn, one table a method: `[search.tpe]`, `[search.genetic]` and so on.

use serde::{Deserialize, Serialize};

use super::search::Method;

/// What is wrong with a setting: its key, and what it must be.
pub(super) type Fault = (&'static str, &'static str);

/// `[search.genetic]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneticSettings {
    /// Points that survive.
    pub population: usize,
    /// Probability that a child comes from two parents rather than one.
    pub crossover: f64,
    /// Distribution index of simulated binary crossover: larger is closer to the parents.
    pub crossover_index: f64,
    /// Probability that a parameter mutates; by default one of all parameters does.
    pub mutation: Option<f64>,
    /// Distribution index of polynomial mutation: larger is closer to the value.
    pub mutation_index: f64,
}

impl Default for GeneticSettings {
    fn default() -> Self {
        Self {
            population: 100,
            crossover: 0.9,
            crossover_index: 15.0,
            mutation: None,
            mutation_index: 20.0,
        }
    }
}

/// `[search.tpe]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TpeSettings {
    /// Points of the Sobol sequence before the first estimate.
    pub startup: usize,
    /// Candidates drawn for each proposal.
    pub candidates: usize,
}

impl Default for TpeSettings {
    fn default() -> Self {
        Self {
            startup: 10,
            candidates: 24,
        }
    }
}

/// `[search.bayes]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BayesSettings {
    /// Points of the Sobol sequence before the first model.
    pub startup: usize,
    /// Points looked at for a proposal all over the cube, and as many around the best ones; fewer once there are many trials.
    pub candidates: usize,
    /// How many of them are improved by descents.
    pub starts: usize,
    /// Evaluations in each descent, to a point or to a kernel.
    pub steps: usize,
}

impl Default for BayesSettings {
    fn default() -> Self {
        Self {
            startup: 10,
            candidates: 512,
            starts: 8,
            steps: 40,
        }
    }
}

/// How an evolution strategy goes on when it has converged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restarts {
    /// Another one elsewhere, with twice the population.
    ///
    /// Source: A. Auger, N. Hansen, "A restart CMA evolution strategy with increasing population size", 2005.
    Ipop,
    /// The same, alternating with small populations that get as many evaluations.
    ///
    /// Source: N. Hansen, "Benchmarking a BI-population CMA-ES on the BBOB-2009 function testbed", 2009.
    Bipop,
}

/// `[search.cmaes]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CmaesSettings {
    /// Points in a generation; by default 4 + 3 ln n of n parameters.
    pub population: Option<usize>,
    /// Standard deviation to begin with, as a share of each parameter's range.
    pub sigma: f64,
    /// Where to begin, in unit coordinates; by default in the middle, or at the best outcome of an earlier job. Not for job files,
    /// which enqueue points.
    #[serde(skip)]
    pub start: Option<Box<[f64]>>,
    /// What follows when it has converged.
    pub restarts: Restarts,
}

impl Default for CmaesSettings {
    fn default() -> Self {
        Self {
            population: None,
            sigma: 0.25,
            start: None,
            restarts: Restarts::Bipop,
        }
    }
}

/// `[search.de]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeSettings {
    /// Points in the population; by default five per parameter, from 12 to 60.
    pub population: Option<usize>,
    /// Share of the population that counts as best.
    pub best: f64,
    /// Pairs of factor and crossover rate that are remembered.
    pub memory: usize,
}

impl Default for DeSettings {
    fn default() -> Self {
        Self {
            population: None,
            best: 0.15,
            memory: 6,
        }
    }
}

/// `[search.pso]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PsoSettings {
    /// Particles.
    pub particles: usize,
    /// How many particles to either side tell a particle of their best place.
    pub neighbours: usize,
}

impl Default for PsoSettings {
    fn default() -> Self {
        Self {
            particles: 20,
            neighbours: 2,
        }
    }
}

/// `[search.refine]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefineSettings {
    /// Points of the coarse grid at most; it has as many values per parameter as that allows.
    pub coarse: u64,
    /// Places around which a finer grid is laid.
    pub places: usize,
    /// How much finer a grid is than the one before.
    pub factor: f64,
    /// Grids after the coarse one.
    pub rounds: usize,
}

impl Default for RefineSettings {
    fn default() -> Self {
        Self {
            coarse: 200,
            places: 5,
            factor: 3.0,
            rounds: 6,
        }
    }
}

/// `[search.polish]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolishSettings {
    /// How many of the best points are polished.
    pub starts: usize,
    /// Edge of a simplex to begin with, as a share of each parameter's range.
    pub edge: f64,
    /// A simplex ends when the standard deviation of its losses falls below this.
    pub tolerance: f64,
    /// Random points to find starts among, where there is no earlier job; by default ten per parameter.
    pub sample: Option<usize>,
}

impl Default for PolishSettings {
    fn default() -> Self {
        Self {
            starts: 4,
            edge: 0.05,
            tolerance: 1e-12,
            sample: None,
        }
    }
}

/// `[search.halving]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HalvingSettings {
    /// How many lengths of window there are; the last one is the whole window.
    pub levels: u32,
    /// One point in so many goes on to the next window, which is so many times as long.
    pub reduction: u32,
    /// Where new points come from.
    pub sampler: Method,
}

impl Default for HalvingSettings {
    fn default() -> Self {
        Self {
            levels: 3,
            reduction: 3,
            sampler: Method::Tpe,
        }
    }
}

/// Reports the first setting that does not satisfy its condition.
macro_rules! need {
    ($($key:literal: $holds:expr, $must:literal;)*) => {
        $(if !$holds { return Err(($key, $must)); })*
    };
}

fn share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

fn positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

impl GeneticSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        need! {
            "search.genetic.population": (2..=100_000).contains(&self.population), "a whole number from 2 to 100,000";
            "search.genetic.crossover": share(self.crossover), "a probability from 0 to 1";
            "search.genetic.crossover_index": positive(self.crossover_index), "a number above 0";
            "search.genetic.mutation": self.mutation.is_none_or(share), "a probability from 0 to 1";
            "search.genetic.mutation_index": positive(self.mutation_index), "a number above 0";
        }
        Ok(())
    }
}

impl TpeSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        need! {
            "search.tpe.startup": self.startup >= 1, "a whole number of at least 1";
            "search.tpe.candidates": (1..=100_000).contains(&self.candidates), "a whole number from 1 to 100,000";
        }
        Ok(())
    }
}

impl BayesSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        need! {
            "search.bayes.startup": self.startup >= 2, "a whole number of at least 2";
            "search.bayes.candidates": (1..=100_000).contains(&self.candidates), "a whole number from 1 to 100,000";
            "search.bayes.starts": (1..=1_000).contains(&self.starts), "a whole number from 1 to 1,000";
            "search.bayes.steps": (1..=10_000).contains(&self.steps), "a whole number from 1 to 10,000";
        }
        Ok(())
    }
}

impl CmaesSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        need! {
            "search.cmaes.population": self.population.is_none_or(|n| (2..=100_000).contains(&n)), "a whole number from 2 to 100,000";
            "search.cmaes.sigma": positive(self.sigma) && self.sigma <= 1.0, "a share of each range, above 0 and at most 1";
        }
        Ok(())
    }
}

impl DeSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        need! {
            "search.de.population": self.population.is_none_or(|n| (5..=100_000).contains(&n)), "a whole number from 5 to 100,000";
            "search.de.best": positive(self.best) && self.best <= 1.0, "a share above 0 and at most 1";
            "search.de.memory": (1..=1_000).contains(&self.memory), "a whole number from 1 to 1,000";
        }
        Ok(())
    }
}

impl PsoSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        need! {
            "search.pso.particles": (2..=100_000).contains(&self.particles), "a whole number from 2 to 100,000";
            "search.pso.neighbours": self.neighbours >= 1, "a whole number of at least 1";
        }
        Ok(())
    }
}

impl RefineSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        need! {
            "search.refine.coarse": (1..=10_000_000).contains(&self.coarse), "a whole number from 1 to 10,000,000";
            "search.refine.places": (1..=10_000).contains(&self.places), "a whole number from 1 to 10,000";
            "search.refine.factor": self.factor.is_finite() && self.factor > 1.0, "a number above 1";
            "search.refine.rounds": self.rounds <= 100, "at most 100";
        }
        Ok(())
    }
}

impl PolishSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        need! {
            "search.polish.starts": (1..=10_000).contains(&self.starts), "a whole number from 1 to 10,000";
            "search.polish.edge": positive(self.edge) && self.edge <= 1.0, "a share of each range, above 0 and at most 1";
            "search.polish.tolerance": self.tolerance.is_finite() && self.tolerance >= 0.0, "a number of at least 0";
            "search.polish.sample": self.sample.is_none_or(|n| n >= 1), "a whole number of at least 1";
        }
        Ok(())
    }
}

impl HalvingSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        let inner = self.sampler.learns() && self.sampler != Method::Halving || self.sampler == Method::Random;
        need! {
            "search.halving.levels": (1..=10).contains(&self.levels), "a whole number from 1 to 10";
            "search.halving.reduction": (2..=1_000).contains(&self.reduction), "a whole number from 2 to 1,000";
            "search.halving.sampler": inner, "random, or a search that learns and is not halving itself";
        }
        Ok(())
    }
}
