//! Damaged market files are errors that name the file, whatever is wrong with them: thousands of mutations, drawn from a seed.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

use assay_core::Explain;
use assay_core::job::FillGaps;
use assay_core::time::{DAY_NS, UtcNs};
use assay_data::import::{ImportRequest, import};
use assay_data::{BarRequest, Catalog, DataError, GenerateRequest, generate, write_table};

/// Of each kind of file.
const MUTATIONS: u64 = 1_500;

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

/// Counts errors; each says which file it is, and what to do.
fn note<T>(result: Result<T, DataError>, path: &Path, errors: &mut u64) {
    if let Err(error) = result {
        *errors += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
}

fn request() -> GenerateRequest {
    GenerateRequest {
        start: UtcNs(19_723 * DAY_NS),
        days: 1,
        ticks_per_day: 300,
        ..GenerateRequest::demo(7)
    }
}

/// A catalog with a day of quotes, and the one file of it.
fn catalog(home: &Path) -> (Catalog, PathBuf) {
    let catalog = Catalog::open(home).unwrap();
    generate(&catalog, &request()).unwrap();
    let mut found = Vec::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                found.push(path);
            }
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    (catalog, found.remove(0))
}

#[test]
fn damaged_files_of_the_catalog_are_errors() {
    let home = tempfile::tempdir().unwrap();
    let (catalog, path) = catalog(home.path());
    let whole = fs::read(&path).unwrap();
    let symbol = request().symbol;
    let source = catalog
        .bar_source(&BarRequest {
            symbol: symbol.clone(),
            bars: "1h".parse().unwrap(),
            fill_gaps: FillGaps::None,
            source: None,
        })
        .unwrap();
    let mut errors = 0;
    for seed in 0..MUTATIONS {
        fs::write(&path, mutate(&whole, seed)).unwrap();
        note(catalog.rows(&source).collect::<Result<Vec<_>, _>>(), &path, &mut errors);
        note(catalog.head(&symbol, source.dataset_kind(), 10), &path, &mut errors);
        let bars = BarRequest {
            symbol: symbol.clone(),
            bars: "1h".parse().unwrap(),
            fill_gaps: FillGaps::None,
            source: None,
        };
        // Bars that were made from a file which could be read.
        let _ = fs::remove_dir_all(home.path().join("cache"));
        note(catalog.bars(&bars), &path, &mut errors);
    }
    assert!(errors > MUTATIONS / 4, "{errors}");
}

#[test]
fn files_of_another_kind_in_the_place_of_the_catalogs_are_errors() {
    let home = tempfile::tempdir().unwrap();
    let (catalog, path) = catalog(home.path());
    let symbol = request().symbol;
    let bars = BarRequest {
        symbol: symbol.clone(),
        bars: "1h".parse().unwrap(),
        fill_gaps: FillGaps::None,
        source: None,
    };
    let source = catalog.bar_source(&bars).unwrap();
    // Bars where quotes should be.
    let table = home.path().join("bars.parquet");
    write_table(&catalog.bars(&bars).unwrap().batch, &table).unwrap();
    fs::copy(&table, &path).unwrap();
    let mut errors = 0;
    note(catalog.rows(&source).collect::<Result<Vec<_>, _>>(), &path, &mut errors);
    fs::remove_dir_all(home.path().join("cache")).unwrap();
    note(catalog.bars(&bars), &path, &mut errors);
    assert_eq!(errors, 2);
}

#[test]
fn damaged_files_of_others_are_errors_and_leave_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let (_, path) = catalog(home.path());
    let other = tempfile::tempdir().unwrap();
    let theirs = other.path().join("theirs.parquet");
    let whole = fs::read(&path).unwrap();
    let target = Catalog::open(other.path()).unwrap();
    let mut errors = 0;
    for seed in 0..MUTATIONS {
        fs::write(&theirs, mutate(&whole, seed)).unwrap();
        let mut request = ImportRequest::new(vec![theirs.clone()], "THEIRS".parse().unwrap());
        request.replace = true;
        note(import(&target, &request, &|_| {}), &theirs, &mut errors);
    }
    assert!(errors > MUTATIONS / 4, "{errors}");
}
