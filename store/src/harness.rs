//! A whole run of a synthetic job, as a command makes it, for the tests of this crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assay_core::BLOCK;
use assay_core::ids::{Attempt, JobId, Ordinal, TaskId};
use assay_core::job::Objective;
use assay_core::rank::Ranked;
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
        Ranked {
            ordinal: a.ordinal,
            point: a.point.clone(),
            objective: score.map(|score| objective.value(score)),
            violation: 0.0,
            metrics: vec![a.metrics().copied(), b.metrics().copied()],
        }
    };
    let mut points: Vec<_> = first
        .iter()
        .zip(second)
        .map(point)
        .filter(|point| keep(point.ordinal))
        .collect();
    points.sort_by(|a, b| a.standing(objective).compare(&b.standing(objective)));
    points.truncate(count);
    points
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

/// A store of a home, and the right to change it.
pub(crate) struct Led {
    pub(crate) store: Store,
    office: Leadership,
}

impl Led {
    pub(crate) async fn open(home: &Path) -> Self {
        let store = Store::open(home).await.unwrap();
        let office = store.lead("a sweep").await.unwrap();
        Self { store, office }
    }

    pub(crate) async fn apply(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.store.apply(self.office.epoch(), changes).await
    }

    pub(crate) async fn job(&self, id: JobId) -> JobRecord {
        self.store.job(id).await.unwrap().unwrap()
    }

    /// Enters a job, and says how it stands.
    pub(crate) async fn submit(&self, job: NewJob) -> JobRecord {
        let id = job.id;
        self.apply(&[Change::JobAdded(Box::new(job))]).await.unwrap();
        self.job(id).await
    }

    pub(crate) async fn step(&self, job: JobId, to: JobState, at: i64, error: Option<&str>) -> Result<(), StoreError> {
        let (at, error) = (UtcNs(at), error.map(str::to_owned));
        self.apply(&[Change::JobMoved { job, to, at, error }]).await
    }

    /// Tasks of a job that are done, and whose files are as they were written; the others are forgotten, for a reason each.
    pub(crate) async fn intact_tasks(&self, job: JobId) -> (Vec<Staged>, Vec<String>) {
        let (mut intact, mut reasons, mut forgotten) = (Vec::new(), Vec::new(), Vec::new());
        for record in self.store.tasks(job).await.unwrap() {
            let TaskRecordState::Done { staged, .. } = record.state else {
                continue;
            };
            match staged.verify(self.store.home()) {
                Ok(()) => intact.push(staged),
                Err(reason) => {
                    reasons.push(reason);
                    forgotten.push(Change::TaskForgotten {
                        task: record.task,
                        block: BLOCK,
                    });
                }
            }
        }
        self.apply(&forgotten).await.unwrap();
        (intact, reasons)
    }

    /// The task of these blocks, carved now unless it is known.
    async fn task(&self, job: JobId, range: TaskRange) -> TaskId {
        let known = self.store.tasks(job).await.unwrap();
        if let Some(record) = known.iter().find(|record| record.range == range) {
            return record.task;
        }
        let task = self.store.next_task().await.unwrap();
        self.apply(&[Change::TaskCarved { task, job, range }]).await.unwrap();
        task
    }
}

fn done(task: TaskId, staged: &Staged) -> Change {
    Change::TaskDone(Box::new(TaskDone {
        task,
        attempt: Attempt(staged.attempt),
        staged: staged.clone(),
        statistics: Vec::new(),
        outcomes: String::new(),
        entered: Vec::new(),
        left: Vec::new(),
        bars: 0,
        at: UtcNs(0),
    }))
}

/// A run as a coordinator and a worker make it, dying where its fate says. `staged` tasks get files, the last one stays in memory.
pub(crate) async fn run(
    home: &Path,
    tasks: &[TaskRange],
    keep: Option<&BTreeSet<Ordinal>>,
    mut fate: Fate,
) -> Result<JobRecord, Killed> {
    let led = Led::open(home).await;
    fate.may_die()?;
    let job = led.submit(new_job()).await;
    fate.may_die()?;
    if job.state != JobState::Done {
        led.step(job.id, JobState::Running, 2, None).await.unwrap();
        fate.may_die()?;
        let mut staged = led.intact_tasks(job.id).await.0;
        let (last, others) = tasks.split_last().unwrap();
        for range in others {
            if staged.iter().any(|task| task.range == *range) {
                continue;
            }
            let file = write_staged(home, &job.layout, *range, 1, &rows(*range)).unwrap();
            fate.may_die()?;
            let task = led.task(job.id, *range).await;
            led.apply(&[done(task, &file)]).await.unwrap();
            fate.may_die()?;
            staged.push(file);
        }
        let in_memory = rows(*last);
        let mut all: Vec<TaskRows<'_>> = staged.iter().map(TaskRows::Staged).collect();
        all.push(TaskRows::Memory {
            range: *last,
            rows: &in_memory,
        });
        let compacted = compact(home, &job.layout, Some(BLOCKS), &all, keep).unwrap();
        fate.may_die()?;
        let objective = job.objective().unwrap();
        let end = JobDone {
            job: job.id,
            points: compacted.trials / INSTRUMENTS as u64,
            compacted,
            bars: 1000,
            seconds: 0.5,
            at: UtcNs(3),
            ranked: rank_all(&objective, 100, |_| true),
            goal: objective.maximize,
            objective: StoredMoments {
                count: 3,
                mean: Some(0.1),
                variance: None,
            },
            sharpe: StoredMoments::default(),
            luck: String::new(),
            searched: Vec::new(),
            replay_due: None,
        };
        led.apply(&[Change::JobDone(Box::new(end))]).await.unwrap();
        fate.may_die()?;
    }
    remove_staging(home, job.id).unwrap();
    fate.may_die()?;
    let job = led.job(job.id).await;
    led.store.close().await;
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
