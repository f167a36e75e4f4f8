//! Mixed faults from a seed, round after round on one cluster: a short one here, an hour with `scripts/soak`.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::check::check;
use crate::cluster::Cluster;

/// Tasks of a round's job, and a few more in each round: another job.
const TASKS: u64 = 300;
const WORKERS: u32 = 3;
/// How much more memory a coordinator may have in use at the end than after the first rounds.
const GROWTH_BYTES: u64 = 64 << 20;
/// Rounds after which its memory is what it will be.
const WARM: u64 = 5;

/// Random numbers of a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// One fault, drawn; its name for the log.
fn disturb(cluster: &mut Cluster, job: &str, dice: &mut Dice) -> &'static str {
    let worker = format!("worker-{}", dice.below(u64::from(WORKERS)));
    match dice.below(7) {
        0 | 1 => {
            cluster.kill(&worker);
            cluster.again(&worker);
            "a worker is killed"
        }
        2 => {
            cluster.signal(&worker, Signal::STOP);
            sleep(Duration::from_secs(1 + dice.below(18)));
            cluster.signal(&worker, Signal::CONT);
            "a worker is frozen"
        }
        3 => {
            cluster.kill("coordinator");
            cluster.again("coordinator");
            "the coordinator is killed"
        }
        4 => {
            cluster.services.crash("rabbit");
            "the broker is killed"
        }
        5 => {
            cluster.services.crash("postgres");
            "the database is killed"
        }
        _ => {
            // Whoever cancels a job may find it over.
            cluster.ask(&["cancel", job]);
            let path = format!("{job}.toml");
            cluster.wait("a submission", |cluster| cluster.ask(&["submit", &path, "-o", "json"]));
            "the job is cancelled and sent again"
        }
    }
}

#[test]
fn mixed_faults_change_nothing() {
    let Some(mut cluster) = Cluster::start(TASKS, 10) else {
        return;
    };
    cluster.workers(WORKERS);
    let (began, seconds) = (Instant::now(), number("ASSAY_SOAK_SECONDS", 0));
    let seed = number("ASSAY_SOAK_SEED", 20_261_127);
    let (mut round, mut warm, mut faults) = (0, None, 0);
    while round == 0 || began.elapsed().as_secs() < seconds {
        let mut dice = Dice(seed + round);
        let (name, tasks) = (format!("round-{round}"), TASKS + round);
        let local = cluster.local(&name, tasks);
        let path = format!("{name}.toml");
        cluster.wait("a submission", |cluster| cluster.ask(&["submit", &path, "-o", "json"]));
        let marks = 1 + dice.below(3);
        for mark in 1..=marks {
            let wanted = tasks * crate::cluster::PER_TASK * mark / (marks + 1);
            cluster.wait("some progress", |cluster| cluster.safe(&name).filter(|safe| *safe >= wanted));
            let fault = disturb(&mut cluster, &name, &mut dice);
            faults += 1;
            println!("{:>6} s  seed {}  {fault}", began.elapsed().as_secs(), seed + round);
        }
        check(&cluster, &local);
        round += 1;
        let memory = cluster.memory_of("coordinator");
        println!(
            "{:>6} s  round {round} is over, the coordinator has {} MB",
            began.elapsed().as_secs(),
            memory >> 20
        );
        if round == WARM {
            warm = Some(memory);
        }
        if let Some(warm) = warm {
            assert!(
                memory < warm + GROWTH_BYTES,
                "the coordinator grows: {warm} to {memory} bytes"
            );
        }
    }
    cluster.note(
        "mixed faults",
        &format!("{round} rounds, {faults} faults from seed {seed}, 0 violations"),
    );
}
