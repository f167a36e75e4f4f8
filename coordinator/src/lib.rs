//! Plans jobs, hands out tasks, ranks results.
//!
//! [`Core`] decides and does nothing else: events in, effects out. An [`Office`] drives it: one task that makes decisions durable and
//! carries them out. A [`Coordinator`] is how everybody speaks to it; with
//! the feature `grpc`, `server` has the services through which workers and users elsewhere do so.

mod core;
mod error;
mod office;
mod plan;
mod results;
#[cfg(feature = "grpc")]
pub mod server;
mod settings;

pub use crate::core::{CompactError, Compaction, Core, Effect, Event, Request};
pub use error::CoordinatorError;
pub use office::{Coordinator, JobEnd, Office};
pub use plan::JobPlan;
pub use settings::{Settings, TaskSize};
