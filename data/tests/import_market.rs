//! Imports of real files: counts, first and last times as the data's own README states them.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests panic as tests do")]

use std::path::{Path, PathBuf};

use assay_core::Explain;
use assay_core::job::DataKind;
use assay_data::import::{Adjust, BadBars, Crossed, DatasetReport, Format, ImportReport, ImportRequest, import};
use assay_data::{Catalog, CheckOptions, DataError};

/// A change to a request.
type Edit<'a> = &'a dyn Fn(&mut ImportRequest);

fn market() -> Option<PathBuf> {
    let folder = std::env::var_os("ASSAY_MARKET").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/market"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no market data at {}", folder.display());
    None
}

fn request(paths: &[&str], symbol: &str) -> Option<ImportRequest> {
    let market = market()?;
    Some(ImportRequest::new(
        paths.iter().map(|p| market.join(p)).collect(),
        symbol.parse().unwrap(),
    ))
}

fn run(request: &ImportRequest) -> Result<ImportReport, DataError> {
    let home = tempfile::tempdir().unwrap();
    import(&Catalog::open(home.path()).unwrap(), request, &|_| {})
}

fn summary(dataset: &DatasetReport) -> String {
    format!(
        "{} {} rows {} first {} last {} dup {}",
        dataset.symbol,
        dataset.kind,
        dataset.rows_read,
        dataset.first.unwrap(),
        dataset.last.unwrap(),
        dataset.duplicates
    )
}

fn summaries(report: &ImportReport) -> Vec<String> {
    report.datasets.iter().map(summary).collect()
}

fn check(paths: &[&str], symbol: &str, edit: impl FnOnce(&mut ImportRequest), expected: &[&str]) {
    let Some(mut request) = request(paths, symbol) else {
        return;
    };
    edit(&mut request);
    let report = run(&request).unwrap();
    assert_eq!(summaries(&report), expected);
}

#[test]
fn eurusd_ticks_of_thirteen_days() {
    let Some(mut request) = request(&["fx_ticks/fxcm_eurusd"], "EURUSD") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(home.path()).unwrap();
    let report = import(&catalog, &request, &|_| {}).unwrap();
    let expected = ["EURUSD quotes rows 1144807 first 2014-05-01T05:00:01.787Z last 2014-05-16T04:59:59.718Z dup 0"];
    assert_eq!(summaries(&report), expected);
    let dataset = &report.datasets[0];
    assert_eq!(
        (dataset.rows_written, dataset.rows_unchanged, dataset.files),
        (1_144_807, 0, 13)
    );
    assert!(
        dataset.crossed > 20_000,
        "crossed quotes are a property of the feed: {}",
        dataset.crossed
    );
    let crossed = dataset.crossed;
    let hash = catalog.datasets().unwrap()[0].hash;

    let again = import(&catalog, &request, &|_| {}).unwrap();
    assert_eq!(
        (again.datasets[0].rows_written, again.datasets[0].rows_unchanged),
        (0, 1_144_807)
    );
    assert_eq!(catalog.datasets().unwrap()[0].hash, hash);

    request.crossed = Crossed::Drop;
    let report = run(&request).unwrap();
    assert_eq!(report.datasets[0].rows_written, 1_144_807 - crossed);
}

#[test]
fn eurusd_minutes_and_days() {
    check(
        &["fx_minute/fxcm_eurusd"],
        "EURUSD",
        |_| {},
        &["EURUSD bars-1m rows 15857 first 2014-05-01T05:00:00Z last 2014-05-16T04:59:00Z dup 0"],
    );
    check(
        &["bars_daily/lean_fxcm/eurusd.zip"],
        "EURUSD",
        |_| {},
        &["EURUSD bars-1d rows 3487 first 2007-03-30T05:00:00Z last 2018-07-04T05:00:00Z dup 0"],
    );
}

#[test]
fn gold_ticks_and_minutes() {
    check(
        &["cfd_ticks/oanda_xauusd"],
        "XAUUSD",
        |_| {},
        &["XAUUSD quotes rows 139633 first 2014-05-01T00:00:00.043142Z last 2014-05-04T23:59:57.3891722Z dup 0"],
    );
    check(
        &["cfd_minute/oanda_xauusd"],
        "XAUUSD",
        |_| {},
        &["XAUUSD bars-1m rows 1495 first 2014-05-01T00:00:00Z last 2014-05-04T23:59:00Z dup 0"],
    );
}

#[test]
fn ibm_ticks_and_minutes() {
    check(
        &["equity_ticks/ibm"],
        "IBM",
        |_| {},
        &[
            "IBM quotes rows 234817 first 2013-10-07T08:00:00.241Z last 2013-10-09T00:00:00.646Z dup 140224",
            "IBM trades rows 57674 first 2013-10-07T08:00:30.27Z last 2013-10-08T23:23:56.822Z dup 12206",
        ],
    );
    check(
        &["equity_minute/ibm/*_trade.zip"],
        "IBM",
        |_| {},
        &["IBM bars-1m rows 877 first 2013-10-07T08:00:00Z last 2013-10-08T23:23:00Z dup 0"],
    );
    check(
        &["equity_minute/ibm/*_quote.zip"],
        "IBM",
        |_| {},
        &["IBM bars-1m rows 1148 first 2013-10-07T08:00:00Z last 2013-10-09T00:00:00Z dup 0"],
    );
}

#[test]
fn gold_futures_one_dataset_a_contract() {
    let contracts = [
        ("201310", 117),
        ("201311", 149),
        ("201312", 91_740),
        ("201402", 326),
        ("201404", 123),
        ("201406", 23),
        ("201408", 3),
        ("201410", 2),
        ("201412", 21),
        ("201506", 7),
        ("201512", 3),
    ];
    let Some(ticks) = request(&["futures_ticks/comex_gc"], "GC") else {
        return;
    };
    let report = run(&ticks).unwrap();
    let found: Vec<(String, u64)> = report
        .datasets
        .iter()
        .map(|d| (d.symbol.to_string(), d.rows_written))
        .collect();
    let expected: Vec<(String, u64)> = contracts.iter().map(|(month, rows)| (format!("GC_{month}"), *rows)).collect();
    assert_eq!(found, expected);
    assert_eq!(found.iter().map(|(_, rows)| rows).sum::<u64>(), 40_192 + 52_322);
    assert_eq!(report.datasets[2].first.unwrap().to_string(), "2013-10-07T00:00:00.276Z");

    let report = run(&request(&["futures_minute/comex_gc"], "GC").unwrap()).unwrap();
    assert_eq!(report.datasets.iter().map(|d| d.rows_written).sum::<u64>(), 1_500 + 1_537);
    assert_eq!(report.datasets.len(), 11);
}

#[test]
fn daily_equities() {
    for (file, symbol) in [("aapl", "AAPL"), ("spy", "SPY"), ("aig", "AIG"), ("bac", "BAC")] {
        let expected = format!("{symbol} bars-1d rows 5849 first 1998-01-02T05:00:00Z last 2021-03-31T04:00:00Z dup 0");
        check(&[&format!("bars_daily/lean_equity/{file}.zip")], symbol, |_| {}, &[&expected]);
    }
}

#[test]
fn crypto_bars_and_trades() {
    check(
        &["bars_1m/bitfinex_btcusd_2015.csv.gz"],
        "BTCUSD",
        |_| {},
        &["BTCUSD bars-1m rows 366710 first 2015-01-01T00:00:00Z last 2015-12-31T23:59:00Z dup 0"],
    );
    check(
        &["messy/ltcusd_coinbase_20180404_trade.zip"],
        "LTCUSD",
        |_| {},
        &["LTCUSD bars-1m rows 1008 first 2018-04-04T00:00:00Z last 2018-04-04T16:50:00Z dup 0"],
    );
    check(
        &["crypto_trades/XRP_ETH-trades.parquet"],
        "XRPETH",
        |_| {},
        &["XRPETH trades rows 12477 first 2019-10-11T00:00:11.62Z last 2019-10-13T11:19:28.844Z dup 2490"],
    );
}

#[test]
fn text_files() {
    check(
        &["bars_1m/gbpusd-m1-bid-2012.csv"],
        "GBPUSD",
        |request| request.bar = "1m".parse().ok(),
        &["GBPUSD bars-1m rows 30117 first 2012-02-01T00:00:00Z last 2012-03-01T00:00:00Z dup 0"],
    );
    check(
        &["messy/quote_tick_data.csv"],
        "EURUSD",
        |request| {
            request.zone = "-05:00".parse().ok();
        },
        &["EURUSD quotes rows 9500 first 2020-01-01T22:00:00.065Z last 2020-01-02T04:00:52.125Z dup 0"],
    );
    check(
        &["bars_daily/orcl-1995-2014.txt"],
        "ORCL",
        |request| {
            request.bar = "1d".parse().ok();
            request.zone = "America/New_York".parse().ok();
        },
        &["ORCL bars-1d rows 5036 first 1995-01-03T05:00:00Z last 2014-12-31T05:00:00Z dup 0"],
    );
}

#[test]
fn what_belongs_to_other_formats_is_refused_with_a_reason() {
    let bars = |request: &mut ImportRequest| {
        request.bar = "1d".parse().ok();
        request.zone = "UTC".parse().ok();
    };
    let as_is = |_: &mut ImportRequest| {};
    let cases: [(&str, Edit<'_>, &str, &str); 7] = [
        (
            "bars_daily/sp500_dataset.csv.gz",
            &bars,
            "seem to be instruments",
            "--format wide",
        ),
        ("bars_daily/orcl-1995-2014.txt", &as_is, "has no zone", "--tz"),
        (
            "commodities/stooq_minor.csv",
            &as_is,
            "`Close` is given twice",
            "--format wide",
        ),
        ("commodities/gold-monthly.csv", &as_is, "names a month", "--bar 1d"),
        ("commodities/brent-daily.csv", &as_is, "has no zone", "--tz"),
        ("l2/xrpusdt-ob500.data.zip", &as_is, "order book", "convert"),
        ("equity_minute/ibm", &as_is, "bars from quotes", "*_trade.zip"),
    ];
    for (path, edit, message, hint) in cases {
        let Some(mut request) = request(&[path], "X") else { return };
        edit(&mut request);
        let error = run(&request).unwrap_err();
        assert!(error.to_string().contains(message), "{path}: {error}");
        assert!(error.hint().unwrap().contains(hint), "{path}: {}", error.hint().unwrap());
    }
}

#[test]
fn wide_tables_and_closes() {
    let daily = |request: &mut ImportRequest| {
        request.bar = "1d".parse().ok();
        request.zone = "UTC".parse().ok();
    };
    let wide = |request: &mut ImportRequest| {
        daily(request);
        request.format = Some(Format::Wide);
        request.symbol = None;
    };
    let Some(mut prices) = request(&["bars_daily/sp500_dataset.csv.gz"], "X") else {
        return;
    };
    wide(&mut prices);
    let report = run(&prices).unwrap();
    assert_eq!(report.datasets.len(), 20);
    assert_eq!(
        summary(&report.datasets[0]),
        "AAPL bars-1d rows 8313 first 1990-01-02T00:00:00Z last 2022-12-28T00:00:00Z dup 0"
    );
    let mut indices = request(&["commodities/stooq_minor.csv"], "X").unwrap();
    wide(&mut indices);
    let error = run(&indices).unwrap_err();
    assert!(error.to_string().contains("line 6842: impossible bar"), "{error}");
    indices.bad_bars = BadBars::Widen;
    let found: Vec<(String, u64)> = run(&indices)
        .unwrap()
        .datasets
        .iter()
        .map(|dataset| (dataset.symbol.to_string(), dataset.rows_read))
        .collect();
    let expected = [
        ("CL.F", 9146),
        ("DJI", 9134),
        ("GC.F", 9154),
        ("NDX", 9134),
        ("SI.F", 9153),
        ("SPX", 9134),
    ];
    assert_eq!(found, expected.map(|(symbol, rows)| (symbol.to_owned(), rows)));
    let mut months = request(&["commodities/worldbank-monthly-selected.csv"], "X").unwrap();
    wide(&mut months);
    let report = run(&months).unwrap();
    assert_eq!(report.datasets.len(), 7);
    let gold = report
        .datasets
        .iter()
        .find(|dataset| dataset.symbol.as_str() == "Gold")
        .unwrap();
    assert_eq!(
        summary(gold),
        "Gold bars-1d rows 798 first 1960-01-31T00:00:00Z last 2026-06-30T00:00:00Z dup 0"
    );
    check(
        &["commodities/gold-monthly.csv"],
        "GOLD",
        daily,
        &["GOLD bars-1d rows 2322 first 1833-01-31T00:00:00Z last 2026-06-30T00:00:00Z dup 0"],
    );
    check(
        &["commodities/brent-daily.csv"],
        "BRENT",
        daily,
        &["BRENT bars-1d rows 9958 first 1987-05-20T00:00:00Z last 2026-08-18T00:00:00Z dup 0"],
    );
}

#[test]
fn json_of_exchanges() {
    check(
        &["crypto_trades/XRP_OLD-trades.json.gz"],
        "XRPETH",
        |_| {},
        &["XRPETH trades rows 12477 first 2019-10-11T00:00:11.62Z last 2019-10-13T11:19:28.844Z dup 2490"],
    );
    let Some(json) = request(&["crypto_trades/XRP_OLD-trades.json.gz"], "XRPETH") else {
        return;
    };
    let hash = |request: &ImportRequest| {
        let home = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(home.path()).unwrap();
        import(&catalog, request, &|_| {}).unwrap();
        catalog.datasets().unwrap()[0].hash
    };
    let parquet = request(&["crypto_trades/XRP_ETH-trades.parquet"], "XRPETH").unwrap();
    assert_eq!(hash(&json), hash(&parquet), "the same trades in two formats");
    let stream = request(&["crypto_l2_trades/binance_usdm_btcusdt_20240808.gz"], "BTCUSDT").unwrap();
    let rows: Vec<(String, u64)> = run(&stream)
        .unwrap()
        .datasets
        .iter()
        .map(|dataset| (dataset.kind.to_string(), dataset.rows_written))
        .collect();
    assert_eq!(rows, [("quotes".to_owned(), 66_089), ("trades".to_owned(), 21_313)]);
}

#[test]
fn splits_and_dividends_of_real_stocks() {
    let bars = |symbol: &str, adjust: Adjust| {
        let path = format!("bars_daily/lean_equity/{symbol}.zip");
        let mut request = request(&[&path], "X")?;
        request.adjust = adjust;
        let home = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(home.path()).unwrap();
        let report = import(&catalog, &request, &|_| {}).unwrap();
        let found = assay_data::check(&catalog, request.symbol.as_ref().unwrap(), None, &CheckOptions::default()).unwrap();
        Some((report.datasets[0].rows_written, found[0].splits.count))
    };
    let Some(raw) = bars("aapl", Adjust::None) else { return };
    // 2 for 1 in 2000 and 2005, 7 for 1 in 2014, 4 for 1 in 2020.
    assert_eq!(raw, (5849, 4));
    assert_eq!(bars("aapl", Adjust::Splits), Some((5849, 0)));
    assert_eq!(bars("uso", Adjust::Splits).unwrap().1, 0);
    assert!(
        bars("uso", Adjust::Splits).unwrap().0 < 3_910,
        "an earlier user of the ticker is left out"
    );
}

#[test]
fn files_with_dates_of_their_own() {
    check(
        &["bars_daily/sp500.csv.gz"],
        "SPX",
        |request| {
            request.kind = Some(DataKind::Bars);
            request.bar = "1d".parse().ok();
            request.zone = "America/New_York".parse().ok();
        },
        &["SPX bars-1d rows 5031 first 1999-01-04T05:00:00Z last 2018-12-31T05:00:00Z dup 0"],
    );
    check(
        &["bars_1m/2006-01-02-volume-min-001.txt"],
        "FESX",
        |request| {
            request.bar = "1m".parse().ok();
            request.zone = "Europe/Berlin".parse().ok();
        },
        &["FESX bars-1m rows 30889 first 2006-01-02T08:01:00Z last 2006-02-27T21:00:00Z dup 0"],
    );
}

#[test]
fn closes_with_holes_under_a_symbol_that_is_known() {
    for (file, symbol) in [("CL-F", "CL"), ("GC-F", "GC"), ("HG-F", "HG"), ("KC-F", "KC")] {
        for format in [None, Some(Format::Wide)] {
            let Some(mut request) = request(&[&format!("commodities/stooq_{file}.csv")], symbol) else {
                return;
            };
            request.bar = "1d".parse().ok();
            request.zone = "UTC".parse().ok();
            request.format = format;
            let report = run(&request).unwrap();
            let dataset = &report.datasets[0];
            assert_eq!(dataset.symbol.as_str(), symbol);
            assert_eq!(dataset.rows_read + dataset.without_price, 9_196, "{file}");
            assert!(
                (40..=120).contains(&dataset.without_price),
                "{file}: {}",
                dataset.without_price
            );
        }
    }
}

#[test]
fn splits_that_are_left_in_are_told_and_seen() {
    let Some(request) = request(&["bars_daily/lean_equity/uso.zip"], "USO") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(home.path()).unwrap();
    let report = import(&catalog, &request, &|_| {}).unwrap();
    assert_eq!(
        report.notes[0].to_string(),
        "1 split of uso is known and left in the prices: --adjust splits takes it out"
    );
    let found = assay_data::check(&catalog, &"USO".parse().unwrap(), None, &CheckOptions::default()).unwrap();
    let jump = found[0]
        .splits
        .first
        .iter()
        .find(|split| split.time.to_string().starts_with("2020-04-29"));
    let jump = jump.expect("the reverse split, which came with a large move of its own");
    assert_eq!((jump.before, jump.after, jump.new), (2.13, 18.01, None));
}

#[test]
fn daily_prices_are_not_taken_for_trades() {
    let Some(mut request) = request(&["commodities/brent-daily.csv"], "BRENT") else {
        return;
    };
    request.zone = "UTC".parse().ok();
    let error = run(&request).unwrap_err();
    assert!(error.hint().unwrap().contains("--bar 1d"), "{error}");
}
