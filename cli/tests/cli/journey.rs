//! From a CSV file to a replayed trial.

use std::io::Read;

use serde_json::Value;

use crate::support::{Lab, job};

#[test]
fn import_run_top_show() {
    let lab = Lab::with_bars(3_000);
    lab.write("job.toml", &job("first", "[2, 20]", "[3, 40]"));

    let plan = lab.run(&["plan", "job.toml", "-o", "json"]).json();
    assert_eq!((plan["points"].as_u64(), plan["bars"].as_u64()), (Some(551), Some(3_000)));
    assert_eq!(plan["exact"], true);

    let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
    let keys: Vec<&String> = ran.as_object().unwrap().keys().collect();
    let expected = [
        "job_id",
        "trials",
        "failed",
        "seconds",
        "trials_per_second",
        "bars",
        "fingerprint",
        "reproducible",
        "best",
    ];
    assert_eq!(keys, expected);
    assert_eq!((ran["trials"].as_u64(), ran["failed"].as_u64()), (Some(551), Some(0)));
    assert_eq!(ran["bars"], 3_000);
    assert_eq!(ran["fingerprint"].as_str().unwrap().len(), 64);

    let top = lab.run(&["top", "first", "-n", "5", "-o", "json"]).json();
    assert_eq!(top.as_array().unwrap().len(), 5);
    assert_eq!(top[0], ran["best"]);
    assert_eq!(top[0]["rank"], 1);
    assert_eq!(top[0]["instrument"], "WALK");
    assert!(top[0].get("by_instrument").is_none());
    let sharpes: Vec<f64> = top
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["metrics"]["sharpe"].as_f64().unwrap())
        .collect();
    assert!(sharpes.is_sorted_by(|a, b| a >= b), "{sharpes:?}");
    assert!(top[0]["params"]["fast"].as_u64().unwrap() < top[0]["params"]["slow"].as_u64().unwrap());

    for entry in top.as_array().unwrap() {
        let trial = entry["trial_id"].as_str().unwrap();
        let shown = lab.run(&["show", trial, "-o", "json"]).json();
        assert_eq!(shown["matches_stored"], true);
        assert_eq!(shown["metrics"], entry["metrics"]);
        let trades = shown["trades"].as_array().unwrap();
        let closed = trades.iter().filter(|trade| trade["open"] == false).count() as u64;
        assert_eq!(entry["metrics"]["trades"].as_u64(), Some(closed));
        let keys: Vec<&String> = trades[0].as_object().unwrap().keys().collect();
        let expected = [
            "direction",
            "entry_time",
            "exit_time",
            "entry_price",
            "exit_price",
            "units",
            "pnl",
            "return",
            "fees",
            "exit_reason",
            "open",
        ];
        assert_eq!(keys, expected);
        let pnl: f64 = trades.iter().map(|trade| trade["pnl"].as_f64().unwrap()).sum();
        let gained = entry["metrics"]["final_equity"].as_f64().unwrap() - 10_000.0;
        assert!((pnl - gained).abs() < 1e-6 * gained.abs().max(1.0), "{pnl} against {gained}");
    }

    // The same job again, by whatever name it is asked for.
    let again = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert_eq!(again["fingerprint"], ran["fingerprint"]);
    assert_eq!(again["best"], ran["best"]);
    assert_eq!(again["trials_per_second"], Value::Null);
    let id = ran["job_id"].as_str().unwrap();
    for name in ["job.toml", id, &id[..8]] {
        assert_eq!(lab.run(&["top", name, "-n", "5", "-o", "json"]).json(), top, "{name}");
    }
    let jobs = lab.run(&["jobs", "-o", "json"]).json();
    assert_eq!(
        (jobs[0]["job_id"].as_str(), jobs[0]["state"].as_str()),
        (Some(id), Some("done"))
    );
    assert!(
        lab.home_files().iter().all(|file| !file.starts_with("staging/")),
        "{:?}",
        lab.home_files()
    );
}

#[test]
fn people_get_tables_and_files_get_columns() {
    let lab = Lab::with_bars(2_000);
    lab.write("job.toml", &job("tables", "[2, 9]", "[3, 20]"));
    let table = lab.run(&["run", "job.toml"]).ok();
    assert!(
        table.contains("trials in") && table.contains("fingerprint") && table.contains("next: assay top"),
        "{table}"
    );
    let table = lab.run(&["top", "tables"]).ok();
    assert!(table.lines().nth(2).unwrap().starts_with("rank  trial_id"), "{table}");
    assert!(table.contains(" %") && !table.contains('\u{1b}'), "{table}");

    let csv = lab.run(&["top", "tables", "-n", "3", "-o", "csv"]).ok();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(
        header[..6],
        ["rank", "trial_id", "instrument", "param.fast", "param.slow", "total_return"]
    );
    assert_eq!(csv.lines().count(), 4);
    let bytes = lab.command(&["top", "tables", "-o", "parquet"]).output().unwrap().stdout;
    assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));

    let trial = csv.lines().nth(1).unwrap().split(',').nth(1).unwrap();
    let page = lab.run(&["show", trial]).ok();
    for part in [
        "equity ",
        "RETURN",
        "RISK",
        "TRADES",
        "REPLAY",
        "the replay equals the stored row",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let trades = lab.run(&["show", trial, "-o", "csv"]).ok();
    assert!(trades.starts_with("direction,entry_time,exit_time,"), "{trades}");

    let by = lab.run(&["top", "tables", "-n", "1", "--by", "trades", "-o", "json"]).json();
    let least = lab.run(&["top", "tables", "-n", "1", "--by", "-trades", "-o", "json"]).json();
    assert!(by[0]["metrics"]["trades"].as_u64() > least[0]["metrics"]["trades"].as_u64());
}

#[test]
fn several_instruments_are_ranked_together() {
    let lab = Lab::with_bars(1_500);
    lab.import_walk("OTHER", 1_200, 9);
    let text = job("both", "[2, 5]", "[6, 12]").replace("[\"WALK\"]", "[\"WALK\", \"OTHER\"]");
    lab.write(
        "job.toml",
        &format!("{text}[objective]\nmaximize = \"total_return\"\naggregate = \"min\"\n"),
    );
    let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert_eq!((ran["trials"].as_u64(), ran["bars"].as_u64()), (Some(2 * 4 * 7), Some(2_700)));
    let best = &ran["best"];
    assert_eq!(best["instrument"], "*");
    let each = best["by_instrument"].as_array().unwrap();
    assert_eq!(
        (each[0]["instrument"].as_str(), each[1]["instrument"].as_str()),
        (Some("WALK"), Some("OTHER"))
    );
    let of = |entry: &Value| entry["metrics"]["total_return"].as_f64().unwrap();
    assert_eq!(of(best), of(&each[0]).min(of(&each[1])));
    for entry in each {
        let shown = lab.run(&["show", entry["trial_id"].as_str().unwrap(), "-o", "json"]).json();
        assert_eq!(
            (&shown["metrics"], &shown["instrument"]),
            (&entry["metrics"], &entry["instrument"])
        );
    }
}

#[test]
fn threads_and_memory_change_nothing() {
    let mut found = Vec::new();
    for options in [["--threads", "1", "--memory", "60MB"], ["--threads", "3", "--memory", "2GB"]] {
        let lab = Lab::with_bars(1_000);
        lab.write("job.toml", &job("same", "[2, 60]", "[3, 90]"));
        let mut args = vec!["run", "job.toml", "-o", "json"];
        args.extend(options);
        let ran = lab.run(&args).json();
        found.push((ran["job_id"].clone(), ran["fingerprint"].clone(), ran["best"].clone()));
    }
    assert_eq!(found[0], found[1]);
}

#[test]
fn kept_points_are_the_best_ones() {
    let lab = Lab::with_bars(1_000);
    lab.write("all.toml", &job("all", "[2, 9]", "[10, 30]"));
    lab.write(
        "few.toml",
        &format!("{}[results]\nkeep = 3\n", job("few", "[2, 9]", "[10, 30]")),
    );
    let all = lab.run(&["run", "all.toml", "-o", "json"]).json();
    let few = lab.run(&["run", "few.toml", "-o", "json"]).json();
    assert_eq!((&all["fingerprint"], &all["trials"]), (&few["fingerprint"], &few["trials"]));
    let top = lab.run(&["top", "few", "-n", "4", "-o", "json"]).json();
    lab.run(&["show", top[2]["trial_id"].as_str().unwrap()]).ok();
    lab.run(&["show", top[3]["trial_id"].as_str().unwrap()])
        .fails(3, &["has no row of trial", "keep"]);
}

#[test]
fn of_several_jobs_of_a_name_the_newest_is_meant() {
    let lab = Lab::with_bars(300);
    let mut ids = Vec::new();
    for slow in ["[6, 7]", "[6, 8]"] {
        lab.write("job.toml", &job("twice", "[2, 5]", slow));
        let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
        ids.push(ran["best"]["trial_id"].clone());
    }
    let top = lab.run(&["top", "twice", "-n", "1", "-o", "json"]);
    assert!(top.stderr.contains("note: newest of 2 jobs named `twice`"), "{top:?}");
    assert_eq!(top.json()[0]["trial_id"], ids[1]);
}

#[test]
fn equal_reasons_of_failed_trials_are_counted() {
    let lab = Lab::with_bars(300);
    let text = job("lengths", "[0, 3]", "[6, 9]").replace("where = \"fast < slow\"\n", "");
    lab.write("job.toml", &text);
    let ran = lab.run(&["run", "job.toml"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("4 of 16 trials failed"), "{ran:?}");
    assert!(ran.stderr.contains("first reason, of 4 of them: "), "{ran:?}");
}

#[test]
fn failed_trials_are_counted_and_the_rest_is_ranked() {
    let lab = Lab::with_bars(500);
    lab.write(
        "sized.toml",
        "name = 'sized'\n[params]\nshare = { float = [0.5, 2.0], step = 0.5, default = 1.0 }\n[rules]\nenter_long = 'close > open'\nexit_long = 'close < open'\nsize = { fraction = 'share' }\n",
    );
    let text = job("some-fail", "[2, 3]", "[4, 5]");
    let text = text
        .split("[params]")
        .next()
        .unwrap()
        .replace("\"ma_cross\"", "\"sized.toml\"");
    lab.write("job.toml", &text);
    let ran = lab.run(&["run", "job.toml", "-o", "json"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((result["trials"].as_u64(), result["failed"].as_u64()), (Some(4), Some(2)));
    assert!(ran.stderr.contains("2 of 4 trials failed"), "{ran:?}");
    let again = lab.run(&["run", "job.toml"]);
    for ran in [ran, again] {
        assert!(ran.stderr.contains("first reason, of 1 of them: "), "{ran:?}");
        assert!(ran.stderr.contains("expected a share above 0"), "{ran:?}");
    }
    let top = lab.run(&["top", "some-fail", "-o", "json"]).json();
    assert_eq!(top.as_array().unwrap().len(), 4);
    assert_eq!(top[3]["metrics"], Value::Null);
    lab.run(&["show", top[3]["trial_id"].as_str().unwrap()])
        .fails(1, &["failed when it ran", "expected a share above 0"]);
}

#[test]
fn expressions_are_evaluated_and_undefined_is_empty() {
    let lab = Lab::with_bars(50);
    let args = ["eval", "WALK", "--bars", "1m", "sma(close, 3)", "close / 0", "close > 1"];
    let csv = lab.run(&args).ok();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "time,\"sma(close, 3)\",close / 0,close > 1");
    assert_eq!(lines.len(), 51);
    assert_eq!(lines[1], "2024-01-01T00:00:00Z,,,1");
    assert!(
        lines[3].starts_with("2024-01-01T00:02:00Z,") && lines[3].ends_with(",,1"),
        "{}",
        lines[3]
    );
    let json = lab.run(&["eval", "WALK", "--bars", "5m", "close", "-o", "json"]).json();
    assert_eq!(json.as_array().unwrap().len(), 10);
    assert_eq!(json[1]["time"], "2024-01-01T00:05:00Z");
    lab.run(&["eval", "WALK", "--bars", "1m", "close", "--to", "out.csv"]).ok();
    assert!(
        std::fs::read_to_string(lab.path("out.csv"))
            .unwrap()
            .starts_with("time,close\n2024-01-01T00:00:00")
    );
    lab.run(&["eval", "WALK", "--bars", "1m", "close", "--to", "out.parquet"])
        .ok();
}

#[test]
fn data_are_listed_shown_checked_and_exported() {
    let lab = Lab::with_bars(100);
    let datasets = lab.run(&["data", "ls", "-o", "json"]).json();
    assert_eq!(
        (datasets[0]["symbol"].as_str(), datasets[0]["rows"].as_u64()),
        (Some("WALK"), Some(100))
    );
    let again = [
        "data", "import", "WALK.csv", "--symbol", "WALK", "--bar", "1m", "--tz", "UTC", "-o", "json",
    ];
    assert_eq!(lab.run(&again).json()["datasets"][0]["rows_written"], 0);
    assert!(lab.run(&["data", "show", "WALK"]).ok().contains("not in the symbol table"));
    assert_eq!(
        lab.run(&["data", "check", "WALK", "-o", "json"]).json()[0]["gaps"]["count"],
        0
    );
    lab.run(&["data", "export", "WALK", "--bars", "10m", "--to", "ten.csv"]).ok();
    let csv = std::fs::read_to_string(lab.path("ten.csv")).unwrap();
    assert!(csv.starts_with("time,open,high,low,close,volume\n"), "{csv}");
    assert_eq!(csv.lines().count(), 11);
}

#[test]
fn strategies_are_listed_shown_and_checked() {
    let lab = Lab::new();
    let listed = lab.run(&["strategy", "ls", "-o", "json"]).json();
    for entry in listed.as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let source = lab.run(&["strategy", "show", name]).ok();
        lab.write("copy.toml", &source);
        let checked = lab.run(&["strategy", "check", "copy.toml", "-o", "json"]).json();
        assert_eq!(
            (checked["look_ahead"].as_bool(), checked["name"].as_str()),
            (Some(true), Some(name))
        );
        assert!(checked["warmup"]["largest"].as_u64() >= checked["warmup"]["default"].as_u64());
    }
    assert!(listed.as_array().unwrap().len() >= 6);
}

#[test]
fn the_demo_runs_twice() {
    let lab = Lab::new();
    let first = lab.run(&["demo"]);
    assert!(
        first.stderr.contains("assay run") && first.stdout.contains("the replay equals the stored row"),
        "{first:?}"
    );
    let second = lab.run(&["demo", "-o", "json"]).json();
    assert_eq!(second["failed"], 0);
    let doctor = lab.run(&["doctor", "-o", "json"]).json();
    assert!(
        doctor.as_array().unwrap().iter().all(|check| check["status"] != "broken"),
        "{doctor}"
    );
}

#[test]
fn a_reader_may_stop_reading() {
    let lab = Lab::with_bars(20_000);
    let mut child = lab.start(&["eval", "WALK", "--bars", "1m", "close", "open", "high"]);
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
