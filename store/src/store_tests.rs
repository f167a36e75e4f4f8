//! What is asked of a store besides surviving.

use std::collections::BTreeSet;
use std::fs;

use assay_core::ids::{Ordinal, TrialId};
use assay_core::job::{Goal, Objective};
use assay_core::metrics::Metric;
use assay_core::time::UtcNs;
use assay_core::{BLOCK, Domain, Explain};

use crate::harness::*;
use crate::*;

#[test]
fn every_row_and_every_ranking_is_found_again() {
    let home = tempfile::tempdir().unwrap();
    let job = block_on(run(home.path(), &tasks(), None, Fate(None))).unwrap();
    block_on(async {
        let store = Store::open_existing(home.path()).await.unwrap().unwrap();
        for wanted in rows(TaskRange {
            first_block: 0,
            blocks: BLOCKS,
        })
        .into_iter()
        .step_by(97)
        {
            let trial = TrialId {
                job: job.id,
                instrument: wanted.instrument,
                ordinal: wanted.ordinal,
            };
            let found = store.find_row(&trial).await.unwrap().unwrap();
            assert_eq!((&found.point, found.metrics()), (&wanted.point, wanted.metrics()));
        }
        for (instrument, ordinal) in [(0, 3), (2, 0), (0, BLOCKS * BLOCK)] {
            let trial = TrialId {
                job: job.id,
                instrument,
                ordinal: Ordinal(ordinal),
            };
            assert_eq!(store.find_row(&trial).await.unwrap(), None);
        }
        let objective = job.objective().unwrap();
        for negated in [false, true] {
            for metric in [Metric::Sharpe, Metric::Trades, Metric::MaxDrawdown] {
                let by = Goal { metric, negated };
                let expected = rank_all(
                    &Objective {
                        maximize: by,
                        ..objective.clone()
                    },
                    50,
                    |_| true,
                );
                assert_eq!(store.top(&job, 50, by, None).await.unwrap(), expected, "{by}");
            }
        }
        let all = store
            .top(
                &job,
                usize::MAX / 2,
                Goal {
                    metric: Metric::Psr,
                    negated: false,
                },
                None,
            )
            .await
            .unwrap();
        assert_eq!(all.len() as u64, job.points.unwrap());
        let ledger = store.ledger().await.unwrap();
        assert_eq!(
            (ledger.len(), ledger[0].objective.mean, ledger[0].data.clone()),
            (1, Some(0.1), job.data.clone())
        );
        fs::remove_dir_all(home.path().join("results")).unwrap();
        assert!(!has_results(home.path(), &job.layout));
        let by = Goal {
            metric: Metric::Psr,
            negated: false,
        };
        assert!(matches!(
            store.top(&job, 5, by, None).await,
            Err(StoreError::MissingResults { .. })
        ));
        drop(store);
        let led = Led::open(home.path()).await;
        led.step(job.id, JobState::Queued, 9, None).await.unwrap();
        assert!(led.store.ledger().await.unwrap().is_empty());
    });
    assert_eq!(block_on(run(home.path(), &tasks(), None, Fate(None))).unwrap(), job);
}

#[test]
fn keeping_some_points_changes_neither_the_fingerprint_nor_the_counts() {
    let objective = Objective::default();
    let best = rank_all(&objective, 20, |_| true);
    let keep: BTreeSet<Ordinal> = best.iter().map(|ranked| ranked.ordinal).collect();
    let (some, all) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = block_on(run(some.path(), &tasks(), Some(&keep), Fate(None))).unwrap();
    assert_eq!(job, block_on(run(all.path(), &tasks(), None, Fate(None))).unwrap());
    block_on(async {
        let store = Store::open(some.path()).await.unwrap();
        let by = Goal {
            metric: Metric::Calmar,
            negated: false,
        };
        let expected = rank_all(
            &Objective {
                maximize: by,
                ..objective
            },
            50,
            |ordinal| keep.contains(&ordinal),
        );
        assert_eq!(store.top(&job, 50, by, None).await.unwrap(), expected);
    });
}

#[test]
fn jobs_are_found_by_name_and_by_the_beginning_of_their_id() {
    let home = tempfile::tempdir().unwrap();
    block_on(async {
        assert!(Store::open_existing(&home.path().join("none")).await.unwrap().is_none());
        let led = Led::open(home.path()).await;
        let store = &led.store;
        assert!(
            store
                .find_job("anything")
                .await
                .unwrap_err()
                .hint()
                .unwrap()
                .contains("assay run")
        );
        let first = led.submit(new_job()).await;
        let mut second = new_job();
        second.id = assay_core::ids::JobId::from_hash([0xaa; 32]);
        second.layout.job = second.id;
        second.created = UtcNs(5);
        led.submit(second.clone()).await;
        let by_id = store.find_job(&first.id.to_string()).await.unwrap();
        assert_eq!(by_id, first);
        assert_eq!(store.find_job("j_abab").await.unwrap(), first);
        assert_eq!(store.find_job("a sweep").await.unwrap().id, second.id, "the newest of a name");
        let error = store.find_job("j_a").await.unwrap_err();
        let StoreError::AmbiguousJob { candidates, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(candidates, &[second.id.to_string(), first.id.to_string()], "newest first");
        let error = store.find_job("a swep").await.unwrap_err();
        assert_eq!(
            (error.domain(), error.hint().unwrap()),
            (Domain::NotFound, "did you mean `a sweep`?".to_owned())
        );
    });
}

#[test]
fn illegal_steps_are_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    block_on(async {
        let led = Led::open(home.path()).await;
        let id = led.submit(new_job()).await.id;
        let error = led.step(id, JobState::Done, 2, None).await.unwrap_err();
        assert!(error.to_string().ends_with("is queued and cannot become done"), "{error}");
        led.step(id, JobState::Running, 2, None).await.unwrap();
        led.step(id, JobState::Failed, 3, Some("out of luck")).await.unwrap();
        let job = led.job(id).await;
        assert_eq!(
            (job.state, job.error.as_deref(), job.started),
            (JobState::Failed, Some("out of luck"), Some(UtcNs(2)))
        );
        assert_eq!(led.submit(new_job()).await, job, "submitting again changes nothing");
    });
}

#[test]
fn foreign_and_newer_databases_are_named_as_such() {
    let home = tempfile::tempdir().unwrap();
    fs::write(
        home.path().join("assay.db"),
        "this is not a database, but it is long enough to be looked at".repeat(50),
    )
    .unwrap();
    let error = block_on(Store::open(home.path())).unwrap_err();
    assert!(matches!(error, StoreError::CorruptDatabase { .. }), "{error}");
    assert!(error.hint().unwrap().contains("move"));

    let home = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Store::open(home.path()).await.unwrap();
        let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (999, 'later', 1, x'00', 0)";
        store.database().rows("write", sql, &[]).await.unwrap();
        store.close().await;
        let error = Store::open(home.path()).await.unwrap_err();
        assert!(matches!(error, StoreError::NewerDatabase { version: 999, .. }), "{error}");
    });
}

#[test]
fn many_may_open_a_new_home_at_once() {
    for _ in 0..5 {
        let home = tempfile::tempdir().unwrap();
        let open = || block_on(async { Store::open(home.path()).await?.jobs().await });
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            for one in opened {
                assert_eq!(one.join().unwrap().unwrap(), []);
            }
        });
    }
}
