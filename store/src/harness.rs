//! A whole run of a synthetic job, as a command makes it, for the tests of this crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assay_core::BLOCK;
use assay_core::ids::Ordinal;
use assay_core::job::Objective;
use assay_core::rank::{self, Ranked};
use assay_core::row::{Outcome, TrialRow};
use assay_core::time::UtcNs;

use crate::testing::{layout, row};
use crate::*;

pub(crate) const BLOCKS: u64 = 5;
pub(crate) const INSTRUMENTS: usize = 2;

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn new_job() -> NewJob {
    let layout = layout(INSTRUMENTS);
    NewJob {
        id: layout.job,
        name: "a sweep".to_owned(),
        spec: r#"{"objective": {"maximize": "sharpe", "aggregate": "mean"}}"#.to_owned(),
        strategy: "name = \"x\"".to_owned(),
        data: vec![DataHash {
            funding: None,
            ticks: None,
            symbol: "SYM0".to_owned(),
            hash: "ab".repeat(32),
        }],
        layout,
        trials: 1,
        owner: "local".to_owned(),
        priority: 5,
        body: String::new(),
        created: UtcNs(1),
    }
}

/// The rows of a run of blocks, one instrument after the other, as a run computes them; every seventh point is missing, as in
/// a grid with a condition, and some trials fail.
pub(crate) fn rows(range: TaskRange) -> Vec<TrialRow> {
    let ordinals = range.first_block * BLOCK..range.end() * BLOCK - if range.end() == BLOCKS { 300 } else { 0 };
    let of_instrument = |instrument| ordinals.clone().filter(|o| o % 7 != 3).map(move |o| row(o, instrument));
    let mut rows: Vec<TrialRow> = (0..INSTRUMENTS as u32).flat_map(of_instrument).collect();
    rows.iter_mut()
        .filter(|row| row.ordinal.0 % 501 == 5)
        .for_each(|row| row.outcome = Outcome::Failed("why".to_owned()));
    rows
}

pub(crate) fn rank_all(objective: &Objective, count: usize, keep: impl Fn(Ordinal) -> bool) -> Vec<Ranked> {
    let all = rows(TaskRange {
        first_block: 0,
        blocks: BLOCKS,
    });
    let (first, second) = all.split_at(all.len() / 2);
    let point = |(a, b): (&TrialRow, &TrialRow)| {
        let metric = objective.maximize.metric;
        let score = objective.score([a, b].map(|row| row.metrics().and_then(|m| m.get(metric))));
        let ranked = Ranked {
            ordinal: a.ordinal,
            point: a.point.clone(),
            objective: score.map(|score| objective.value(score)),
            metrics: vec![a.metrics().copied(), b.metrics().copied()],
        };
        (score, ranked)
    };
    let mut points: Vec<_> = first.iter().zip(second).map(point).filter(|(_, p)| keep(p.ordinal)).collect();
    points.sort_by(|a, b| rank::by_score((a.0, a.1.ordinal), (b.0, b.1.ordinal)));
    points.into_iter().take(count).map(|(_, ranked)| ranked).collect()
}

/// Stands for a process that dies.
#[derive(Debug)]
pub(crate) struct Killed;

/// Dies at the n-th of the places where it is asked.
pub(crate) struct Fate(pub(crate) Option<usize>);

impl Fate {
    fn may_die(&mut self) -> Result<(), Killed> {
        match &mut self.0 {
            None => Ok(()),
            Some(0) => Err(Killed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

/// A run as a command makes it, dying where its fate says. `staged` tasks get files, the last one stays in memory.
pub(crate) async fn run(
    home: &Path,
    tasks: &[TaskRange],
    keep: Option<&BTreeSet<Ordinal>>,
    mut fate: Fate,
) -> Result<JobRecord, Killed> {
    let _lock = HomeLock::acquire(home, "a sweep").unwrap();
    let store = Store::open(home).await.unwrap();
    fate.may_die()?;
    let job = store.submit(&new_job()).await.unwrap();
    fate.may_die()?;
    if job.state != JobState::Done {
        store.transition(job.id, JobState::Running, UtcNs(2), None).await.unwrap();
        fate.may_die()?;
        let mut staged = store.intact_tasks(job.id).await.unwrap().intact;
        let (last, others) = tasks.split_last().unwrap();
        for range in others {
            if staged.iter().any(|task| task.range == *range) {
                continue;
            }
            let task = write_staged(home, &job.layout, *range, 1, &rows(*range)).unwrap();
            fate.may_die()?;
            store.record_task(&task).await.unwrap();
            fate.may_die()?;
            staged.push(task);
        }
        let in_memory = rows(*last);
        let mut all: Vec<TaskRows<'_>> = staged.iter().map(TaskRows::Staged).collect();
        all.push(TaskRows::Memory {
            range: *last,
            rows: &in_memory,
        });
        let compacted = compact(home, &job.layout, BLOCKS, &all, keep).unwrap();
        fate.may_die()?;
        let objective = job.objective().unwrap();
        let ranked = rank_all(&objective, 100, |_| true);
        let completion = Completion {
            compacted: &compacted,
            points: compacted.trials / INSTRUMENTS as u64,
            bars: 1000,
            seconds: 0.5,
            finished: UtcNs(3),
            ranked: &ranked,
            goal: objective.maximize,
            objective: StoredMoments {
                count: 3,
                mean: Some(0.1),
                variance: None,
            },
            sharpe: StoredMoments::default(),
        };
        store.complete(&job, &completion).await.unwrap();
        fate.may_die()?;
    }
    remove_staging(home, job.id).unwrap();
    fate.may_die()?;
    let job = store.job(job.id).await.unwrap().unwrap();
    store.close().await;
    Ok(job)
}

pub(crate) fn tasks() -> Vec<TaskRange> {
    [(0, 2), (2, 1), (3, 2)]
        .map(|(first_block, blocks)| TaskRange { first_block, blocks })
        .to_vec()
}

/// Every file under a folder, by its path.
pub(crate) fn files_under(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                found.push((path, content));
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn results(home: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let found = files_under(&home.join("results"));
    found
        .into_iter()
        .map(|(path, content)| (path.strip_prefix(home).unwrap().to_owned(), content))
        .collect()
}
