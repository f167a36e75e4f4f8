//! What a finished search says about its space: which parameters matter, whether a good point stands on a plateau or on a spike, and how
//! the search got there.
//!
//! Everything is a pure function of points in unit coordinates ([`crate::search::Cube`]) and their scores, larger for better. Points
//! without a score are to be left out.

mod course;
mod forest;
mod importance;
mod plateau;

pub use course::{BestSoFar, HypervolumeCourse};
pub use importance::{Effect, ImportanceSettings, importance};
pub use plateau::{NEIGHBOURS, Plateaus};

use crate::search::Dimension;

/// Points in unit coordinates by dimension, and their scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// What the dimensions are.
    pub dimensions: Vec<Dimension>,
    /// For each dimension a coordinate in [0, 1] of every point.
    pub units: Vec<Vec<f64>>,
    /// A finite score of every point.
    pub scores: Vec<f64>,
}

impl Scored {
    /// Without points.
    pub fn new(dimensions: &[Dimension]) -> Self {
        Self {
            units: vec![Vec::new(); dimensions.len()],
            dimensions: dimensions.to_vec(),
            scores: Vec::new(),
        }
    }

    /// Adds a point.
    pub fn push(&mut self, unit: &[f64], score: f64) {
        debug_assert_eq!(unit.len(), self.units.len());
        for (column, u) in self.units.iter_mut().zip(unit) {
            column.push(*u);
        }
        self.scores.push(score);
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }
}

/// Where a coordinate of a category lies: which of `len` texts it is.
fn category(unit: f64, len: u64) -> usize {
    ((unit * len as f64) as usize).min(len.saturating_sub(1) as usize)
}
