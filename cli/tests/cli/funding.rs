//! Funding: from a file of rates to a replayed trial.

use std::fmt::Write as _;

use crate::support::{Lab, job};

/// A rate an hour from 2024-01-01 on.
fn rates(hours: i64, rate: impl Fn(i64) -> f64) -> String {
    let mut text = "funding_time,funding_rate\n".to_owned();
    for hour in 0..hours {
        let stamp = (1_704_067_200 + hour * 3_600) * 1_000;
        writeln!(text, "{stamp},{}", rate(hour)).expect("writing to a string");
    }
    text
}

/// A job on ten hours of bars, with `funding` or without.
fn sweep(name: &str, funding: &str) -> String {
    format!(
        "{}{funding}\n[objective]\nmaximize = \"total_return\"\n",
        job(name, "[2, 5]", "[6, 9]")
    )
}

fn with_jobs() -> Lab {
    let lab = Lab::with_bars(600);
    lab.write("plain.toml", &sweep("plain", ""));
    lab.write("funded.toml", &sweep("funded", "funding = true"));
    lab
}

fn import(lab: &Lab, text: &str) {
    lab.write("rates.csv", text);
    let args = [
        "data",
        "import",
        "rates.csv",
        "--symbol",
        "WALK",
        "--kind",
        "funding",
        "--replace",
    ];
    lab.run(&args).ok();
}

#[test]
fn rates_are_imported_paid_and_replayed() {
    let lab = with_jobs();
    let missing = lab.run(&["run", "funded.toml"]);
    missing.fails(
        3,
        &[
            "no funding of `WALK`",
            "execution.funding",
            "assay data import FILE --symbol WALK --kind funding",
        ],
    );
    let plain = lab.run(&["run", "plain.toml", "-o", "json"]).json();

    import(&lab, &rates(10, |_| 0.0));
    let listed = lab.run(&["data", "ls", "-o", "json"]).json();
    assert_eq!(
        (listed[1]["kind"].as_str(), listed[1]["rows"].as_u64()),
        (Some("funding"), Some(10))
    );
    let shown = lab.run(&["data", "show", "WALK"]).ok();
    assert!(shown.contains("funding columns: time, rate"), "{shown}");
    let checked = lab.run(&["data", "check", "WALK", "--kind", "funding", "-o", "json"]).json();
    assert_eq!(
        (checked[0]["rows"].as_u64(), checked[0]["gaps"]["count"].as_u64()),
        (Some(10), Some(0))
    );
    lab.run(&["data", "export", "WALK", "--funding", "--to", "out.csv"]).ok();
    let exported = std::fs::read_to_string(lab.path("out.csv")).unwrap();
    assert!(
        exported.starts_with("time,rate\n2024-01-01T00:00:00") && exported.lines().count() == 11,
        "{exported}"
    );

    // Rates change nothing for a job that does not ask for them; those of 0 change the path, and no result beyond its dust.
    assert_eq!(
        lab.run(&["run", "plain.toml", "-o", "json"]).json()["job_id"],
        plain["job_id"]
    );
    assert_eq!(lab.run(&["plan", "funded.toml", "-o", "json"]).json()["path"], "bar by bar");
    let free = lab.run(&["run", "funded.toml", "-o", "json"]).json();
    assert_ne!(free["job_id"], plain["job_id"]);
    let gain = |ran: &serde_json::Value| ran["best"]["metrics"]["total_return"].as_f64().unwrap();
    assert!((gain(&free) - gain(&plain)).abs() < 1e-9);

    // Other rates are another job, and a trial of the old one can no longer be shown.
    import(&lab, &rates(10, |hour| 0.0001 * (hour % 3) as f64));
    lab.run(&["show", free["best"]["trial_id"].as_str().unwrap()])
        .fails(1, &["have changed since", "run the job again"]);
    let ran = lab.run(&["run", "funded.toml", "-o", "json"]).json();
    assert_ne!(ran["job_id"], free["job_id"]);
    assert!(gain(&ran) < gain(&free), "longs pay");
    let shown = lab
        .run(&["show", ran["best"]["trial_id"].as_str().unwrap(), "-o", "json"])
        .json();
    assert_eq!(
        (&shown["matches_stored"], &shown["metrics"]),
        (&true.into(), &ran["best"]["metrics"])
    );
}

#[test]
fn a_window_beyond_the_rates_is_refused() {
    let lab = with_jobs();
    import(&lab, &rates(6, |_| 0.0001));
    let texts = [
        "WALK: the window goes from 2024-01-01T00:00:00Z to 2024-01-01T10:00:00Z",
        "to 2024-01-01T05:00:00Z only",
        "--kind funding",
    ];
    lab.run(&["run", "funded.toml"]).fails(2, &texts);
    let shorter = sweep("shorter", "funding = true").replace("bars = ", "to = \"2024-01-01T06:00\"\nbars = ");
    lab.write("shorter.toml", &shorter);
    lab.run(&["run", "shorter.toml"]).ok();
    lab.run(&[
        "data",
        "export",
        "WALK",
        "--funding",
        "--from",
        "2025-01-01",
        "--to",
        "out.csv",
    ])
    .fails(2, &["no rates of WALK", "its rates go from 2024-01-01"]);
}
