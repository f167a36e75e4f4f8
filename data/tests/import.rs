//! Imports of small files made here: every format, every bad input.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::TimestampNanosecondType;
use arrow::util::display::array_value_to_string;
use assay_core::Explain;
use assay_core::job::DataKind;
use assay_core::time::UtcNs;
use assay_data::import::{Crossed, Format, ImportReport, ImportRequest, Problem, TimeFormat, Unsorted, import};
use assay_data::{Catalog, DataError};
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A folder with files, and a home beside it.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("in").join(name)
    }

    fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn zip(self, name: &str, members: &[(&str, &str)]) -> Self {
        let bytes = zipped(members);
        self.file(name, bytes)
    }

    fn catalog(&self) -> Catalog {
        Catalog::open(&self.folder.path().join("home")).unwrap()
    }

    fn import(&self, edit: impl FnOnce(&mut ImportRequest)) -> Result<ImportReport, DataError> {
        let mut request = ImportRequest::new(vec![self.path("")], "X".parse().unwrap());
        edit(&mut request);
        import(&self.catalog(), &request, &|_| {})
    }

    /// Imports what must fail: message and hint. Nothing may be left in the catalog.
    fn error(&self, edit: impl FnOnce(&mut ImportRequest)) -> String {
        let error = self.import(edit).unwrap_err();
        assert!(self.catalog().datasets().unwrap().is_empty(), "{error}");
        let rows: Vec<PathBuf> = files_below(&self.folder.path().join("home"))
            .into_iter()
            .filter(|path| path.to_string_lossy().contains(".parquet"))
            .collect();
        assert!(rows.is_empty(), "{error} left {rows:?}");
        format!("{error} | {}", error.hint().expect("every import error has a hint"))
    }

    /// All rows of a dataset: time and values, as text.
    fn rows(&self, kind: &str) -> Vec<String> {
        let folder = self.folder.path().join("home/catalog/X").join(kind);
        let mut rows = Vec::new();
        for path in files_below(&folder)
            .into_iter()
            .filter(|p| p.extension().is_some_and(|e| e == "parquet"))
        {
            let file = fs::File::open(path).unwrap();
            let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024).unwrap();
            for batch in reader {
                let batch = batch.unwrap();
                for row in 0..batch.num_rows() {
                    let cell = |column: &ArrayRef| match column.as_primitive_opt::<TimestampNanosecondType>() {
                        Some(times) => UtcNs(times.value(row)).to_string(),
                        None => array_value_to_string(column, row).unwrap(),
                    };
                    rows.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join(","));
                }
            }
        }
        rows
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files_below(&path) } else { vec![path] }
        })
        .collect();
    files.sort();
    files
}

fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

const TICKS: &str = "time_ms,bid,ask\n1000,1.5,1.6\n2000,1.7,1.65\n2000,1.6,1.7\n";

/// A change to a request.
type Edit<'a> = &'a dyn Fn(&mut ImportRequest);

fn minutes(request: &mut ImportRequest) {
    request.bar = "1m".parse().ok();
}

fn columns(names: &str) -> Vec<String> {
    names.split(',').map(str::to_owned).collect()
}

#[test]
fn quotes_from_text_gzip_and_zip_are_the_same() {
    let mut hashes = Vec::new();
    let windows = format!("\u{feff}\n# made by hand\n{}", TICKS.replace('\n', "\r\n"));
    let quoted = "\"TIME_MS\";\"Bid\";\"Ask\"\n\"1000\";\"1.5\";1.6\n\n2000; 1.7 ;1.65\n2000;1.6;17e-1";
    for case in [
        Case::new().file("a.csv", TICKS),
        Case::new().file("a.csv.gz", gzipped(TICKS)),
        Case::new().zip("a.zip", &[("a.csv", TICKS)]),
        Case::new().file("a.txt", windows),
        Case::new().file("a.csv", quoted),
        Case::new()
            .file("2.csv", "time_ms,bid,ask\n1000,1.5,1.6\n")
            .file("1.csv", TICKS.replace("1000,1.5,1.6\n", "")),
    ] {
        let report = case.import(|_| {}).unwrap();
        let dataset = &report.datasets[0];
        assert_eq!(
            (dataset.rows_written, dataset.crossed, dataset.duplicates, dataset.dropped),
            (3, 1, 1, 0)
        );
        hashes.push(case.catalog().datasets().unwrap()[0].hash);
        let again = case.import(|_| {}).unwrap();
        assert_eq!((again.datasets[0].rows_written, again.datasets[0].rows_unchanged), (0, 3));
    }
    assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{hashes:?}");
}

#[test]
fn crossed_and_unsorted_rows_are_treated_as_asked() {
    let case = Case::new().file("a.csv", TICKS);
    case.import(|r| r.crossed = Crossed::Swap).unwrap();
    assert_eq!(
        case.rows("quotes"),
        [
            "1970-01-01T00:00:01Z,1.5,1.6",
            "1970-01-01T00:00:02Z,1.65,1.7",
            "1970-01-01T00:00:02Z,1.6,1.7"
        ]
    );
    let case = Case::new().file("a.csv", "time_s,price,size,side\n3,1,1,buy\n1,2,1,sell\n3,3,,\n2,4,1,b\n");
    assert!(case.error(|_| {}).contains("line 3: time goes backward"));
    let report = case.import(|r| r.unsorted = Unsorted::Sort).unwrap();
    assert_eq!((report.datasets[0].disorder, report.datasets[0].duplicates), (2, 1));
    assert_eq!(
        case.rows("trades"),
        [
            "1970-01-01T00:00:01Z,2.0,1.0,-1",
            "1970-01-01T00:00:02Z,4.0,1.0,1",
            "1970-01-01T00:00:03Z,1.0,1.0,1",
            "1970-01-01T00:00:03Z,3.0,0.0,"
        ]
    );
}

#[test]
fn many_chunks_are_read_in_order_and_errors_keep_their_line() {
    let mut text = String::from("time_ms,bid,ask\n");
    for row in 0..600_000 {
        use std::fmt::Write as _;
        writeln!(
            text,
            "{},1.{:05},1.{:05}",
            1_000_000_000_000_i64 + row * 100,
            row % 99_999,
            row % 99_999 + 1
        )
        .unwrap();
    }
    assert!(text.len() > 12 << 20, "several chunks");
    let case = Case::new().file("a.csv", &text);
    let seen = std::sync::Mutex::new(Vec::new());
    let request = ImportRequest::new(vec![case.path("")], "X".parse().unwrap());
    let report = import(&case.catalog(), &request, &|p| {
        seen.lock().unwrap().push((p.rows, p.files_done));
    })
    .unwrap();
    assert_eq!(report.datasets[0].rows_written, 600_000);
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() > 2 && seen.is_sorted());
    assert_eq!(seen.last(), Some(&(600_000, 1)));
    for (damage, message) in [
        ("x", "line 600002, column time"),
        ("0,1,2\n", "line 600002: time goes backward"),
    ] {
        let bad = Case::new().file("a.csv", format!("{text}{damage}"));
        assert!(bad.error(|_| {}).contains(message), "{damage}");
    }
}

#[test]
fn bars_from_text() {
    let text = "Date,Time,Open,High,Low,Close,Extra,Vol\n2014.05.01,09:30,1,3,0.5,2,x,7\n2014.05.01,09:31,2,2,2,2,x,\n2014.05.01,09:31,2,2,2,2,x,\n";
    let case = Case::new().file("a.csv", text);
    let report = case
        .import(|r| {
            minutes(r);
            r.zone = "America/New_York".parse().ok();
        })
        .unwrap();
    assert_eq!(
        (
            report.datasets[0].rows_written,
            report.datasets[0].duplicates,
            report.datasets[0].dropped
        ),
        (2, 1, 1)
    );
    assert_eq!(report.ignored_columns, ["Extra"]);
    assert_eq!(
        case.rows("bars-1m"),
        [
            "2014-05-01T13:30:00Z,1.0,3.0,0.5,2.0,7.0",
            "2014-05-01T13:31:00Z,2.0,2.0,2.0,2.0,0.0"
        ]
    );
}

#[test]
fn bitfinex_candles_are_open_close_high_low() {
    let case = Case::new().file(
        "Candles_1m/bitfinex/x.csv",
        "1420070400000,2,3,4,1,5\n1420070460000,3,3,3,3,0\n",
    );
    case.import(|_| {}).unwrap();
    assert_eq!(case.rows("bars-1m")[0], "2015-01-01T00:00:00Z,2.0,4.0,1.0,3.0,5.0");
    let case = Case::new().file("x.csv", "1420070400000,2,3,4,1,5\n1420070460000,3,3,3,3,0\n");
    assert!(case.error(|_| {}).contains("--columns"), "not guessed from the numbers");
    assert!(case.error(|r| r.format = Some(Format::Bitfinex)).contains("give --bar 1m"));
}

#[test]
fn lean_zips_of_every_class() {
    let case = Case::new().zip(
        "equity/usa/tick/x/20131007_quote.zip",
        &[(
            "20131007_x_Quote_Tick.csv",
            "100,0,0,1836300,5,Q,1,0\n200,1800100,3,0,0,P,1,0\n300,1800200,1,0,0,P,1,1\n400,0,0,1818000,7,P,1,0\n",
        )],
    );
    let report = case.import(|_| {}).unwrap();
    let dataset = &report.datasets[0];
    assert_eq!(
        (dataset.rows_read, dataset.one_sided, dataset.suspicious, dataset.dropped),
        (4, 1, 1, 2)
    );
    assert_eq!(
        case.rows("quotes"),
        [
            "2013-10-07T04:00:00.2Z,180.01,183.63,3.0,5.0",
            "2013-10-07T04:00:00.4Z,180.01,181.8,3.0,7.0"
        ]
    );

    let quote_bar = "0,1,3,1,2,9,2,4,2,3,9\n";
    let case = Case::new().zip(
        "fx/fxcm/minute/x/20140501_quote.zip",
        &[("20140501_x_minute_quote.csv", quote_bar)],
    );
    case.import(|_| {}).unwrap();
    assert_eq!(
        case.rows("bars-1m"),
        ["2014-05-01T05:00:00Z,1.5,3.5,1.5,2.5,0.0,1.0,3.0,1.0,2.0,2.0,4.0,2.0,3.0"]
    );

    let case = Case::new().zip("crypto/kraken/hour/x.zip", &[("x_trade.csv", "20140501 13:00,1,3,1,2,0.5\n")]);
    case.import(|_| {}).unwrap();
    assert_eq!(case.rows("bars-1h"), ["2014-05-01T13:00:00Z,1.0,3.0,1.0,2.0,0.5"]);

    let case = Case::new().zip(
        "future/comex/tick/gc/20131007_trade.zip",
        &[
            ("20131007_gc_tick_trade_201312.csv", "1000,1300.1,2,usa,,0\n"),
            ("20131007_gc_tick_trade_201402_20140226.csv", "500,1301,1,usa,,0\n"),
            ("20131007_gc_tick_openinterest_201312.csv", "0,5\n"),
        ],
    );
    let report = case.import(|_| {}).unwrap();
    let symbols: Vec<&str> = report.datasets.iter().map(|d| d.symbol.as_str()).collect();
    assert_eq!(symbols, ["X_201312", "X_201402"]);
    assert_eq!(report.skipped.len(), 1);
}

#[test]
fn lean_zips_that_leave_something_open() {
    let day = [("20140501_eurusd_tick_quote.csv", "1787,1.38727,1.38729\n")];
    let case = Case::new().zip("20140501_quote.zip", &day);
    assert!(case.error(|_| {}).contains("--format lean-forex"));
    let forex = |r: &mut ImportRequest| r.format = "lean-forex".parse().ok();
    assert!(case.error(forex).contains("--tz"), "a venue whose zone is not known");
    case.import(|r| {
        forex(r);
        r.zone = "-05:00".parse().ok();
    })
    .unwrap();
    assert_eq!(case.rows("quotes"), ["2014-05-01T05:00:01.787Z,1.38727,1.38729"]);

    let other = [("20140501_nzdusd_tick_quote.csv", "1787,0.8,0.9\n")];
    let case = Case::new()
        .zip("fxcm/a/20140501_quote.zip", &day)
        .zip("fxcm/b/20140501_quote.zip", &other);
    assert!(case.error(|_| {}).contains("`nzdusd`, an earlier one of `eurusd`"));
    let case = Case::new().zip("fxcm/eurusd.zip", &[("eurusd.csv", "20140501 00:00,1,1,1,1,0,2,2,2,2,0\n")]);
    assert!(case.error(|_| {}).contains("--bar 1d"));
    assert!(case.error(|r| r.kind = Some(DataKind::Trades)).contains("--bar 1d"));
    let case = Case::new().zip("fxcm/20140501_quote.zip", &day);
    assert!(
        case.error(|r| r.kind = Some(DataKind::Trades))
            .contains("none of the files holds trades")
    );
}

#[test]
fn parquet_of_other_tools() {
    let time: ArrayRef = Arc::new(Int64Array::from(vec![
        1_420_070_400_000,
        1_420_070_400_000,
        1_420_070_401_000,
    ]));
    let side: ArrayRef = Arc::new(StringArray::from(vec![Some("buy"), Some("sell"), None]));
    let price = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let write = |columns: Vec<(&str, ArrayRef)>| {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    };
    let good = write(vec![
        ("timestamp", time.clone()),
        ("id", side.clone()),
        ("price", price(vec![1.0, 2.0, 3.0])),
        ("amount", price(vec![0.5, 0.5, 1.5])),
        ("side", side),
    ]);
    let case = Case::new().file("a.parquet", &good);
    let report = case.import(|_| {}).unwrap();
    assert_eq!((report.datasets[0].rows_written, report.datasets[0].duplicates), (3, 1));
    assert_eq!(
        case.rows("trades")[1..],
        ["2015-01-01T00:00:00Z,2.0,0.5,-1", "2015-01-01T00:00:01Z,3.0,1.5,"]
    );

    let bad = write(vec![
        ("time", time),
        ("bid", price(vec![1.0, f64::NAN, 1.0])),
        ("ask", price(vec![1.0; 3])),
    ]);
    assert!(
        Case::new()
            .file("a.parquet", bad)
            .error(|_| {})
            .contains("line 2, column bid: `NaN` is not a finite number")
    );
    assert!(
        Case::new()
            .file("a.parquet", &good[..good.len() / 2])
            .error(|_| {})
            .contains("cannot read as Parquet")
    );
    assert!(
        Case::new()
            .file("a.parquet", "time,bid")
            .error(|_| {})
            .contains("does not begin like a Parquet file")
    );
}

#[test]
fn bad_files_say_what_where_and_what_to_do() {
    let csv = |text: &str| Case::new().file("a.csv", text);
    let none = |_: &mut ImportRequest| {};
    let utc = |r: &mut ImportRequest| r.zone = "UTC".parse().ok();
    let unix = |r: &mut ImportRequest| r.time_format = Some(TimeFormat::Unix { unit_ns: 1 });
    let headerless = |r: &mut ImportRequest| r.columns = Some(columns("time,bid,ask"));
    let typo = |r: &mut ImportRequest| r.columns = Some(columns("time,bdi,ask"));
    let cases: Vec<(Case, Edit<'_>, &str, &str)> = vec![
        (csv(""), &none, "no rows", "fetch"),
        (csv("time_ms,bid,ask\n"), &none, "no rows", "fetch"),
        (csv("\n\n"), &none, "no rows", "fetch"),
        (
            csv("time_ms,bid,ask\n1,x,2\n"),
            &none,
            "line 2, column bid: `x` is not a number",
            "--columns",
        ),
        (
            csv("time_ms,bid,ask\n1,1.5e,2\n"),
            &none,
            "`1.5e` is not a number",
            "--columns",
        ),
        (
            csv("time_ms;bid;ask\n1;1,5;2\n"),
            &none,
            "`1,5` is not a number",
            "decimal comma",
        ),
        (
            csv("time_ms,bid,ask\n1,1,2\n2,nan,2\n"),
            &none,
            "line 3, column bid: `nan` is not a finite number",
            "remove",
        ),
        (
            csv("time_ms,bid,ask\n1,1,inf\n"),
            &none,
            "column ask: `inf` is not a finite number",
            "remove",
        ),
        (csv("time_ms,bid,ask\n1,1,1e999\n"), &none, "not a finite number", "remove"),
        (
            csv("time_ms,bid,ask\n1,,2\n"),
            &none,
            "column bid: the cell is empty",
            "remove",
        ),
        (
            csv("time_ms,bid,ask\n1,1,2\n2,1\n"),
            &none,
            "line 3: 2 fields where 3 are expected",
            "--columns",
        ),
        (
            csv("time_ms,bid,ask\n1,1,2\n2,1,2,3\n"),
            &none,
            "line 3: 4 fields where 3 are expected",
            "--columns",
        ),
        (
            csv("time_ms,bid,ask\n5,1,2\n4,1,2\n"),
            &none,
            "line 3: time goes backward",
            "--unsorted sort",
        ),
        (csv("time_ms,bid,ask\n1,\"1,2\n"), &none, "quotation mark", "correct"),
        (
            csv("time_ms,bid,ask\nx,1,2\n"),
            &none,
            "column time: `x` is not a time",
            "--time-format",
        ),
        (
            csv("time,bid,ask\n2014-05-01 12:00,1,2\n"),
            &none,
            "`2014-05-01 12:00` has no zone",
            "--tz",
        ),
        (
            csv("time,bid,ask\n01/02/2014 12:00,1,2\n"),
            &utc,
            "month/day/year or day/month/year",
            "--time-format",
        ),
        (
            csv("time,bid,ask\n2014050112,1,2\n"),
            &utc,
            "unix time in seconds or a date",
            "--time-format",
        ),
        (csv("time,bid,ask\n5,1,2\n"), &none, "unknown unit", "--time-format"),
        (
            csv("time,bid,ask\n99999999999999999999,1,2\n"),
            &unix,
            "outside 1677 to 2262",
            "unit",
        ),
        (
            csv("time,bid,ask\n1398902400000,1,2\n"),
            &|r| r.zone = "Asia/Tokyo".parse().ok(),
            "UTC by definition",
            "--tz",
        ),
        (
            csv("time,bid,ask\n2014-03-09 02:30,1,2\n"),
            &|r| r.zone = "America/New_York".parse().ok(),
            "does not exist",
            "--tz",
        ),
        (csv("1398902400000,1,2\n"), &none, "the first line is data", "--columns"),
        (csv("1398902400000,1\n"), &headerless, "2 fields where 3", "--columns"),
        (
            csv("1398902400000,1,2\n"),
            &typo,
            "unknown column name `bdi`",
            "did you mean `bid`?",
        ),
        (csv("when,bid,ask\n1,1,2\n"), &none, "no column for time", "--columns"),
        (
            csv("time,bid,ask,price\n1,1,2,3\n"),
            &none,
            "quotes as well as trades",
            "--kind",
        ),
        (csv("time_s,price,size,side\n1,1,1,up\n"), &none, "`up` is not a side", "buy"),
        (
            csv("time_s,price,size\n1,1,-1\n"),
            &none,
            "column size: -1 is negative",
            "order of the columns",
        ),
        (
            csv("time_s,open,high,low,close\n60,1,2,1,2\n120,1,2,1,2\n"),
            &none,
            "length is not stated",
            "--bar 1m",
        ),
        (
            csv("time_s,open,high,low,close\n60,1,2,1,3\n"),
            &minutes,
            "line 2: impossible bar",
            "Bitfinex",
        ),
        (
            csv("time_s,open,high,low,close\n60,1,2,1,2\n60,1,2,1,1\n"),
            &minutes,
            "line 3: a second, different bar",
            "remove",
        ),
        (
            csv("time_s,open,high,low,close\n60,1,2,1,2\n90,1,2,1,1\n"),
            &minutes,
            "line 3: the bar at",
            "--bar 30s",
        ),
        (csv("{\"a\": 1}\n"), &none, "JSON", "convert"),
        (csv("<!DOCTYPE html>\n<p>404</p>\n"), &none, "web page", "fetch"),
        (
            Case::new().file("a.csv", b"time_ms,bid,ask\n1,1,2\n2,\xff,2\n"),
            &none,
            "line 3: not UTF-8",
            "iconv",
        ),
        (
            Case::new().file("a.csv", b"\xff\xfet\0i\0m\0e\0"),
            &none,
            "not UTF-8",
            "iconv",
        ),
        (csv(&"x".repeat(100_000)), &none, "a line is longer", "one row per line"),
        (
            Case::new().file("a.zip", "not a zip"),
            &none,
            "damaged or truncated zip",
            "fetch",
        ),
        (
            Case::new().file("a.gz", "not a gzip"),
            &none,
            "damaged or truncated gzip",
            "fetch",
        ),
        (
            Case::new().zip("a.zip", &[("b.zip", "x")]),
            &none,
            "an archive inside an archive",
            "unpack",
        ),
        (Case::new().zip("a.zip", &[]), &none, "no rows", "fetch"),
        (Case::new().file("notes.md", "x"), &none, "no market files", ".csv"),
        (
            csv("time_ms,bid,ask\n1,1,2\n"),
            &|r| r.paths = vec!["/none/x.csv".into()],
            "no such file",
            "check the path",
        ),
        (
            csv("time_ms,bid,ask\n1,1,2\n"),
            &|r| r.format = Some(Format::Lean(None)),
            "neither its name",
            "--columns",
        ),
    ];
    for (case, edit, message, hint) in cases {
        let text = case.error(edit);
        let (found, advice) = text.split_once(" | ").unwrap();
        assert!(found.contains(message), "expected `{message}` in `{text}`");
        assert!(advice.contains(hint), "expected `{hint}` in `{text}`");
    }
}

#[test]
fn damaged_archives_are_found_wherever_they_are_cut() {
    let mut text = String::from("time_ms,bid,ask\n");
    for row in 0..50_000_u64 {
        use std::fmt::Write as _;
        writeln!(text, "{},1.{:05},2", row, row.wrapping_mul(2_654_435_761) % 100_000).unwrap();
    }
    let (zip, gzip) = (zipped(&[("a.csv", &text)]), gzipped(&text));
    for part in [1, 2, 3] {
        let cut = |bytes: &[u8]| bytes[..bytes.len() * part / 4].to_vec();
        assert!(Case::new().file("a.zip", cut(&zip)).error(|_| {}).contains("truncated zip"));
        assert!(
            Case::new()
                .file("a.csv.gz", cut(&gzip))
                .error(|_| {})
                .contains("truncated gzip")
        );
    }
    let mut flipped = zip;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    assert!(Case::new().file("a.zip", flipped).error(|_| {}).contains("(a.csv)"));
}

#[test]
fn an_archive_that_expands_beyond_reason_is_stopped() {
    let row = "1,1,2\n".repeat(100_000);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(b"time_ms,bid,ask\n").unwrap();
    for _ in 0..160 {
        gzip.write_all(row.as_bytes()).unwrap();
    }
    let case = Case::new().file("a.csv.gz", gzip.finish().unwrap());
    let error = case.import(|_| {}).unwrap_err();
    assert!(
        matches!(&error, DataError::Import(inner) if matches!(*inner.problem, Problem::Bomb { .. })),
        "{error}"
    );
    assert!(case.catalog().datasets().unwrap().is_empty());
}

#[test]
fn an_error_in_the_last_dataset_leaves_the_first_unwritten() {
    let good = ("20131007_gc_tick_trade_201312.csv", "1000,1300.1,2,usa,,0\n");
    let bad = ("20131007_gc_tick_trade_201402.csv", "1000,1300.1,2,usa,,0\n500,1,1,usa,,0\n");
    let case = Case::new().zip("comex/20131007_trade.zip", &[good, bad]);
    assert!(
        case.error(|_| {})
            .contains("(20131007_gc_tick_trade_201402.csv), line 2: time goes backward")
    );
}

#[test]
fn zero_and_negative_prices_are_counted_and_kept() {
    let case = Case::new().file("a.csv", "time,price\n2020-04-17Z,18.31\n2020-04-20Z,-36.98\n2020-04-21Z,0\n");
    let error = case.error(|_| {});
    assert!(error.contains("2020-04-17Z"), "a date has no offset: {error}");
    let case = Case::new().file("a.csv", "time,price\n2020-04-17,18.31\n2020-04-20,-36.98\n2020-04-21,0\n");
    let report = case.import(|r| r.zone = "UTC".parse().ok()).unwrap();
    assert_eq!((report.datasets[0].rows_written, report.datasets[0].zero_or_negative), (3, 2));
    assert_eq!(case.rows("trades")[1], "2020-04-20T00:00:00Z,-36.98,0.0");
}
