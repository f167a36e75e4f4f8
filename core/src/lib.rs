//! The vocabulary of Assay: identifiers, jobs, parameter spaces, metrics, instruments, failures.
//!
//! Every other crate speaks these types. This crate does no I/O and reads no clock: texts come in as
//! `&str`, times as arguments, so everything here is a pure function of its input.
//!
//! ```
//! use assay_core::job::JobSpec;
//!
//! let job = JobSpec::from_toml(r#"
//!     name = "first"
//!     [data]
//!     instruments = ["EURUSD"]
//!     bars = "5m"
//!     [strategy]
//!     use = "ma_cross"
//! "#).expect("a complete job");
//! assert_eq!(job.execution.capital, 10_000.0);
//! ```

pub mod bars;
pub mod calendar;
pub mod distinct;
pub mod failure;
pub mod fingerprint;
pub mod ids;
pub mod instrument;
pub mod job;
pub mod metrics;
pub mod nearest;
pub mod rank;
pub mod row;
pub mod shield;
pub mod signals;
pub mod space;
mod text;
pub mod time;
pub mod window;

pub use failure::{Domain, Explain};

/// Version of the meaning of every number (`docs/semantics.md`). It is part of every job id: a job computed under another
/// version is another job.
pub const SEMANTICS_VERSION: u32 = 2;

/// Consecutive ordinals of one instrument and window in a block, the unit of identity, results and retries.
pub const BLOCK: u64 = 1_024;
