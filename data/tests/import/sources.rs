//! Layouts of well-known sources, in small files of our own.

use assay_data::import::{Adjust, Format, ImportRequest};

use crate::case::{Case, columns, gzipped};

/// Three ticks of EURUSD in an hour, packed as Dukascopy does.
const HOUR: &str = "5d00001000ffffffffffffffff000068175f9c28f8b3f98b5c4b5c5e201f614db4f091253121d6f23ebe5dfa4a18955dc1f288148f82e2981ca554befc3db440";

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn daily(request: &mut ImportRequest) {
    request.bar = "1d".parse().ok();
    request.zone = "UTC".parse().ok();
}

#[test]
fn an_hour_of_dukascopy() {
    let case = Case::new()
        .file("EURUSD/2014/04/01/12h_ticks.bi5", unhex(HOUR))
        .file("EURUSD/2014/04/01/13h_ticks.bi5", "");
    case.import(|_| {}).unwrap();
    assert_eq!(
        case.rows("quotes"),
        [
            "2014-05-01T12:00:00.1Z,1.38712,1.38716,750000.0,1500000.0",
            "2014-05-01T12:00:00.25Z,1.38712,1.38717,2250000.0,500000.0",
            "2014-05-01T12:59:59.999Z,1.38699,1.387,1000000.0,1000000.0"
        ]
    );
}

#[test]
fn damaged_hours_and_unknown_prices_are_refused() {
    let path = "EURUSD/2014/04/01/12h_ticks.bi5";
    let whole = unhex(HOUR);
    for length in [1, 12, 20, whole.len() / 2] {
        let error = Case::new().file(path, &whole[..length]).error(|_| {});
        assert!(error.contains("LZMA"), "{length}: {error}");
    }
    let error = Case::new().file("12h_ticks.bi5", &whole).error(|_| {});
    assert!(error.contains("which hour"), "{error}");
    let case = Case::new().file("USA500IDXUSD/2014/04/01/12h_ticks.bi5", &whole);
    assert!(case.error(|_| {}).contains("--decimals"));
    case.import(|r| r.decimals = Some(3)).unwrap();
    assert!(case.rows("quotes")[0].starts_with("2014-05-01T12:00:00.1Z,138.712,138.716"));
}

#[test]
fn exports_of_dukascopys_programs() {
    let case = Case::new().file(
        "EURUSD_Candlestick_1_M_BID_01.02.2020-02.02.2020.csv",
        "Gmt time,Open,High,Low,Close,Volume\n01.02.2020 00:00:00.000,1.1,1.3,1.0,1.2,5\n13.02.2020 00:01:00.000,1.2,1.3,1.1,1.2,6\n",
    );
    case.import(|_| {}).unwrap();
    assert_eq!(
        case.rows("bars-1m"),
        [
            "2020-02-01T00:00:00Z,1.1,1.3,1.0,1.2,5.0",
            "2020-02-13T00:01:00Z,1.2,1.3,1.1,1.2,6.0"
        ]
    );
    let case = Case::new().file(
        "ticks.csv",
        "Local time,Ask,Bid,AskVolume,BidVolume\n01.02.2020 01:00:00.125 GMT+0100,1.2,1.1,3,4\n",
    );
    case.import(|_| {}).unwrap();
    assert_eq!(case.rows("quotes"), ["2020-02-01T00:00:00.125Z,1.1,1.2,4.0,3.0"]);
}

#[test]
fn public_dumps_of_binance() {
    let kline = |time: &str| format!("{time},10,12,9,11,5.5,0,60.5,7,3,33,0\n");
    let spot = kline("1704067200000") + &kline("1704067260000");
    let case = Case::new().zip("BTCUSDT-1m-2024-01.zip", &[("BTCUSDT-1m-2024-01.csv", &spot)]);
    case.import(|_| {}).unwrap();
    let bars = [
        "2024-01-01T00:00:00Z,10.0,12.0,9.0,11.0,5.5",
        "2024-01-01T00:01:00Z,10.0,12.0,9.0,11.0,5.5",
    ];
    assert_eq!(case.rows("bars-1m"), bars);
    // From 2025 on in microseconds, and futures with a header.
    let header =
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";
    let future = header.to_owned() + &kline("1704067200000000") + &kline("1704067260000000");
    let case = Case::new().file("BTCUSDT-1m-2025-01.csv", future);
    case.import(|_| {}).unwrap();
    assert_eq!(case.rows("bars-1m"), bars);

    let trades = ["2024-01-01T00:00:00.001Z,42.5,0.25,-1", "2024-01-01T00:00:00.002Z,42.6,0.5,1"];
    for (name, text) in [
        (
            "BTCUSDT-aggTrades-2024-01-01.csv",
            "1,42.5,0.25,10,11,1704067200001,True,True\n2,42.6,0.5,12,12,1704067200002,False,True\n",
        ),
        (
            "BTCUSDT-aggTrades-2024-01-01.csv",
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n\
             1,42.5,0.25,10,11,1704067200001,true\n2,42.6,0.5,12,12,1704067200002,false\n",
        ),
        (
            "BTCUSDT-trades-2024-01.csv",
            "1,42.5,0.25,10.6,1704067200001,True,True\n2,42.6,0.5,21.3,1704067200002,False,True\n",
        ),
        (
            "BTCUSDT-trades-2024-01.csv",
            "id,price,qty,quote_qty,time,is_buyer_maker\n1,42.5,0.25,10.6,1704067200001,true\n2,42.6,0.5,21.3,1704067200002,false\n",
        ),
    ] {
        let case = Case::new().file(name, text);
        case.import(|_| {}).unwrap();
        assert_eq!(case.rows("trades"), trades, "{name}");
    }
    let case = Case::new().file(
        "BTCUSDT-bookTicker-2024-01-01.csv",
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n1,42.5,3,42.6,4,1704067200001,1704067200005\n",
    );
    case.import(|_| {}).unwrap();
    assert_eq!(case.rows("quotes"), ["2024-01-01T00:00:00.001Z,42.5,42.6,3.0,4.0"]);
    let case = Case::new().file(
        "BTCUSDT-fundingRate-2024-01.csv",
        "calc_time,funding_interval_hours,last_funding_rate\n1704067200000,8,0.0001\n",
    );
    case.import(|r| r.kind = Some(assay_core::job::DataKind::Funding)).unwrap();
    assert_eq!(case.rows("funding"), ["2024-01-01T00:00:00Z,0.0001"]);
}

#[test]
fn texts_of_histdata() {
    let case = Case::new().file(
        "DAT_ASCII_EURUSD_M1_201202.csv",
        "20120201 000000;1.3066;1.3067;1.3065;1.3066;0\n20120201 000100;1.3066;1.3066;1.3066;1.3066;0\n",
    );
    case.import(|_| {}).unwrap();
    assert_eq!(
        case.rows("bars-1m")[0],
        "2012-02-01T05:00:00Z,1.3066,1.3067,1.3065,1.3066,0.0"
    );
    let ticks = "20200101 170000065,1.1212,1.12172,0\n";
    let case = Case::new().file("DAT_ASCII_EURUSD_T_202001.csv", ticks);
    case.import(|_| {}).unwrap();
    assert_eq!(case.rows("quotes"), ["2020-01-01T22:00:00.065Z,1.1212,1.12172"]);
    let case = Case::new().file("ticks.csv", ticks);
    assert!(
        case.error(|_| {}).contains("--tz"),
        "by its looks alone the zone is not known"
    );
}

#[test]
fn arrays_of_json() {
    let trades = r#"[{"info":{"p":"1"},"timestamp":1570752011620,"side":"sell","price":0.00141342,"amount":23.0},
        {"timestamp":1570752011621,"side":null,"price":"0.5","amount":"2"}]"#;
    for case in [
        Case::new().file("a.json", trades),
        Case::new().file("a.json.gz", gzipped(trades)),
    ] {
        case.import(|_| {}).unwrap();
        assert_eq!(
            case.rows("trades"),
            [
                "2019-10-11T00:00:11.62Z,0.00141342,23.0,-1",
                "2019-10-11T00:00:11.621Z,0.5,2.0,"
            ]
        );
    }
    let candles = "[[1704067200000,1,3,0.5,2,10],[1704067260000,\"2\",\"2\",\"2\",\"2\",\"0\"]]";
    let case = Case::new().file("a.json", candles);
    assert!(case.error(|_| {}).contains("--bar 1m"));
    case.import(|r| r.bar = "1m".parse().ok()).unwrap();
    assert_eq!(
        case.rows("bars-1m"),
        [
            "2024-01-01T00:00:00Z,1.0,3.0,0.5,2.0,10.0",
            "2024-01-01T00:01:00Z,2.0,2.0,2.0,2.0,0.0"
        ]
    );
}

#[test]
fn damaged_and_unknown_json_is_refused_where_it_goes_wrong() {
    let trade = r#"{"timestamp":1570752011620,"side":"sell","price":1,"amount":23.0}"#;
    for (text, expected) in [
        (format!("[{trade},{trade}"), "line 3: cannot read as JSON"),
        (
            format!("[{trade},{}]", trade.replace("1570752011620", "\"x\"")),
            "line 2: cannot read as JSON",
        ),
        (
            format!("[{trade},{}]", trade.replace("sell", "up")),
            "line 2, column side: `up` is not a side",
        ),
        (
            format!("[{trade},{}]", trade.replace("1570752011620", "1570752011619")),
            "line 2: time goes backward",
        ),
        (format!("[{trade}] x"), "cannot read as JSON"),
        ("[]".to_owned(), "unknown layout"),
        ("{\"a\": 1}".to_owned(), "unknown layout"),
        ("{\"topic\": \"orderbook.500\"}".to_owned(), "order book"),
    ] {
        let error = Case::new().file("a.json", &text).error(|_| {});
        assert!(error.contains(expected), "{text}: {error}");
    }
    let error = Case::new().file("a.json", "[]").error(|r| r.format = Some(Format::Csv));
    assert!(error.contains("another format"), "{error}");
}

#[test]
fn captured_streams_of_binance() {
    let text = concat!(
        "1723161253937085768 {\"stream\":\"btcusdt@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"s\":\"BTCUSDT\",\"b\":[[\"1\",\"0\"]],\"a\":[]}}\n",
        "1723161254087891268 {\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":5,\"s\":\"BTCUSDT\",\"b\":\"61837.63\",\"B\":\"3.5\",\"a\":\"61837.64\",\"A\":\"1.25\"}}\n",
        "1723161254087896568 {\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1,\"s\":\"BTCUSDT\",\"t\":3,\"p\":\"61837.63\",\"q\":\"0.02\",\"T\":2,\"m\":true,\"M\":true}}\n",
        "1723161254087896570 {\"e\":\"trade\",\"E\":1,\"T\":2,\"s\":\"BTCUSDT\",\"t\":4,\"p\":\"0\",\"q\":\"7\",\"X\":\"INSURANCE_FUND\",\"m\":false}\n",
        "1723161255319702566 {\"lastUpdateId\":5,\"E\":1,\"bids\":[[\"1\",\"2\"]],\"asks\":[]}\n",
    );
    let case = Case::new().file("capture.gz", gzipped(text));
    let report = case.import(|_| {}).unwrap();
    assert_eq!(report.datasets.len(), 2);
    assert_eq!(
        case.rows("quotes"),
        ["2024-08-08T23:54:14.087891268Z,61837.63,61837.64,3.5,1.25"]
    );
    assert_eq!(case.rows("trades"), ["2024-08-08T23:54:14.087896568Z,61837.63,0.02,-1"]);
    assert_eq!(report.datasets[1].suspicious, 1);
    for (from, to, expected) in [
        ("\"M\":true}}", "\"M\":tr", "line 3: cannot read as JSON"),
        (
            "\"t\":3,\"p\":\"61837.63\"",
            "\"t\":3,\"p\":\"x\"",
            "line 3: cannot read as JSON",
        ),
        ("1723161254087896568 ", "172316125408789656x ", "line 3"),
        ("\"t\":3", "\"t\":3,\"s\":\"ETHUSDT\"", "line 3"),
    ] {
        let error = Case::new().file("a.txt", text.replacen(from, to, 1)).error(|_| {});
        assert!(error.contains(expected), "{to}: {error}");
    }
    let other = text.replacen("\"s\":\"BTCUSDT\",\"t\":3", "\"s\":\"ETHUSDT\",\"t\":3", 1);
    let error = Case::new().file("a.txt", other).error(|_| {});
    assert!(error.contains("`ETHUSDT`") && error.contains("`BTCUSDT`"), "{error}");
}

#[test]
fn wide_tables() {
    let case = Case::new().file("w.csv", "Date,X,^SPX\n2020-01-02,1.5,\n2020-01-03,,3\n2020-01-06,2.5,4\n");
    assert!(case.error(daily).contains("--format wide"));
    let wide = |request: &mut ImportRequest| {
        daily(request);
        request.format = Some(Format::Wide);
    };
    let report = case
        .import(|r| {
            wide(r);
            r.symbol = None;
        })
        .unwrap();
    let found: Vec<String> = report
        .datasets
        .iter()
        .map(|d| format!("{} {}", d.symbol, d.rows_read))
        .collect();
    assert_eq!(found, ["SPX 2", "X 2"]);
    assert_eq!(
        case.rows("bars-1d"),
        [
            "2020-01-02T00:00:00Z,1.5,1.5,1.5,1.5,0.0",
            "2020-01-06T00:00:00Z,2.5,2.5,2.5,2.5,0.0"
        ]
    );
    let one = Case::new().file("w.csv", "Date,X,Y\n2020-01-02,1.5,2\n");
    assert_eq!(one.import(wide).unwrap().datasets.len(), 1);
    let error = Case::new().file("w.csv", "Date,Y,Z\n2020-01-02,1.5,2\n").error(wide);
    assert!(error.contains("no column for X among: Y, Z"), "{error}");

    let text = "A,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\nS,X,Y,X,Y,X,Y,X,Y,X,Y\nDate,,,,,,,,,,\n\
                2020-01-02,2,5,3,6,1,4,2,5,10,\n2020-01-03,,5,,6,,4,,5,,7\n";
    let case = Case::new().file("w.csv", text);
    case.import(wide).unwrap();
    assert_eq!(case.rows("bars-1d"), ["2020-01-02T00:00:00Z,2.0,3.0,1.0,2.0,10.0"]);
    let error = Case::new().file("w.csv", text.replace(",2,5,3,6", ",2,5,,6")).error(wide);
    assert!(error.contains("line 4, column high: the cell is empty"), "{error}");
}

#[test]
fn closes_alone_and_months() {
    let case = Case::new().file("c.csv", "Date,CL.F\n2020-01-02,61.2\n2020-01-03,-36.98\n");
    let report = case.import(daily).unwrap();
    assert_eq!(report.datasets[0].zero_or_negative, 1);
    assert_eq!(case.rows("bars-1d")[0], "2020-01-02T00:00:00Z,61.2,61.2,61.2,61.2,0.0");
    let case = Case::new().file("m.csv", "Month,Price\n1960M01,35\n1960M02,36\n");
    let error = case.error(|r| r.kind = Some(assay_core::job::DataKind::Bars));
    assert!(error.contains("names a month") && error.contains("--bar 1d"), "{error}");
    case.import(daily).unwrap();
    let lasts: Vec<String> = case.rows("bars-1d").iter().map(|row| row[..10].to_owned()).collect();
    assert_eq!(lasts, ["1960-01-31", "1960-02-29"]);
}

#[test]
fn days_and_months_in_an_order_that_only_one_reading_allows() {
    let head = "Date,Open,High,Low,Close\n";
    let case = Case::new().file("a.csv", format!("{head}1/12/1999,1,1,1,1\n1/13/1999,2,2,2,2\n"));
    case.import(daily).unwrap();
    assert_eq!(case.rows("bars-1d")[0], "1999-01-12T00:00:00Z,1.0,1.0,1.0,1.0,0.0");
    let case = Case::new().file("a.csv", format!("{head}1/12/1999,1,1,1,1\n2/12/1999,2,2,2,2\n"));
    assert!(case.error(daily).contains("month/day/year or day/month/year"));
    let case = Case::new().file(
        "a.csv",
        format!("{head}11/1/1999,1,1,1,1\n13/1/1999,2,2,2,2\n1/14/1999,2,2,2,2\n"),
    );
    assert!(
        case.error(daily).contains("month/day/year or day/month/year"),
        "contradictory"
    );
}

#[test]
fn a_header_with_one_name_for_date_and_time() {
    let text = "Date,Open,High,Low,Close,Volume,OpenInterest\n2006-01-02,09:01:00,2,3,1,2,7,0\n";
    let case = Case::new().file("a.csv", text);
    case.import(|r| {
        r.bar = "1m".parse().ok();
        r.zone = "UTC".parse().ok();
    })
    .unwrap();
    assert_eq!(case.rows("bars-1m"), ["2006-01-02T09:01:00Z,2.0,3.0,1.0,2.0,7.0"]);
    let error = Case::new().file("a.csv", text.replace("09:01:00", "1")).error(daily);
    assert!(error.contains("8 fields where 7"), "{error}");
}

#[test]
fn prices_are_adjusted_for_splits_and_dividends() {
    let bars = "20200102 00:00,1000000,1200000,800000,1000000,600\n20200103 00:00,500000,600000,400000,500000,1200\n\
                20200106 00:00,500000,500000,500000,500000,100\n";
    let case = |symbol: &str| {
        Case::new()
            .zip(&format!("equity/usa/daily/{symbol}.zip"), &[(&format!("{symbol}.csv"), bars)])
            .file(
                &format!("equity/usa/factor_files/{symbol}.csv"),
                "20200102,0.9,0.5,100\n20200103,0.9,1,50\n20501231,1,1,0\n",
            )
            .file(
                &format!("equity/usa/map_files/{symbol}.csv"),
                "20200101,abc,Q\n20501231,abc,Q\n",
            )
    };
    let rows = |adjust| {
        let case = case("abc");
        let paths = vec![case.path("equity/usa/daily")];
        case.import(|r| {
            r.paths = paths;
            r.adjust = adjust;
        })
        .unwrap();
        case.rows("bars-1d")
            .iter()
            .map(|row| row[21..].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(Adjust::None)[0], "100.0,120.0,80.0,100.0,600.0");
    assert_eq!(
        rows(Adjust::Splits),
        [
            "50.0,60.0,40.0,50.0,1200.0",
            "50.0,60.0,40.0,50.0,1200.0",
            "50.0,50.0,50.0,50.0,100.0"
        ]
    );
    let total = rows(Adjust::Total);
    assert_eq!(
        (total[0].as_str(), total[2].as_str()),
        ("45.0,54.0,36.0,45.0,1200.0", "50.0,50.0,50.0,50.0,100.0")
    );
    let later = case("abc").file("equity/usa/map_files/abc.csv", "20200103,abc,Q\n20501231,abc,Q\n");
    let paths = vec![later.path("equity/usa/daily")];
    later.import(|r| r.paths = paths).unwrap();
    assert_eq!(later.rows("bars-1d").len(), 2, "an earlier user of the ticker");

    let yahoo = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,10,12,8,10,5,100\n";
    let case = Case::new().file("y.csv", yahoo);
    case.import(|r| {
        daily(r);
        r.adjust = Adjust::Total;
    })
    .unwrap();
    assert_eq!(case.rows("bars-1d"), ["2020-01-02T00:00:00Z,5.0,6.0,4.0,5.0,100.0"]);
    let error = Case::new().file("y.csv", yahoo.replace("Adj Close", "Other")).error(|r| {
        daily(r);
        r.adjust = Adjust::Splits;
    });
    assert!(error.contains("no factors"), "{error}");
}

#[test]
fn whose_data_they_are_must_be_said() {
    let case = Case::new().file("a.csv", "time_ms,bid,ask\n1000,1,2\n");
    assert!(case.error(|r| r.symbol = None).contains("--symbol"));
    case.import(|r| r.columns = Some(columns("time_ms,bid,ask"))).unwrap();
}
