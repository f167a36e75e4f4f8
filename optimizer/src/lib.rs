//! Search over parameter spaces and ranking of what it found.
//!
//! [`Proposals`] says which points a job tries, [`Leaderboard`] which of them are best, [`JobStatistics`] how lucky the best of
//! so many must be expected to be. Everything here is a pure function of its arguments: no I/O, no clock, no global state; the
//! same job gives the same points and ranks on any machine, in whatever order its blocks are asked for.

mod axis;
mod condition;
mod count;
mod draws;
mod error;
mod generator;
mod joe_kuo;
mod leaderboard;
mod proposals;
pub mod search;
mod sobol;
pub mod statistics;

pub use assay_core::rank::Ranked;
pub use count::Count;
pub use error::OptimizerError;
pub use leaderboard::Leaderboard;
pub use proposals::Proposals;
pub use statistics::{JobStatistics, Moments, SearchStatistics};
