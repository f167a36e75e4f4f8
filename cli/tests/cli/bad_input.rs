//! Everything that can be wrong gives one clear error with a hint and the right exit code, and leaves nothing half-written.

use std::fmt::Write as _;
use std::io::Write;

use crate::support::{Lab, job, walk};

/// Imports a file and returns what came of it; the home must be as it was.
#[track_caller]
fn refused(lab: &Lab, file: &str, options: &[&str], code: i32, texts: &[&str]) {
    let before = data_files(lab);
    let mut args = vec!["data", "import", file, "--symbol", "NEW"];
    args.extend(options);
    lab.run(&args).fails(code, texts);
    assert_eq!(data_files(lab), before, "{file}");
}

/// Files of the home but locks.
fn data_files(lab: &Lab) -> Vec<String> {
    lab.home_files().into_iter().filter(|file| !file.contains(".lock")).collect()
}

const BARS: [&str; 4] = ["--bar", "1m", "--tz", "UTC"];

#[test]
fn files_that_are_not_what_they_should_be() {
    let lab = Lab::new();
    let good = walk(20, 1);
    let edited = |name: &str, from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        lab.write(name, &good.replacen(from, to, 1));
    };
    let line = good.lines().nth(10).unwrap();
    let fields: Vec<&str> = line.split(',').collect();

    refused(&lab, "missing.csv", &BARS, 3, &["no such file"]);
    lab.write("empty.csv", "");
    refused(&lab, "empty.csv", &BARS, 1, &["empty.csv"]);
    edited("column.csv", "close", "klose");
    refused(&lab, "column.csv", &BARS, 1, &["column.csv", "close"]);
    edited("text.csv", &format!("{},", fields[1..3].join(",")), "abc,def,");
    refused(&lab, "text.csv", &BARS, 1, &["text.csv", "abc"]);
    edited("nan.csv", &format!("{},", fields[1..3].join(",")), "NaN,1,");
    refused(&lab, "nan.csv", &BARS, 1, &["nan.csv", "NaN"]);
    edited("backward.csv", fields[0], "2023-01-01T00:00:00Z");
    refused(&lab, "backward.csv", &BARS, 1, &["backward", "--unsorted sort"]);
    lab.write("no_zone.csv", &good.replace("Z,", ","));
    refused(&lab, "no_zone.csv", &["--bar", "1m"], 2, &["--tz"]);
    refused(
        &lab,
        "no_zone.csv",
        &["--bar", "1m", "--columns", "time,open,high"],
        1,
        &["no column for low, close"],
    );
}

#[test]
fn archives_that_are_cut_off_or_explode() {
    let lab = Lab::new();
    let zip_of = |member: &[u8]| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut writer = zip::ZipWriter::new(&mut bytes);
        writer
            .start_file("bars.csv", zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(member).unwrap();
        writer.finish().unwrap();
        bytes.into_inner()
    };
    let whole = zip_of(walk(2_000, 1).as_bytes());
    std::fs::write(lab.path("whole.zip"), &whole).unwrap();
    std::fs::write(lab.path("cut.zip"), &whole[..whole.len() / 2]).unwrap();
    refused(&lab, "cut.zip", &BARS, 1, &["cut.zip", "truncated zip"]);
    std::fs::write(
        lab.path("bomb.zip"),
        zip_of(format!("{}{}", walk(1, 1), "\n".repeat(400 << 20)).as_bytes()),
    )
    .unwrap();
    refused(&lab, "bomb.zip", &BARS, 1, &["bomb.zip", "expands to more than"]);
    lab.run(&["data", "import", "whole.zip", "--symbol", "NEW", "--bar", "1m", "--tz", "UTC"])
        .ok();
}

#[test]
fn words_that_do_not_exist() {
    let lab = Lab::with_bars(100);
    for (args, code, texts) in [
        (&["data", "show", "WALKK"][..], 3, &["WALKK", "did you mean `WALK`?"][..]),
        (&["data", "export", "NONE", "--bars", "1m", "--to", "x.csv"], 3, &["NONE"]),
        (
            &["data", "export", "WALK", "--bars", "1m", "--to", "x.xls"],
            2,
            &["x.xls", ".parquet or .csv"],
        ),
        (&["data", "export", "WALK", "--bars", "30s", "--to", "x.csv"], 3, &["30s"]),
        (&["strategy", "show", "ma_cros"], 3, &["did you mean `ma_cross`?"]),
        (&["strategy", "check", "none.toml"], 3, &["none.toml"]),
        (
            &["eval", "WALK", "--bars", "1m", "smaa(close, 5)"],
            2,
            &["unknown function `smaa`", "^^^^", "did you mean `sma`?"],
        ),
        (
            &["eval", "WALK", "--bars", "1m", "close", "--from", "2030-01-01"],
            2,
            &["no bars of WALK"],
        ),
        (&["eval", "WALK", "--bars", "1m", "bid_close"], 2, &["bid_close"]),
        (&["run", "none.toml"], 3, &["none.toml"]),
        (&["top", "nothing"], 3, &["no job `nothing`"]),
        (&["show", "t_0000000000000000_0_0"], 3, &["no job j_0000000000000000"]),
    ] {
        lab.run(args).fails(code, texts);
    }
    assert!(!lab.path("x.csv").exists());
}

#[test]
fn usage_errors_exit_with_2() {
    let lab = Lab::new();
    for args in [
        &["fly"][..],
        &["data", "import"],
        &["data", "import", "x.csv", "--symbol", "../x"],
        &["run"],
        &["run", "x.toml", "--threads", "0"],
        &["run", "x.toml", "--memory", "much"],
        &["show", "abc"],
        &["top", "x", "--by", "sharp"],
        &["top", "x", "-o", "xml"],
        &["eval", "WALK", "close"],
    ] {
        let ran = lab.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(
            ran.stderr.starts_with("error: ") && ran.stdout.is_empty(),
            "{args:?}: {ran:?}"
        );
    }
    assert!(
        lab.run(&["top", "x", "--by", "sharp"])
            .stderr
            .contains("did you mean `sharpe`?")
    );
    assert_eq!(lab.run(&["--version"]).code, 0);
    assert!(!lab.path("assay-data").exists(), "a refused command makes no home");
}

#[test]
fn jobs_that_make_no_sense() {
    let lab = Lab::with_bars(300);
    let good = job("bad", "[2, 5]", "[6, 9]");
    for (from, to, code, texts) in [
        (
            "commission",
            "comission",
            2,
            &["unknown key `comission`", "job.toml", "did you mean `commission`?"][..],
        ),
        ("[2, 5]", "[5, 2]", 2, &["parameter `fast`", "empty"]),
        ("fast < slow", "fast > slow", 2, &["no point", "relax the condition"]),
        ("fast < slow", "fast < slwo", 2, &["slwo", "did you mean `slow`?"]),
        (
            "fast = {",
            "fats = {",
            2,
            &["has no parameter `fats`", "did you mean `fast`?"],
        ),
        ("[\"WALK\"]", "[\"WALL\"]", 3, &["WALL", "did you mean `WALK`?"]),
        ("[\"WALK\"]", "[]", 2, &["data.instruments"]),
        ("\"1m\"", "\"1x\"", 2, &["1x"]),
        ("\"1m\"", "\"30s\"", 3, &["30s"]),
        ("bars = ", "from = \"2020-01-01\"\nbars = ", 2, &["data.from", "2024-01-01"]),
        ("bars = ", "to = \"2030-01-01\"\nbars = ", 2, &["data.to", "2024-01-01"]),
        (
            "bars = ",
            "from = \"2024-01-03\"\nbars = ",
            2,
            &["data.from", "beyond the data"],
        ),
        ("bars = ", "from = \"soon\"\nbars = ", 2, &["`soon` is not a time"]),
        ("\"ma_cross\"", "\"ma_cros\"", 3, &["did you mean `ma_cross`?"]),
        ("\"ma_cross\"", "\"./mine.toml\"", 3, &["mine.toml"]),
        (
            "commission = ",
            "fill = \"next_tick\"\ncommission = ",
            3,
            &["no ticks of", "next_tick"],
        ),
        ("commission = ", "stop_loss = \"2 * atr(\"\ncommission = ", 2, &["stop_loss"]),
        (
            "[execution]",
            "[search]\nmethod = \"random\"\n[execution]",
            2,
            &["search.trials"],
        ),
        ("name = ", "name ", 2, &["job.toml", "line 1"]),
    ] {
        assert!(good.contains(from), "{from}");
        lab.write("job.toml", &good.replacen(from, to, 1));
        for command in ["plan", "run"] {
            let ran = lab.run(&[command, "job.toml"]);
            assert_eq!(ran.code, code, "{command}, {to}: {ran:#?}");
            assert!(ran.stderr.starts_with("error: "), "{command}, {to}: {ran:#?}");
            for text in texts {
                assert!(ran.stderr.contains(text), "{command}, {to}: `{text}` in {ran:#?}");
            }
        }
    }
    assert!(!lab.path("assay-data/results").exists() && !lab.path("assay-data/assay.db").exists());
}

#[test]
fn windows_longer_than_the_data() {
    let lab = Lab::with_bars(300);
    lab.write("job.toml", &job("long", "[2, 5]", "[300, 9000]"));
    for command in ["plan", "run"] {
        lab.run(&[command, "job.toml"])
            .fails(2, &["warm-up", "300 bars of WALK", "shorten the windows"]);
    }
    assert!(!lab.path("assay-data/assay.db").exists());
    lab.write("job.toml", &job("some-long", "[2, 5]", "[290, 310]"));
    for command in ["plan", "run"] {
        let ran = lab.run(&[command, "job.toml"]);
        let warnings = ran
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning: warm-ups"))
            .count();
        assert!(ran.code == 0 && warnings == 1, "{ran:#?}");
        assert!(ran.stderr.contains("300 bars of WALK: such trials never trade"), "{ran:#?}");
    }
    lab.write("job.toml", &job("fits", "[2, 5]", "[280, 290]"));
    let ran = lab.run(&["run", "job.toml"]);
    assert!(ran.code == 0 && !ran.stderr.contains("warm-ups"), "{ran:#?}");
}

#[test]
fn draws_that_find_nothing_name_the_condition() {
    let lab = Lab::with_bars(300);
    for method in ["random", "sobol"] {
        let search = format!("[search]\nmethod = \"{method}\"\ntrials = 5000\n[execution]");
        let text = job("none", "[2, 9000]", "[3, 9000]").replace("fast < slow", "fast + 0 * slow > 10000");
        lab.write("job.toml", &text.replace("[execution]", &search));
        lab.run(&["run", "job.toml"]).fails(
            2,
            &["no point of the space satisfies `where = \"fast + 0 * slow > 10000\"` in 1,000,000 draws"],
        );
    }
}

#[test]
fn a_home_that_cannot_be_made() {
    let lab = Lab::new();
    lab.write("walk.csv", &walk(20, 1));
    for home in ["walk.csv/home", "/proc/x"] {
        let import = ["--home", home, "data", "import", "walk.csv", "--symbol", "NEW"];
        let ran = lab.run(&[&import[..], &BARS].concat());
        ran.fails(1, &["cannot create", home, "--home"]);
        assert!(!ran.stderr.contains("os error"), "{ran:?}");
    }
}

#[test]
fn too_little_memory_is_refused_with_what_is_needed() {
    let lab = Lab::with_bars(300);
    lab.write("job.toml", &job("tight", "[2, 5]", "[6, 9]"));
    lab.run(&["run", "job.toml", "--memory", "1MB"])
        .fails(2, &["memory limit of 1.0 MB", "--memory"]);
}

#[test]
fn a_strategy_with_an_error_is_underlined() {
    let lab = Lab::with_bars(100);
    lab.write(
        "mine.toml",
        "name = 'mine'\n[rules]\nenter_long = 'close > sma(close)'\nexit_long = 'closee < 1'\n",
    );
    lab.run(&["strategy", "check", "mine.toml"])
        .fails(2, &["mine.toml, rules.enter_long", "^"]);
    lab.write("mine.toml", "name = 'mine'\n[rules]\nenter_lng = 'close > 1'\n");
    lab.run(&["strategy", "check", "mine.toml"])
        .fails(2, &["enter_lng", "did you mean `enter_long`?"]);
}

#[test]
fn changed_data_are_noticed() {
    let lab = Lab::with_bars(300);
    lab.write("job.toml", &job("before", "[2, 5]", "[6, 9]"));
    let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
    lab.import_walk("WALK", 400, 1);
    lab.run(&["show", ran["best"]["trial_id"].as_str().unwrap()])
        .fails(1, &["have changed since", "run the job again"]);
    let again = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert_ne!(again["job_id"], ran["job_id"]);
}

#[test]
fn damage_is_told_from_health() {
    let lab = Lab::with_bars(100);
    lab.write("job.toml", &job("health", "[2, 5]", "[6, 9]"));
    lab.run(&["run", "job.toml"]).ok();
    let results = lab.path("assay-data/results");
    std::fs::rename(&results, lab.path("elsewhere")).unwrap();
    let doctor = lab.run(&["doctor"]).ok();
    assert!(doctor.contains("files are missing of health"), "{doctor}");
    // Without its files the job is run again, to the same end.
    let again = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert!(again["trials_per_second"].as_f64().unwrap() > 0.0);
    std::fs::write(lab.path("assay-data/assay.db"), "this is no database").unwrap();
    for wal in ["assay.db-wal", "assay.db-shm"] {
        let _ = std::fs::remove_file(lab.path("assay-data").join(wal));
    }
    let doctor = lab.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.stdout.contains("broken  database"), "{doctor:?}");
}

#[test]
fn what_makes_numbers_other_than_they_look_is_told() {
    let lab = Lab::new();
    // Closes at the end of each month, as days of a market that nobody knows.
    let mut text = "time,close\n".to_owned();
    for month in 0..60 {
        let close = 100 + (month * 37) % 23;
        writeln!(text, "{}-{:02}-28,{close}", 2000 + month / 12, 1 + month % 12).expect("writing to a string");
    }
    lab.write("monthly.csv", &text);
    let import = [
        "data",
        "import",
        "monthly.csv",
        "--symbol",
        "MONTHLY",
        "--bar",
        "1d",
        "--tz",
        "UTC",
    ];
    let imported = lab.run(&import);
    assert!(
        imported.stderr.contains("MONTHLY is in no symbol table"),
        "{}",
        imported.stderr
    );
    let of = |rest: &str| {
        let text = job("told", "[2, 3]", "[4, 6]")
            .replace("WALK", "MONTHLY")
            .replace("bars = \"1m\"", "bars = \"1d\"");
        text + rest
    };
    lab.write("told.toml", &of("[objective]\nmaximize = \"-max_drawdown\"\n"));
    let ran = lab.run(&["run", "told.toml"]);
    for text in [
        "12 returns a year, but 365 make its figures annual",
        "5.5",
        "`-max_drawdown` ranks the deepest first",
    ] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
    let verdict = lab.run(&["verdict", "told"]).ok();
    assert!(verdict.contains("12 returns a year"), "{verdict}");
    lab.write("negative.toml", &of("stop_loss = \"-2%\"\n"));
    lab.run(&["run", "negative.toml"])
        .fails(2, &["execution.stop_loss", "`-2%` is no distance"]);
    lab.run(&["top", "told", "--by", "-max_drawdown"]).ok();

    // An instrument that is looked at must have been there.
    lab.import_walk("LATER", 300, 1);
    let strategy =
        "name = \"pair\"\n[params]\nn = { int = [2, 5] }\n[rules]\nenter_long = \"close > ref('LATER', close) * n\"\n";
    lab.write("pair.toml", strategy);
    let text = "name = \"pair\"\n[data]\ninstruments = [\"MONTHLY\"]\nbars = \"1d\"\n[strategy]\nuse = \"pair.toml\"\n";
    lab.write("looks.toml", text);
    lab.run(&["run", "looks.toml"])
        .fails(2, &["the data of LATER go from", "MONTHLY"]);
}
