//! LEAN zips.

use assay_core::job::DataKind;
use assay_data::import::ImportRequest;

use crate::case::Case;

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
fn an_error_in_the_last_dataset_leaves_the_first_unwritten() {
    let good = ("20131007_gc_tick_trade_201312.csv", "1000,1300.1,2,usa,,0\n");
    let bad = ("20131007_gc_tick_trade_201402.csv", "1000,1300.1,2,usa,,0\n500,1,1,usa,,0\n");
    let case = Case::new().zip("comex/20131007_trade.zip", &[good, bad]);
    assert!(
        case.error(|_| {})
            .contains("(20131007_gc_tick_trade_201402.csv), line 2: time goes backward")
    );
}
