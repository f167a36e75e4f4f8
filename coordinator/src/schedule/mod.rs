//! Jobs that are run again and again: when they are due, on which data, and what changed since the run before.
//!
//! The times come from a cron expression in an IANA zone ([`Timetable`]). Whoever is in office takes a due time up in the transaction that
//! enters its job, so that no time is run twice, whoever dies in between; of several that were missed the last one is run.
//! What is asked of schedules is in [`book`]. A run uses the data that are newest at that moment, and begins where the run before ended ([`warmed`]). When its job is over its [`Report`] is written beside it.

pub mod book;
mod data;
mod error;
mod report;
mod timetable;
mod warm;

#[cfg(feature = "grpc")]
pub(crate) use data::{Extent, newest};
pub use error::ScheduleError;
pub use report::{Best, DataChange, Fate, Report};
pub use timetable::{Timetable, due};
pub use warm::warmed;
