//! The store: one set of questions and changes, whatever keeps the answers.

use std::path::{Path, PathBuf};

use assay_core::ids::{Epoch, JobId, TaskId, TrialId};
use assay_core::job::{Goal, Objective};
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use serde_json::{Map, Value};

use crate::activity::{self, AttemptRecord, LogLine, TaskCounts, WorkerRecord};
use crate::apply;
use crate::batches;
use crate::change::{Change, FoldRecord, TaskRecord, Unfinished, UnfinishedJob};
use crate::database::Database;
use crate::depot::Depot;
use crate::error::StoreError;
use crate::families::{self, FamilyKey, FamilyRecord, Look};
use crate::files;
use crate::job::{JobRecord, JobState};
use crate::jobs;
use crate::lead::Leadership;
use crate::memory::Memory;
use crate::ranked::{self, LedgerEntry, RANKED};
use crate::reader::{self, Judge, Scored};
use crate::sql::unreadable;
use crate::tasks;
use crate::trades::{self, TradeRecord};

/// Jobs, tasks, rankings, and what their records point to.
///
/// Changing jobs is for whoever is in office ([`Store::lead`]); reading is for everyone, at any time.
#[derive(Debug)]
pub struct Store {
    home: PathBuf,
    depot: Depot,
    pub(crate) backend: Backend,
}

/// What keeps the truth.
#[derive(Debug)]
pub(crate) enum Backend {
    Database(Database),
    Memory(Box<Memory>),
}

impl Store {
    /// Opens a store by its address: `sqlite:<folder>` (the folder is created if need be), `postgres://…` (TLS as its `sslmode`
    /// says), `memory:` (gone with this value). Result files lie in the home. Tables are brought up to date.
    pub async fn connect(address: &str, home: &Path) -> Result<Self, StoreError> {
        let backend = if address == "memory:" {
            Backend::Memory(Box::default())
        } else if let Some(folder) = address.strip_prefix("sqlite:") {
            Backend::Database(Database::sqlite(Path::new(folder)).await?)
        } else if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            Backend::Database(Database::postgres(address).await?)
        } else {
            let scheme = address.split(':').next().unwrap_or_default();
            return Err(StoreError::Address {
                reason: format!("unknown scheme `{scheme}`"),
            });
        };
        Ok(Self {
            home: home.to_owned(),
            depot: Depot::folder(home),
            backend,
        })
    }

    /// Opens the store of a home, creating both if need be, and brings its tables up to date.
    pub async fn open(home: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            home: home.to_owned(),
            depot: Depot::folder(home),
            backend: Backend::Database(Database::sqlite(home).await?),
        })
    }

    /// Opens the store of a home if it has one: for commands that only read.
    pub async fn open_existing(home: &Path) -> Result<Option<Self>, StoreError> {
        if files::database(home).exists() {
            Self::open(home).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// A store in memory, for tests and simulations.
    pub fn in_memory(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            depot: Depot::folder(home),
            backend: Backend::Memory(Box::default()),
        }
    }

    /// Result files are read from this depot from now on, instead of from the home.
    #[must_use]
    pub fn with_depot(self, depot: Depot) -> Self {
        Self { depot, ..self }
    }

    /// Closes the database; that of a home is one file then. What was recorded is safe without it.
    pub async fn close(self) {
        if let Backend::Database(database) = self.backend {
            database.close().await;
        }
    }

    #[cfg(test)]
    pub(crate) fn database(&self) -> &Database {
        match &self.backend {
            Backend::Database(database) => database,
            Backend::Memory(_) => panic!("a store in memory has no database"),
        }
    }

    /// The home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Takes office: from now on the changes of earlier reigns are refused. A home is led by one process ([`StoreError::Locked`] if
    /// another does); for a database in Postgres this waits until the one in office is gone. `holder` names who asks, to others.
    pub async fn lead(&self, holder: &str) -> Result<Leadership, StoreError> {
        Leadership::take(self, holder).await
    }

    /// Like [`Store::lead`], but `None` where another is in office.
    pub async fn try_lead(&self, holder: &str) -> Result<Option<Leadership>, StoreError> {
        Leadership::try_take(self, holder).await
    }

    /// Makes changes in one transaction: all of them, durable when this returns, or none. A change to what does not exist or is past it is
    /// left out, unless it contradicts what is recorded: [`StoreError::Conflict`], [`StoreError::IllegalTransition`],
    /// [`StoreError::UnknownJob`].
    ///
    /// [`StoreError::Deposed`]: a later epoch has begun. After any other error of the database it is unknown whether the changes were
    /// made: begin again from [`Store::unfinished`].
    pub async fn apply(&self, epoch: Epoch, changes: &[Change]) -> Result<(), StoreError> {
        self.write(Some(epoch), changes).await
    }

    async fn write(&self, epoch: Option<Epoch>, changes: &[Change]) -> Result<(), StoreError> {
        match &self.backend {
            // A large future, and not one that its callers should carry along.
            Backend::Database(database) => Box::pin(apply::apply(database, epoch, changes)).await,
            Backend::Memory(memory) => memory.apply(epoch, changes),
        }
    }

    /// All that a coordinator must know when it takes office: jobs that are queued, running or paused.
    pub async fn unfinished(&self) -> Result<Unfinished, StoreError> {
        match &self.backend {
            Backend::Database(database) => jobs::unfinished(database).await,
            Backend::Memory(memory) => memory.unfinished(),
        }
    }

    /// The same of one job, whatever its state: to go on with one that was stopped.
    pub async fn job_with_tasks(&self, id: JobId) -> Result<Option<UnfinishedJob>, StoreError> {
        let Some(record) = self.job(id).await? else {
            return Ok(None);
        };
        let job = match &self.backend {
            Backend::Database(database) => jobs::with_tasks(database, record).await?,
            Backend::Memory(memory) => memory.with_tasks(record)?,
        };
        Ok(Some(job))
    }

    /// The number that the next task gets.
    pub async fn next_task(&self) -> Result<TaskId, StoreError> {
        match &self.backend {
            Backend::Database(database) => jobs::next_task(database).await,
            Backend::Memory(memory) => Ok(memory.next_task()),
        }
    }

    /// All jobs, newest first.
    pub async fn jobs(&self) -> Result<Vec<JobRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => jobs::all(database).await,
            Backend::Memory(memory) => Ok(memory.jobs()),
        }
    }

    /// A job by its id.
    pub async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => jobs::one(database, id).await,
            Backend::Memory(memory) => Ok(memory.job(id)),
        }
    }

    /// Finished jobs of which something is still to be replayed, and of how many points the trades are to be kept, oldest first.
    pub async fn replays_due(&self) -> Result<Vec<(JobId, u32)>, StoreError> {
        match &self.backend {
            Backend::Database(database) => jobs::replays_due(database).await,
            Backend::Memory(memory) => Ok(memory.replays_due()),
        }
    }

    /// How many jobs of an owner are not over, besides one.
    pub async fn open_jobs_of(&self, owner: &str, besides: JobId) -> Result<u64, StoreError> {
        match &self.backend {
            Backend::Database(database) => jobs::open_of(database, owner, besides).await,
            Backend::Memory(memory) => Ok(memory.open_jobs_of(owner, besides)),
        }
    }

    /// A job by what a user types: its id, its name (of several the newest), or the beginning of its id.
    pub async fn find_job(&self, text: &str) -> Result<JobRecord, StoreError> {
        if let Ok(id) = text.parse::<JobId>()
            && let Some(job) = self.job(id).await?
        {
            return Ok(job);
        }
        let mut jobs = self.jobs().await?;
        let fits = |job: &JobRecord, by_name: bool| {
            if by_name {
                job.name == text
            } else {
                text.len() > 2 && job.id.to_string().starts_with(text)
            }
        };
        for by_name in [true, false] {
            let found: Vec<usize> = (0..jobs.len()).filter(|i| fits(&jobs[*i], by_name)).collect();
            match found.as_slice() {
                [] => {}
                [one] => return Ok(jobs.swap_remove(*one)),
                [newest, ..] if by_name => return Ok(jobs.swap_remove(*newest)),
                many => {
                    return Err(StoreError::AmbiguousJob {
                        text: text.to_owned(),
                        candidates: many.iter().map(|i| jobs[*i].id.to_string()).collect(),
                    });
                }
            }
        }
        let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        Err(jobs::unknown(text, &names))
    }

    /// The tasks of a job, by their first block.
    pub async fn tasks(&self, job: JobId) -> Result<Vec<TaskRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => tasks::records(database, job).await,
            Backend::Memory(memory) => Ok(memory.tasks(job)),
        }
    }

    /// How many tasks of a job are where.
    pub async fn tasks_of(&self, job: JobId) -> Result<TaskCounts, StoreError> {
        match &self.backend {
            Backend::Database(database) => activity::counts(database, job).await,
            Backend::Memory(memory) => Ok(memory.counts(job)),
        }
    }

    /// All tries of the tasks of a job, by task and try.
    pub async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => activity::attempts(database, job).await,
            Backend::Memory(memory) => Ok(memory.attempts(job)),
        }
    }

    /// Lines of a job's log, in order, after the one of that number.
    pub async fn logs(&self, job: JobId, after: u64, limit: usize) -> Result<Vec<LogLine>, StoreError> {
        match &self.backend {
            Backend::Database(database) => activity::logs(database, job, after, limit).await,
            Backend::Memory(memory) => Ok(memory.logs(job, after, limit)),
        }
    }

    /// All workers, past ones too, by name.
    pub async fn workers(&self) -> Result<Vec<WorkerRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => activity::workers(database).await,
            Backend::Memory(memory) => Ok(memory.workers()),
        }
    }

    /// The best points of a job by any metric. By its own objective they come from the database as far as that goes, while it
    /// runs too; otherwise from the result files (which hold what the job kept), where `judge` says what violates its requirements.
    pub async fn top(&self, job: &JobRecord, count: usize, by: Goal, judge: Option<Judge>) -> Result<Vec<Ranked>, StoreError> {
        let objective = job.objective()?;
        let stored = job.state != JobState::Done || count <= RANKED || job.points.is_some_and(|points| points <= RANKED as u64);
        if by == objective.maximize && stored {
            return match &self.backend {
                Backend::Database(database) => ranked::read(database, &job.layout, job.id, count).await,
                Backend::Memory(memory) => memory.ranked(job.id, count),
            };
        }
        let objective = Objective {
            maximize: by,
            also: Vec::new(),
            ..objective
        };
        let (place, layout) = (self.depot.results(&job.layout).await?, job.layout.clone());
        let found = tokio::task::spawn_blocking(move || reader::top(place.home(), &layout, count, &objective, judge.as_ref()));
        found.await.map_err(|e| unreadable("result", e))?
    }

    /// A point of a finished job by the values of its parameters, and its rank from 1 if that is known; `None` if the job has no such
    /// point, or did not keep it.
    pub async fn find_point(
        &self,
        job: &JobRecord,
        values: &Map<String, Value>,
    ) -> Result<Option<(Ranked, Option<u64>)>, StoreError> {
        let Some(point) = job.layout.point(values) else {
            return Ok(None);
        };
        let objective = job.objective()?;
        let best = self.top(job, RANKED, objective.maximize, None).await?;
        if let Some(at) = best.iter().position(|ranked| ranked.point == point) {
            return Ok(Some((best[at].clone(), Some(at as u64 + 1))));
        }
        let (place, layout) = (self.depot.results(&job.layout).await?, job.layout.clone());
        let found = tokio::task::spawn_blocking(move || reader::find_point(place.home(), &layout, &point, &objective));
        let found = found.await.map_err(|e| unreadable("result", e))??;
        Ok(found.map(|ranked| (ranked, None)))
    }

    /// The row of a trial, without its sketch; `None` if its job is unknown or did not keep it.
    pub async fn find_row(&self, trial: &TrialId) -> Result<Option<TrialRow>, StoreError> {
        let Some(job) = self.job(trial.job).await? else {
            return Ok(None);
        };
        let (place, trial) = (self.depot.results(&job.layout).await?, *trial);
        let found = tokio::task::spawn_blocking(move || reader::find_row(place.home(), &job.layout, &trial));
        found.await.map_err(|e| unreadable("result", e))?
    }

    /// Why the first of the failed trials of a finished job failed, and how many failed for that reason; `None` if it kept
    /// no failed trial.
    pub async fn first_failure(&self, job: &JobRecord) -> Result<Option<(String, u64)>, StoreError> {
        let (place, layout) = (self.depot.results(&job.layout).await?, job.layout.clone());
        let found = tokio::task::spawn_blocking(move || reader::first_failure(place.home(), &layout));
        found.await.map_err(|e| unreadable("result", e))?
    }

    /// All points that a finished job kept, by ordinal, and what each came to by an objective.
    pub async fn scores(&self, job: &JobRecord, objective: &Objective) -> Result<Vec<Scored>, StoreError> {
        let (place, layout, objective) = (self.depot.results(&job.layout).await?, job.layout.clone(), objective.clone());
        let found = tokio::task::spawn_blocking(move || reader::scores(place.home(), &layout, &objective));
        found.await.map_err(|e| unreadable("result", e))?
    }

    /// The trades of a trial, in their order; none if they were not kept.
    pub async fn trades(&self, trial: &TrialId) -> Result<Vec<TradeRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => trades::of(database, trial).await,
            Backend::Memory(memory) => Ok(memory.trades(trial)),
        }
    }

    /// What a walk forward came to, by fold and instrument; the whole walk has fold -1.
    pub async fn folds(&self, job: JobId) -> Result<Vec<FoldRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => batches::folds(database, job).await,
            Backend::Memory(memory) => Ok(memory.folds(job)),
        }
    }

    /// What has been tried, newest first.
    pub async fn ledger(&self) -> Result<Vec<LedgerEntry>, StoreError> {
        match &self.backend {
            Backend::Database(database) => ranked::ledger(database).await,
            Backend::Memory(memory) => Ok(memory.ledger()),
        }
    }

    /// What has been tried by one job, once it is done.
    pub async fn ledger_of(&self, job: JobId) -> Result<Option<LedgerEntry>, StoreError> {
        match &self.backend {
            Backend::Database(database) => ranked::ledger_of(database, job).await,
            Backend::Memory(memory) => Ok(memory.ledger_of(job)),
        }
    }

    /// Records looks at what was held back. No job changes by it, so that it needs no office.
    pub async fn record_looks(&self, looks: &[Look]) -> Result<(), StoreError> {
        let changes: Vec<Change> = looks.iter().cloned().map(Change::Looked).collect();
        self.write(None, &changes).await
    }

    /// What jobs that are done have searched of a family; empty if none has.
    pub async fn family(&self, key: &FamilyKey) -> Result<FamilyRecord, StoreError> {
        match &self.backend {
            Backend::Database(database) => families::read(database, key).await,
            Backend::Memory(memory) => Ok(memory.family(key)),
        }
    }
}
