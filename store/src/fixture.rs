//! A store of each kind, empty and its own, for the tests of this crate.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqlSafeStr};

use crate::database::Pool;
use crate::harness::block_on;
use crate::store::{Backend, Store};

/// What keeps a store.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Memory,
    Sqlite,
    Postgres,
}

/// Runs a test on a new store; without a Postgres that can be used it says so and passes.
pub(crate) fn on(kind: Kind, test: impl AsyncFnOnce(&Store)) {
    let home = tempfile::tempdir().unwrap();
    match kind {
        Kind::Memory => block_on(test(&Store::in_memory(home.path()))),
        Kind::Sqlite => block_on(async { test(&Store::open(home.path()).await.unwrap()).await }),
        Kind::Postgres => {
            let Some(server) = server() else { return };
            block_on(async {
                let url = new_database(&server).await;
                let store = Store::connect(&url, home.path()).await.unwrap();
                test(&store).await;
                store.close().await;
                drop_database(&server, &url).await;
            });
        }
    }
}

/// The address of a Postgres server with the right to make databases.
pub(crate) fn server() -> Option<String> {
    let server = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
    if server.is_none() {
        // The script that would start one has looked whether there can be one.
        let absent = std::env::var("ASSAY_SERVICES").as_deref() == Ok("absent");
        let ci = std::env::var("CI").as_deref() == Ok("true");
        assert!(absent || !ci, "tests need DATABASE_URL: see scripts/services");
        println!("skipped: DATABASE_URL names no Postgres, see scripts/services");
    }
    server
}

/// Makes an empty database and says its address.
pub(crate) async fn new_database(server: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    run(server, format!("CREATE DATABASE {name}")).await;
    let options: PgConnectOptions = server.parse().unwrap();
    options.database(&name).to_url_lossy().to_string()
}

pub(crate) async fn drop_database(server: &str, url: &str) {
    let options: PgConnectOptions = url.parse().unwrap();
    run(
        server,
        format!("DROP DATABASE {} WITH (FORCE)", options.get_database().unwrap()),
    )
    .await;
}

/// Runs statements that are not part of any store.
pub(crate) async fn run(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(sql).into_sql_str()).await.unwrap();
    connection.close().await.unwrap();
}

/// Opens one more store with the same content; `None` where that is impossible.
pub(crate) async fn again(store: &Store) -> Option<Store> {
    let Backend::Database(database) = &store.backend else {
        return None;
    };
    let address = match database.pool() {
        Pool::Sqlite(_) => format!("sqlite:{}", store.home().display()),
        Pool::Postgres(pool) => pool.connect_options().to_url_lossy().to_string(),
    };
    Some(Store::connect(&address, store.home()).await.unwrap())
}
