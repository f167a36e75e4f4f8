//! What can go wrong with a home.

use std::io;
use std::path::{Path, PathBuf};

use assay_core::ids::{Epoch, TaskId};
use assay_core::{Domain, Explain};

use crate::job::JobState;

/// A store that cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another run works in the home.
    #[error("{} is in use by another run{}", home.display(), holder(*pid, job.as_deref()))]
    Locked {
        /// The home.
        home: PathBuf,
        /// Its process.
        pid: Option<u32>,
        /// Its job's name.
        job: Option<String>,
    },
    /// The disk is full.
    #[error("no space left for {}", path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The database file is damaged.
    #[error("{} is damaged: {reason}", path.display())]
    CorruptDatabase {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The database was written by a newer version.
    #[error("{} was written by a newer version of assay (schema {version})", path.display())]
    NewerDatabase {
        /// The file.
        path: PathBuf,
        /// The first migration not known here.
        version: i64,
    },
    /// Another process kept the database locked for longer than the timeout.
    #[error("{} is busy", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The database refused.
    #[error("cannot {action}: {source}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
    /// The database cannot be reached, or the connection to it broke.
    #[error("cannot {action}: {} is unreachable: {source}", place.display())]
    Unreachable {
        /// What was tried.
        action: &'static str,
        /// Its address.
        place: PathBuf,
        /// What happened.
        source: sqlx::Error,
    },
    /// An address of a database that cannot be understood.
    #[error("not the address of a database: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// Another coordinator has taken office: this one can change nothing more.
    #[error("another coordinator has taken office since epoch {}", epoch.0)]
    Deposed {
        /// Of the change that was refused.
        epoch: Epoch,
    },
    /// A result that contradicts what is recorded of its task.
    #[error("task {task} is recorded as {recorded} and cannot become {offered}")]
    Conflict {
        /// The task.
        task: TaskId,
        /// Its state, or the fingerprint of its rows.
        recorded: String,
        /// The fingerprint that came.
        offered: String,
    },
    /// Something else was submitted under the same key before.
    #[error("the key `{key}` stands for job {job}, which is not what is submitted now")]
    KeyReused {
        /// The key.
        key: String,
        /// What was submitted first.
        job: String,
    },
    /// A value in the database that this version does not understand.
    #[error("the database holds a {what} that cannot be read: {reason}")]
    Record {
        /// Which.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A result or staging file that cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Rows that cannot be written as Parquet.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No job of that id or name.
    #[error("no job `{text}`")]
    UnknownJob {
        /// As asked for.
        text: String,
        /// Nearest name, or what there is.
        hint: String,
    },
    /// Several ids begin like this.
    #[error("`{text}` may mean {} jobs", candidates.len())]
    AmbiguousJob {
        /// As asked for.
        text: String,
        /// Their ids, newest first.
        candidates: Vec<String>,
    },
    /// A step that the lifecycle does not have.
    #[error("job {job} is {from} and cannot become {to}")]
    IllegalTransition {
        /// The job.
        job: String,
        /// Its state.
        from: JobState,
        /// The state asked for.
        to: JobState,
    },
    /// A finished job whose files are gone.
    #[error("the results of job {job} are not at {}", path.display())]
    MissingResults {
        /// The job.
        job: String,
        /// Where they should be.
        path: PathBuf,
    },
    /// The depot refused, or cannot be reached.
    #[error("cannot {action} {what} of the depot {place}: {reason}")]
    Depot {
        /// What was tried.
        action: &'static str,
        /// On which object.
        what: String,
        /// The depot's address.
        place: String,
        /// What kind of trouble it is.
        kind: DepotTrouble,
        /// What happened.
        reason: String,
    },
    /// An address of a depot that cannot be understood.
    #[error("not the address of a depot: {reason}")]
    DepotAddress {
        /// What is wrong with it.
        reason: String,
    },
    /// A file whose content is not what it should be.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// The file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Data that a job names and a depot does not have.
    #[error("the depot does not have {}", missing.join(", "))]
    MissingDatasets {
        /// The datasets.
        missing: Vec<String>,
    },
    /// The tasks of a job do not add up to its blocks.
    #[error("the tasks of job {job} do not cover its blocks: expected block {expected}, found {found}")]
    Gap {
        /// The job.
        job: String,
        /// The block after the last task.
        expected: u64,
        /// The first block of the next, or the number of blocks at the end.
        found: u64,
    },
}

/// What keeps a depot from answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepotTrouble {
    /// It cannot be reached, or answers with an error of its own.
    Unreachable,
    /// It does not let this process in.
    Denied,
    /// There is no such bucket, or no such object.
    Missing,
    /// Its address or settings.
    Address,
}

fn holder(pid: Option<u32>, job: Option<&str>) -> String {
    match (pid, job) {
        (Some(pid), Some(job)) => format!(" (process {pid}, job `{job}`)"),
        (Some(pid), None) => format!(" (process {pid})"),
        _ => String::new(),
    }
}

impl StoreError {
    /// Whether a depot lacks an object.
    #[cfg(feature = "objects")]
    pub(crate) fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::Depot {
                kind: DepotTrouble::Missing,
                ..
            }
        )
    }

    /// An error of the operating system.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { action, path, source },
        }
    }

    /// An error while reading a Parquet file.
    pub(crate) fn unreadable(path: &Path, source: impl std::fmt::Display) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            reason: source.to_string(),
        }
    }

    /// An error while writing a Parquet file; the operating system's own if there is one inside.
    pub(crate) fn unwritable(path: &Path, source: parquet::errors::ParquetError) -> Self {
        if let parquet::errors::ParquetError::External(inner) = source {
            return match inner.downcast::<io::Error>() {
                Ok(inner) => Self::io("write", path, *inner),
                Err(inner) => Self::Unwritable {
                    path: path.to_owned(),
                    reason: inner.to_string(),
                },
            };
        }
        Self::Unwritable {
            path: path.to_owned(),
            reason: source.to_string(),
        }
    }

    /// An error of the `SQLite` file at `path`.
    pub(crate) fn sqlite(action: &'static str, path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        let code = match &source {
            sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<i32>().ok()),
            _ => None,
        };
        // The low byte of SQLite's extended codes is the primary one: BUSY 5, LOCKED 6, CORRUPT 11, FULL 13, NOTADB 26.
        match code.map(|code| code & 0xff) {
            Some(5 | 6) => Self::Busy { path },
            Some(11 | 26) => Self::CorruptDatabase {
                path,
                reason: source.to_string(),
            },
            Some(13) => Self::DiskFull { path },
            _ => Self::Database { action, source },
        }
    }

    /// An error of the Postgres database at `place`.
    pub(crate) fn postgres(action: &'static str, place: &Path, source: sqlx::Error) -> Self {
        let code = match &source {
            sqlx::Error::Database(error) => error.code().unwrap_or_default(),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => "08000".into(),
            _ => return Self::Database { action, source },
        };
        let place = place.to_owned();
        // Classes of SQLSTATE: 08 connection, 57P starting or going down, 53100 disk full, 53300 too many connections,
        // 40 another transaction was in the way.
        match &*code {
            "53100" => Self::DiskFull { path: place },
            "53300" => Self::Busy { path: place },
            code if code.starts_with("40") => Self::Busy { path: place },
            code if code.starts_with("08") || code.starts_with("57P") => Self::Unreachable { action, place, source },
            _ => Self::Database { action, source },
        }
    }
}

impl Explain for StoreError {
    fn domain(&self) -> Domain {
        match self {
            Self::Locked { .. }
            | Self::IllegalTransition { .. }
            | Self::NewerDatabase { .. }
            | Self::Deposed { .. }
            | Self::KeyReused { .. } => Domain::NotAllowed,
            Self::UnknownJob { .. } | Self::MissingResults { .. } | Self::MissingDatasets { .. } => Domain::NotFound,
            Self::AmbiguousJob { .. } | Self::Address { .. } | Self::DepotAddress { .. } => Domain::Usage,
            Self::Depot { kind, .. } => match kind {
                DepotTrouble::Unreachable => Domain::Unreachable,
                DepotTrouble::Denied => Domain::NotAllowed,
                DepotTrouble::Missing => Domain::NotFound,
                DepotTrouble::Address => Domain::Usage,
            },
            Self::Unreachable { .. } => Domain::Unreachable,
            Self::DiskFull { .. }
            | Self::Io { .. }
            | Self::CorruptDatabase { .. }
            | Self::Busy { .. }
            | Self::Database { .. }
            | Self::Record { .. }
            | Self::Damaged { .. }
            | Self::Unreadable { .. } => Domain::External,
            Self::Gap { .. } | Self::Unwritable { .. } | Self::Conflict { .. } => Domain::Internal,
        }
    }

    fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. }
                | Self::Busy { .. }
                | Self::DiskFull { .. }
                | Self::Unreachable { .. }
                | Self::Depot {
                    kind: DepotTrouble::Unreachable,
                    ..
                }
        )
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Locked { .. } => {
                "wait for it to end, stop it, or use another --home; reading commands work meanwhile".to_owned()
            }
            Self::DiskFull { .. } => {
                "free some space and run the job again: it continues where it stopped; `[results] keep = n` needs less"
                    .to_owned()
            }
            Self::CorruptDatabase { path, .. } => format!(
                "move {} away and run the jobs again; the result files and the catalog are not affected",
                path.display()
            ),
            Self::NewerDatabase { .. } => "use that version, or another --home".to_owned(),
            Self::Busy { .. } => "another process is writing; try again".to_owned(),
            Self::UnknownJob { hint, .. } => hint.clone(),
            Self::AmbiguousJob { candidates, .. } => format!("give the id of one: {}", candidates.join(", ")),
            Self::IllegalTransition { .. } => "`assay jobs` shows every job and its state".to_owned(),
            Self::MissingResults { .. } | Self::Unreadable { .. } => {
                "run the job again: what is missing or damaged is computed again".to_owned()
            }
            Self::Unreachable { .. } => "is the database running, and is its address right? `assay doctor` looks".to_owned(),
            Self::Address { .. } => "`sqlite:<folder>`, `postgres://user:password@host:port/database` or `memory:`".to_owned(),
            Self::Depot { kind, .. } => match kind {
                DepotTrouble::Unreachable => {
                    "is the depot running, and are --depot and AWS_ENDPOINT_URL right? work goes on when it is there again"
                }
                DepotTrouble::Denied => {
                    "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: they must list, read, write and delete in the bucket"
                }
                DepotTrouble::Missing => "check the bucket's name in --depot, and that it exists at AWS_ENDPOINT_URL",
                DepotTrouble::Address => "`file:///path` or `s3://bucket/prefix`, with the variables AWS_*",
            }
            .to_owned(),
            Self::DepotAddress { .. } => "`file:///path`, a path, or `s3://bucket/prefix`".to_owned(),
            Self::MissingDatasets { .. } => "send it: `assay data push SYMBOL --cluster URL`".to_owned(),
            Self::Damaged { .. } => "send it once more, or restore the depot from its backup".to_owned(),
            Self::Deposed { .. } => "nothing was lost: the coordinator in office goes on".to_owned(),
            Self::KeyReused { .. } => "choose another --id, or submit the same job".to_owned(),
            Self::Conflict { .. } => {
                "the same blocks gave other numbers: compare the machines and versions that ran them".to_owned()
            }
            Self::Io { .. } | Self::Database { .. } | Self::Record { .. } | Self::Unwritable { .. } | Self::Gap { .. } => {
                return None;
            }
        })
    }
}
