//! Search over parameter spaces and ranking of what it found.
//!
//! [`Proposals`] says which points a job tries, [`search`] learns where to try next, [`Leaderboard`] ranks what was found.
//! [`analysis`] says what it was
//! found by: which parameters matter, what stands on a plateau. [`statistics`] says how lucky the best of so many must be expected to be, [`validation`] which bars a search may learn from and
//! which judge it. Everything here is a pure function of its arguments: no I/O, no clock, no global state; the same job gives the
//! same points, ranks and statistics on any machine, in whatever order its blocks are asked for and on any number of threads.
//!
//! ```
//! use assay_optimizer::statistics::{SharpeEstimate, verdict_variance};
//!
//! // 1.2 a year over five years of days, the best of 1,000 trials whose own Sharpe ratios vary by 0.4 a year.
//! let best = SharpeEstimate { sharpe: 1.2 / 252f64.sqrt(), observations: 1260, skew: 0.0, kurtosis: 3.0 };
//! let variance = verdict_variance(Some(0.4 * 0.4 / 252.0), best.observations).expect("there are observations");
//! assert!(best.probabilistic(0.0).expect("a probability") > 0.99);
//! assert!(best.deflated(variance, 1000).expect("a probability") < 0.5);
//! ```

pub mod analysis;
mod axis;
mod condition;
mod count;
mod draws;
mod error;
mod generator;
mod joe_kuo;
mod leaderboard;
mod learning;
mod proposals;
pub mod search;
mod sobol;
pub mod statistics;
mod target;
pub mod validation;
pub mod verdict;

pub use assay_core::rank::Ranked;
pub use count::Count;
pub use error::OptimizerError;
pub use leaderboard::Leaderboard;
pub use learning::{Learning, block_of, listed, planned};
pub use proposals::Proposals;
pub use statistics::{JobStatistics, Moments, SearchStatistics};
pub use target::Target;
