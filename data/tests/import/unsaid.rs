//! Closes without the rest of a bar, and what a request leaves unsaid.

use assay_core::job::DataKind;
use assay_data::import::{Adjust, Format, ImportNote, ImportRequest};

use crate::case::{Case, columns};

fn daily(request: &mut ImportRequest) {
    request.bar = "1d".parse().ok();
    request.zone = "UTC".parse().ok();
}

const CLOSES: [&str; 2] = [
    "2020-01-02T00:00:00Z,10.0,10.0,10.0,10.0,0.0",
    "2020-01-03T00:00:00Z,11.0,11.0,11.0,11.0,0.0",
];

#[test]
fn named_columns_make_closes_as_a_header_does() {
    let text = "2020-01-02,10\n2020-01-03,11\n";
    for names in ["time,price", "time,close", "date,close"] {
        let case = Case::new().file("a.csv", text);
        case.import(|r| {
            daily(r);
            r.columns = Some(columns(names));
        })
        .unwrap();
        assert_eq!(case.rows("bars-1d"), CLOSES, "{names}");
    }
    // What stands beside closes is read where it has a meaning.
    let case = Case::new().file("a.csv", "2020-01-02,09:30,x,10,7\n");
    case.import(|r| {
        daily(r);
        r.columns = Some(columns("date,time,_,close,volume"));
    })
    .unwrap();
    assert_eq!(case.rows("bars-1d"), ["2020-01-02T09:30:00Z,10.0,10.0,10.0,10.0,7.0"]);
    let case = Case::new().file("a.csv", "time_ms,close\n1577923200000,10\n1578009600000,11\n");
    case.import(daily).unwrap();
    assert_eq!(case.rows("bars-1d"), CLOSES);
    let refused = |names: &str| {
        Case::new().file("a.csv", text).error(|r| {
            daily(r);
            r.columns = Some(columns(names));
        })
    };
    assert!(refused("time,_").contains("no column for open, high, low, close"));
    assert!(refused("time,bid").contains("no column for open, high, low, close"));
}

#[test]
fn rows_without_a_close_are_left_out_and_counted() {
    let text = "Date,CL.F\n2020-01-01,\n2020-01-02,10\n2020-01-02,\n2020-01-03,11\n2020-01-04,\n";
    let case = Case::new().file("a.csv", text);
    let report = case.import(daily).unwrap();
    let dataset = &report.datasets[0];
    assert_eq!((dataset.rows_read, dataset.without_price, dataset.rows_written), (2, 3, 2));
    assert_eq!(case.rows("bars-1d"), CLOSES);
    let error = Case::new().file("a.csv", text.replace(",11", ",x")).error(daily);
    assert!(error.contains("line 5, column close: `x` is not a number"), "{error}");
    // Where the rest of a bar is expected, a hole in it is one.
    let bars = "Date,Open,High,Low,Close\n2020-01-01,1,1,1,1\n2020-01-02,1,1,1,\n";
    let error = Case::new().file("a.csv", bars).error(daily);
    assert!(error.contains("line 3, column close: the cell is empty"), "{error}");
}

#[test]
fn the_one_column_of_a_wide_table_takes_the_name_asked_for() {
    let text = "Date,CL.F\n2020-01-01,\n2020-01-02,10\n2020-01-03,11\n";
    let case = Case::new().file("a.csv", text);
    let report = case
        .import(|r| {
            daily(r);
            r.format = Some(Format::Wide);
        })
        .unwrap();
    assert_eq!(
        (report.datasets[0].symbol.as_str(), report.datasets[0].without_price),
        ("X", 1)
    );
    assert_eq!(case.rows("bars-1d"), CLOSES);
    let two = Case::new().file("a.csv", "Date,A,B\n2020-01-02,10,1\n");
    let error = two.error(|r| {
        daily(r);
        r.format = Some(Format::Wide);
    });
    assert!(error.contains("no column for X among: A, B"), "{error}");
}

#[test]
fn everything_that_is_missing_is_asked_for_at_once() {
    let bars = "Time,Open,High,Low,Close\n2020-01-02 10:00,1,1,1,1\n2020-01-02 10:05,1,1,1,1\n2020-01-02 10:10,1,1,1,1\n";
    let case = Case::new().file("a.csv", bars);
    let error = case.error(|r| r.symbol = None);
    for text in [
        "their length is not stated",
        "`2020-01-02 10:00` has no zone",
        "of which instrument",
        "add --tz ZONE (UTC, America/New_York, -05:00), --bar 5m (most rows are 5m apart), --symbol NAME",
    ] {
        assert!(error.contains(text), "{text}: {error}");
    }
    assert!(
        !case.error(|r| r.bar = "5m".parse().ok()).contains("--bar"),
        "what was said is not asked for"
    );
    // Something else that is wrong is told once the rest is said.
    let broken = Case::new().file("a.csv", bars.replace("10:00,1,", "10:00,x,"));
    assert!(broken.error(|r| r.symbol = None).contains("has no zone"));
    let error = broken.error(|r| {
        r.bar = "5m".parse().ok();
        r.zone = "UTC".parse().ok();
    });
    assert!(error.contains("`x` is not a number"), "{error}");
}

#[test]
fn a_price_a_day_is_no_trade() {
    let case = Case::new().file("a.csv", "Date,Price\n2020-01-02,10\n2020-01-03,11\n2020-01-06,12\n");
    let utc = |r: &mut ImportRequest| r.zone = "UTC".parse().ok();
    let error = case.error(utc);
    assert!(error.contains("a day or more apart") && error.contains("--bar 1d"), "{error}");
    let error = case.error(|_| {});
    assert!(error.contains("-05:00), --bar 1d"), "{error}");
    case.import(|r| {
        utc(r);
        r.kind = Some(DataKind::Trades);
    })
    .unwrap();
    assert_eq!(case.rows("trades").len(), 3);
    let ticks = Case::new().file(
        "a.csv",
        "time,price\n2020-01-02 10:00,10\n2020-01-02 10:01,11\n2020-01-06 10:00,12\n",
    );
    ticks.import(utc).unwrap();
}

const SHARES: &str = "19980102 00:00,100000,100000,100000,100000,5\n19980105 00:00,50000,50000,50000,50000,5\n";

#[test]
fn adjustment_files_are_no_prices_but_known() {
    let lean = |ticker: &str| {
        Case::new()
            .zip(
                &format!("equity/usa/daily/{ticker}.zip"),
                &[(&format!("{ticker}.csv"), SHARES)],
            )
            .file(
                "equity/usa/daily/factor_files/aapl.csv",
                "19980102,0.9,0.25,10\n19980105,0.9,0.5,10\n20501231,1,1,0\n",
            )
            .file("equity/usa/daily/map_files/aapl.csv", "19980102,aapl,Q\n20501231,aapl,Q\n")
    };
    let case = lean("aapl");
    let report = case.import(|_| {}).unwrap();
    let [note @ ImportNote::SplitsKnown { count: 2, .. }] = report.notes.as_slice() else {
        panic!("{:?}", report.notes);
    };
    assert!(note.to_string().contains("--adjust splits"), "{note}");
    assert!(
        report.skipped.iter().all(|file| file.reason.contains("--adjust")),
        "{:?}",
        report.skipped
    );
    assert_eq!(report.skipped.len(), 2);
    let adjusted = case.import(|r| {
        r.adjust = Adjust::Splits;
        r.replace = true;
    });
    assert!(adjusted.unwrap().notes.is_empty());
    let error = lean("aapl").error(|r| r.paths = vec![r.paths[0].join("equity/usa/daily/factor_files/aapl.csv")]);
    assert!(
        error.contains("an adjustment file") && error.contains("--adjust splits"),
        "{error}"
    );
    assert!(
        lean("ibm").import(|_| {}).unwrap().notes.is_empty(),
        "nothing is known of another ticker"
    );
}

#[test]
fn what_changes_nothing_is_said() {
    let day = [("20140501_eurusd_tick_quote.csv", "1787,1.38727,1.38729\n")];
    let case = Case::new().zip("forex/fxcm/20140501_quote.zip", &day);
    let report = case.import(|r| r.adjust = Adjust::Splits).unwrap();
    assert_eq!(report.notes, [ImportNote::NothingToAdjust]);
    let case = Case::new().file("a.csv", "time,rate\n2020-01-02T00:00:00Z,0.0001\n");
    let report = case
        .import(|r| {
            r.kind = Some(DataKind::Funding);
            r.bar = "1h".parse().ok();
        })
        .unwrap();
    assert_eq!(report.notes, [ImportNote::BarOfFunding]);
    let names = "time,open,high,low,close,volume,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close,x";
    let case = Case::new().file(
        "a.csv",
        format!("{names}\n2020-01-02T00:00:00Z,2,2,2,2,1,1,1,1,1,3,3,3,3,0\n"),
    );
    let report = case.import(daily).unwrap();
    assert_eq!(
        (report.notes, report.ignored_columns),
        (vec![ImportNote::MidsComputed], vec!["x".to_owned()])
    );
}

#[test]
fn reports_of_bots_are_shown_their_command() {
    for text in [
        r#"{"metadata":{},"strategy":{"S":{"trades":[{"pair":"ETH/BTC"}]}}}"#,
        r#"[{"serial":0,"positionId":1,"event":"Create Position","time":1000}]"#,
    ] {
        let error = Case::new().file("report.json", text).error(|_| {});
        assert!(error.contains("assay trades import"), "{error}");
    }
}
