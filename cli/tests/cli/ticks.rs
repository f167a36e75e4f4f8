//! Fills from ticks, and bars that count them, from import to replay.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::{Lab, job, walk};

/// Four trades in each minute of the bars of `WALK`: its open, high, low and close.
fn trades(count: usize) -> String {
    let mut text = "time,price,size\n".to_owned();
    for line in walk(count, 1).lines().skip(1) {
        let mut fields = line.split(',');
        let minute = fields.next().expect("a time").trim_end_matches("00Z").to_owned();
        for (price, second) in fields.take(4).zip(["00", "15", "30", "45"]) {
            writeln!(text, "{minute}{second}Z,{price},2").expect("writing to a string");
        }
    }
    text
}

fn with_both(count: usize) -> Lab {
    let lab = Lab::with_bars(count);
    lab.write("trades.csv", &trades(count));
    lab.run(&["data", "import", "trades.csv", "--symbol", "WALK", "--kind", "trades"])
        .ok();
    lab
}

/// A job on these bars that fills at ticks.
fn at_ticks(name: &str, data: &str) -> String {
    let text = job(name, "[2, 5]", "[6, 9]").replace("bars = \"1m\"", data);
    format!(
        "{text}fill = \"next_tick\"\nlatency = \"20s\"\nstop_loss = \"0.3%\"\ntake_profit = \"0.4%\"\n\
         [objective]\nmaximize = \"total_return\"\n"
    )
}

fn best_of(lab: &Lab, file: &str) -> Value {
    lab.run(&["run", file, "-o", "json"]).json()["best"].clone()
}

#[test]
fn ticks_decide_whatever_dataset_the_bars_come_from() {
    let lab = with_both(600);
    lab.write("ticks.toml", &at_ticks("ticks", "bars = \"1m\"\nsource = \"trades\""));
    lab.write("both.toml", &at_ticks("both", "bars = \"1m\"\nsource = \"bars\""));
    let path = |file: &str| lab.run(&["plan", file, "-o", "json"]).json()["path"].clone();
    assert_eq!(
        (path("ticks.toml"), path("both.toml")),
        ("tick to tick".into(), "tick by tick".into())
    );
    let (ticks, both) = (best_of(&lab, "ticks.toml"), best_of(&lab, "both.toml"));
    assert_ne!(ticks["trial_id"], both["trial_id"]);
    let close = |name: &str| {
        let of = |best: &Value| best["metrics"][name].as_f64().expect("a number");
        assert!((of(&ticks) - of(&both)).abs() < 1e-9, "{name}: {ticks} {both}");
    };
    ["total_return", "trades", "max_drawdown", "turnover"]
        .into_iter()
        .for_each(close);

    let trial = both["trial_id"].as_str().expect("an id");
    let shown = lab.run(&["show", trial, "-o", "json"]).json();
    assert_eq!(shown["matches_stored"], true);
    // The order of a bar that ends with the minute waits 20 seconds, for the tick of second 30.
    let trades = shown["trades"].as_array().expect("trades");
    assert!(
        trades.len() > 3
            && trades
                .iter()
                .all(|trade| trade["entry_time"].as_str().is_some_and(|time| time.ends_with(":30Z")))
    );

    // Other ticks are other numbers.
    lab.write("more.csv", "time,price,size\n2024-01-02T00:00:00Z,100,1\n");
    lab.run(&["data", "import", "more.csv", "--symbol", "WALK", "--kind", "trades"])
        .ok();
    lab.run(&["show", trial]).fails(1, &["the data of WALK have changed"]);
}

#[test]
fn bars_of_ticks_and_volume_run_replay_and_export() {
    let lab = with_both(600);
    for (bars, count) in [("ticks", 2_400), ("50t", 48), ("100v", 48)] {
        lab.write("job.toml", &at_ticks(bars, &format!("bars = \"{bars}\"")));
        let run = lab.run(&["run", "job.toml", "-o", "json"]).json();
        assert_eq!(run["bars"], count, "{bars}");
        let trial = run["best"]["trial_id"].as_str().expect("an id").to_owned();
        assert_eq!(
            lab.run(&["show", &trial, "-o", "json"]).json()["matches_stored"],
            true,
            "{bars}"
        );
        let export = ["data", "export", "WALK", "--bars", bars, "--to", "bars.csv", "-o", "json"];
        assert_eq!(lab.run(&export).json()["rows"], count);
        let text = std::fs::read_to_string(lab.path("bars.csv")).expect("the file");
        assert!(text.starts_with("time,open,high,low,close,volume,end"), "{text}");
        let eval = lab.run(&["eval", "WALK", "--bars", bars, "close", "-o", "csv"]).ok();
        assert_eq!(eval.lines().count(), count + 1);
    }
    lab.write("gaps.toml", &at_ticks("gaps", "bars = \"50t\"\nfill_gaps = \"forward\""));
    lab.run(&["run", "gaps.toml"]).fails(2, &["data.fill_gaps", "50t"]);
    lab.write("bars.toml", &at_ticks("bars", "bars = \"50t\"\nsource = \"bars\""));
    lab.run(&["run", "bars.toml"]).fails(3, &["no ticks for bars of 50t"]);
}
