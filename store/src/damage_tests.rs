//! Damaged files of ours are errors that name the file, whatever is wrong with them: thousands of mutations, drawn from a seed.

use std::fs;
use std::path::Path;

use assay_core::job::Objective;
use assay_core::metrics::Metric;
use assay_core::row::TrialRow;

use crate::compact::{Cut, TaskRows, compact_cut};
use crate::error::StoreError;
use crate::layout::Layout;
use crate::reader;
use crate::scan::scan_points;
use crate::staging::{Staged, TaskRange, write_staged};
use crate::testing::{layout, row};

/// Of each kind of file.
const MUTATIONS: u64 = 3_500;
const RANGE: TaskRange = TaskRange {
    first_block: 0,
    blocks: 1,
};

/// Random numbers of a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % n as u64) as usize
    }
}

/// A file cut short, with flipped bits, with a run of other bytes, or with a footer that says something else.
fn mutate(whole: &[u8], seed: u64) -> Vec<u8> {
    let (mut dice, mut bytes) = (Dice(seed), whole.to_vec());
    let footer = whole.len() - whole.len() / 4;
    match seed % 4 {
        0 => bytes.truncate(dice.below(whole.len())),
        1 => (0..=dice.below(8)).for_each(|_| bytes[dice.below(whole.len())] ^= 1 << dice.below(8)),
        2 => {
            let at = dice.below(whole.len());
            let end = (at + 1 + dice.below(64)).min(whole.len());
            bytes[at..end].iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
        }
        _ => (0..=dice.below(4)).for_each(|_| {
            let at = footer + dice.below(whole.len() - footer);
            bytes[at] = dice.below(256) as u8;
        }),
    }
    bytes
}

fn rows(count: u64) -> Vec<TrialRow> {
    (0..count).flat_map(|ordinal| [row(ordinal, 0), row(ordinal, 1)]).collect()
}

/// Counts errors; each says which file it is, and what to do.
fn note<T>(result: Result<T, StoreError>, path: &Path, errors: &mut u64) {
    use assay_core::Explain;
    if let Err(error) = result {
        *errors += 1;
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
}

/// Mutates a file again and again while `read` looks at it, and puts it back.
fn each_mutation(path: &Path, mut read: impl FnMut(&mut u64)) {
    let whole = fs::read(path).unwrap();
    let mut errors = 0;
    for seed in 0..MUTATIONS {
        fs::write(path, mutate(&whole, seed)).unwrap();
        read(&mut errors);
    }
    fs::write(path, whole).unwrap();
    assert!(errors > MUTATIONS / 4, "cut files alone are as many: {errors}");
}

fn staged(home: &Path, layout: &Layout) -> Staged {
    write_staged(home, layout, RANGE, 1, &rows(20)).unwrap()
}

#[test]
fn damaged_staging_files_are_errors() {
    let home = tempfile::tempdir().unwrap();
    let layout = layout(2);
    let staged = staged(home.path(), &layout);
    let path = staged.path(home.path());
    each_mutation(&path, |errors| {
        note(staged.read(home.path(), &layout), &path, errors);
        let seen = TaskRows::Staged(&staged).each_sketch(home.path(), &layout, |_, _, _| {});
        note(seen, &path, errors);
    });
    assert_eq!(staged.read(home.path(), &layout).unwrap(), rows(20));
}

#[test]
fn damaged_results_are_errors() {
    let home = tempfile::tempdir().unwrap();
    let layout = layout(2);
    let rows = rows(1_024);
    let tasks = [TaskRows::Memory {
        range: RANGE,
        rows: &rows,
    }];
    let keep = (0..30).map(assay_core::ids::Ordinal).collect();
    let cut = Cut {
        group: 32,
        part: 1 << 20,
    };
    compact_cut(home.path(), &layout, Some(1), &tasks, Some(&keep), cut).unwrap();
    let path = reader::parts(home.path(), &layout).unwrap().remove(0);
    let objective = Objective::default();
    let trial = layout.trial_id(1, rows[20].ordinal);
    each_mutation(&path, |errors| {
        let home = home.path();
        note(reader::find_row(home, &layout, &trial), &path, errors);
        note(reader::top(home, &layout, 5, &objective, None), &path, errors);
        note(reader::find_point(home, &layout, &rows[8].point, &objective), &path, errors);
        note(reader::scores(home, &layout, &objective), &path, errors);
        note(reader::first_failure(home, &layout), &path, errors);
        note(
            scan_points(home, &layout, &[Metric::Sharpe, Metric::Trades], |_| {}),
            &path,
            errors,
        );
    });
    assert!(reader::find_row(home.path(), &layout, &trial).unwrap().is_some());
}

#[test]
fn files_with_other_columns_are_errors() {
    let home = tempfile::tempdir().unwrap();
    let (wanted, other) = (layout(2), layout(1));
    let staged = staged(home.path(), &wanted);
    // Of another instrument, then of another strategy.
    let mut errors = 0;
    let path = staged.path(home.path());
    note(staged.read(home.path(), &other), &path, &mut errors);
    let mut renamed = wanted.clone();
    renamed.params[0].name = "elsewhere".to_owned();
    note(staged.read(home.path(), &renamed), &path, &mut errors);
    let mut text = wanted.clone();
    text.params.swap(0, 1);
    text.params[0].name.clone_from(&wanted.params[0].name);
    text.params[1].name.clone_from(&wanted.params[1].name);
    note(staged.read(home.path(), &text), &path, &mut errors);
    assert_eq!(errors, 3);
}
