//! The run's side of the store: every call to the database, each as one plain function.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use assay_core::ids::{JobId, Ordinal, TrialId};
use assay_core::job::{Goal, Keep, Objective};
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_core::time::UtcNs;
use assay_optimizer::{Moments, SearchStatistics};
use assay_store::{
    Completion, DataHash, JobRecord, JobState, Layout, NewJob, Staged, Store, StoredMoments, TaskRange, TaskRows, compact,
    has_results, remove_staging,
};
use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;
use crate::job::Job;

/// The store of a home, opened when it is first needed.
#[derive(Debug)]
pub(crate) struct Ledger {
    home: PathBuf,
    runtime: Runtime,
    store: Option<Store>,
}

/// Everything that makes a job complete.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) blocks: u64,
    pub(super) bars: u64,
    pub(super) objective: Objective,
    pub(super) keep: Keep,
    pub(super) staged: Vec<Staged>,
    pub(super) in_memory: Vec<(TaskRange, Vec<TrialRow>)>,
    pub(super) ranked: Vec<Ranked>,
    pub(super) statistics: SearchStatistics,
}

/// The wall clock.
fn now() -> UtcNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcNs(since.as_nanos() as i64)
}

impl Ledger {
    /// Of a home that need not exist yet; nothing is created or opened.
    pub(crate) fn new(home: &Path) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_time().build();
        Ok(Self {
            home: home.to_owned(),
            runtime: runtime.map_err(|error| Failure::external(format!("cannot start the database runtime: {error}")))?,
            store: None,
        })
    }

    /// The store, if the home has one.
    fn existing(&mut self) -> Result<Option<&Store>, Failure> {
        if self.store.is_none() {
            self.store = self.runtime.block_on(Store::open_existing(&self.home))?;
        }
        Ok(self.store.as_ref())
    }

    /// The store, made if need be.
    fn open(&mut self) -> Result<(&Runtime, &Store), Failure> {
        let store = match self.store.take() {
            Some(store) => store,
            None => self.runtime.block_on(Store::open(&self.home))?,
        };
        Ok((&self.runtime, self.store.insert(store)))
    }

    /// A job that is done and whose results are in place.
    pub(crate) fn finished(&mut self, id: JobId) -> Result<Option<JobRecord>, Failure> {
        let home = self.home.clone();
        let record = self.job(id)?;
        Ok(record.filter(|record| record.state == JobState::Done && has_results(&home, &record.layout)))
    }

    /// A job by its id.
    pub(crate) fn job(&mut self, id: JobId) -> Result<Option<JobRecord>, Failure> {
        if self.existing()?.is_none() {
            return Ok(None);
        }
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.job(id))?)
    }

    /// All jobs, newest first.
    pub(crate) fn jobs(&mut self) -> Result<Vec<JobRecord>, Failure> {
        if self.existing()?.is_none() {
            return Ok(Vec::new());
        }
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.jobs())?)
    }

    /// A job by id, name, or the beginning of its id.
    pub(crate) fn find(&mut self, text: &str) -> Result<JobRecord, Failure> {
        if self.existing()?.is_none() {
            return Err(self.no_home(&format!("no job `{text}`")));
        }
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.find_job(text))?)
    }

    /// The best points of a finished job.
    pub(crate) fn top(&mut self, record: &JobRecord, count: usize, by: Goal) -> Result<Vec<Ranked>, Failure> {
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.top(record, count, by))?)
    }

    /// The best point of a finished job by its own objective.
    pub(super) fn best(&mut self, record: &JobRecord) -> Result<Option<Ranked>, Failure> {
        let goal = record.objective()?.maximize;
        Ok(self.top(record, 1, goal)?.into_iter().next())
    }

    /// The row of a trial.
    pub(crate) fn row(&mut self, trial: &TrialId) -> Result<Option<TrialRow>, Failure> {
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.find_row(trial))?)
    }

    /// Why the first of the failed trials of a finished job failed, and how many failed alike, as far as the job kept them.
    pub(crate) fn first_failure(&mut self, record: &JobRecord) -> Result<Option<(String, u64)>, Failure> {
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.first_failure(record))?)
    }

    fn no_home(&self, message: &str) -> Failure {
        Failure::not_found(message).hint(format!(
            "{} has no jobs yet; `assay run JOB.toml` makes one, --home names another folder",
            self.home.display()
        ))
    }

    /// Enters a job and starts it. Also tells which of its tasks an earlier run left safe.
    pub(super) fn begin(&mut self, job: &Job, layout: &Layout, trials: u64) -> Result<(JobRecord, Vec<Staged>), Failure> {
        let hash = |item: &crate::job::JobInstrument| DataHash {
            symbol: item.instrument.symbol.to_string(),
            hash: item.dataset.hash.to_string(),
            funding: item.funding.map(|hash| hash.to_string()),
        };
        let new = NewJob {
            id: job.id,
            name: job.spec.name.clone(),
            spec: job.stored_spec(),
            strategy: job.strategy_source.clone(),
            data: job.instruments.iter().map(hash).collect(),
            layout: layout.clone(),
            trials,
            owner: "local".to_owned(),
            priority: 5,
            body: String::new(),
            created: now(),
        };
        let (runtime, store) = self.open()?;
        runtime.block_on(async {
            let record = store.submit(&new).await?;
            if record.state == JobState::Done {
                // Its result files are gone, or it would have been found.
                store.transition(job.id, JobState::Queued, now(), None).await?;
            }
            store.transition(job.id, JobState::Running, now(), None).await?;
            let tasks = match record.trials_done {
                0 => Vec::new(),
                _ => store.intact_tasks(job.id).await?.intact,
            };
            Ok((record, tasks))
        })
    }

    /// Records a task whose file is durable.
    pub(super) fn record(&mut self, task: &Staged) -> Result<(), Failure> {
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.record_task(task))?)
    }

    /// The user stopped the job.
    pub(super) fn stop(&mut self, id: JobId) -> Result<JobRecord, Failure> {
        let (runtime, store) = self.open()?;
        runtime.block_on(store.transition(id, JobState::Stopped, now(), None))?;
        self.job(id)?
            .ok_or_else(|| Failure::internal(format!("job {id} vanished from the database")))
    }

    /// The job failed. The failure at hand is what is reported, even where it cannot be written down.
    pub(super) fn fail(&mut self, id: JobId, failure: &Failure) {
        if let Ok((runtime, store)) = self.open() {
            let _ = runtime.block_on(store.transition(id, JobState::Failed, now(), Some(failure.message())));
        }
    }

    /// Writes the result files and makes the job done.
    pub(super) fn complete(
        &mut self,
        record: &JobRecord,
        layout: &Layout,
        complete: &Complete,
        started: Instant,
    ) -> Result<JobRecord, Failure> {
        let keep: Option<BTreeSet<Ordinal>> = match complete.keep {
            Keep::All => None,
            Keep::Best(count) => Some(
                complete
                    .ranked
                    .iter()
                    .take(count as usize)
                    .map(|point| point.ordinal)
                    .collect(),
            ),
        };
        let staged = complete.staged.iter().map(TaskRows::Staged);
        let in_memory = complete
            .in_memory
            .iter()
            .map(|(range, rows)| TaskRows::Memory { range: *range, rows });
        let tasks: Vec<TaskRows<'_>> = staged.chain(in_memory).collect();
        let compacted = compact(&self.home, layout, complete.blocks, &tasks, keep.as_ref())?;
        let completion = Completion {
            compacted: &compacted,
            points: complete.statistics.points,
            bars: complete.bars,
            seconds: started.elapsed().as_secs_f64(),
            finished: now(),
            ranked: &complete.ranked,
            goal: complete.objective.maximize,
            objective: stored(&complete.statistics.objective),
            sharpe: stored(&complete.statistics.sharpe),
        };
        let (runtime, store) = self.open()?;
        runtime.block_on(store.complete(record, &completion))?;
        remove_staging(&self.home, layout.job)?;
        self.job(record.id)?
            .ok_or_else(|| Failure::internal(format!("job {} vanished from the database", record.id)))
    }
}

fn stored(moments: &Moments) -> StoredMoments {
    StoredMoments {
        count: moments.count,
        mean: moments.mean(),
        variance: moments.variance(),
    }
}
