//! Searches that learn from what they have tried.
//!
//! A [`Sampler`] sees a space as a unit cube ([`Cube`]) and a search as batches: it is told the results of whole batches in their
//! order, and proposes the next batch from them. What it proposes is a function of its settings, its seed, the batches told and the
//! points pending, and of nothing else: neither of time, nor of threads, nor of the order in which results came in. A search is
//! therefore continued after a crash by telling a new sampler the stored batches.

mod cube;

pub use cube::{Cube, Dimension};

/// A point in unit coordinates: one number in [0, 1] per dimension of the [`Cube`].
pub type Unit = Box<[f64]>;

/// What became of a point.
#[derive(Debug, Clone, PartialEq)]
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
    /// Proposes points for batch `batch`, at most `count` of them; fewer if the method has no more. Draws come from the seed and the
    /// batch's number, so that proposing the same batch twice gives the same points. `pending` are points proposed earlier whose
    /// outcome is not known yet.
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit>;

    /// Takes note of a batch: in the order in which it was proposed, every batch once, in ascending order.
    fn observe(&mut self, batch: u64, told: &[Told]);
}
