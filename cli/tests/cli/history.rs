//! Trades of bots and brokers.

use crate::support::Lab;

const LIST: &str = "symbol,side,entry time,exit time,entry price,exit price,units,pnl,fees,reason\n\
    EURUSD,long,2020-01-02 10:00,2020-01-02 12:00,1.10,1.12,1000,20,1,target\n\
    EURUSD,short,2020-01-03 10:00,2020-01-03 12:00,1.12,1.13,1000,-10,1,stop\n";

#[test]
fn a_brokers_list_is_measured_like_a_trial() {
    let lab = Lab::new();
    lab.write("list.csv", LIST);
    let run = |more: &[&str]| lab.run(&[&["trades", "import", "list.csv", "--tz", "UTC"], more].concat());
    let found = run(&["--capital", "1000", "-o", "json"]).json();
    assert_eq!(found["metrics"]["trades"], 2.0);
    assert_eq!(found["metrics"]["final_equity"], 1010.0);
    assert_eq!(found["metrics"]["profit_factor"], 2.0);
    assert_eq!(found["trades"][1]["direction"], "short");
    let text = run(&["--capital", "1000"]).ok();
    assert!(
        text.contains("2 closed trades from 2020-01-02 10:00:00") && text.contains("win_rate"),
        "{text}"
    );
    assert_eq!(run(&["--capital", "1000", "-o", "csv"]).ok().lines().count(), 3);

    run(&[]).fails(2, &["how much money", "--capital"]);
    run(&["--capital", "-1"]).fails(2, &["-1"]);
    run(&["--format", "ctrader", "--capital", "1"]).fails(1, &["no JSON"]);
    lab.run(&["trades", "import", "none.csv"]).fails(1, &["none.csv"]);
}

#[test]
fn lots_of_currencies_are_no_units() {
    let lab = Lab::new();
    lab.write("lots.csv", &LIST.replace("units", "Lots").replace(",1000,", ",0.01,"));
    let run = |more: &[&str]| {
        let args = ["trades", "import", "lots.csv", "--tz", "UTC", "--capital", "1000"];
        lab.run(&[&args, more].concat())
    };
    let found = run(&["-o", "json"]).json();
    let average = found["metrics"]["avg_trade"].as_f64().unwrap_or_default();
    assert!((average - (20.0 / 1100.0 - 10.0 / 1120.0) / 2.0).abs() < 1e-12, "{average}");
    assert_eq!(found["trades"][0]["units"], 1_000.0);
    let tenth = run(&["--lot-size", "10000", "-o", "json"]).json();
    assert_eq!(tenth["trades"][0]["units"], 100.0);
    run(&["--lot-size", "0"]).fails(2, &["--lot-size is a positive number"]);

    lab.write("lots.csv", &LIST.replace("units", "Volume"));
    let found = run(&["-o", "json"]).json();
    assert!(
        found["metrics"]["avg_trade"].is_null() && found["metrics"]["turnover"].is_null(),
        "{found}"
    );
    assert!(
        found["trades"][0]["return"].is_null() && found["units_known"] == false,
        "{found}"
    );
    let text = run(&[]).ok();
    assert!(
        text.contains("--lot-size") && !text.lines().any(|line| line.trim_start().starts_with("avg_trade")),
        "{text}"
    );
}
