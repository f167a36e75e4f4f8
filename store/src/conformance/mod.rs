//! What every store must do, whatever keeps it.

mod access;
mod jobs;
mod random;
mod samples;

use std::time::Duration;

pub(crate) use access::trades_are_kept_once as goes_through_a_job;
use access::*;
use jobs::*;

use crate::fixture::{Kind, again, on};
use crate::harness::block_on;
use crate::*;

macro_rules! on_every_store {
    ($($test:ident)*) => {
        mod memory { $(#[test] fn $test() { super::on(super::Kind::Memory, super::$test); })* }
        mod sqlite { $(#[test] fn $test() { super::on(super::Kind::Sqlite, super::$test); })* }
        mod postgres { $(#[test] fn $test() { super::on(super::Kind::Postgres, super::$test); })* }
    };
}

on_every_store! {
    a_task_is_done_once
    the_deposed_change_nothing
    a_batch_that_fails_changes_nothing
    who_takes_office_finds_what_is_under_way
    the_top_is_current_while_a_job_runs
    a_job_that_is_done_keeps_its_history_until_it_is_opened_again
    a_worker_that_comes_back_joins_anew
    logs_are_read_on_from_where_one_was
    keys_are_found_by_their_hash_until_revoked
    the_same_submission_twice_is_one_job
    a_planned_time_is_taken_up_once
    datasets_are_found_by_their_values
    trades_are_kept_once
    what_was_searched_adds_up_once
}

#[test]
fn addresses_of_nothing_are_refused() {
    let home = tempfile::tempdir().unwrap();
    for bad in ["", "mysql://x", "postgres://[", "/home/x"] {
        let error = block_on(Store::connect(bad, home.path())).unwrap_err();
        assert!(matches!(error, StoreError::Address { .. }), "{bad}: {error}");
    }
    let error = block_on(Store::connect("postgres://ann:secret@127.0.0.1:1/x", home.path())).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn an_office_that_is_lost_is_noticed_and_taken_by_the_one_who_waits() {
    on(Kind::Postgres, async |store| {
        let mut first = store.lead("first").await.unwrap();
        let standby = again(store).await.unwrap();
        let waits = standby.lead("second");
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let (lost, second) = tokio::join!(tokio::time::timeout(Duration::from_secs(8), first.lost()), async {
            // So that the other one waits.
            tokio::time::sleep(Duration::from_millis(100)).await;
            store.database().rows("cut", sql, &[]).await.unwrap();
            waits.await.unwrap()
        });
        lost.unwrap();
        assert!(second.epoch() > first.epoch());
        standby.close().await;
    });
}
