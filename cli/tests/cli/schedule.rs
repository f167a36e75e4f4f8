//! Schedules of one machine.

use serde_json::Value;

use crate::support::{Lab, job};

fn scheduled(lab: &Lab) {
    lab.write("job.toml", &job("crosses", "[2, 20]", "[10, 60]"));
    let add = ["schedule", "add", "job.toml", "--cron", "0 2 * * *", "--tz", "Europe/London"];
    let added = lab.run(&[&add[..], &["--name", "nightly", "-o", "json"]].concat()).json();
    assert_eq!((&added[0]["name"], &added[0]["enabled"]), (&"nightly".into(), &true.into()));
    let next = added[0]["next"].as_str().expect("a time");
    assert!(next.ends_with("T01:00:00Z") || next.ends_with("T02:00:00Z"), "{next}");
    lab.run(&[&add[..], &["--name", "nightly"]].concat())
        .fails(4, &["a schedule `nightly` already"]);
}

#[test]
fn a_run_on_more_data_says_what_changed() {
    let lab = Lab::with_bars(6_000);
    scheduled(&lab);
    lab.run(&["schedule", "report", "nightly"]).fails(3, &["no report yet"]);
    let first = lab.run(&["schedule", "run-now", "nightly", "-o", "json"]).json();
    assert_eq!((&first["state"], &first["job_id_before"]), (&"done".into(), &Value::Null));
    assert_eq!(first["data"][0]["change"], "new");

    // The same data: the same job, found and not computed again.
    let same = lab.run(&["schedule", "run-now", "nightly", "-o", "json"]).json();
    assert_eq!(
        (&same["job_id"], &same["data"][0]["change"]),
        (&first["job_id"], &"same".into())
    );

    lab.import_walk("WALK", 9_000, 1);
    let second = lab.run(&["schedule", "run-now", "nightly", "-o", "json"]).json();
    assert_ne!(second["job_id"], first["job_id"]);
    assert_eq!(second["job_id_before"], first["job_id"]);
    assert_eq!(second["data"][0]["change"], "changed");
    assert!(second["bars"].as_u64() > second["bars_before"].as_u64());
    assert_eq!(second["best_before"], first["best"]);

    // How the best point of the run before did is what its trial on the new data says.
    let found = lab.run(&["top", "crosses", "-n", "10000", "-o", "json"]).json();
    let best = &first["best"]["params"];
    let trial = found
        .as_array()
        .unwrap()
        .iter()
        .find(|trial| trial["params"] == *best)
        .unwrap();
    let now = &second["best_before_now"];
    assert_eq!(
        (&now["rank"], &now["objective"]),
        (&trial["rank"], &trial["metrics"]["sharpe"])
    );

    let shown = lab.run(&["schedule", "report", "nightly", "-o", "json"]).json();
    assert_eq!(shown, second);
    let planned = first["planned"].as_str().unwrap();
    let earlier = lab
        .run(&["schedule", "report", "nightly", "--at", planned, "-o", "json"])
        .json();
    assert_eq!(earlier, first);
    let table = lab.run(&["schedule", "report", "nightly"]).ok();
    for text in ["best now", "best before, on the data of now", "WALK", "changed"] {
        assert!(table.contains(text), "{text}: {table}");
    }
}

#[test]
fn what_is_not_due_is_not_run_and_what_is_missing_is_said() {
    let lab = Lab::with_bars(3_000);
    scheduled(&lab);
    let due = lab.run(&["schedule", "run-due"]);
    assert!(due.code == 0 && due.stderr.contains("nothing is due"), "{due:#?}");
    lab.run(&["schedule", "disable", "nightly"]).ok();
    lab.run(&["schedule", "disable", "nightly"]).fails(4, &["disabled already"]);
    let rests = lab.run(&["schedule", "ls", "-o", "json"]).json();
    assert_eq!((&rests[0]["enabled"], &rests[0]["next"]), (&false.into(), &Value::Null));
    lab.run(&["schedule", "enable", "nightly"]).ok();
    lab.run(&["schedule", "run-now", "nihgtly"])
        .fails(3, &["did you mean `nightly`?"]);
    for (cron, tz, text) in [
        ("0 2 * *", "UTC", "does not say when"),
        ("0 2 * * *", "Mars/Base", "no time zone"),
    ] {
        lab.run(&["schedule", "add", "job.toml", "--cron", cron, "--tz", tz])
            .fails(2, &[text]);
    }
    lab.run(&["schedule", "rm", "nightly"]).ok();
    lab.run(&["schedule", "report", "nightly"])
        .fails(3, &["no schedule `nightly`"]);
}
