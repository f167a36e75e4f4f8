//! `[search]`: which points are tried.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::methods::{
    BayesSettings, CmaesSettings, DeSettings, Fault, GeneticSettings, HalvingSettings, PolishSettings, PsoSettings,
    RefineSettings, TpeSettings,
};
use crate::ids::JobId;
use crate::space::ParamValue;
use crate::time::DurationNs;

/// How the space is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every point.
    #[default]
    Grid,
    /// Independent draws.
    Random,
    /// A scrambled Sobol sequence.
    Sobol,
    /// A genetic search: NSGA-II with two or three goals, NSGA-III with more.
    Genetic,
    /// Tree-structured Parzen estimators.
    Tpe,
    /// Bayesian optimization with Gaussian processes.
    Bayes,
    /// An evolution strategy with covariance matrix adaptation.
    Cmaes,
    /// Differential evolution.
    De,
    /// A particle swarm.
    Pso,
    /// A coarse grid, then finer ones around plateaus.
    Refine,
    /// Successive halving: short windows first, the best go on to longer ones.
    Halving,
    /// Simplexes around the best points.
    Polish,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 12] = [
        Self::Grid,
        Self::Random,
        Self::Sobol,
        Self::Genetic,
        Self::Tpe,
        Self::Bayes,
        Self::Cmaes,
        Self::De,
        Self::Pso,
        Self::Refine,
        Self::Halving,
        Self::Polish,
    ];

    /// As written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Random => "random",
            Self::Sobol => "sobol",
            Self::Genetic => "genetic",
            Self::Tpe => "tpe",
            Self::Bayes => "bayes",
            Self::Cmaes => "cmaes",
            Self::De => "de",
            Self::Pso => "pso",
            Self::Refine => "refine",
            Self::Halving => "halving",
            Self::Polish => "polish",
        }
    }

    /// Whether later points depend on the results of earlier ones. The points of the others are known from the beginning.
    pub const fn learns(self) -> bool {
        !matches!(self, Self::Grid | Self::Random | Self::Sobol)
    }

    /// Raised whenever a method proposes other points from the same results: part of the identity of a job that learns.
    pub const fn version(self) -> u32 {
        match self {
            // 2: parameters that matter only sometimes are learned where they do.
            Self::Tpe | Self::Halving => 2,
            _ => 1,
        }
    }

    /// Most goals that it can pursue.
    pub const fn most_goals(self) -> usize {
        match self {
            Self::Cmaes | Self::De | Self::Pso | Self::Halving | Self::Polish => 1,
            _ => usize::MAX,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `[search]`. Keys beyond the first three are left out of the canonical job where they are not used, so that jobs keep their ids.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchSpec {
    /// How.
    pub method: Method,
    /// How many points at most, in each fold where there are folds; a grid takes all.
    pub trials: Option<u64>,
    /// Seed of the draws.
    pub seed: u64,
    /// Points that are proposed together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Batches whose results are not waited for: batch b is proposed from the results of batches up to b - 1 - lag.
    #[serde(skip_serializing_if = "Option::is_none", alias = "pending")]
    pub lag: Option<u32>,
    /// The search stops after so long, with what it has; its results cannot be reproduced then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<DurationNs>,
    /// The search stops after so many points without an improvement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// A job whose results the search begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<JobId>,
    /// Points that are tried first, by parameter; those left out take their default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enqueue: Vec<BTreeMap<String, ParamValue>>,
    /// Points of a Sobol sequence that are run beside a search that learns, for statistics that its preferences would bias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<u64>,
    /// Settings of `genetic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genetic: Option<GeneticSettings>,
    /// Settings of `tpe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpe: Option<TpeSettings>,
    /// Settings of `bayes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bayes: Option<BayesSettings>,
    /// Settings of `cmaes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmaes: Option<CmaesSettings>,
    /// Settings of `de`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub de: Option<DeSettings>,
    /// Settings of `pso`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pso: Option<PsoSettings>,
    /// Settings of `refine`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refine: Option<RefineSettings>,
    /// Settings of `halving`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halving: Option<HalvingSettings>,
    /// Settings of `polish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polish: Option<PolishSettings>,
}

/// Points of a batch, unless the job says otherwise.
pub const DEFAULT_BATCH: u32 = 16;
/// Batches in flight beside the one that is proposed, unless the job says otherwise.
pub const DEFAULT_LAG: u32 = 1;
/// Points of the probe, unless the job says otherwise.
pub const DEFAULT_PROBE: u64 = 1_000;

impl SearchSpec {
    /// Whether settings of this method are given, or filled in.
    pub fn has_settings_of(&self, method: Method) -> bool {
        match method {
            Method::Grid | Method::Random | Method::Sobol => false,
            Method::Genetic => self.genetic.is_some(),
            Method::Tpe => self.tpe.is_some(),
            Method::Bayes => self.bayes.is_some(),
            Method::Cmaes => self.cmaes.is_some(),
            Method::De => self.de.is_some(),
            Method::Pso => self.pso.is_some(),
            Method::Refine => self.refine.is_some(),
            Method::Halving => self.halving.is_some(),
            Method::Polish => self.polish.is_some(),
        }
    }

    /// Methods whose settings count: the job's, and the one inside `halving`.
    fn methods(&self) -> [Option<Method>; 2] {
        let inner = || self.halving.clone().unwrap_or_default().sampler;
        [Some(self.method), (self.method == Method::Halving).then(inner)]
    }

    /// Writes the defaults of a search that learns into it, so that its settings are stored with the job.
    pub(super) fn fill(&mut self) {
        if !self.method.learns() {
            return;
        }
        self.batch.get_or_insert(DEFAULT_BATCH);
        self.lag.get_or_insert(DEFAULT_LAG);
        self.probe.get_or_insert(DEFAULT_PROBE);
        if self.method == Method::Halving {
            self.halving.get_or_insert_default();
        }
        for method in self.methods().into_iter().flatten() {
            match method {
                Method::Grid | Method::Random | Method::Sobol => {}
                Method::Genetic => drop(self.genetic.get_or_insert_default()),
                Method::Tpe => drop(self.tpe.get_or_insert_default()),
                Method::Bayes => drop(self.bayes.get_or_insert_default()),
                Method::Cmaes => drop(self.cmaes.get_or_insert_default()),
                Method::De => drop(self.de.get_or_insert_default()),
                Method::Pso => drop(self.pso.get_or_insert_default()),
                Method::Refine => drop(self.refine.get_or_insert_default()),
                Method::Halving => drop(self.halving.get_or_insert_default()),
                Method::Polish => drop(self.polish.get_or_insert_default()),
            }
        }
    }

    /// A method whose settings are given although it is not used.
    pub(super) fn stray_settings(&self) -> Option<Method> {
        let used = self.methods();
        let mut stray = Method::ALL.into_iter().filter(|method| self.has_settings_of(*method));
        stray.find(|method| !used.contains(&Some(*method)))
    }

    pub(super) fn check_settings(&self) -> Result<(), Fault> {
        self.genetic.as_ref().map_or(Ok(()), GeneticSettings::check)?;
        self.tpe.as_ref().map_or(Ok(()), TpeSettings::check)?;
        self.bayes.as_ref().map_or(Ok(()), BayesSettings::check)?;
        self.cmaes.as_ref().map_or(Ok(()), CmaesSettings::check)?;
        self.de.as_ref().map_or(Ok(()), DeSettings::check)?;
        self.pso.as_ref().map_or(Ok(()), PsoSettings::check)?;
        self.refine.as_ref().map_or(Ok(()), RefineSettings::check)?;
        self.halving.as_ref().map_or(Ok(()), HalvingSettings::check)?;
        self.polish.as_ref().map_or(Ok(()), PolishSettings::check)
    }
}
