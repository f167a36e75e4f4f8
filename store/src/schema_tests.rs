//! Both databases have the same tables, old homes get them too, and accounts see what they should.

use std::collections::BTreeMap;
use std::process::Command;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, SqlSafeStr};

use crate::fixture::{drop_database, new_database, server};
use crate::harness::{Led, block_on};
use crate::testing::layout;
use crate::*;

/// Type and whether it is never null, by table and column.
type Columns = BTreeMap<(String, String), (&'static str, bool)>;

async fn columns(store: &Store, sql: &'static str) -> Columns {
    let rows = store.database().rows("look", sql, &[]).await.unwrap();
    let column = |row: &crate::sql::Row| {
        let kind = match row.get::<&str>("kind").unwrap() {
            "INTEGER" | "bigint" => "whole number",
            "REAL" | "double precision" => "number",
            "TEXT" | "text" => "text",
            "BLOB" | "bytea" => "bytes",
            other => panic!("a column of type {other}"),
        };
        let key = (row.get("table_name").unwrap(), row.get("column_name").unwrap());
        (key, (kind, row.get::<i64>("filled").unwrap() == 1))
    };
    rows.iter().map(column).collect()
}

#[test]
fn both_databases_have_the_same_tables() {
    let Some(server) = server() else { return };
    let home = tempfile::tempdir().unwrap();
    block_on(async {
        let sqlite = Store::open(home.path()).await.unwrap();
        let of_sqlite = columns(
            &sqlite,
            "SELECT m.name AS table_name, c.name AS column_name, c.type AS kind, c.\"notnull\" AS filled \
             FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
             WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'",
        );
        let of_sqlite = of_sqlite.await;
        let url = new_database(&server).await;
        let postgres = Store::connect(&url, home.path()).await.unwrap();
        let of_postgres = columns(
            &postgres,
            "SELECT table_name::text, column_name::text, data_type::text AS kind, (is_nullable = 'NO')::int::bigint AS filled \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
        );
        assert_eq!(of_sqlite, of_postgres.await);
        assert!(of_sqlite.len() > 100);
        postgres.close().await;
        drop_database(&server, &url).await;
    });
}

/// A home as the first version left it: a job that is done, and one that was interrupted.
async fn old_home(home: &std::path::Path) {
    let options = SqliteConnectOptions::new()
        .filename(home.join("assay.db"))
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let all = sqlx::migrate!("migrations/sqlite");
    let first = all.iter().filter(|migration| migration.version == 1).cloned().collect();
    Migrator::with_migrations(first).run(&mut connection).await.unwrap();
    let job = |id: &str, state: &str| {
        let layout = serde_json::to_string(&layout(1)).unwrap();
        let spec = r#"{"objective": {"maximize": "-max_drawdown", "aggregate": "mean"}}"#;
        format!(
            "INSERT INTO jobs (id, name, spec, strategy, data, semantics, layout, state, created_ns, trials, trials_done) \
             VALUES ('{id}', 'old', '{spec}', '', '[]', 1, '{layout}', '{state}', 1, 10, 5);"
        )
    };
    let ranked = |rank: u64, ordinal: u64, objective: &str| {
        format!(
            "INSERT INTO ranked VALUES ('j_0101010101010101', {rank}, {ordinal}, {objective}, \
             '{{\"fast\": 1, \"mode\": \"sma\", \"stop\": 0.5}}', '[null]');"
        )
    };
    let sql = [
        job("j_0101010101010101", "done"),
        job("j_0202020202020202", "running"),
        ranked(1, 7, "0.1"),
        ranked(2, 3, "0.2"),
        ranked(3, 1, "NULL"),
        "INSERT INTO ledger VALUES ('j_0101010101010101', '[]', '[]', '-max_drawdown', 3, 3, 0, 3, 0.1, NULL, 0, NULL, NULL, 9);".to_owned(),
        "INSERT INTO tasks VALUES ('j_0202020202020202', 0, 5, 1, 'x', 1, 5, 0, 'h', 'f');".to_owned(),
    ];
    connection.execute(AssertSqlSafe(sql.concat()).into_sql_str()).await.unwrap();
    connection.close().await.unwrap();
}

#[test]
fn an_old_home_keeps_what_was_found() {
    let home = tempfile::tempdir().unwrap();
    block_on(async {
        old_home(home.path()).await;
        let store = Store::open(home.path()).await.unwrap();
        let jobs = store.jobs().await.unwrap();
        let states: Vec<_> = jobs.iter().map(|job| (job.state, job.trials_done)).collect();
        assert_eq!(states, [(JobState::Done, 5), (JobState::Running, 0)]);
        assert_eq!((jobs[0].owner.as_str(), jobs[0].priority), ("local", 5));
        let top = store
            .top(&jobs[0], 10, jobs[0].objective().unwrap().maximize, None)
            .await
            .unwrap();
        let top: Vec<_> = top.iter().map(|point| (point.ordinal.0, point.objective)).collect();
        assert_eq!(top, [(7, Some(0.1)), (3, Some(0.2)), (1, None)]);
        assert_eq!(store.ledger().await.unwrap().len(), 1);
        let found = store.unfinished().await.unwrap();
        assert_eq!((found.jobs.len(), found.jobs[0].tasks.len(), found.next_task), (1, 0, 1));
        drop(store);
        let led = Led::open(home.path()).await;
        led.step(jobs[0].id, JobState::Queued, jobs[0].created.0, None).await.unwrap();
        assert!(
            led.store.ledger().await.unwrap().is_empty(),
            "the ledger still knows its jobs"
        );
    });
}

#[test]
fn accounts_can_do_what_they_need_and_no_more() {
    let Some(server) = server() else { return };
    if Command::new("psql").arg("--version").output().is_err() {
        println!("skipped: there is no psql");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    block_on(async {
        let url = new_database(&server).await;
        Store::connect(&url, home.path()).await.unwrap().close().await;
        // Twice: it may be run again.
        for _ in 0..2 {
            let roles = Command::new("psql")
                .args([
                    "-q",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-v",
                    "coordinator_password=c",
                    "-v",
                    "reader_password=r",
                    "-f",
                ])
                // The options behind the address are not for psql.
                .args(["roles/postgres.sql", url.split('?').next().unwrap()])
                .output()
                .unwrap();
            assert!(roles.status.success(), "{}", String::from_utf8_lossy(&roles.stderr));
        }
        let of = |role: &str, password: &str| {
            let options: PgConnectOptions = url.parse().unwrap();
            options.username(role).password(password).to_url_lossy().to_string()
        };
        let coordinator = Store::connect(&of("assay_coordinator", "c"), home.path()).await.unwrap();
        crate::conformance::goes_through_a_job(&coordinator).await;
        let change = coordinator
            .database()
            .rows("change", "CREATE TABLE mine (x BIGINT)", &[])
            .await;
        assert!(change.err().unwrap().to_string().contains("permission denied"));
        let change = coordinator.database().rows("change", "DELETE FROM audit", &[]).await;
        assert!(change.err().unwrap().to_string().contains("permission denied"));
        coordinator.close().await;

        let reader = Store::connect(&of("assay_reader", "r"), home.path()).await;
        let reader = reader.unwrap();
        assert_eq!(reader.jobs().await.unwrap().len(), 1);
        assert!(reader.keys().await.unwrap_err().to_string().contains("permission denied"));
        let change = reader.database().rows("change", "UPDATE jobs SET priority = 9", &[]).await;
        assert!(change.err().unwrap().to_string().contains("permission denied"));
        reader.close().await;
        drop_database(&server, &url).await;
    });
}
