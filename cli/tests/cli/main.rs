//! The command line as its users meet it: real processes on small data of their own.

mod bad_input;
#[cfg(feature = "cluster")]
mod cluster;
mod comfort;
mod funding;
mod history;
mod interruption;
mod journey;
mod report;
mod resume;
#[cfg(feature = "cluster")]
mod schedule;
mod searches;
mod settings;
mod support;
mod ticks;
mod verdict;
mod wording;
