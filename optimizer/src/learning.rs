//! A search that learns, as a job describes it.

use std::collections::BTreeMap;
use std::ops::Range;

use assay_core::BLOCK;
use assay_core::ids::Ordinal;
use assay_core::job::{Method, SearchSpec};
use assay_core::nearest;
use assay_core::row::Planned;
use assay_core::space::{ParamValue, Point, Space};

use crate::error::OptimizerError;
use crate::proposals::Proposals;
use crate::search::{Cube, Outcome, Random, Study, StudySettings, sampler};

/// Points looked at where a job has no probe, to size memory.
const LEAST_SAMPLE: u64 = 64;

/// What it takes to begin a search that learns, or to restore it: the same job always makes the same.
#[derive(Debug, Clone)]
pub struct Learning {
    cube: Cube,
    search: SearchSpec,
    goals: usize,
    enqueued: Vec<Point>,
}

impl Learning {
    /// The search of a job with so many goals.
    ///
    /// # Errors
    /// A space without points, or a point to begin with that is none of it.
    pub fn new(space: &Space, search: &SearchSpec, goals: usize) -> Result<Self, OptimizerError> {
        let levels = search.halving.as_ref().filter(|_| search.method == Method::Halving);
        let cube = Cube::with_levels(space, levels.map_or(1, |halving| halving.levels))?;
        let enqueued = search.enqueue.iter().map(|values| point_of(space, values));
        let learning = Self {
            enqueued: enqueued.collect::<Result<_, _>>()?,
            cube,
            search: search.clone(),
            goals,
        };
        // A space without points is found now, and not when the job runs.
        learning.study(&[])?;
        Ok(learning)
    }

    /// A search that has not begun. `earlier` are results of another job.
    ///
    /// # Errors
    /// As [`Learning::new`].
    pub fn study(&self, earlier: &[(Point, Outcome)]) -> Result<Study, OptimizerError> {
        let search = &self.search;
        let settings = StudySettings {
            trials: self.trials(),
            batch: search.batch.unwrap_or(assay_core::job::DEFAULT_BATCH) as usize,
            lag: u64::from(search.lag.unwrap_or(assay_core::job::DEFAULT_LAG)),
            patience: search.patience,
            seed: search.seed,
            objectives: self.goals,
        };
        let sampler =
            sampler(search, &self.cube, self.goals).unwrap_or_else(|| Box::new(Random::new(self.cube.clone(), search.seed)));
        Study::new(self.cube.clone(), sampler, settings, earlier, &self.enqueued)
    }

    /// Points that it proposes at most.
    pub fn trials(&self) -> u64 {
        self.search.trials.unwrap_or(1)
    }

    /// Levels of fidelity: 1 where every point is run in full at once.
    pub fn levels(&self) -> u32 {
        self.cube.levels()
    }
}

/// The points of a job that are known before it runs: all of them, unless its search learns; then those of its probe, or at least
/// some points of the same space.
///
/// # Errors
/// As [`Proposals::new`].
pub fn listed(space: &Space, search: &SearchSpec) -> Result<Proposals, OptimizerError> {
    if !search.method.learns() {
        return Proposals::new(space, search);
    }
    let probe = |method| SearchSpec {
        method,
        trials: Some(search.probe.unwrap_or(0).max(LEAST_SAMPLE)),
        seed: search.seed,
        ..SearchSpec::default()
    };
    match Proposals::new(space, &probe(Method::Sobol)) {
        Err(OptimizerError::TooManyDimensions { .. }) => Proposals::new(space, &probe(Method::Random)),
        found => found,
    }
}

/// Ordinals in a block of a job: one where a search learns, so that every batch can be a task of its own.
pub fn block_of(search: &SearchSpec) -> u64 {
    if search.method.learns() { 1 } else { BLOCK }
}

/// The listed points of a run of blocks that is counted from the block `first`, to be run over a window.
pub fn planned(proposals: &Proposals, blocks: Range<u64>, first: u64, window: u32) -> Vec<Planned> {
    let (mut found, mut block) = (Vec::new(), Vec::new());
    for index in blocks {
        proposals.block(index - first, &mut block);
        found.extend(block.drain(..).map(|(ordinal, point)| Planned {
            ordinal: Ordinal(ordinal.0 + first * BLOCK),
            point,
            window,
        }));
    }
    found
}

/// A point by its parameters' values; those left out stand at their default, or at the first of their values.
fn point_of(space: &Space, values: &BTreeMap<String, ParamValue>) -> Result<Point, OptimizerError> {
    let names: Vec<&str> = space.params.iter().map(|parameter| parameter.name.as_str()).collect();
    if let Some(stranger) = values.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(OptimizerError::Enqueue {
            reason: format!("there is no parameter `{stranger}`"),
            hint: nearest::hint(stranger, &names),
        });
    }
    let coordinate = |parameter: &assay_core::space::Parameter| {
        let Some(value) = values.get(&parameter.name) else {
            let default = parameter
                .default
                .as_ref()
                .and_then(|value| parameter.domain.coordinate(value));
            return Ok(default.unwrap_or_else(|| parameter.domain.rest()));
        };
        parameter.domain.coordinate(value).ok_or_else(|| OptimizerError::Enqueue {
            reason: format!("`{}` cannot be {value}", parameter.name),
            hint: "give one of the values that it is searched in".to_owned(),
        })
    };
    space.params.iter().map(coordinate).collect::<Result<_, _>>().map(Point)
}

#[cfg(test)]
mod tests {
    use assay_core::space::{Domain, Parameter};

    use super::*;
    use crate::search::Ask;

    fn space() -> Space {
        let parameter = |name: &str, domain| Parameter {
            name: name.to_owned(),
            domain,
            default: None,
        };
        let int = Domain::Int {
            low: 1,
            high: 50,
            step: 1,
            log: false,
        };
        Space {
            params: vec![parameter("a", int.clone()), parameter("b", int)],
            condition: Some("a < b".to_owned()),
            ..Space::default()
        }
    }

    #[test]
    fn every_method_that_learns_can_be_made_and_begins_with_what_was_enqueued() {
        let space = space();
        for method in Method::ALL.into_iter().filter(|method| method.learns()) {
            let mut search = SearchSpec {
                method,
                trials: Some(20),
                ..SearchSpec::default()
            };
            let values = [("a", 7), ("b", 9)].map(|(name, value)| (name.to_owned(), ParamValue::Int(value)));
            search.enqueue.push(values.into());
            let mut study = Learning::new(&space, &search, 1).unwrap().study(&[]).unwrap();
            let Ask::Batch(batch) = study.ask() else { panic!("{method}") };
            assert_eq!(*batch.proposals[0].point.0, [7.0, 9.0], "{method}");
            search.enqueue[0].insert("c".to_owned(), ParamValue::Int(1));
            assert!(Learning::new(&space, &search, 1).is_err());
        }
    }
}
