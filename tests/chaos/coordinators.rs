//! Coordinators that are killed, at the worst moments too.

use std::time::{Duration, Instant};

use crate::check::check;
use crate::cluster::{Cluster, full};

/// Ends a coordinator after so many commits that were to be followed by messages.
fn between(commits: u32) -> Vec<(String, String)> {
    vec![("ASSAY_FAULTS".to_owned(), format!("committed@{commits}"))]
}

#[test]
fn coordinators_are_killed_and_the_one_that_stands_by_takes_over() {
    let Some(mut cluster) = Cluster::start(if full() { 10_000 } else { 1_000 }, 10) else {
        return;
    };
    cluster.coordinator("standby", 1, &[]);
    cluster.workers(2);
    let local = cluster.submit();
    let kills = if full() { 10 } else { 3 };
    let (mut office, mut other) = ("coordinator", "standby");
    let mut longest = Duration::ZERO;
    for kill in 1..=kills {
        cluster.progress(kill, kills + 1);
        cluster.kill(office);
        let killed = Instant::now();
        let before = cluster.wait("somebody who answers", |cluster| cluster.safe("chaos"));
        cluster.wait("work that goes on", |cluster| {
            cluster.safe("chaos").filter(|safe| *safe > before)
        });
        longest = longest.max(killed.elapsed());
        cluster.again(office);
        std::mem::swap(&mut office, &mut other);
    }
    let found = check(&cluster, &local);
    // How long it took belongs into the table; a busy machine may take longer than the ten seconds of an idle one.
    let found = format!("{kills} kills, work goes on within {:.1} s, {found}", longest.as_secs_f64());
    cluster.note("kill -9 the coordinator in office", &found);
}

#[test]
fn coordinators_die_between_commit_and_publish() {
    let Some(mut cluster) = Cluster::start(if full() { 10_000 } else { 1_000 }, 5) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.local("chaos", if full() { 10_000 } else { 1_000 });
    cluster.kill("coordinator");
    let deaths = if full() { 10 } else { 4 };
    // The first one dies with the job's first tasks on its lips, or at its submission.
    for death in 0..deaths {
        cluster.coordinator("doomed", 0, &between(death * 7));
        if death == 0 {
            cluster.wait("a submission", |cluster| {
                cluster.ask(&["submit", "chaos.toml", "-o", "json"]).map(drop).or_else(|| {
                    // It may have died of it.
                    (cluster.services.count("SELECT count(*) FROM jobs") == 1).then_some(())
                })
            });
        }
        assert_ne!(cluster.exit_code("doomed"), Some(0), "a job that wants no more work");
    }
    cluster.again("coordinator");
    let found = check(&cluster, &local);
    cluster.note(
        "the coordinator dies between commit and publish",
        &format!("{deaths} deaths, {found}"),
    );
}

#[test]
fn a_coordinator_dies_after_the_last_word_of_a_job() {
    let Some(mut cluster) = Cluster::start(200, 1) else { return };
    let local = cluster.local("chaos", 200);
    cluster.kill("coordinator");
    let env = [("ASSAY_FAULTS".to_owned(), "job_done@0".to_owned())];
    cluster.coordinator("doomed", 0, &env);
    cluster.wait("a submission", |cluster| cluster.ask(&["submit", "chaos.toml", "-o", "json"]));
    // Nobody can be asked about them: the job may be done before.
    cluster.worker("worker-0", &[]);
    cluster.worker("worker-1", &[]);
    assert_ne!(cluster.exit_code("doomed"), Some(0));
    cluster.again("coordinator");
    let found = check(&cluster, &local);
    cluster.note("the coordinator dies after the last word of a job", &found.to_string());
}

#[test]
fn everything_is_killed_at_once() {
    let Some(mut cluster) = Cluster::start(1_000, 10) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.submit();
    cluster.progress(1, 3);
    for name in ["coordinator", "worker-0", "worker-1"] {
        cluster.kill(name);
    }
    cluster.services.restart();
    cluster.again("coordinator");
    cluster.wait("a coordinator in office", |cluster| cluster.safe("chaos"));
    cluster.again("worker-0");
    cluster.again("worker-1");
    let found = check(&cluster, &local);
    cluster.note("all processes killed at once", &found.to_string());
}
