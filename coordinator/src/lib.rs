//! Plans jobs, hands out tasks, ranks results.
//!
//! [`Core`] decides and does nothing else: events in, effects out. An [`Office`] drives it: one task that makes decisions durable and
//! carries them out. [`schedule`] knows when nights are due and what they changed. A [`Coordinator`] is how everybody speaks to it; with
//! the feature `grpc`, `server` has the services through which workers and users elsewhere do so.

mod core;
mod error;
#[cfg(feature = "failpoints")]
mod failpoints;
mod families;
mod legs;
mod luck;
mod meters;
mod office;
mod plan;
mod publisher;
mod recorded;
mod results;
pub mod schedule;
#[cfg(feature = "grpc")]
pub mod server;
mod settings;
mod sweep;

pub use crate::core::{CompactError, Compaction, Core, Effect, Event, Proposed, Proposing, Request, Written};
pub use error::CoordinatorError;
pub use families::{Families, family_records, looks};
pub use legs::Legs;
pub use luck::{InstrumentLuck, Luck};
pub use meters::Meters;
pub use office::{Coordinator, JobEnd, Office};
pub use plan::{JobPlan, LegPlan, judge};
pub use recorded::recorded;
pub use settings::{Settings, TaskSize};
