//! A broker and a database of a test's own, and what is done to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::check::check;
use crate::cluster::{Cluster, PER_TASK, full};

/// A broker and a database that end with this process.
pub(crate) struct Services {
    settings: BTreeMap<String, String>,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services")
}

impl Services {
    /// `None`, with a word, where there can be none.
    pub(crate) fn start() -> Option<Self> {
        let absent = std::env::var_os("ASSAY_SERVICES").is_some_and(|value| value == "absent");
        if !absent {
            let until = std::process::id().to_string();
            let mut command = Command::new(script());
            command.args(["start", "--until", &until]).stderr(Stdio::inherit());
            let output = command.output().unwrap();
            if output.status.success() {
                let lines = String::from_utf8_lossy(&output.stdout).into_owned();
                let pairs = lines.lines().filter_map(|line| line.split_once('='));
                let settings = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                return Some(Self { settings });
            }
        }
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "this test needs a broker and a database"
        );
        println!("skipped: no RabbitMQ and Postgres here (scripts/services install)");
        None
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        &self.settings[name]
    }

    /// `kill` or `start` one of them, `rabbit` or `postgres`.
    fn act_on(&self, verb: &str, only: &str) {
        self.act(verb, &["--only", only]);
    }

    /// A verb of `scripts/services` on this folder, with more arguments.
    fn act(&self, verb: &str, more: &[&str]) {
        let mut command = Command::new(script());
        command
            .args([verb, self.get("SERVICES_DIR")])
            .args(more)
            .stdout(Stdio::null());
        assert!(command.status().unwrap().success(), "{verb} {more:?}");
    }

    /// Kills one of them and starts it again.
    pub(crate) fn crash(&self, only: &str) {
        for verb in ["kill", "start"] {
            self.act_on(verb, only);
        }
    }

    /// Kills both at the same time, and brings them back.
    pub(crate) fn restart(&self) {
        for verb in ["kill", "start"] {
            self.act(verb, &[]);
        }
    }

    /// The first column of what a query gives.
    pub(crate) fn ask(&self, sql: &str) -> Vec<String> {
        let mut command = Command::new(script());
        command.args(["psql", self.get("SERVICES_DIR"), "-A", "-t", "-c", sql]);
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{sql}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    pub(crate) fn count(&self, sql: &str) -> u64 {
        self.ask(sql)[0].parse().unwrap()
    }

    /// Messages in all queues, those that workers hold among them.
    pub(crate) fn messages(&self) -> u64 {
        let mut command = Command::new(script());
        command.args(["ctl", self.get("SERVICES_DIR"), "list_queues", "--silent", "messages"]);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter_map(|line| line.trim().parse::<u64>().ok()).sum()
    }
}

#[test]
fn the_broker_is_killed_again_and_again() {
    let Some(mut cluster) = Cluster::start(if full() { 10_000 } else { 1_000 }, 10) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.submit();
    let kills = if full() { 5 } else { 2 };
    for kill in 1..=kills {
        cluster.progress(kill, kills + 1);
        cluster.services.crash("rabbit");
    }
    let found = check(&cluster, &local);
    cluster.note("kill -9 RabbitMQ", &format!("{kills} kills, {found}"));
}

#[test]
fn the_broker_loses_all_its_data_in_the_middle_of_a_job() {
    let Some(mut cluster) = Cluster::start(1_000, 10) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.submit();
    cluster.progress(1, 2);
    cluster.services.act_on("kill", "rabbit");
    let data = Path::new(cluster.services.get("SERVICES_DIR")).join("rabbit");
    let lost = forget_messages(&data);
    assert!(lost > 0, "there is nothing at {}", data.display());
    cluster.services.act_on("start", "rabbit");
    let found = check(&cluster, &local);
    cluster.note("RabbitMQ's data deleted", &found.to_string());
}

/// Removes what a broker that is not running has stored; how many folders that were.
fn forget_messages(folder: &Path) -> usize {
    let mut lost = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name == "mnesia" || name == "data") {
            std::fs::remove_dir_all(&path).unwrap();
            std::fs::create_dir(&path).unwrap();
            lost += 1;
        }
    }
    lost
}

#[test]
fn the_database_is_killed_again_and_again() {
    let Some(mut cluster) = Cluster::start(if full() { 10_000 } else { 1_000 }, 10) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.submit();
    let kills = if full() { 5 } else { 2 };
    for kill in 1..=kills {
        cluster.progress(kill, kills + 1);
        cluster.services.act_on("kill", "postgres");
        // Long enough for everybody to notice.
        sleep(Duration::from_secs(2));
        cluster.services.act_on("start", "postgres");
    }
    let found = check(&cluster, &local);
    assert!(cluster.is_alive("coordinator"), "it waits for its database");
    assert!(
        cluster.log("coordinator").contains("out of office: nothing is lost"),
        "and says so"
    );
    cluster.note("kill -9 Postgres", &format!("{kills} kills, {found}"));
}

#[test]
fn a_broker_without_disk_is_waited_for() {
    // Long enough not to be over before the broker is told, however busy the machine is.
    let Some(mut cluster) = Cluster::start(1_000, 40) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.submit();
    cluster.progress(1, 4);
    cluster.services.act("ctl", &["set_disk_free_limit", "100000GB"]);
    cluster.wait("a word about it", |cluster| {
        let log = cluster.log("coordinator");
        log.contains("the broker takes no messages at the moment").then_some(())
    });
    let memory = cluster.memory_of("coordinator");
    sleep(Duration::from_secs(if full() { 30 } else { 2 }));
    let safe = cluster.wait("its progress", |cluster| cluster.safe(&local.name));
    assert!(safe < local.tasks * PER_TASK, "the job is over, whatever the broker took");
    let grown = cluster.memory_of("coordinator").saturating_sub(memory);
    assert!(grown < 16 << 20, "tasks that wait for the broker pile up: {grown} bytes");
    cluster.services.act("ctl", &["set_disk_free_limit", "10MB"]);
    let found = check(&cluster, &local);
    cluster.note("the disk of the broker is full", &found.to_string());
}
