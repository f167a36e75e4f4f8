//! The two databases: opening them, their tables, transactions.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_core::ids::JobId;
use backon::{ConstantBuilder, Retryable};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Executor as _, Postgres, Sqlite};

use crate::error::StoreError;
use crate::files;
use crate::ranked::Facts;
use crate::sql::{Link, Row, Set, Value};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long to wait for another process that writes, and for a connection.
const BUSY: Duration = Duration::from_secs(5);
/// A plan that is kept from when a table was small reads all of it for ever; a new one for each statement knows how many rows there are.
const CUSTOM_PLANS: &str = "SET plan_cache_mode = force_custom_plan";
/// Connections to Postgres: one writes, the others answer questions.
const CONNECTIONS: u32 = 8;

/// An open database.
pub(crate) struct Database {
    pool: Pool,
    /// Its file, or its address without the password, for errors.
    place: PathBuf,
    /// What ranking the points of a job takes.
    pub(crate) facts: Mutex<BTreeMap<JobId, Arc<Facts>>>,
}

#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.place).finish()
    }
}

impl Database {
    /// Opens the database of a home, creating both if need be, and brings its tables up to date.
    pub(crate) async fn sqlite(home: &Path) -> Result<Self, StoreError> {
        files::create_folder(home)?;
        let place = files::database(home);
        let options = SqliteConnectOptions::new()
            .filename(&place)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A task's record that a power cut takes back costs that task; the end of a job is made durable at once.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY);
        // SQLite does not keep two processes from making a database at once; the one that comes second is told that it is busy, or fails
        // on what is there already, and waits until it is all there.
        let open = || open_sqlite(options.clone(), &place);
        let others = |error: &StoreError| matches!(error, StoreError::Database { .. } | StoreError::Busy { .. });
        let patience = ConstantBuilder::new()
            .with_delay(MIGRATION_PAUSE)
            .with_max_times(MIGRATION_TRIES);
        let pool = open.retry(patience).when(others).await?;
        Ok(Self::new(Pool::Sqlite(pool), place))
    }

    /// Connects to a database in Postgres and brings its tables up to date.
    pub(crate) async fn postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(|e| StoreError::Address { reason: e.to_string() })?;
        let options = options.application_name("assay");
        let name = options.get_database().unwrap_or_default();
        let place = PathBuf::from(format!("postgres://{}:{}/{name}", options.get_host(), options.get_port()));
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(BUSY)
            .after_connect(|link, _| Box::pin(async move { link.execute(CUSTOM_PLANS).await.map(drop) }))
            .connect_with(options)
            .await
            .map_err(|e| StoreError::postgres("connect to the database", &place, e))?;
        // An account that may change no tables can use those that are up to date.
        let newest = sqlx::query_scalar(APPLIED).fetch_one(&pool).await.ok().flatten();
        if !up_to_date(newest, &POSTGRES_MIGRATIONS, &place)? {
            let migrated = POSTGRES_MIGRATIONS.run(&pool).await;
            migrated.map_err(|e| not_migrated(e, &place, StoreError::postgres))?;
        }
        Ok(Self::new(Pool::Postgres(pool), place))
    }

    fn new(pool: Pool, place: PathBuf) -> Self {
        Self {
            pool,
            place,
            facts: Mutex::default(),
        }
    }

    pub(crate) async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The facts about a job that were looked up before.
    pub(crate) fn known(&self, job: JobId) -> Option<Arc<Facts>> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.get(&job).cloned()
    }

    /// Forgets the facts about a job that is over.
    pub(crate) fn forget(&self, job: JobId) {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
    }

    pub(crate) fn failed(&self, action: &'static str, error: sqlx::Error) -> StoreError {
        match self.pool {
            Pool::Sqlite(_) => StoreError::sqlite(action, &self.place, error),
            Pool::Postgres(_) => StoreError::postgres(action, &self.place, error),
        }
    }

    /// The answer to a query. `action` completes "cannot …".
    pub(crate) async fn rows(&self, action: &'static str, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let rows = async {
            match &self.pool {
                Pool::Sqlite(pool) => Link::Sqlite(&mut *pool.acquire().await?).rows(sql, values).await,
                Pool::Postgres(pool) => Link::Postgres(&mut *pool.acquire().await?).rows(sql, values).await,
            }
        };
        // A large future, of which its callers have many.
        Box::pin(rows).await.map_err(|e| self.failed(action, e))
    }

    /// Runs one statement; says how many rows it changed. `action` completes "cannot …".
    pub(crate) async fn execute(&self, action: &'static str, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        let mut transaction = self.begin(action).await?;
        let changed = transaction.execute(sql, values).await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// The first row of the answer to a query.
    pub(crate) async fn row(
        &self,
        action: &'static str,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(action, sql, values).await?.into_iter().next())
    }

    /// Begins a transaction that writes; without [`Transaction::commit`] it changes nothing. `action` completes "cannot …".
    pub(crate) async fn begin(&self, action: &'static str) -> Result<Transaction<'_>, StoreError> {
        let begun = match &self.pool {
            Pool::Sqlite(pool) => pool.begin_with("BEGIN IMMEDIATE").await.map(Begun::Sqlite),
            Pool::Postgres(pool) => pool.begin().await.map(Begun::Postgres),
        };
        Ok(Transaction {
            begun: begun.map_err(|e| self.failed(action, e))?,
            database: self,
            action,
        })
    }

    /// Whether what is committed next must survive a power cut. Postgres promises that always.
    pub(crate) async fn synchronous(&self, full: bool) -> Result<(), StoreError> {
        if let Pool::Sqlite(_) = self.pool {
            let sql = if full {
                "PRAGMA synchronous = FULL"
            } else {
                "PRAGMA synchronous = NORMAL"
            };
            self.rows("prepare the database", sql, &[]).await?;
        }
        Ok(())
    }
}

/// A transaction under way.
pub(crate) struct Transaction<'d> {
    begun: Begun,
    pub(crate) database: &'d Database,
    action: &'static str,
}

enum Begun {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction<'_> {
    fn link(&mut self) -> Link<'_> {
        match &mut self.begun {
            Begun::Sqlite(transaction) => Link::Sqlite(transaction),
            Begun::Postgres(transaction) => Link::Postgres(transaction),
        }
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        self.database.failed(self.action, error)
    }

    /// See [`Link::execute`].
    pub(crate) async fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        let done = self.link().execute(sql, values).await;
        done.map_err(|e| self.failed(e))
    }

    /// See [`Link::rows`].
    pub(crate) async fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let rows = self.link().rows(sql, values).await;
        rows.map_err(|e| self.failed(e))
    }

    /// The first row of an answer.
    pub(crate) async fn row(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// See [`Link::rows_of`].
    pub(crate) async fn rows_of<const N: usize>(&mut self, set: &Set<N>, sql: &'static str) -> Result<Vec<Row>, StoreError> {
        let rows = self.link().rows_of(set, sql).await;
        rows.map_err(|e| self.failed(e))
    }

    /// See [`Link::execute_of`].
    pub(crate) async fn execute_of<const N: usize>(&mut self, set: &Set<N>, sql: &'static str) -> Result<(), StoreError> {
        let done = self.link().execute_of(set, sql).await;
        done.map_err(|e| self.failed(e))
    }

    /// Makes it so.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let committed = match self.begun {
            Begun::Sqlite(transaction) => transaction.commit().await,
            Begun::Postgres(transaction) => transaction.commit().await,
        };
        committed.map_err(|e| self.database.failed(self.action, e))
    }
}

/// How often, and how far apart, to look whether another process has just brought the tables up to date.
const MIGRATION_TRIES: usize = 40;
const MIGRATION_PAUSE: Duration = Duration::from_millis(25);

/// The last migration that was applied. Without the table of them it is a new database; with a damaged file the migrations say so.
const APPLIED: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";

/// Whether nothing is left to be done.
fn up_to_date(newest: Option<i64>, migrations: &Migrator, place: &Path) -> Result<bool, StoreError> {
    let known = migrations.iter().map(|migration| migration.version).max();
    match newest.filter(|newest| Some(*newest) > known) {
        None => Ok(newest == known),
        Some(version) => Err(StoreError::NewerDatabase {
            path: place.to_owned(),
            version,
        }),
    }
}

/// A connection to a database whose tables are up to date.
async fn open_sqlite(options: SqliteConnectOptions, path: &Path) -> Result<SqlitePool, StoreError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|e| StoreError::sqlite("open the database", path, e))?;
    let newest = sqlx::query_scalar(APPLIED).fetch_one(&pool).await.ok().flatten();
    if !up_to_date(newest, &SQLITE_MIGRATIONS, path)? {
        let migrated = SQLITE_MIGRATIONS.run(&pool).await;
        migrated.map_err(|e| not_migrated(e, path, StoreError::sqlite))?;
    }
    Ok(pool)
}

fn not_migrated(error: MigrateError, place: &Path, database: fn(&'static str, &Path, sqlx::Error) -> StoreError) -> StoreError {
    match error {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => database("bring the database up to date", place, e),
        other => StoreError::CorruptDatabase {
            path: place.to_owned(),
            reason: other.to_string(),
        },
    }
}
