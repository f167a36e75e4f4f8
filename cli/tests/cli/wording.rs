//! Errors and help in the words of those who read them.

use crate::support::{Lab, job};

#[test]
fn wrong_values_of_a_job_are_told_by_their_keys() {
    let lab = Lab::with_bars(100);
    let good = job("words", "[2, 5]", "[6, 9]");
    for (from, to, texts) in [
        (
            "commission = 0.0001",
            "commission = \"0.1%\"",
            &[
                "`execution.commission` is \"0.1%\", expected a number (line 12)",
                "write the share, without quotes: 0.001",
            ][..],
        ),
        (
            "instruments = [\"WALK\"]",
            "instruments = \"WALK\"",
            &[
                "`data.instruments` is \"WALK\", expected a list",
                "write it in brackets: [\"WALK\"]",
            ],
        ),
        (
            "fast = { int = [2, 5] }",
            "fast = \"abc\"",
            &["parameter `fast` of ma_cross is a whole number, found \"abc\""],
        ),
        (
            "commission = ",
            "size = { fraction = 2 }\ncommission = ",
            &["write a share above 0 and at most 1"],
        ),
        (
            "[execution]",
            "[objective]\nrequire = [\"trades > \"]\n[execution]",
            &["objective.require", "at job.toml", "such as \"trades >= 30\""],
        ),
    ] {
        assert!(good.contains(from), "{from}");
        lab.write("job.toml", &good.replacen(from, to, 1));
        lab.run(&["run", "job.toml"]).fails(2, texts);
    }
    lab.write(
        "job.toml",
        &good.replacen("[execution]", "[objective]\nmaximize = \"sharp\"\n[execution]", 1),
    );
    let ran = lab.run(&["run", "job.toml"]);
    ran.fails(2, &["unknown metric `sharp` (line 12)", "hint: did you mean `sharpe`?"]);
    assert_eq!(ran.stderr.matches("did you mean").count(), 1, "{ran:?}");
}

#[test]
fn variables_are_blamed_for_what_they_say() {
    let lab = Lab::new();
    let run = |args: &[&str], name: &str, value: &str| -> crate::support::Ran {
        lab.command(args)
            .env(name, value)
            .output()
            .expect("the program starts")
            .into()
    };
    let shown = run(&["config", "show", "--origin"], "ASSAY_THREADS", "abc");
    shown.fails(
        2,
        &[
            "the variable ASSAY_THREADS is `abc`",
            "`--threads` cannot be",
            "unset ASSAY_THREADS",
        ],
    );
    let flag = run(&["config", "show", "--threads", "abc"], "ASSAY_THREADS", "abc");
    assert!(
        flag.stderr.contains("'--threads <N>'") && !flag.stderr.contains("ASSAY_THREADS"),
        "{flag:?}"
    );

    let missing = run(&["run"], "ASSAY_HOME", "somewhere");
    assert!(missing.stderr.contains("Usage: assay run <JOB>"), "{missing:?}");
    let missing = lab.run(&["run", "--home", "somewhere"]);
    assert!(
        missing.stderr.contains("--home <DIR>"),
        "what is written is shown: {missing:?}"
    );
}

#[test]
fn other_words_of_errors() {
    let lab = Lab::with_bars(60);
    lab.write("empty.json", "{}");
    let ran = lab.run(&["trades", "import", "empty.json"]);
    ran.fails(1, &["no trades of a kind that is known here", "events.json"]);
    assert!(!ran.stderr.contains("damaged"), "{ran:?}");
    let ran = lab.run(&["eval", "WALK", "--bars", "1m", "opening_range(30)"]);
    ran.fails(2, &["`opening_range` has several outputs", "`opening_range(...).high`"]);
    assert!(!ran.stderr.contains("unknown function"), "{ran:?}");
    let ran = lab.run(&["eval", "WALK", "--bars", "1m", "zzzzzz(close)"]);
    ran.fails(2, &["unknown function `zzzzzz`", "`assay help fn` lists the functions"]);
    assert!(ran.stderr.len() < 400, "{ran:?}");

    let text = lab.run(&["init", "a b/it's", "--no-data"]).ok();
    assert!(text.contains("next: cd 'a b/it'\\''s' && assay run job.toml"), "{text}");
    assert!(
        lab.run(&["init", "plain/c", "--no-data"])
            .ok()
            .contains("next: cd plain/c && ")
    );
}

#[test]
fn imports_say_what_they_assume_and_leave_out() {
    let lab = Lab::new();
    lab.write("closes.csv", "Date,CL.F\n2020-01-01,\n2020-01-02,10\n2020-01-03,11\n");
    let args = ["data", "import", "closes.csv", "--symbol", "CL", "--bar", "1d", "--tz", "UTC"];
    let ran = lab.run(&args);
    assert!(ran.stderr.contains("note: 1 row without a price was left out"), "{ran:?}");
    assert_eq!(
        lab.run(&[&args[..], &["-o", "json"]].concat()).json()["datasets"][0]["without_price"],
        1
    );
    let columns = [
        "data",
        "import",
        "bare.csv",
        "--symbol",
        "B",
        "--bar",
        "1d",
        "--tz",
        "UTC",
        "--columns",
        "time,price",
    ];
    lab.write("bare.csv", "2020-01-02,10\n2020-01-03,11\n");
    lab.run(&columns).ok();
    lab.write(
        "bars.csv",
        "Time,Open,High,Low,Close\n2020-01-02 10:00,1,1,1,1\n2020-01-02 10:05,1,1,1,1\n",
    );
    lab.run(&["data", "import", "bars.csv"]).fails(
        2,
        &["add --tz ZONE (UTC, America/New_York, -05:00), --bar 5m (most rows are 5m apart), --symbol NAME"],
    );

    lab.write(
        "jump.csv",
        "time,close\n2020-04-27,2.2\n2020-04-28,2.13\n2020-04-29,18.01\n2020-04-30,9.1\n",
    );
    lab.run(&["data", "import", "jump.csv", "--symbol", "J", "--bar", "1d", "--tz", "UTC"])
        .ok();
    let text = lab.run(&["data", "check", "J"]).ok();
    assert!(
        text.contains("jump up 8.5x  2020-04-29") && text.contains("split of 2 for 1?"),
        "{text}"
    );
}

#[test]
fn help_on_functions_fits_and_finds() {
    let lab = Lab::new();
    let all = lab.run(&["help", "fn"]).ok();
    for line in all.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(all.contains("Momentum\n") && all.contains("    .signal"), "{all}");
    let wide = lab
        .command(&["help", "fn"])
        .env("COLUMNS", "150")
        .output()
        .expect("the program starts");
    assert!(
        String::from_utf8_lossy(&wide.stdout)
            .lines()
            .any(|line| line.chars().count() > 80)
    );
    for (name, text) in [
        ("tf", "tf(\"1h\", x)"),
        ("ref", "ref(\"SPY\", x)"),
        ("x[n]", "n bars ago"),
        ("series", "hlc3"),
        ("_", "macd(close).signal"),
        ("close", "last price of the bar"),
        ("session_open", "first price of the trading day"),
        ("keltner_upper", "alpha 1 / atr_n"),
        ("rsi", "rma(max(change(x), 0), n)"),
        ("supertrend", "source"),
    ] {
        let page = lab.run(&["help", "fn", name]).ok();
        assert!(
            page.contains(text) && !page.contains("(_") && !page.contains(" _"),
            "{name}: {page}"
        );
    }
    let unknown = lab.run(&["help", "fn", "qqqqqqqq"]);
    unknown.fails(3, &["there is no function `qqqqqqqq`", "`assay help fn` lists"]);
    assert!(unknown.stderr.len() < 400, "{unknown:?}");
    let page = lab.run(&["help", "fn", "macd", "-o", "json"]).json();
    assert!(page["formula"].as_str().is_some_and(|text| !text.contains('_')), "{page}");
}
