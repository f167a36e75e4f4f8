//! The one checker at the end of every test.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::cluster::{Cluster, Local, PER_TASK};

/// What a job took.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) tasks: u64,
    pub(crate) attempts: u64,
    pub(crate) lost: u64,
}

impl Found {
    /// Tries beyond one a task, as a share of all.
    pub(crate) fn wasted(&self) -> f64 {
        (self.attempts - self.tasks) as f64 / self.attempts as f64
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "0 lost, 0 twice, fingerprint equal, {} tries of {} tasks ({:.1} % wasted), {} lost",
            self.attempts,
            self.tasks,
            100.0 * self.wasted(),
            self.lost
        )
    }
}

/// Every expected trial once, the fingerprint of a run without faults, nothing given up, and nothing left behind.
pub(crate) fn check(cluster: &Cluster, local: &Local) -> Found {
    let job = cluster.outcome(&local.name);
    let there = cluster.wait("its outcome", |cluster| cluster.ask(&["watch", &local.name, "-o", "json"]));
    for field in ["job_id", "trials", "failed", "bars", "fingerprint", "best"] {
        assert_eq!(there[field], local.outcome[field], "{field}");
    }
    let id = job["job_id"].as_str().unwrap();
    let rows = trials(&cluster.path("depot"), id);
    assert_eq!(rows.len() as u64, local.tasks * PER_TASK);
    assert_eq!(rows, trials(&local.home, id), "other trials than here");
    let given_up = cluster
        .services
        .count("SELECT count(*) FROM tasks WHERE state = 'quarantined'");
    assert_eq!(given_up, 0, "a healthy task was given up: {:#?}", cluster.said(&local.name));
    nothing_is_left(cluster, id);
    let count = |sql: &str| cluster.services.count(sql);
    Found {
        tasks: count("SELECT count(*) FROM tasks"),
        attempts: count("SELECT count(*) FROM attempts"),
        lost: count("SELECT count(*) FROM attempts WHERE ending = 'lost'"),
    }
}

/// No task that is open, no try that has not ended, no message, no file in staging.
pub(crate) fn nothing_is_left(cluster: &Cluster, id: &str) {
    let count = |sql: &str| cluster.services.count(sql);
    let open = count("SELECT count(*) FROM tasks WHERE state NOT IN ('done', 'quarantined')");
    assert_eq!(open, 0, "tasks that are not over");
    let leases = count("SELECT count(*) FROM attempts WHERE ended_ns IS NULL");
    assert_eq!(leases, 0, "tries that have not ended");
    let queue = cluster.wait("the queue", |cluster| cluster.ask(&["queue", "-o", "json"]));
    let numbers = ["waiting", "running"].map(|name| queue[0][name].clone());
    assert_eq!(numbers, [Value::from(0), Value::from(0)], "{queue}");
    // Messages about tasks that are over are acknowledged as they come up.
    cluster.wait("an empty broker", |cluster| (cluster.services.messages() == 0).then_some(()));
    let staging = cluster.path("depot").join("staging").join(id);
    cluster.wait("an empty staging", |_| (!staging.exists()).then_some(()));
}

/// The ids of all trials in the result files of a job; none of them twice.
pub(crate) fn trials(home: &Path, id: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for path in parts(home, id) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap())
            .unwrap()
            .build()
            .unwrap();
        for batch in reader {
            let batch = batch.unwrap();
            let ids = batch.column_by_name("trial_id").unwrap().as_string::<i32>();
            for id in ids {
                assert!(seen.insert(id.unwrap().to_owned()), "twice: {id:?}");
            }
        }
    }
    seen
}

fn parts(home: &Path, id: &str) -> Vec<PathBuf> {
    let folder = home.join("results/v1/kind=trials").join(format!("job={id}"));
    assert!(folder.join("_SUCCESS").exists(), "{} is not whole", folder.display());
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect()
}
