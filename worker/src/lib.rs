//! Takes tasks, runs their trials, reports what came of them.
//!
//! A [`Worker`] hears of tasks through a queue and asks its coordinator for each of them. Trials run on a [`Pool`] of threads; the
//! rows of a task are durable before it is reported, and the message about it is acknowledged only when the coordinator has said
//! that the result is safe. Whatever a worker dies of, somebody else runs its tasks, with the same bits.

mod alone;
mod budget;
pub mod datasets;
mod error;
mod markets;
mod meters;
mod pause;
#[cfg(feature = "failpoints")]
mod poison;
mod pool;
mod prepared;
mod replay;
mod rung;
mod tally;
mod walk;
mod warmup;
mod worker;

pub use alone::Program;
#[cfg(feature = "alone")]
pub use alone::inside::{OneError, run_one};
pub use budget::{Budget, MOST_UNIT};
pub use error::WorkerError;
pub use markets::{Markets, load_market};
pub use meters::Meters;
pub use pool::{Computed, Pool, Switches};
pub use prepared::{Prepared, SHARING, sample_points};
pub use replay::{trade_record, trades_of};
pub use rung::run_points;
pub use warmup::NeverTrades;
pub use worker::{Load, Settings, Stop, Worker};
