//! Trades that other programs made: small files of our own, and two real ones.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests panic as tests do")]

use std::path::{Path, PathBuf};

use assay_core::Explain;
use assay_data::history::{History, HistoryFormat, HistoryOptions, read_history};
use assay_data::import::ImportError;

fn read(name: &str, text: &str, format: Option<HistoryFormat>) -> Result<History, ImportError> {
    let options = HistoryOptions { format, ..in_utc() };
    read_with(name, text, &options)
}

fn in_utc() -> HistoryOptions {
    HistoryOptions {
        zone: "UTC".parse().ok(),
        ..HistoryOptions::default()
    }
}

fn read_with(name: &str, text: &str, options: &HistoryOptions) -> Result<History, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    read_history(&path, options)
}

fn real(name: &str) -> Option<History> {
    let folder = std::env::var_os("ASSAY_MARKET").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/market"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        println!("skipped: no market data at {}", folder.display());
        return None;
    }
    Some(read_history(&folder.join("reports").join(name), &HistoryOptions::default()).unwrap())
}

const EVENTS: &str = r#"[
  {"positionId":1,"event":"Create Position","time":1000,"quantity":2,"type":"Buy","entryPrice":10,"closePrice":null,"grossProfit":0,"balance":null,"equity":100},
  {"positionId":1,"event":"Position Modified (S/L)","time":1500,"quantity":2,"type":"Buy","entryPrice":10,"closePrice":null,"grossProfit":0,"balance":null,"equity":101},
  {"positionId":2,"event":"Create Position","time":1600,"quantity":1,"type":"Sell","entryPrice":12,"closePrice":null,"grossProfit":0,"balance":null,"equity":101},
  {"positionId":1,"event":"Stop Loss Hit","time":2000,"quantity":2,"type":"Buy","entryPrice":10,"closePrice":13,"grossProfit":6,"balance":105.5,"equity":105.5}
]"#;

#[test]
fn events_of_ctrader_become_trades() {
    let history = read("events.json", EVENTS, None).unwrap();
    assert_eq!((history.open, history.capital), (1, Some(100.0)));
    let trade = &history.trades[0];
    assert_eq!((trade.entry.0, trade.exit.0), (1_000_000_000, 2_000_000_000));
    assert_eq!((trade.entry_price, trade.exit_price, trade.units), (10.0, 13.0, 2.0));
    assert_eq!((trade.pnl, trade.fees), (5.5, 0.5), "the balance knows of the swap");
    assert_eq!((trade.long, trade.reason.as_str()), (true, "Stop Loss Hit"));
    let cut = EVENTS.replace("\"Create Position\",\"time\":1000", "\"Other\",\"time\":1000");
    let error = read("events.json", &cut, None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 4: a position is closed that was never created"),
        "{error}"
    );
}

#[test]
fn results_of_freqtrade_become_trades() {
    let trade = r#"{"pair":"ETH/BTC","amount":10,"open_rate":2,"close_rate":3,"fee_open":0.01,"fee_close":0.02,"profit_abs":9.2,
        "exit_reason":"roi","is_open":false,"is_short":false,"open_timestamp":1000.0,"close_timestamp":61000.0}"#;
    let open = trade.replace("\"is_open\":false", "\"is_open\":true");
    let dated = trade
        .replace("\"open_timestamp\":1000.0", "\"open_date\":\"2018-01-10 07:15:00+00:00\"")
        .replace("\"close_timestamp\":61000.0", "\"close_date\":\"2018-01-10 07:20:00+00:00\"");
    let text = format!("{{\"strategy\":{{\"S\":{{\"starting_balance\":50,\"trades\":[{trade},{open},{dated}]}}}}}}");
    let history = read("backtest.json", &text, None).unwrap();
    assert_eq!((history.trades.len(), history.open, history.capital), (2, 1, Some(50.0)));
    let first = &history.trades[0];
    assert_eq!((first.fees, first.pnl, first.instrument.as_str()), (0.8, 9.2, "ETH/BTC"));
    assert_eq!(history.trades[1].exit.to_string(), "2018-01-10T07:20:00Z");
    for (broken, expected) in [
        (&text[..text.len() - 9], "cannot read as JSON"),
        ("{}", "no trades of a kind that is known"),
        ("{\"strategy\":{}}", "not of exactly one strategy"),
        ("{\"strategy\":{\"S\":{\"trades\":[]}}}", "no rows"),
    ] {
        let error = read("backtest.json", broken, None).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn statements_of_brokers_become_trades() {
    let text = "Symbol;Type;Open Time;Close Time;Open Price;Close Price;Volume;Profit;Commission;Swap\n\
                ;balance;;;;;;1000;;\n\
                EURUSD;buy;2020.01.02 10:00;2020.01.02 12:30;1.10;1.11;0.5;50;-3.5;-0.5\n\
                EURUSD;Sell;2020.01.03 10:00;2020.01.03 12:30;1.11;1.12;0.5;-50;3.5;0.25\n\
                EURUSD;sell;2020.01.03 14:00;;1.11;;0.5;0;0;0\n";
    let history = read("statement.csv", text, None).unwrap();
    assert_eq!((history.trades.len(), history.open), (2, 1));
    let [first, second] = &history.trades[..] else { panic!() };
    assert_eq!((first.pnl, first.fees, first.long), (46.0, 4.0, true));
    assert_eq!((second.pnl, second.fees, second.long), (-53.25, 3.25, false));
    assert_eq!(first.exit.to_string(), "2020-01-02T12:30:00Z");
    let net = text.replace(";Profit;", ";Net Profit;");
    assert_eq!(read("statement.csv", &net, None).unwrap().trades[0].pnl, 50.0);
    let error = read("statement.csv", &text.replace("1.11;1.12", "1.11;x"), None).unwrap_err();
    assert!(
        error.to_string().contains("line 4, column exit_price: `x` is not a number"),
        "{error}"
    );
    let error = read("statement.csv", "time,price\n1,2\n", None).unwrap_err();
    assert!(error.hint().unwrap().contains("entry price"), "{error}");
    let error = read("statement.csv", text, Some(HistoryFormat::Ctrader)).unwrap_err();
    assert!(error.to_string().contains("no JSON"), "{error}");
}

#[test]
fn lots_are_units_where_that_is_known() {
    let list = |column: &str, symbol: &str| {
        format!(
            "Symbol,Side,{column},Open time,Close time,Open price,Close price,Net profit\n\
             {symbol},buy,0.5,2020-01-02 10:00,2020-01-02 12:30,1.10,1.11,500\n"
        )
    };
    let units = |column: &str, symbol: &str, lot_size: Option<f64>| {
        let options = HistoryOptions { lot_size, ..in_utc() };
        let trade = read_with("list.csv", &list(column, symbol), &options)
            .unwrap()
            .trades
            .remove(0);
        trade.units_known.then_some(trade.units)
    };
    assert_eq!(units("Lots", "EURUSD", None), Some(50_000.0));
    assert_eq!(units("Volume (in lots)", "eur/usd.pro", None), Some(50_000.0));
    assert_eq!(
        units("Lot", "XAUUSD", None),
        None,
        "a lot of gold is 100 ounces, of a stock index whatever"
    );
    assert_eq!(units("Lots", "XAUUSD", Some(100.0)), Some(50.0));
    assert_eq!(
        units("Volume", "EURUSD", None),
        None,
        "lots in a terminal, units on an exchange"
    );
    assert_eq!(units("Size", "BTCUSDT", Some(1.0)), Some(0.5));
    assert_eq!(units("Units", "EURUSD", None), Some(0.5));
    assert_eq!(units("Whatever", "EURUSD", None), None);
    let options = HistoryOptions {
        lot_size: Some(1.0),
        ..in_utc()
    };
    let error = read_with("events.json", EVENTS, &options).unwrap_err();
    assert!(error.hint().unwrap().contains("--lot-size"), "{error}");
}

#[test]
fn a_real_bot_and_a_real_backtest() {
    let Some(bot) = real("ctrader_events.json") else { return };
    let sum: f64 = bot.trades.iter().map(|trade| trade.pnl).sum();
    assert_eq!((bot.trades.len(), bot.open, bot.capital), (256, 0, Some(420.0)));
    assert!((sum - 3019.22).abs() < 1e-9, "{sum}");
    let backtest = real("freqtrade_backtest-result.json").unwrap();
    let sum: f64 = backtest.trades.iter().map(|trade| trade.pnl).sum();
    assert_eq!((backtest.trades.len(), backtest.capital), (179, Some(0.01)));
    assert!((sum - 0.001_041_902_985_696_884_5).abs() < 1e-15, "{sum}");
}
