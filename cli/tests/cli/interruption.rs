//! Runs that are cut off, and homes that are taken.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Lab, job};

/// A job of a few seconds: many tasks, so that it can be caught between two of them.
fn long_job(name: &str) -> String {
    let text = job(name, "[2, 200]", "[3, 400]");
    text.replace(
        "commission = 0.0001",
        "commission = 0.0001\npyramiding = 2\ntrailing_stop = \"1%\"",
    )
}

const BARS: usize = 12_000;

fn lab(name: &str) -> Lab {
    let lab = Lab::with_bars(BARS);
    lab.write("job.toml", &long_job(name));
    lab
}

/// Waits until some of the job's tasks are recorded.
fn wait_for_tasks(lab: &Lab, run: &mut Child) -> u64 {
    let patience = Instant::now() + Duration::from_mins(2);
    while Instant::now() < patience {
        let jobs = lab.run(&["jobs", "-o", "json"]).json();
        if let Some(done) = jobs[0]["done"].as_u64().filter(|done| *done > 0) {
            return done;
        }
        assert_eq!(run.try_wait().ok(), Some(None), "the run ended before any task was recorded");
    }
    panic!("no task was recorded in two minutes");
}

#[test]
fn a_killed_run_continues_and_ends_with_the_same_fingerprint() {
    let cut_off = lab("cut-off");
    let mut child = cut_off.start(&["run", "job.toml", "--threads", "2"]);
    let recorded = wait_for_tasks(&cut_off, &mut child);

    // Meanwhile the home is taken, and says by whom; reading works.
    cut_off.write("other.toml", &job("other", "[2, 3]", "[4, 5]"));
    cut_off
        .run(&["run", "other.toml"])
        .fails(4, &["in use by another run", "job `cut-off`"]);
    cut_off.run(&["top", "cut-off"]).fails(3, &["is running", "no ranking yet"]);

    child.kill().unwrap();
    child.wait().unwrap();
    let continued = cut_off.run(&["run", "job.toml", "--threads", "1", "-o", "json"]).json();
    let computed = continued["trials_per_second"].as_f64().unwrap() * continued["seconds"].as_f64().unwrap();
    let trials = continued["trials"].as_f64().unwrap();
    assert!(
        computed <= trials - recorded as f64 + 0.5,
        "{computed} of {trials} computed, {recorded} were recorded"
    );

    let whole = lab("cut-off");
    let uninterrupted = whole.run(&["run", "job.toml", "--threads", "3", "-o", "json"]).json();
    assert_eq!(continued["fingerprint"], uninterrupted["fingerprint"]);
    assert_eq!(continued["job_id"], uninterrupted["job_id"]);
    let top = |lab: &Lab| lab.run(&["top", "cut-off", "-n", "200", "-o", "json"]).json();
    assert_eq!(top(&cut_off), top(&whole));
    assert!(cut_off.home_files().iter().all(|file| !file.starts_with("staging/")));
}

#[test]
fn an_interrupted_run_says_how_to_continue() {
    let lab = lab("interrupted");
    let mut child = lab.start(&["run", "job.toml", "--threads", "1"]);
    wait_for_tasks(&lab, &mut child);
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("`assay run job.toml` continues"), "{stderr}");
    let jobs = lab.run(&["jobs", "-o", "json"]).json();
    assert_eq!(jobs[0]["state"], "stopped");
    let ran = lab.run(&["run", "job.toml", "-o", "json"]).json();
    assert!(ran["trials_per_second"].as_f64().unwrap() * ran["seconds"].as_f64().unwrap() < ran["trials"].as_f64().unwrap());
}
