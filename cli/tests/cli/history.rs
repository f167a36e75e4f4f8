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
