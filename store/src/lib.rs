//! Jobs and rankings in a database, results in Parquet files, all under one folder: the home.
//!
//! ```text
//! <home>/assay.db                                         jobs, tasks, the best points, the ledger
//! <home>/run.lock                                         held by the run that writes
//! <home>/staging/<job>/t<first block>-<blocks>.<attempt>.parquet
//! <home>/results/v1/kind=trials/job=<id>/part-00000.parquet, _schema.json, _SUCCESS
//! <home>/results/v1/kind=sketches/job=<id>/...
//! ```
//! A run writes the rows of a task with [`write_staged`], then records it with [`Store::record_task`]; when all blocks are
//! there, [`compact`] writes the result files, [`Store::complete`] makes the job done in one transaction, and
//! [`remove_staging`] tidies up. It may be killed between any two of these, or inside one: run again, it asks
//! [`Store::intact_tasks`] what is safe, computes the rest, and ends with the same rows and the same fingerprint.
//!
//! This crate reads no clock (times are arguments) and decides nothing about a job: which points are best, and how lucky they
//! are, it is told.

mod change;
mod columns;
mod compact;
mod database;
mod error;
mod files;
#[cfg(test)]
mod harness;
mod job;
mod layout;
#[cfg(test)]
mod lifecycle_tests;
mod lock;
mod ranked;
mod reader;
mod staging;
#[cfg(test)]
mod store_tests;
mod tasks;
#[cfg(test)]
mod testing;

pub use change::{AttemptEnd, Change, JobDone, TaskDone, TaskRecord, TaskRecordState, Unfinished, UnfinishedJob};
pub use compact::{Compacted, TaskRows, compact, has_results};
pub use database::Store;
pub use error::StoreError;
pub use files::{free_bytes, results_folder};
pub use job::{DataHash, JobRecord, JobState, NewJob};
pub use layout::{Layout, ParamColumn, ParamKind};
pub use lock::HomeLock;
pub use ranked::{Completion, LedgerEntry, RANKED, StoredMoments};
pub use staging::{Staged, TaskRange, remove_staging, write_staged};
pub use tasks::{DamagedTask, IntactTasks};
