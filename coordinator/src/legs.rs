//! Which window decides the rank of a point of a walk forward, from its ordinal.

use assay_core::BLOCK;
use assay_core::ids::Ordinal;
use assay_core::job::JobSpec;
use assay_optimizer::{Learning, listed};
use assay_store::{JobRecord, StoreError};
use assay_strategies::Strategy;

/// The searches of a job, one for each fold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Legs {
    /// Ordinals of a search.
    ordinals: u64,
    /// The training windows of the folds: indices into the job's windows.
    windows: Vec<u32>,
}

impl Legs {
    /// Those of a job that was submitted. Without folds there is one window, and nothing to be told apart.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn of(record: &JobRecord) -> Result<Self, StoreError> {
        let all = record.layout.windows.iter().zip(0u32..);
        let windows: Vec<u32> = all
            .filter(|(window, _)| window.fold.is_some() && window.ranked)
            .map(|(_, at)| at)
            .collect();
        if windows.is_empty() {
            return Ok(Self::default());
        }
        let broken = |reason: String| StoreError::Record { what: "job", reason };
        let stored: serde_json::Value = serde_json::from_str(&record.spec).map_err(|error| broken(error.to_string()))?;
        let source = stored["source"]
            .as_str()
            .ok_or_else(|| broken("it has no source".to_owned()))?;
        let spec = JobSpec::from_toml(source).map_err(|error| broken(error.to_string()))?;
        let strategy = Strategy::parse(&record.strategy, "strategy").map_err(|error| broken(error.to_string()))?;
        let space = strategy
            .resolve_space(spec.params.as_ref())
            .map_err(|error| broken(error.to_string()))?;
        let goals = spec.objective.goal_count();
        let ordinals = if spec.search.method.learns() {
            Learning::new(&space, &spec.search, goals).map(|learning| learning.trials())
        } else {
            listed(&space, &spec.search).map(|proposals| proposals.blocks() * BLOCK)
        };
        Ok(Self {
            ordinals: ordinals.map_err(|error| broken(error.to_string()))?.max(1),
            windows,
        })
    }

    /// The window that decides the rank of a point.
    pub fn window_of(&self, ordinal: Ordinal) -> u32 {
        let leg = ordinal.0.checked_div(self.ordinals).unwrap_or_default();
        self.windows.get(leg as usize).copied().unwrap_or_default()
    }
}
