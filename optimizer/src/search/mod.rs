//! Searches that learn from what they have tried.
//!
//! A [`Sampler`] sees a space as a unit cube ([`Cube`]) and a search as batches: it is told the results of whole batches in their
//! order, and proposes the next batch from them. What it proposes is a function of its settings, its seed, the batches told and the
//! points pending, and of nothing else: neither of time, nor of threads, nor of the order in which results came in. A search is
//! therefore continued after a crash by telling a new sampler the stored batches.

mod bayes;
mod build;
mod cmaes;
pub mod crowding;
mod cube;
mod de;
mod descent;
pub mod directions;
pub mod functions;
mod genetic;
mod halving;
pub mod hypervolume;
mod normal;
pub mod pareto;
mod polish;
mod pso;
mod random;
mod refine;
pub(crate) mod stream;
mod study;
mod tpe;
mod tried;

pub use assay_core::job::{
    BayesSettings, CmaesSettings, DeSettings, GeneticSettings, PolishSettings, PsoSettings, RefineSettings, Restarts,
    TpeSettings,
};
pub use bayes::Bayes;
pub use build::sampler;
pub use cmaes::Cmaes;
pub use cube::{Cube, Dimension};
pub use de::De;
pub use genetic::Genetic;
pub use halving::Halving;
pub use polish::Polish;
pub use pso::Pso;
pub use random::Random;
pub use refine::Refine;
use serde::{Deserialize, Serialize};
pub use study::{Ask, Batch, Proposal, Study, StudyError, StudySettings};
pub use tpe::Tpe;

/// The number of a batch that holds outcomes of an earlier job.
pub const EARLIER: u64 = u64::MAX;

/// A point in unit coordinates: one number in [0, 1] per dimension of the [`Cube`].
pub type Unit = Box<[f64]>;

/// What became of a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// One number per objective, each to be minimized and finite; `None` if the trial failed or an objective is undefined.
    pub losses: Option<Box<[f64]>>,
    /// By how much the constraints are violated, summed over them; 0 if the point is feasible. Never negative or NaN.
    pub violation: f64,
}

/// A point and its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Where it is: centred in its cell where a dimension is discrete (see [`Cube::centre`]).
    pub unit: Unit,
    /// What became of it.
    pub outcome: Outcome,
}

/// A method of search.
pub trait Sampler: Send {
    /// Proposes points for batch `batch`, at most `count` of them. Draws come from the seed and the batch's number. `pending` are points proposed earlier whose outcome is not known yet.
    ///
    /// No points while some are pending means that the method waits for these; no points while none is pending, that it has ended.
    /// Points that were proposed before are allowed: they cost nothing, and are told again in this batch.
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit>;

    /// Called in place of [`Sampler::propose`], with the same arguments and in the same state, when what it returned is known from
    /// an interrupted run. Only for methods that keep something about a batch until it is observed.
    fn recall(&mut self, _batch: u64, _count: usize, _pending: &[Unit]) {}

    /// Takes note of a batch: in the order in which it was proposed, every batch once, in ascending order. A point that the space's
    /// condition does not admit was replaced by one near it.
    ///
    /// Points that the method never proposed come as batches of their own (points that the user wants tried, for which `propose` is
    /// not called; before the first batch the outcomes of an earlier job, under the number [`EARLIER`]) or in place of a whole batch
    /// (random ones where a search had nothing new for long).
    fn observe(&mut self, batch: u64, told: &[Told]);
}
