//! Whatever dies, nothing is lost and nothing is twice: real processes, a broker and a database of each test's own, and one checker at
//! the end of every one; see README.md beside this.
//!
//! Faults come when a job has got so far, not after so many seconds, and whatever is waited for is waited for generously: how busy the
//! machine is must not decide.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic as tests do, and say what they skip"
)]

mod check;
mod cluster;
mod coordinators;
mod poison;
mod services;
mod soak;
mod users;
mod workers;
