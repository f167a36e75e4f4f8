//! The catalog from outside: what is written is read back, once, whole, or not at all.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, Int8Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Float64Type, TimestampNanosecondType};
use assay_core::ids::Symbol;
use assay_core::job::FillGaps;
use assay_core::time::{MINUTE_NS, UtcNs};
use assay_core::{Domain, Explain};
use assay_data::catalog::schema;
use assay_data::{
    BarRequest, Catalog, CheckOptions, DataError, DatasetKind, Overlap, SourceInfo, WriteReport, check, export, write_table,
};

/// Rows as (time in seconds since 2024-01-01, bid); the ask is one point higher.
type Rows = Vec<(i64, f64)>;

struct Home {
    folder: tempfile::TempDir,
    catalog: Catalog,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        Self { folder, catalog }
    }

    fn write(&self, source: &str, rows: &[(i64, f64)]) -> Result<WriteReport, DataError> {
        self.write_in_parts(source, Overlap::Merge, &[rows])
    }

    fn write_in_parts(&self, name: &str, overlap: Overlap, parts: &[&[(i64, f64)]]) -> Result<WriteReport, DataError> {
        let mut writer = self
            .catalog
            .writer(&euro(), DatasetKind::Quotes, source(name))?
            .overlap(overlap);
        for part in parts {
            writer.append(&quotes(part))?;
        }
        writer.finish()
    }

    fn rows(&self) -> Rows {
        let manifest = self.catalog.manifest(&euro(), DatasetKind::Quotes).unwrap();
        let mut rows = Vec::new();
        for batch in self.catalog.rows(&manifest) {
            let batch = batch.unwrap();
            let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values().to_vec();
            let bids = batch.column(1).as_primitive::<Float64Type>().values().to_vec();
            rows.extend(times.iter().map(|t| (t - start()) / 1_000_000_000).zip(bids));
        }
        rows
    }

    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                }
                files.push(path.strip_prefix(self.folder.path()).unwrap().display().to_string());
            }
        }
        files.sort();
        files
    }

    fn dataset_folder(&self) -> PathBuf {
        self.folder.path().join("catalog/EURUSD/quotes")
    }
}

fn euro() -> Symbol {
    "EURUSD".parse().unwrap()
}

fn source(name: &str) -> SourceInfo {
    SourceInfo {
        name: name.to_owned(),
        format: "test".to_owned(),
        bytes: 0,
        hash: None,
    }
}

fn start() -> i64 {
    "2024-01-01".parse::<UtcNs>().unwrap().0
}

fn times(seconds: impl Iterator<Item = i64>) -> Arc<TimestampNanosecondArray> {
    let times = seconds.map(|second| start() + second * 1_000_000_000);
    Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))
}

fn quotes(rows: &[(i64, f64)]) -> RecordBatch {
    let bid = Float64Array::from_iter_values(rows.iter().map(|r| r.1));
    let ask = Float64Array::from_iter_values(rows.iter().map(|r| (r.1 * 100_000.0 + 1.0).round() / 100_000.0));
    RecordBatch::try_new(
        schema::quotes(false),
        vec![times(rows.iter().map(|r| r.0)), Arc::new(bid), Arc::new(ask)],
    )
    .unwrap()
}

/// `count` rows, one a second from `from` on, deterministic prices.
fn every_second(from: i64, count: i64) -> Rows {
    (from..from + count)
        .map(|s| (s, (110_000 + (s * 7) % 101) as f64 / 100_000.0))
        .collect()
}

const DAY: i64 = 86_400;

#[test]
fn rows_come_back_in_order_and_the_hash_does_not_depend_on_how_they_came() {
    let rows = every_second(DAY - 500, 1_000);
    let (once, parts) = (Home::new(), Home::new());
    let report = once.write("a.csv", &rows).unwrap();
    assert_eq!(report.written, ["2024-01-01", "2024-01-02"]);
    assert_eq!(once.rows(), rows);
    let dataset = report.dataset.unwrap();
    assert_eq!((dataset.rows, dataset.files, dataset.decimals), (1_000, 2, Some(5)));
    assert_eq!(dataset.first.to_string(), "2024-01-01T23:51:40Z");
    assert_eq!(dataset.columns, ["time", "bid", "ask"]);

    // In two imports, the later rows first, each in several batches.
    parts
        .write_in_parts("b.csv", Overlap::Merge, &[&rows[700..800], &rows[800..]])
        .unwrap();
    let report = parts
        .write_in_parts("a.csv", Overlap::Merge, &[&rows[..1], &rows[1..600], &rows[600..700]])
        .unwrap();
    assert_eq!((report.written.len(), report.merged.len()), (1, 1));
    assert_eq!(parts.rows(), rows);
    assert_eq!(report.dataset.unwrap().hash, dataset.hash);
}

#[test]
fn importing_twice_changes_nothing_on_the_disk() {
    let home = Home::new();
    let rows = every_second(0, 300);
    home.write("a.csv", &rows).unwrap();
    let manifest = home.dataset_folder().join("manifest.json");
    let (before, files) = (fs::read(&manifest).unwrap(), home.files());
    let report = home.write("renamed.csv", &rows).unwrap();
    assert_eq!(report.unchanged, ["2024-01-01"]);
    assert!(report.written.is_empty() && report.merged.is_empty());
    // A part of it changes nothing either.
    assert_eq!(home.write("part.csv", &rows[10..20]).unwrap().unchanged, ["2024-01-01"]);
    assert_eq!(fs::read(&manifest).unwrap(), before);
    assert_eq!(home.files(), files);
}

#[test]
fn a_contradiction_is_refused_by_name_and_leaves_the_old_rows() {
    let home = Home::new();
    let rows = every_second(0, 300);
    home.write("bank.csv", &rows).unwrap();
    let files = home.files();
    let mut other = every_second(200, DAY);
    other[50].1 = 1.5;
    let error = home.write("broker.csv", &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "EURUSD quotes of 2024-01-01: the rows of broker.csv contradict those stored from bank.csv, first at 2024-01-01T00:04:10Z"
    );
    assert!(error.hint().unwrap().contains("--replace"));
    assert_eq!(home.files(), files);
    assert_eq!(home.rows(), rows);

    let report = home.write_in_parts("broker.csv", Overlap::Replace, &[&other]).unwrap();
    assert_eq!(report.written, ["2024-01-01", "2024-01-02"]);
    assert_eq!(home.rows(), other);
    let names: Vec<String> = report.dataset.unwrap().sources.into_iter().map(|s| s.name).collect();
    assert_eq!(names, ["broker.csv"]);
    assert_eq!(
        home.files()
            .iter()
            .filter(|f| Path::new(f).extension().is_some_and(|e| e == "parquet"))
            .count(),
        2
    );
}

#[test]
fn a_writer_that_does_not_finish_leaves_nothing() {
    let home = Home::new();
    let mut writer = home.catalog.writer(&euro(), DatasetKind::Quotes, source("a")).unwrap();
    writer.append(&quotes(&every_second(0, 3 * DAY))).unwrap();
    drop(writer);
    assert_eq!(home.files(), ["catalog", "catalog/.lock"]);
    assert!(home.catalog.datasets().unwrap().is_empty());

    let rows = every_second(0, 10);
    home.write("a", &rows).unwrap();
    let mut writer = home.catalog.writer(&euro(), DatasetKind::Quotes, source("b")).unwrap();
    writer.append(&quotes(&every_second(DAY, 10))).unwrap();
    drop(writer);
    assert_eq!(home.rows(), rows);
}

#[test]
fn what_a_crash_left_is_ignored_and_then_removed() {
    let home = Home::new();
    let rows = every_second(0, 10);
    home.write("a", &rows).unwrap();
    let folder = home.dataset_folder();
    // A crash while writing leaves a temporary file; a crash before the manifest leaves a file that no manifest names.
    fs::write(folder.join(".tmp-1-2-2024-01-02.parquet"), b"half").unwrap();
    fs::write(folder.join("2024-01-02-0123456789abcdef.parquet"), b"whole").unwrap();
    assert_eq!(home.rows(), rows);
    let more = every_second(DAY, 5);
    home.write("b", &more).unwrap();
    assert_eq!(home.rows(), [rows, more].concat());
    let files = home.files();
    assert!(
        !files.iter().any(|f| f.contains(".tmp") || f.contains("0123456789abcdef")),
        "{files:?}"
    );
}

#[test]
fn one_process_writes_at_a_time() {
    let home = Home::new();
    let writer = home.catalog.writer(&euro(), DatasetKind::Quotes, source("a")).unwrap();
    // Another opening of the same home stands for another process: the lock belongs to the open file.
    let other = Catalog::open(home.folder.path()).unwrap();
    let error = other
        .writer(&"X".parse().unwrap(), DatasetKind::Trades, source("b"))
        .unwrap_err();
    assert_eq!(error.domain(), Domain::NotAllowed);
    assert!(
        error
            .to_string()
            .ends_with(&format!("is being written by process {}", std::process::id())),
        "{error}"
    );
    // The same catalog writes other datasets meanwhile, but not the same one.
    home.catalog.writer(&euro(), DatasetKind::Trades, source("c")).unwrap();
    assert!(matches!(
        home.catalog.writer(&euro(), DatasetKind::Quotes, source("d")),
        Err(DataError::Busy { .. })
    ));
    drop(writer);
    other.writer(&euro(), DatasetKind::Quotes, source("e")).unwrap();
}

#[test]
fn bad_rows_are_refused_by_position() {
    let home = Home::new();
    let mut writer = home.catalog.writer(&euro(), DatasetKind::Quotes, source("a")).unwrap();
    writer.append(&quotes(&[(0, 1.0), (5, 1.0), (5, 1.5)])).unwrap();
    let error = writer.append(&quotes(&[(6, 1.0), (4, 1.0)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "time goes backward at row 4: 2024-01-01T00:00:04Z after 2024-01-01T00:00:06Z"
    );
    drop(writer);
    let error = home.write("a", &[(0, 1.0), (1, f64::NAN)]).unwrap_err();
    assert_eq!(error.to_string(), "`bid` is NaN at row 1");

    let bars = DatasetKind::Bars("1m".parse().unwrap());
    let bar = |second| {
        let prices = (0..5).map(|_| Arc::new(Float64Array::from(vec![1.0])) as _);
        let columns = std::iter::once(times(std::iter::once(second)) as _).chain(prices).collect();
        RecordBatch::try_new(schema::bars(false), columns).unwrap()
    };
    let mut writer = home.catalog.writer(&euro(), bars, source("a")).unwrap();
    writer.append(&bar(0)).unwrap();
    assert_eq!(
        writer.append(&bar(0)).unwrap_err().to_string(),
        "a second row at 2024-01-01T00:00:00Z (row 1)"
    );
    let mut writer = home.catalog.writer(&"X".parse().unwrap(), bars, source("a")).unwrap();
    assert!(
        writer
            .append(&quotes(&[(0, 1.0)]))
            .unwrap_err()
            .to_string()
            .contains("`bid` is none of time, open")
    );
}

#[test]
fn optional_columns_count_only_where_they_hold_values() {
    let (plain, empty, sided) = (Home::new(), Home::new(), Home::new());
    let kind = DatasetKind::Trades;
    let write = |home: &Home, side: Option<Option<i8>>| {
        let mut columns: Vec<Arc<dyn arrow::array::Array>> = vec![
            times(0..3),
            Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0])),
            Arc::new(Float64Array::from(vec![1.0, 0.0, 2.5])),
        ];
        columns.extend(side.map(|side| Arc::new(Int8Array::from(vec![side; 3])) as _));
        let batch = RecordBatch::try_new(schema::trades(side.is_some()), columns).unwrap();
        let mut writer = home.catalog.writer(&euro(), kind, source("a")).unwrap();
        writer.append(&batch).unwrap();
        writer.finish().unwrap().dataset.unwrap()
    };
    let (plain, empty) = (write(&plain, None), write(&empty, Some(None)));
    assert_eq!(plain.hash, empty.hash);
    assert_eq!(empty.columns, ["time", "price", "size"]);
    let with_side = write(&sided, Some(Some(-1)));
    assert_ne!(with_side.hash, plain.hash);
    assert_eq!(with_side.columns, ["time", "price", "size", "side"]);
    assert_eq!(sided.catalog.head(&euro(), kind, 2).unwrap().num_rows(), 2);
}

#[test]
fn bars_are_made_once_and_follow_the_data() {
    let home = Home::new();
    home.write("a", &every_second(0, 150)).unwrap();
    let request = |length: &str, fill_gaps| BarRequest {
        symbol: euro(),
        bars: length.parse().unwrap(),
        fill_gaps,
        source: None,
    };
    let first = home.catalog.bars(&request("1m", FillGaps::None)).unwrap();
    assert_eq!((first.batch.num_rows(), first.source.as_str()), (3, "quotes"));
    let column = |batch: &RecordBatch, name: &str| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().value(2);
    assert_eq!(
        column(&first.batch, "close"),
        f64::midpoint(column(&first.batch, "bid_close"), column(&first.batch, "ask_close"))
    );
    assert_eq!(column(&first.batch, "volume"), 0.0);
    let cache = home.folder.path().join("cache/bars");
    let entries = || fs::read_dir(&cache).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(entries().len(), 1);
    let again = home.catalog.bars(&request("1m", FillGaps::None)).unwrap();
    assert_eq!((again.batch, again.values_hash), (first.batch.clone(), first.values_hash));
    // A damaged entry is made again.
    fs::write(&entries()[0], b"not parquet").unwrap();
    assert_eq!(home.catalog.bars(&request("1m", FillGaps::None)).unwrap().batch, first.batch);

    home.write("b", &every_second(600, 10)).unwrap();
    let more = home.catalog.bars(&request("1m", FillGaps::None)).unwrap();
    assert_ne!(more.values_hash, first.values_hash);
    assert_eq!(more.batch.num_rows(), 4);
    let filled = home.catalog.bars(&request("1m", FillGaps::Forward)).unwrap().batch;
    assert_eq!(filled.num_rows(), 11);
    let starts = filled.column(0).as_primitive::<TimestampNanosecondType>().values();
    assert!(starts.array_windows().all(|[a, b]| b - a == MINUTE_NS));
    assert_eq!(home.catalog.bars(&request("1d", FillGaps::None)).unwrap().batch.num_rows(), 1);

    let error = home.catalog.bars(&request("36h", FillGaps::None)).unwrap_err();
    assert_eq!(error.domain(), Domain::Usage);
    let error = home
        .catalog
        .bars(&BarRequest {
            symbol: "EURUSDD".parse().unwrap(),
            ..request("1m", FillGaps::None)
        })
        .unwrap_err();
    assert_eq!(
        (error.domain(), error.hint().unwrap().as_str()),
        (Domain::NotFound, "did you mean `EURUSD`?")
    );
}

#[test]
fn exports_are_whole_and_exact() {
    let home = Home::new();
    home.write("a", &every_second(0, 150)).unwrap();
    let request = BarRequest {
        symbol: euro(),
        bars: "1m".parse().unwrap(),
        fill_gaps: FillGaps::None,
        source: None,
    };
    let csv = home.folder.path().join("bars.csv");
    let report = export(&home.catalog, &request, &csv).unwrap();
    let text = fs::read_to_string(&csv).unwrap();
    assert_eq!((report.rows, report.bytes), (3, text.len() as u64));
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        "time,open,high,low,close,volume,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close"
    );
    assert!(lines.next().unwrap().starts_with("2024-01-01T00:00:00Z,1.100005,"), "{text}");
    let parquet = home.folder.path().join("bars.parquet");
    export(&home.catalog, &request, &parquet).unwrap();
    assert!(fs::metadata(&parquet).unwrap().len() > 0);
    let batch = home.catalog.bars(&request).unwrap().batch;
    assert!(matches!(
        write_table(&batch, &home.folder.path().join("bars.xls")),
        Err(DataError::ExportFormat { .. })
    ));
    assert!(matches!(
        write_table(&batch, &home.folder.path().join("absent/bars.csv")),
        Err(DataError::Io { .. })
    ));
}

#[test]
fn check_counts_what_is_odd_and_notices_damage() {
    let home = Home::new();
    let mut rows = every_second(0, 100);
    rows[40].1 = 9.0;
    rows.insert(50, rows[50]);
    rows.push((20_000, 0.0));
    rows.push((20_001, -1.0));
    rows.push((20_002, 1.0 / 3.0));
    home.write("a", &rows).unwrap();
    let run = || {
        check(&home.catalog, &euro(), None, &CheckOptions::default())
            .unwrap()
            .remove(0)
    };
    let report = run();
    assert_eq!((report.rows, report.duplicate_times, report.duplicate_rows), (104, 1, 1));
    assert_eq!(
        (report.gaps.count, report.gaps.largest[0].from.to_string().as_str()),
        (1, "2024-01-01T00:01:39Z")
    );
    assert_eq!(
        (report.zero_prices, report.negative_prices, report.non_decimal_prices),
        (1, 2, 1)
    );
    assert_eq!((report.decimals, report.crossed), (None, Some(0)));
    assert_eq!((report.moves.spikes, report.moves.largest[0].price > 8.9), (1, true));
    assert!(report.is_sound());

    // Another file under the same name: other values than the manifest says.
    let other = Home::new();
    other.write("a", &every_second(0, 104)).unwrap();
    let file_of = |home: &Home| {
        let manifest = home.catalog.manifest(&euro(), DatasetKind::Quotes).unwrap();
        home.dataset_folder().join(&manifest.files[0].name)
    };
    fs::copy(file_of(&other), file_of(&home)).unwrap();
    let report = run();
    assert_eq!(report.damaged_files.len(), 1);
    assert!(!report.is_sound());
}
