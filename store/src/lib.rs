//! The truth about jobs in a database, their results in Parquet files under one folder, the home.
//!
//! ```text
//! <home>/assay.db                                         jobs, tasks, the best points, the ledger (without a cluster)
//! <home>/run.lock                                         held by the run that writes
//! <home>/staging/<job>/t<first block>-<blocks>.<attempt>.parquet
//! <home>/results/v1/kind=trials/job=<id>/part-00000.parquet, _schema.json, _SUCCESS
//! <home>/results/v1/kind=sketches/job=<id>/...
//! <home>/results/v1/kind=fidelity/job=<id>/...             the best points again on ticks, where a job asks for it
//! <home>/results/v1/kind=analysis/job=<id>/...          what was learned about the job, once somebody asked
//! <home>/results/v1/kind=folds/job=<id>/..., kind=equity    of a walk forward
//! ```
//! One coordinator is in office ([`Store::lead`]) and makes [`Change`]s, many in one transaction ([`Store::apply`]); whoever takes office
//! next goes on from [`Store::unfinished`], and the changes of the one before are refused from then on. The rows of a task are written with
//! [`write_staged`] before it is recorded; when all blocks are there, [`compact`] writes the result files, [`Change::JobDone`] makes the job
//! done in one transaction, and [`remove_staging`] tidies up. It may be killed between any two of these, or inside one.
//!
//! A cluster shares rows, results and data by a [`Depot`]: a folder laid out like a home, or a bucket.
//!
//! The database is `SQLite`, Postgres or memory, with the same answers: `conformance.rs` holds what all must do, and random changes are
//! compared with the store in memory. There is one text of each statement, see `sql.rs`.
//!
//! ```
//! # async fn example() -> Result<(), assay_store::StoreError> {
//! # let home = std::env::temp_dir();
//! let store = assay_store::Store::connect("memory:", &home).await?;
//! let office = store.lead("this process").await?;
//! store.apply(office.epoch(), &[]).await?;
//! assert!(store.unfinished().await?.jobs.is_empty());
//! # Ok(())
//! # }
//! ```
//! This crate reads no clock (times are arguments) and decides nothing about a job: which points are best, which task is run by whom, and
//! how lucky they are, it is told.

mod access;
mod activity;
mod analysis;
mod apply;
mod batches;
mod change;
mod columns;
mod compact;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod damage_tests;
mod database;
mod datasets;
mod depot;
mod error;
mod families;
mod fidelity;
mod files;
#[cfg(test)]
mod fixture;
mod folds;
#[cfg(test)]
mod harness;
mod job;
mod jobs;
mod layout;
mod lead;
#[cfg(test)]
mod lifecycle_tests;
mod lock;
mod memory;
mod office;
mod parts;
mod ranked;
mod reader;
mod scan;
mod schedules;
#[cfg(test)]
mod schema_tests;
mod sql;
mod staging;
mod store;
#[cfg(test)]
mod store_tests;
mod table;
mod tasks;
#[cfg(test)]
mod testing;
mod trades;

pub use access::{AuditEntry, KeyRecord, Scope, Submission};
pub use activity::{AttemptRecord, LogLine, TaskCounts, WorkerRecord};
pub use analysis::{Finding, write_analysis};
pub use change::{
    AttemptEnd, Change, FoldRecord, JobDone, StoredBatch, TaskDone, TaskRecord, TaskRecordState, Unfinished, UnfinishedJob,
    WorkerSeen,
};
pub use compact::{Compacted, TaskRows, compact, has_results};
pub use datasets::{DatasetFile, DatasetId, DatasetIndex, DatasetRecord};
#[cfg(feature = "objects")]
pub use depot::{Cache, DepotAddress, FileId, Upload};
pub use depot::{Depot, Gathered, Place};
pub use error::{DepotTrouble, StoreError};
pub use families::{FamilyKey, FamilyRecord, Look, Searched, TimeRange};
pub use fidelity::{ON_TICKS, fidelity_files, fidelity_rows, read_fidelity, write_fidelity};
pub use files::{free_bytes, results_folder};
pub use folds::write_folds;
pub use job::{DataHash, JobRecord, JobState, NewJob};
pub use layout::{Layout, ParamColumn, ParamKind};
pub use lead::Leadership;
pub use ranked::{LedgerEntry, RANKED, StoredMoments};
pub use reader::{Judge, Scored, result_files};
pub use scan::{Scanned, scan_points};
pub use schedules::{Schedule, ScheduledRun};
pub use staging::{Staged, TaskRange, remove_staging, write_staged};
pub use store::Store;
pub use trades::{TradeRecord, TrialTrades};
