//! Whole jobs, killed anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assay_core::ids::{Ordinal, TrialId};
use assay_core::job::{Goal, Objective};
use assay_core::metrics::Metric;
use assay_core::rank::{self, Ranked};
use assay_core::row::{Outcome, TrialRow};
use assay_core::time::UtcNs;
use assay_core::{BLOCK, Domain, Explain};
use proptest::prelude::*;

use crate::testing::{layout, row};
use crate::*;

const BLOCKS: u64 = 5;
const INSTRUMENTS: usize = 2;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn new_job() -> NewJob {
    let layout = layout(INSTRUMENTS);
    NewJob {
        id: layout.job,
        name: "a sweep".to_owned(),
        spec: r#"{"objective": {"maximize": "sharpe", "aggregate": "mean"}}"#.to_owned(),
        strategy: "name = \"x\"".to_owned(),
        data: vec![DataHash {
            symbol: "SYM0".to_owned(),
            hash: "ab".repeat(32),
        }],
        layout,
        trials: 1,
        created: UtcNs(1),
    }
}

/// The rows of a run of blocks, one instrument after the other, as a run computes them; every seventh point is missing, as in
/// a grid with a condition, and some trials fail.
fn rows(range: TaskRange) -> Vec<TrialRow> {
    let ordinals = range.first_block * BLOCK..range.end() * BLOCK - if range.end() == BLOCKS { 300 } else { 0 };
    let of_instrument = |instrument| ordinals.clone().filter(|o| o % 7 != 3).map(move |o| row(o, instrument));
    let mut rows: Vec<TrialRow> = (0..INSTRUMENTS as u32).flat_map(of_instrument).collect();
    rows.iter_mut()
        .filter(|row| row.ordinal.0 % 501 == 5)
        .for_each(|row| row.outcome = Outcome::Failed("why".to_owned()));
    rows
}

fn rank_all(objective: &Objective, count: usize, keep: impl Fn(Ordinal) -> bool) -> Vec<Ranked> {
    let all = rows(TaskRange {
        first_block: 0,
        blocks: BLOCKS,
    });
    let (first, second) = all.split_at(all.len() / 2);
    let point = |(a, b): (&TrialRow, &TrialRow)| {
        let metric = objective.maximize.metric;
        let score = objective.score([a, b].map(|row| row.metrics().and_then(|m| m.get(metric))));
        let ranked = Ranked {
            ordinal: a.ordinal,
            point: a.point.clone(),
            objective: score.map(|score| objective.value(score)),
            metrics: vec![a.metrics().copied(), b.metrics().copied()],
        };
        (score, ranked)
    };
    let mut points: Vec<_> = first.iter().zip(second).map(point).filter(|(_, p)| keep(p.ordinal)).collect();
    points.sort_by(|a, b| rank::by_score((a.0, a.1.ordinal), (b.0, b.1.ordinal)));
    points.into_iter().take(count).map(|(_, ranked)| ranked).collect()
}

/// Stands for a process that dies.
#[derive(Debug)]
struct Killed;

/// Dies at the n-th of the places where it is asked.
struct Fate(Option<usize>);

impl Fate {
    fn may_die(&mut self) -> Result<(), Killed> {
        match &mut self.0 {
            None => Ok(()),
            Some(0) => Err(Killed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

/// A run as a command makes it, dying where its fate says. `staged` tasks get files, the last one stays in memory.
async fn run(home: &Path, tasks: &[TaskRange], keep: Option<&BTreeSet<Ordinal>>, mut fate: Fate) -> Result<JobRecord, Killed> {
    let _lock = HomeLock::acquire(home, "a sweep").unwrap();
    let store = Store::open(home).await.unwrap();
    fate.may_die()?;
    let job = store.submit(&new_job()).await.unwrap();
    fate.may_die()?;
    if job.state != JobState::Done {
        store.transition(job.id, JobState::Running, UtcNs(2), None).await.unwrap();
        fate.may_die()?;
        let mut staged = store.intact_tasks(job.id).await.unwrap().intact;
        let (last, others) = tasks.split_last().unwrap();
        for range in others {
            if staged.iter().any(|task| task.range == *range) {
                continue;
            }
            let task = write_staged(home, &job.layout, *range, 1, &rows(*range)).unwrap();
            fate.may_die()?;
            store.record_task(&task).await.unwrap();
            fate.may_die()?;
            staged.push(task);
        }
        let in_memory = rows(*last);
        let mut all: Vec<TaskRows<'_>> = staged.iter().map(TaskRows::Staged).collect();
        all.push(TaskRows::Memory {
            range: *last,
            rows: &in_memory,
        });
        let compacted = compact(home, &job.layout, BLOCKS, &all, keep).unwrap();
        fate.may_die()?;
        let objective = job.objective().unwrap();
        let ranked = rank_all(&objective, 100, |_| true);
        let completion = Completion {
            compacted: &compacted,
            points: compacted.trials / INSTRUMENTS as u64,
            bars: 1000,
            seconds: 0.5,
            finished: UtcNs(3),
            ranked: &ranked,
            goal: objective.maximize,
            objective: StoredMoments {
                count: 3,
                mean: Some(0.1),
                variance: None,
            },
            sharpe: StoredMoments::default(),
        };
        store.complete(&job, &completion).await.unwrap();
        fate.may_die()?;
    }
    remove_staging(home, job.id).unwrap();
    fate.may_die()?;
    let job = store.job(job.id).await.unwrap().unwrap();
    store.close().await.unwrap();
    Ok(job)
}

fn tasks() -> Vec<TaskRange> {
    [(0, 2), (2, 1), (3, 2)]
        .map(|(first_block, blocks)| TaskRange { first_block, blocks })
        .to_vec()
}

/// Every file under a folder, by its path.
fn files_under(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                found.push((path, content));
            }
        }
    }
    found.sort();
    found
}

fn results(home: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let found = files_under(&home.join("results"));
    found
        .into_iter()
        .map(|(path, content)| (path.strip_prefix(home).unwrap().to_owned(), content))
        .collect()
}

#[test]
fn a_job_killed_between_any_two_steps_ends_with_the_same_bytes() {
    let whole = tempfile::tempdir().unwrap();
    let expected = block_on(run(whole.path(), &tasks(), None, Fate(None))).unwrap();
    assert_eq!(expected.state, JobState::Done);
    assert_eq!(results(whole.path()).len(), 6);
    let mut died = 0;
    loop {
        let home = tempfile::tempdir().unwrap();
        let first = block_on(run(home.path(), &tasks(), None, Fate(Some(died))));
        if first.is_ok() {
            break;
        }
        died += 1;
        // Once more, dying soon after, then to the end.
        let _ = block_on(run(home.path(), &tasks(), None, Fate(Some(4))));
        let job = block_on(run(home.path(), &tasks(), None, Fate(None))).unwrap();
        assert_eq!(job, expected);
        assert_eq!(results(home.path()), results(whole.path()));
        assert!(files_under(&home.path().join("staging")).is_empty());
    }
    assert!(died >= 9, "{died} places to die");
}

#[test]
fn a_job_killed_while_its_results_are_put_in_place_ends_with_the_same_bytes() {
    let (home, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = block_on(run(whole.path(), &tasks(), None, Fate(None))).unwrap();
    // Both folders are in place, the transaction is not.
    block_on(run(home.path(), &tasks(), None, Fate(Some(7)))).unwrap_err();
    assert_eq!(results(home.path()), results(whole.path()));
    // One of the two is: half of the files of the other lie in the working folder, and what is in place is of another try.
    let work = home.path().join("staging").join(expected.id.to_string()).join("results");
    fs::remove_dir_all(results_folder(home.path(), "sketches", expected.id)).unwrap();
    fs::create_dir_all(work.join("sketches")).unwrap();
    fs::write(work.join("sketches/part-00000.parquet"), "PAR1").unwrap();
    fs::write(
        results_folder(home.path(), "trials", expected.id).join("part-00001.parquet"),
        "PAR1",
    )
    .unwrap();
    let job = block_on(run(home.path(), &tasks(), None, Fate(None))).unwrap();
    assert_eq!(job, expected);
    assert_eq!(results(home.path()), results(whole.path()));
}

#[test]
fn a_damaged_task_is_run_again_and_other_task_sizes_give_the_same_job() {
    let home = tempfile::tempdir().unwrap();
    let whole = tempfile::tempdir().unwrap();
    let one = [TaskRange {
        first_block: 0,
        blocks: BLOCKS,
    }];
    let expected = block_on(run(whole.path(), &one, None, Fate(None))).unwrap();
    // Dies after recording both tasks that have files.
    block_on(run(home.path(), &tasks(), None, Fate(Some(6)))).unwrap_err();
    let staging = files_under(&home.path().join("staging"));
    assert_eq!(staging.len(), 2);
    fs::write(&staging[0].0, &staging[0].1[..staging[0].1.len() / 2]).unwrap();
    block_on(async {
        let store = Store::open(home.path()).await.unwrap();
        let id = new_job().id;
        assert_eq!(
            store.job(id).await.unwrap().unwrap().trials_done,
            rows(tasks()[0]).len() as u64 + rows(tasks()[1]).len() as u64
        );
        let found = store.intact_tasks(id).await.unwrap();
        assert_eq!((found.intact.len(), found.damaged.len()), (1, 1));
        assert!(found.damaged[0].reason.contains("bytes instead of"));
        assert_eq!(store.done_tasks(id).await.unwrap(), found.intact);
        assert_eq!(store.job(id).await.unwrap().unwrap().trials_done, found.intact[0].rows);
    });
    let job = block_on(run(home.path(), &tasks(), None, Fate(None))).unwrap();
    assert_eq!(job.fingerprint, expected.fingerprint);
    assert_eq!(job.trials_failed, expected.trials_failed);
    assert!(job.trials_failed > 0);
}

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
                assert_eq!(store.top(&job, 50, by).await.unwrap(), expected, "{by}");
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
        assert!(matches!(store.top(&job, 5, by).await, Err(StoreError::MissingResults { .. })));
        store.transition(job.id, JobState::Queued, UtcNs(9), None).await.unwrap();
        assert!(store.ledger().await.unwrap().is_empty());
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
        assert_eq!(store.top(&job, 50, by).await.unwrap(), expected);
    });
}

#[test]
fn jobs_are_found_by_name_and_by_the_beginning_of_their_id() {
    let home = tempfile::tempdir().unwrap();
    block_on(async {
        assert!(Store::open_existing(&home.path().join("none")).await.unwrap().is_none());
        let store = Store::open(home.path()).await.unwrap();
        assert!(
            store
                .find_job("anything")
                .await
                .unwrap_err()
                .hint()
                .unwrap()
                .contains("assay run")
        );
        let first = store.submit(&new_job()).await.unwrap();
        let mut second = new_job();
        second.id = assay_core::ids::JobId::from_hash([0xac; 32]);
        second.layout.job = second.id;
        second.created = UtcNs(5);
        store.submit(&second).await.unwrap();
        let by_id = store.find_job(&first.id.to_string()).await.unwrap();
        assert_eq!(by_id, first);
        assert_eq!(store.find_job("j_abab").await.unwrap(), first);
        let error = store.find_job("a sweep").await.unwrap_err();
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
        let store = Store::open(home.path()).await.unwrap();
        let job = store.submit(&new_job()).await.unwrap();
        let error = store.transition(job.id, JobState::Done, UtcNs(2), None).await.unwrap_err();
        assert!(error.to_string().ends_with("is queued and cannot become done"), "{error}");
        store.transition(job.id, JobState::Running, UtcNs(2), None).await.unwrap();
        store
            .transition(job.id, JobState::Failed, UtcNs(3), Some("out of luck"))
            .await
            .unwrap();
        let job = store.job(job.id).await.unwrap().unwrap();
        assert_eq!(
            (job.state, job.error.as_deref(), job.started),
            (JobState::Failed, Some("out of luck"), Some(UtcNs(2)))
        );
        assert_eq!(
            store.submit(&new_job()).await.unwrap(),
            job,
            "submitting again changes nothing"
        );
    });
}

#[test]
fn tasks_that_leave_a_gap_make_no_results() {
    let home = tempfile::tempdir().unwrap();
    let layout = layout(INSTRUMENTS);
    let range = TaskRange {
        first_block: 1,
        blocks: 1,
    };
    let rows = rows(range);
    let task = TaskRows::Memory { range, rows: &rows };
    let error = compact(home.path(), &layout, 2, &[task], None).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Gap {
                expected: 0,
                found: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(!has_results(home.path(), &layout));
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
        sqlx::query(sql).execute(&mut *store.connection().await).await.unwrap();
        store.close().await.unwrap();
        let error = Store::open(home.path()).await.unwrap_err();
        assert!(matches!(error, StoreError::NewerDatabase { version: 999, .. }), "{error}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However a job is cut into tasks, its rows and its fingerprint are the same.
    #[test]
    fn task_sizes_do_not_matter(cuts in prop::collection::btree_set(1u64..BLOCKS, 0..4), reverse: bool) {
        let home = tempfile::tempdir().unwrap();
        let layout = layout(INSTRUMENTS);
        let mut bounds: Vec<u64> = std::iter::once(0).chain(cuts).collect();
        bounds.push(BLOCKS);
        let mut ranges: Vec<TaskRange> = bounds.windows(2).map(|w| TaskRange { first_block: w[0], blocks: w[1] - w[0] }).collect();
        if reverse {
            ranges.reverse();
        }
        let rows: Vec<Vec<TrialRow>> = ranges.iter().map(|range| rows(*range)).collect();
        let tasks: Vec<_> = ranges.iter().zip(&rows).map(|(range, rows)| TaskRows::Memory { range: *range, rows }).collect();
        let compacted = compact(home.path(), &layout, BLOCKS, &tasks, None).unwrap();
        let all = self::rows(TaskRange { first_block: 0, blocks: BLOCKS });
        let (fingerprint, failed) = crate::staging::summary(&all);
        let count = all.len() as u64;
        prop_assert_eq!(compacted, Compacted { trials: count, failed, kept: count, fingerprint });
        let path = results_folder(home.path(), "trials", layout.job).join("part-00000.parquet");
        let mut read = Vec::new();
        for batch in crate::staging::batches(&path).unwrap() {
            read.extend(crate::columns::ordinals(&batch.unwrap()).unwrap().iter().copied());
        }
        prop_assert!(read.is_sorted());
        prop_assert_eq!(read.len() as u64, count);
    }
}
