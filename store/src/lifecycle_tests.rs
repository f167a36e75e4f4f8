//! Whole jobs, killed anywhere.

use std::fs;

use assay_core::row::TrialRow;
use proptest::prelude::*;

use crate::harness::*;
use crate::testing::layout;
use crate::*;

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
        let led = Led::open(home.path()).await;
        let id = new_job().id;
        assert_eq!(
            led.job(id).await.trials_done,
            rows(tasks()[0]).len() as u64 + rows(tasks()[1]).len() as u64
        );
        let (intact, reasons) = led.intact_tasks(id).await;
        assert_eq!((intact.len(), reasons.len()), (1, 1));
        assert!(reasons[0].contains("bytes instead of"));
        assert_eq!(led.intact_tasks(id).await, (intact.clone(), Vec::new()));
        assert_eq!(led.job(id).await.trials_done, intact[0].rows);
    });
    let job = block_on(run(home.path(), &tasks(), None, Fate(None))).unwrap();
    assert_eq!(job.fingerprint, expected.fingerprint);
    assert_eq!(job.trials_failed, expected.trials_failed);
    assert!(job.trials_failed > 0);
}

#[test]
fn a_compaction_that_fails_half_way_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let layout = layout(INSTRUMENTS);
    let staged: Vec<Staged> = tasks()
        .iter()
        .map(|range| write_staged(home.path(), &layout, *range, 1, &rows(*range)).unwrap())
        .collect();
    fs::write(staged[2].path(home.path()), "cut").unwrap();
    let sources: Vec<TaskRows<'_>> = staged.iter().map(TaskRows::Staged).collect();
    let error = compact(home.path(), &layout, Some(BLOCKS), &sources, None).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    assert!(!has_results(home.path(), &layout));
    assert_eq!(files_under(home.path()).len(), 3, "the staging files alone");
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
    let error = compact(home.path(), &layout, Some(2), &[task], None).unwrap_err();
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
        let compacted = compact(home.path(), &layout, Some(BLOCKS), &tasks, None).unwrap();
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
