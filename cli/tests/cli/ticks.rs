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

/// Bars of `WALK`, and the trades that they could be made from.
pub(crate) fn with_both(count: usize) -> Lab {
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

#[test]
fn the_best_over_bars_are_run_again_on_ticks() {
    let lab = with_both(600);
    let text = job("ladder", "[2, 5]", "[6, 9]").replace("bars = \"1m\"", "bars = \"5m\"\nsource = \"trades\"");
    let with = |knobs: &str, end: &str| {
        let levels = "stop_loss = \"0.1%\"\ntake_profit = \"0.1%\"\n";
        format!("{text}{levels}{knobs}[objective]\nmaximize = \"total_return\"\n{end}")
    };
    lab.write("bars.toml", &with("", ""));
    lab.write("ladder.toml", &with("", "[fidelity]\ntop = 5\nlatency = \"1s\"\n"));
    lab.write("ticks.toml", &with("fill = \"next_tick\"\nlatency = \"1s\"\n", ""));
    let plain = lab.run(&["run", "bars.toml", "-o", "json"]).json();
    let id = plain["job_id"].as_str().expect("an id").to_owned();
    // What is run again changes nothing of the job, and is found the next time.
    for _ in 0..2 {
        let ran = lab.run(&["run", "ladder.toml"]).ok();
        assert!(ran.contains(&id) && ran.contains("found: this job was run before"), "{ran}");
        assert!(
            ran.contains("the best 5 again on ticks") && ran.contains("rank correlation"),
            "{ran}"
        );
    }
    lab.run(&["run", "ticks.toml"]).ok();
    let top = |name: &str| lab.run(&["top", name, "-n", "16", "-o", "json"]).json();
    let (bars, ticks) = (top(&id), top("ticks.toml"));
    let number = |value: &Value| value.as_f64().expect("a number");
    let entries = bars.as_array().expect("a list");
    assert_eq!(entries.len(), 16);
    for (rank, entry) in entries.iter().enumerate() {
        let Some(again) = entry.get("on_ticks") else {
            assert!(rank >= 5, "{entry}");
            continue;
        };
        assert!(rank < 5, "{entry}");
        let same = |other: &&Value| other["params"] == entry["params"];
        let expected = ticks.as_array().expect("a list").iter().find(same).expect("the same point");
        assert_eq!(again["metrics"][0], expected["metrics"]);
        let (before, after) = (
            number(&entry["metrics"]["total_return"]),
            number(&expected["metrics"]["total_return"]),
        );
        assert!((number(&again["divergence"]) - (after - before)).abs() < 1e-12 && number(&again["objective"]) == after);
    }
    assert!(lab.run(&["top", &id]).ok().contains("divergence"));
    lab.run(&["report", &id, "--to", "ladder.html"]).ok();
    let html = std::fs::read_to_string(lab.path("ladder.html")).expect("a report");
    let after_goal = "total_<wbr>return</th><th class=\"right\" scope=\"col\">on_<wbr>ticks</th>";
    assert!(html.contains(after_goal) && html.contains(">divergence</th>"), "{html}");

    let shown = lab
        .run(&["show", entries[0]["trial_id"].as_str().expect("an id"), "-o", "json"])
        .json();
    assert_eq!(
        (&shown["on_ticks"], &shown["matches_stored"]),
        (&entries[0]["on_ticks"]["metrics"][0], &Value::from(true))
    );
    // The job takes the stop first.
    assert!(number(&shown["metrics"]["ambiguous_bars"]) > 0.0, "{}", shown["metrics"]);
    let [run, worst, best] = ["metrics", "worst", "best"].map(|name| number(&shown[name]["total_return"]));
    assert!(
        (run - worst).abs() < 1e-9 && (best - worst).abs() > 1e-9,
        "{run} {worst} {best}"
    );
    let page = lab.run(&["show", entries[0]["trial_id"].as_str().expect("an id")]).ok();
    assert!(page.contains("stop first") && page.contains("on ticks"), "{page}");

    lab.write("twice.toml", &with("fill = \"next_tick\"\n", "[fidelity]\ntop = 5\n"));
    lab.run(&["run", "twice.toml"]).fails(2, &["from ticks already"]);
}

#[test]
fn missing_ticks_are_told_before_anything_is_computed() {
    let lab = Lab::with_bars(300);
    lab.write("early.toml", &(job("early", "[2, 5]", "[6, 9]") + "[fidelity]\ntop = 5\n"));
    for verb in ["plan", "run"] {
        lab.run(&[verb, "early.toml"]).fails(3, &["no ticks of", "fidelity"]);
    }
    let jobs = lab.run(&["jobs", "-o", "json"]).json();
    assert_eq!(jobs.as_array().map(Vec::len), Some(0), "{jobs}");
}
