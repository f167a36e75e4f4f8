//! Users beside each other, and users who change their minds.

use std::time::{Duration, Instant};

use crate::check::check;
use crate::cluster::{Cluster, PER_TASK, full};

#[test]
fn a_small_job_does_not_wait_for_a_large_one() {
    let (large, small) = if full() { (100_000, 100) } else { (3_000, 50) };
    let Some(mut cluster) = Cluster::start(large, 5) else { return };
    let local = cluster.local("small", small);
    cluster.job("large", large);
    cluster.job("alone", small + 1);
    cluster.workers(2);
    let began = Instant::now();
    cluster.act(&["submit", "alone.toml"]);
    cluster.outcome("alone");
    let alone = began.elapsed().as_secs_f64();
    cluster.act(&["submit", "large.toml"]);
    cluster.wait("the large one", |cluster| cluster.safe("large").filter(|safe| *safe > 0));
    let before = cluster.wait("its progress", |cluster| cluster.safe("large"));
    let began = Instant::now();
    cluster.act(&["submit", "small.toml"]);
    let job = cluster.outcome("small");
    let seconds = began.elapsed().as_secs_f64();
    let after = cluster.wait("its progress", |cluster| cluster.safe("large"));
    assert_eq!(job["fingerprint"], local.outcome["fingerprint"]);
    // Its turns come as often as those of the large one, which is ahead by what waited already, and goes on while the small one is
    // put together.
    let meanwhile = (after - before) / PER_TASK;
    assert!(after < large * PER_TASK, "the large one is over");
    cluster.act(&["cancel", "large"]);
    let times = seconds / alone;
    // The commands that look take their time as well, among the other tests.
    let slack = if full() { 0.0 } else { 1.0 };
    assert!(seconds <= 2.0 * alone + slack, "{seconds} s, alone {alone} s");
    let took = format!(
        "{small} tasks in {seconds:.1} s, {times:.1} times what they take alone; meanwhile {meanwhile} of the large one's {large}"
    );
    cluster.note("a small job beside a large one", &took);
}

#[test]
fn a_cancelled_job_leaves_idle_workers_and_goes_on_when_it_is_sent_again() {
    let tasks = if full() { 100_000 } else { 1_000 };
    let Some(mut cluster) = Cluster::start(tasks, 10) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.submit();
    cluster.progress(1, 10);
    let began = Instant::now();
    cluster.act(&["cancel", "chaos"]);
    cluster.wait("idle workers", |cluster| {
        let queue = cluster.ask(&["queue", "-o", "json"])?;
        (queue[0]["waiting"] == 0 && queue[0]["running"] == 0).then_some(())
    });
    let idle = began.elapsed();
    // The command that looks takes its time as well, among the other tests.
    let limit = Duration::from_secs(if full() { 2 } else { 5 });
    assert!(idle < limit, "idle after {idle:?}");
    let open = cluster.services.count("SELECT count(*) FROM attempts WHERE ended_ns IS NULL");
    assert_eq!(open, 0);
    cluster.act(&["submit", "chaos.toml"]);
    let found = check(&cluster, &local);
    cluster.note(
        "a job is cancelled, and sent again",
        &format!("idle within {:.1} s; {found}", idle.as_secs_f64()),
    );
}
