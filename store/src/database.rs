//! The database of a home: opening it, and its jobs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_core::ids::JobId;
use assay_core::job::Objective;
use assay_core::nearest;
use assay_core::time::UtcNs;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::StoreError;
use crate::files;
use crate::job::{JobRecord, JobState, NewJob};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// The database of a home, and what its records point to.
///
/// Writing to jobs is for the holder of the [`crate::HomeLock`]; reading is for everyone, at any time.
#[derive(Debug)]
pub struct Store {
    pub(crate) home: PathBuf,
    pub(crate) path: PathBuf,
    connection: Mutex<SqliteConnection>,
}

impl Store {
    /// Opens the store of a home, creating both if need be, and brings its tables up to date.
    pub async fn open(home: &Path) -> Result<Self, StoreError> {
        files::create_folder(home)?;
        let path = files::database(home);
        let failed = |e| StoreError::database("open the database", &path, e);
        let mut connection = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A task's record that a power cut takes back costs that task; the end of a job is made durable at once.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY)
            .connect()
            .await
            .map_err(failed)?;
        migrate(&mut connection, &path).await?;
        Ok(Self {
            home: home.to_owned(),
            path,
            connection: Mutex::new(connection),
        })
    }

    /// Opens the store of a home if it has one: for commands that only read.
    pub async fn open_existing(home: &Path) -> Result<Option<Self>, StoreError> {
        if files::database(home).exists() {
            Self::open(home).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// Closes the database, leaving one file. What was completed is safe without it.
    pub async fn close(self) -> Result<(), StoreError> {
        let closed = self.connection.into_inner().close().await;
        closed.map_err(|e| StoreError::database("close the database", &self.path, e))
    }

    /// The home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Adds a job, queued, unless it is known, and says how it stands. A job that is known and not done takes over the
    /// expected number of trials.
    pub async fn submit(&self, job: &NewJob) -> Result<JobRecord, StoreError> {
        let insert = sqlx::query(
            "INSERT INTO jobs (id, name, spec, strategy, data, semantics, layout, state, created_ns, trials) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?) \
             ON CONFLICT (id) DO UPDATE SET trials = excluded.trials WHERE state <> 'done'",
        )
        .bind(job.id.to_string())
        .bind(&job.name)
        .bind(&job.spec)
        .bind(&job.strategy)
        .bind(to_json(&job.data))
        .bind(i64::from(assay_core::SEMANTICS_VERSION))
        .bind(to_json(&job.layout))
        .bind(job.created.0)
        .bind(job.trials as i64);
        let added = insert.execute(&mut *self.connection().await).await;
        added.map_err(|e| self.failed("add the job", e))?;
        self.job(job.id).await?.ok_or_else(|| unknown(&job.id.to_string(), &[]))
    }

    /// Moves a job along its lifecycle. `now` becomes the time of its start when it starts; `error` says why it failed.
    pub async fn transition(&self, job: JobId, to: JobState, now: UtcNs, error: Option<&str>) -> Result<(), StoreError> {
        let id = job.to_string();
        let mut connection = self.connection().await;
        let failed = |e| self.failed("change the job's state", e);
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        check_transition(&mut transaction, &self.path, job, to).await?;
        let started = (to == JobState::Running).then_some(now.0);
        sqlx::query("UPDATE jobs SET state = ?, error = ?, started_ns = coalesce(?, started_ns) WHERE id = ?")
            .bind(to.name())
            .bind(error)
            .bind(started)
            .bind(&id)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        if to == JobState::Queued {
            reopen(&mut transaction, &id).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// All jobs, newest first.
    pub async fn jobs(&self) -> Result<Vec<JobRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM jobs ORDER BY created_ns DESC, id")
            .fetch_all(&mut *self.connection().await)
            .await;
        rows.map_err(|e| self.failed("list the jobs", e))?
            .iter()
            .map(record)
            .collect()
    }

    /// A job by its id.
    pub async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM jobs WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&mut *self.connection().await)
            .await;
        row.map_err(|e| self.failed("read the job", e))?
            .as_ref()
            .map(record)
            .transpose()
    }

    /// A job by what a user types: its id, its name (of several the newest), or the beginning of its id.
    pub async fn find_job(&self, text: &str) -> Result<JobRecord, StoreError> {
        if let Ok(id) = text.parse::<JobId>()
            && let Some(job) = self.job(id).await?
        {
            return Ok(job);
        }
        let mut jobs = self.jobs().await?;
        let fits = |job: &JobRecord, by_name: bool| {
            if by_name {
                job.name == text
            } else {
                text.len() > 2 && job.id.to_string().starts_with(text)
            }
        };
        for by_name in [true, false] {
            let found: Vec<usize> = (0..jobs.len()).filter(|i| fits(&jobs[*i], by_name)).collect();
            match found.as_slice() {
                [] => {}
                [one] => return Ok(jobs.swap_remove(*one)),
                [newest, ..] if by_name => return Ok(jobs.swap_remove(*newest)),
                many => {
                    return Err(StoreError::AmbiguousJob {
                        text: text.to_owned(),
                        candidates: many.iter().map(|i| jobs[*i].id.to_string()).collect(),
                    });
                }
            }
        }
        let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        Err(unknown(text, &names))
    }

    pub(crate) async fn connection(&self) -> MutexGuard<'_, SqliteConnection> {
        self.connection.lock().await
    }

    pub(crate) fn failed(&self, action: &'static str, error: sqlx::Error) -> StoreError {
        StoreError::database(action, &self.path, error)
    }
}

impl JobRecord {
    /// What the job maximizes.
    pub fn objective(&self) -> Result<Objective, StoreError> {
        let spec: serde_json::Value = from_json("job", &self.spec)?;
        serde_json::from_value(spec["objective"].clone()).map_err(|e| unreadable("job", e))
    }
}

fn unknown(text: &str, names: &[&str]) -> StoreError {
    StoreError::UnknownJob {
        text: text.to_owned(),
        hint: match names {
            [] => "this home has no jobs yet; `assay run JOB.toml` makes one".to_owned(),
            names => nearest::nearest(text, names.iter().copied()).map_or_else(
                || "`assay jobs` lists them".to_owned(),
                |name| format!("did you mean `{name}`?"),
            ),
        },
    }
}

/// How often, and how far apart, to look whether another process has just brought the tables up to date.
const MIGRATION_TRIES: u32 = 20;
const MIGRATION_PAUSE: Duration = Duration::from_millis(25);

/// Brings the tables up to date. SQLite does not keep two processes from doing so at once; the one that comes second fails on what
/// is there already, and waits until it is all there.
async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max();
    for left in (0..MIGRATION_TRIES).rev() {
        // Most homes are up to date: one query tells.
        if newest.is_some() && applied(connection).await == newest {
            return Ok(());
        }
        match run_migrations(connection, path).await {
            Err(StoreError::Database { .. } | StoreError::Busy { .. }) if left > 0 => tokio::time::sleep(MIGRATION_PAUSE).await,
            result => return result,
        }
    }
    Ok(())
}

/// The last migration that was applied. Without the table of them it is a new database; with a damaged file the migrations say so.
async fn applied(connection: &mut SqliteConnection) -> Option<i64> {
    let row = sqlx::query("SELECT max(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await;
    row.ok()?.try_get(0).ok()
}

async fn run_migrations(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    MIGRATIONS.run(connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StoreError::NewerDatabase {
            path: path.to_owned(),
            version,
        },
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => {
            StoreError::database("bring the database up to date", path, e)
        }
        other => StoreError::CorruptDatabase {
            path: path.to_owned(),
            reason: other.to_string(),
        },
    })
}

/// Refuses a step that the lifecycle does not have.
pub(crate) async fn check_transition(
    connection: &mut SqliteConnection,
    path: &Path,
    job: JobId,
    to: JobState,
) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT state FROM jobs WHERE id = ?").bind(job.to_string());
    let row = row.fetch_optional(connection).await;
    let row = row.map_err(|e| StoreError::database("read the job", path, e))?;
    let row = row.ok_or_else(|| unknown(&job.to_string(), &[]))?;
    let from: JobState = parse(&row, "state")?;
    if from.may_become(to) {
        return Ok(());
    }
    Err(StoreError::IllegalTransition {
        job: job.to_string(),
        from,
        to,
    })
}

/// Forgets what a job that was done had found.
async fn reopen(connection: &mut SqliteConnection, id: &str) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM ranked WHERE job = ?",
        "DELETE FROM ledger WHERE job = ?",
        "UPDATE jobs SET trials_done = 0, trials_failed = 0, points = NULL, bars = NULL, fingerprint = NULL, seconds = NULL, \
         finished_ns = NULL WHERE id = ?",
    ] {
        sqlx::query(sql).bind(id).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain records are JSON")
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| unreadable(what, e))
}

pub(crate) fn unreadable(what: &'static str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Record {
        what,
        reason: error.to_string(),
    }
}

/// A column as it is.
pub(crate) fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(|e| unreadable(column, e))
}

/// A text column as what it stands for.
pub(crate) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, StoreError> {
    get::<&str>(row, column)?.parse().map_err(|e| unreadable(column, e))
}

fn record(row: &SqliteRow) -> Result<JobRecord, StoreError> {
    let count = |column| get::<i64>(row, column).map(|n| n as u64);
    let time = |column| get::<Option<i64>>(row, column).map(|ns| ns.map(UtcNs));
    let optional = |column| get::<Option<i64>>(row, column).map(|n| n.map(|n| n as u64));
    Ok(JobRecord {
        id: parse(row, "id")?,
        name: get(row, "name")?,
        spec: get(row, "spec")?,
        strategy: get(row, "strategy")?,
        data: from_json("data", get(row, "data")?)?,
        semantics: get(row, "semantics")?,
        layout: from_json("layout", get(row, "layout")?)?,
        state: parse(row, "state")?,
        error: get(row, "error")?,
        created: UtcNs(get(row, "created_ns")?),
        started: time("started_ns")?,
        finished: time("finished_ns")?,
        trials: count("trials")?,
        trials_done: count("trials_done")?,
        trials_failed: count("trials_failed")?,
        points: optional("points")?,
        bars: optional("bars")?,
        fingerprint: get(row, "fingerprint")?,
        seconds: get(row, "seconds")?,
    })
}
