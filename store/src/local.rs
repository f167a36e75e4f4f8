//! What a run without a coordinator records, under the home's lock.

use assay_core::ids::{Attempt, JobId};
use assay_core::job::Goal;
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;

use crate::change::{Change, JobDone, TaskDone, TaskRecordState};
use crate::compact::Compacted;
use crate::error::StoreError;
use crate::job::{JobRecord, JobState, NewJob};
use crate::jobs;
use crate::ranked::{RANKED, StoredMoments};
use crate::sql::unreadable;
use crate::staging::{Staged, TaskRange};
use crate::store::Store;

/// What makes a job done.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion<'a> {
    /// Its result files.
    pub compacted: &'a Compacted,
    /// Points that it tried.
    pub points: u64,
    /// Bars of all instruments together.
    pub bars: u64,
    /// Wall time of the run.
    pub seconds: f64,
    /// Now.
    pub finished: UtcNs,
    /// Its best points, best first; the first [`RANKED`] are kept.
    pub ranked: &'a [Ranked],
    /// What it maximized.
    pub goal: Goal,
    /// Of the aggregated objective over points.
    pub objective: StoredMoments,
    /// Of the Sharpe ratio per observation over trials.
    pub sharpe: StoredMoments,
}

/// A recorded task whose file is missing or damaged; its blocks must be run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedTask {
    /// Its blocks.
    pub range: TaskRange,
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Recorded tasks after their files were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntactTasks {
    /// Those that are safe, by block.
    pub intact: Vec<Staged>,
    /// Those that were not, and are forgotten now.
    pub damaged: Vec<DamagedTask>,
}

impl Store {
    /// Adds a job, queued, unless it is known, and says how it stands. A job that is known and not done takes over the
    /// expected number of trials.
    pub async fn submit(&self, job: &NewJob) -> Result<JobRecord, StoreError> {
        self.write(None, &[Change::JobAdded(Box::new(job.clone()))]).await?;
        self.job(job.id).await?.ok_or_else(|| jobs::unknown(&job.id.to_string(), &[]))
    }

    /// Moves a job along its lifecycle. `now` becomes the time of its start when it starts; `error` says why it failed.
    pub async fn transition(&self, job: JobId, to: JobState, now: UtcNs, error: Option<&str>) -> Result<(), StoreError> {
        let change = Change::JobMoved {
            job,
            to,
            at: now,
            error: error.map(str::to_owned),
        };
        self.write(None, &[change]).await
    }

    /// Records in one transaction that a task is done, and how far its job has come.
    pub async fn record_task(&self, task: &Staged) -> Result<(), StoreError> {
        let id = self.next_task().await?;
        let carved = Change::TaskCarved {
            task: id,
            job: task.job,
            range: task.range,
        };
        let done = TaskDone {
            task: id,
            attempt: Attempt(task.attempt),
            staged: task.clone(),
            statistics: Vec::new(),
            entered: Vec::new(),
            left: Vec::new(),
            at: UtcNs(0),
        };
        self.write(None, &[carved, Change::TaskDone(Box::new(done))]).await
    }

    /// Recorded tasks of a job, by block.
    pub async fn done_tasks(&self, job: JobId) -> Result<Vec<Staged>, StoreError> {
        let tasks = self.tasks(job).await?.into_iter();
        let staged = tasks.filter_map(|task| match task.state {
            TaskRecordState::Done { staged, .. } => Some(staged),
            _ => None,
        });
        Ok(staged.collect())
    }

    /// Recorded tasks of a job whose files are as they were written. The others are forgotten, and returned with the reason.
    pub async fn intact_tasks(&self, job: JobId) -> Result<IntactTasks, StoreError> {
        let tasks = self.tasks(job).await?;
        let home = self.home().to_owned();
        let verified = tokio::task::spawn_blocking(move || {
            let mut found = (IntactTasks::default(), Vec::new());
            for task in tasks {
                let TaskRecordState::Done { staged, .. } = task.state else {
                    continue;
                };
                match staged.verify(&home) {
                    Ok(()) => found.0.intact.push(staged),
                    Err(reason) => {
                        found.1.push(Change::TaskForgotten { task: task.task });
                        found.0.damaged.push(DamagedTask {
                            range: staged.range,
                            file: staged.file,
                            reason,
                        });
                    }
                }
            }
            found
        });
        let (found, forgotten) = verified.await.map_err(|e| unreadable("task", e))?;
        if !forgotten.is_empty() {
            self.write(None, &forgotten).await?;
        }
        Ok(found)
    }

    /// Makes a running job done, in one transaction that is durable when this returns.
    pub async fn complete(&self, job: &JobRecord, completion: &Completion<'_>) -> Result<(), StoreError> {
        let done = JobDone {
            job: job.id,
            compacted: completion.compacted.clone(),
            points: completion.points,
            bars: completion.bars,
            seconds: completion.seconds,
            at: completion.finished,
            ranked: completion.ranked[..completion.ranked.len().min(RANKED)].to_vec(),
            goal: completion.goal,
            objective: completion.objective,
            sharpe: completion.sharpe,
            luck: String::new(),
            searched: Vec::new(),
        };
        self.write(None, &[Change::JobDone(Box::new(done))]).await
    }
}
