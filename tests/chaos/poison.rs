//! Tasks that end, or hold up, whatever runs them.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::check::{nothing_is_left, trials};
use crate::cluster::{Cluster, Local, PATIENCE, PER_TASK};

/// A trial of the task in the middle of the job: blocks have 1,024 ordinals each.
const BLOCK: u64 = 40;
const TASKS: u64 = 100;

/// Runs a job with a trial that goes wrong in one way, with two workers, which are started again whenever they end.
fn poisoned(way: &str, reason: &str) {
    let fault = format!("{way}@{}", BLOCK * 1_024 + 3);
    let Some(mut cluster) = Cluster::start_with(TASKS, &[("ASSAY_FAULTS", &fault), ("ASSAY_TASK_TIME", "2")]) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.submit();
    let began = std::time::Instant::now();
    let mut restarts = 0;
    loop {
        for name in ["worker-0", "worker-1"] {
            if !cluster.is_alive(name) {
                cluster.again(name);
                restarts += 1;
            }
        }
        let jobs = cluster.ask(&["jobs", "-o", "json"]).unwrap_or_default();
        if jobs[0]["state"] == "done" {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{way}: not in time\n{}", cluster.logs());
        sleep(Duration::from_millis(200));
    }
    let job = cluster.outcome("chaos");
    check(&cluster, &local, &job, reason);
    cluster.note(
        &format!("poison: {way}"),
        &format!("given up after 3 tries, the rest of the job done, workers ended {restarts} times"),
    );
}

fn check(cluster: &Cluster, local: &Local, job: &Value, reason: &str) {
    let given_up = cluster.services.ask("SELECT reason FROM tasks WHERE state = 'quarantined'");
    assert!(given_up.len() == 1 && given_up[0].contains(reason), "{given_up:?}");
    let tries = cluster.services.count(
        "SELECT max(of_task) FROM (SELECT count(*) AS of_task FROM attempts WHERE ending IN ('lost', 'failed') GROUP BY task) AS t",
    );
    assert_eq!(tries, 3);
    assert_eq!(job["failed"], PER_TASK, "the trials of the task, and no others: {job}");
    let id = job["job_id"].as_str().unwrap();
    let (here, there): (BTreeSet<_>, BTreeSet<_>) = (trials(&local.home, id), trials(&cluster.path("depot"), id));
    assert_eq!(here, there);
    nothing_is_left(cluster, id);
    let said = cluster.said("chaos");
    for text in ["runs alone, in a process of its own", reason, "is given up"] {
        assert!(said.iter().any(|line| line.contains(text)), "{text}: {said:#?}");
    }
    // The best points are those of the rest.
    let best = |args: &[&str]| cluster.ask(args).unwrap();
    let top = best(&["top", "chaos", "--limit", "5", "-o", "json"]);
    assert_eq!(top.as_array().unwrap().len(), 5);
}

#[test]
fn a_task_that_panics_is_given_up() {
    poisoned("panic", "internal error while computing trials: poison");
}

#[test]
fn a_task_that_ends_its_process_is_given_up() {
    poisoned("abort", "ended by signal 6 (SIGABRT)");
}

#[test]
fn a_task_that_does_not_end_is_given_up() {
    poisoned("loop", "it took longer than 2 s");
}

#[test]
fn a_task_that_takes_too_long_is_given_up() {
    poisoned("slow", "it took longer than 2 s");
}

#[test]
fn a_task_that_takes_all_memory_is_given_up() {
    poisoned("allocate", "memory allocation of 10737418240 bytes failed");
}
