//! Delimited text and Bitfinex candles.

use assay_core::job::DataKind;
use assay_data::import::{Crossed, Format, ImportRequest, Unsorted, import};

use crate::case::{Case, TICKS, gzipped, minutes};

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
fn zero_and_negative_prices_are_counted_and_kept() {
    let case = Case::new().file("a.csv", "time,price\n2020-04-17Z,18.31\n2020-04-20Z,-36.98\n2020-04-21Z,0\n");
    let error = case.error(|_| {});
    assert!(error.contains("2020-04-17Z"), "a date has no offset: {error}");
    let case = Case::new().file("a.csv", "time,price\n2020-04-17,18.31\n2020-04-20,-36.98\n2020-04-21,0\n");
    let report = case
        .import(|r| {
            r.zone = "UTC".parse().ok();
            r.kind = Some(DataKind::Trades);
        })
        .unwrap();
    assert_eq!((report.datasets[0].rows_written, report.datasets[0].zero_or_negative), (3, 2));
    assert_eq!(case.rows("trades")[1], "2020-04-20T00:00:00Z,-36.98,0.0");
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
