//! What is known of jobs: every look into the database, each as one plain function.

use std::path::{Path, PathBuf};

use assay_coordinator::judge;
use assay_core::ids::{JobId, TrialId};
use assay_core::job::Goal;
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_core::space::Point;
use assay_proto::Recorded;
use assay_store::{FoldRecord, JobRecord, JobState, Store, TradeRecord, has_results};
use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

/// The store of a home, opened when it is first needed.
#[derive(Debug)]
pub(crate) struct Ledger {
    home: PathBuf,
    runtime: Runtime,
    store: Option<Store>,
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
        let judge = judge(record)?;
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.top(record, count, by, judge))?)
    }

    /// What a verdict on a finished job rests on; with `neighbours` how those of its best point do, too.
    pub(crate) fn recorded(&mut self, record: &JobRecord, neighbours: bool) -> Result<Recorded, Failure> {
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(assay_coordinator::recorded(store, record, neighbours))?)
    }

    /// All points that a finished job kept.
    pub(crate) fn points(&mut self, record: &JobRecord) -> Result<Vec<Point>, Failure> {
        let (runtime, store) = self.open()?;
        let scored = runtime.block_on(store.scores(record, &record.objective()?))?;
        Ok(scored.into_iter().map(|of| of.point).collect())
    }

    /// Records a look at what a job held back, before it is taken.
    pub(crate) fn record_look(&mut self, record: &JobRecord) -> Result<(), Failure> {
        let (runtime, store) = self.open()?;
        let looks = assay_coordinator::looks(record, super::now());
        Ok(runtime.block_on(store.record_looks(&looks))?)
    }

    /// What a walk forward came to.
    pub(crate) fn folds(&mut self, record: &JobRecord) -> Result<Vec<FoldRecord>, Failure> {
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.folds(record.id))?)
    }

    /// The row of a trial.
    pub(crate) fn row(&mut self, trial: &TrialId) -> Result<Option<TrialRow>, Failure> {
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.find_row(trial))?)
    }

    /// The trades of a trial that are kept.
    pub(crate) fn trades(&mut self, trial: &TrialId) -> Result<Vec<TradeRecord>, Failure> {
        if self.existing()?.is_none() {
            return Ok(Vec::new());
        }
        let (runtime, store) = self.open()?;
        Ok(runtime.block_on(store.trades(trial))?)
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
}
