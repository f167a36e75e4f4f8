//! Who is in office: one coordinator at a time.

use std::time::Duration;

use assay_core::ids::Epoch;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::database::{Database, Pool};
use crate::error::StoreError;
use crate::lock::HomeLock;
use crate::sql::{Link, unreadable, values};
use crate::store::{Backend, Store};

/// Key of the advisory lock in Postgres: the bytes of `assay`.
const LOCK: i64 = 0x61_7373_6179;
/// How often a standby looks whether the office is free.
const KNOCK: Duration = Duration::from_millis(500);
/// How often the one in office shows Postgres that it lives, and how long it waits for the answer.
const PULSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(4);
/// After so long without a pulse Postgres ends the session and frees the office: a coordinator that was cut off, or stopped, holds
/// nobody up.
const LEASE_MS: &str = "6000";

/// The office of coordinator, until this is dropped or lost.
#[derive(Debug)]
pub struct Leadership {
    epoch: Epoch,
    hold: Hold,
}

/// What keeps others out.
#[derive(Debug)]
enum Hold {
    /// Of a home.
    Home { _lock: HomeLock },
    /// A session of Postgres, kept alive by a task that says when it is over.
    Session {
        keeper: JoinHandle<()>,
        lost: watch::Receiver<bool>,
    },
    /// Nobody else can see a store in memory.
    Memory,
}

impl Drop for Leadership {
    fn drop(&mut self) {
        if let Hold::Session { keeper, .. } = &self.hold {
            keeper.abort();
        }
    }
}

impl Leadership {
    /// The reign, for [`Store::apply`].
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Waits until the office is lost, which is for ever where it cannot be. Who lost it must begin anew.
    pub async fn lost(&mut self) {
        match &mut self.hold {
            Hold::Session { lost, .. } => {
                // The keeper that is gone has lost it, too.
                let _ = lost.wait_for(|lost| *lost).await;
            }
            Hold::Home { .. } | Hold::Memory => std::future::pending().await,
        }
    }

    pub(crate) async fn take(store: &Store, holder: &str) -> Result<Self, StoreError> {
        if let Backend::Database(database) = &store.backend
            && let Pool::Postgres(pool) = database.pool()
        {
            loop {
                if let Some(leadership) = session(database, pool, holder).await? {
                    return Ok(leadership);
                }
                tokio::time::sleep(KNOCK).await;
            }
        }
        let hold = match &store.backend {
            Backend::Database(_) => Hold::Home {
                _lock: HomeLock::acquire(store.home(), holder)?,
            },
            Backend::Memory(_) => Hold::Memory,
        };
        let epoch = match &store.backend {
            Backend::Database(database) => begin_reign(database, holder).await?,
            Backend::Memory(memory) => memory.begin_reign(),
        };
        Ok(Self { epoch, hold })
    }

    pub(crate) async fn try_take(store: &Store, holder: &str) -> Result<Option<Self>, StoreError> {
        if let Backend::Database(database) = &store.backend
            && let Pool::Postgres(pool) = database.pool()
        {
            return session(database, pool, holder).await;
        }
        match Self::take(store, holder).await {
            Ok(leadership) => Ok(Some(leadership)),
            Err(StoreError::Locked { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

const NEXT_EPOCH: &str = "UPDATE reign SET epoch = epoch + 1, holder = $1 RETURNING epoch";

async fn begin_reign(database: &Database, holder: &str) -> Result<Epoch, StoreError> {
    let row = database.row(ACTION, NEXT_EPOCH, values![holder]).await?;
    let row = row.ok_or_else(|| unreadable("reign", "there is none"))?;
    row.count("epoch").map(Epoch)
}

const ACTION: &str = "take office";

/// Takes office in Postgres, if it is free.
async fn session(database: &Database, pool: &PgPool, holder: &str) -> Result<Option<Leadership>, StoreError> {
    let failed = |e| database.failed(ACTION, e);
    let options = (*pool.connect_options())
        .clone()
        .options([("idle_session_timeout", LEASE_MS)]);
    let mut connection = options.connect().await.map_err(failed)?;
    let mut link = Link::Postgres(&mut connection);
    let free = link.rows("SELECT pg_try_advisory_lock($1) AS free", values![LOCK]).await;
    let free = free.map_err(failed)?.first().map_or(Ok(false), |row| row.flag("free"))?;
    if !free {
        // Already of no use; an error while closing it changes nothing.
        let _ = connection.close().await;
        return Ok(None);
    }
    // Waits for a transaction of the reign before.
    let rows = link.rows(NEXT_EPOCH, values![holder]).await.map_err(failed)?;
    let row = rows.first().ok_or_else(|| unreadable("reign", "there is none"))?;
    let epoch = Epoch(row.count("epoch")?);
    let (sender, lost) = watch::channel(false);
    let keeper = tokio::spawn(async move {
        keep(connection).await;
        let _ = sender.send(true);
    });
    Ok(Some(Leadership {
        epoch,
        hold: Hold::Session { keeper, lost },
    }))
}

/// Shows Postgres a pulse until it no longer answers.
async fn keep(mut connection: PgConnection) {
    loop {
        tokio::time::sleep(PULSE).await;
        let answered = tokio::time::timeout(PATIENCE, connection.ping()).await;
        if !matches!(answered, Ok(Ok(()))) {
            return;
        }
    }
}
