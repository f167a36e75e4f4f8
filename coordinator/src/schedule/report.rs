//! What a run changed.

use assay_core::ids::JobId;
use assay_core::time::UtcNs;
use assay_store::{DataHash, JobRecord, JobState, ScheduledRun, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::data::Extent;

/// What a run of a schedule changed, kept in the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The schedule.
    pub schedule: String,
    /// When the run was due.
    pub planned: UtcNs,
    /// Its job.
    pub job_id: JobId,
    /// How the job ended: `done`, `stopped` or `failed`.
    pub state: String,
    /// Why it failed.
    pub error: Option<String>,
    /// What is maximized, as in the job file.
    pub objective: String,
    /// Trials run.
    pub trials: u64,
    /// Those that failed.
    pub failed: u64,
    /// Wall time of the job.
    pub seconds: Option<f64>,
    /// Bars of all instruments together.
    pub bars: Option<u64>,
    /// Those of the run before.
    pub bars_before: Option<u64>,
    /// The job of the run before that was done.
    pub job_id_before: Option<JobId>,
    /// The best point of this run.
    pub best: Option<Best>,
    /// The best point of the run before, on its data.
    pub best_before: Option<Best>,
    /// What became of the best point of the run before on the data of this one; `None` if this run did not try it, or did not keep it.
    pub best_before_now: Option<Fate>,
    /// What happened to the data of each instrument.
    pub data: Vec<DataChange>,
}

/// A point at the top.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its parameters.
    pub params: Map<String, Value>,
    /// Its aggregated objective.
    pub objective: Option<f64>,
}

/// What became of a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fate {
    /// Its aggregated objective on the new data.
    pub objective: Option<f64>,
    /// Its rank among the points of this run, from 1; `None` beyond the ranks that are kept.
    pub rank: Option<u64>,
}

/// The data of an instrument, before and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataChange {
    /// The instrument.
    pub symbol: String,
    /// `same`, `changed`, `new` or `gone`.
    pub change: String,
    /// Rows of its dataset now, if the cluster's catalog knows it.
    pub rows: Option<u64>,
    /// Rows that it had.
    pub rows_before: Option<u64>,
    /// Time of its last row now.
    pub last: Option<UtcNs>,
    /// Time of the last row that it had.
    pub last_before: Option<UtcNs>,
}

impl Report {
    /// The report of a run whose job is over; `None` while it is not.
    pub async fn of_run(store: &Store, run: &ScheduledRun) -> Result<Option<Self>, StoreError> {
        let Some(id) = run.job else { return Ok(None) };
        let Some(job) = store.job(id).await?.filter(|job| !job.state.is_open()) else {
            return Ok(None);
        };
        let error = job.error.clone();
        Self::of_job(store, run, &job, error).await.map(Some)
    }

    /// The report of a run whose job is over, or will not be for this reason.
    pub async fn of_job(store: &Store, run: &ScheduledRun, job: &JobRecord, error: Option<String>) -> Result<Self, StoreError> {
        let before = Self::run_before(store, run).await?;
        let objective = job.objective()?;
        let best = match job.state {
            JobState::Done => best_of(store, job).await?,
            _ => None,
        };
        let best_before = match &before {
            Some(before) => best_of(store, before).await?,
            None => None,
        };
        let mut fate = None;
        if job.state == JobState::Done
            && let Some(best) = &best_before
        {
            let found = store.find_point(job, &best.params).await?;
            fate = found.map(|(point, rank)| Fate {
                objective: point.objective,
                rank,
            });
        }
        let state = if error.is_some() { JobState::Failed } else { job.state };
        Ok(Self {
            schedule: run.schedule.clone(),
            planned: run.planned,
            job_id: job.id,
            state: state.to_string(),
            error,
            objective: objective.maximize.to_string(),
            trials: job.trials,
            failed: job.trials_failed,
            seconds: job.seconds,
            bars: job.bars,
            bars_before: before.as_ref().and_then(|job| job.bars),
            best,
            data: data_changes(store, before.as_ref().map(|job| job.data.as_slice()), &job.data).await?,
            job_id_before: before.map(|job| job.id),
            best_before,
            best_before_now: fate,
        })
    }

    /// The last run before this one whose job is done.
    pub(super) async fn run_before(store: &Store, run: &ScheduledRun) -> Result<Option<JobRecord>, StoreError> {
        for earlier in store.runs(&run.schedule, RUNS_BACK).await? {
            if earlier.planned < run.planned
                && let Some(id) = earlier.job
                && let Some(job) = store.job(id).await?
                && job.state == JobState::Done
            {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// As the database keeps it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a report has text keys and finite numbers")
    }
}

/// How far back a run that was done is looked for.
const RUNS_BACK: usize = 100;

async fn best_of(store: &Store, job: &JobRecord) -> Result<Option<Best>, StoreError> {
    let goal = job.objective()?.maximize;
    let best = store.top(job, 1, goal, None).await?;
    Ok(best.first().map(|ranked| Best {
        params: job.layout.values(&ranked.point),
        objective: ranked.objective,
    }))
}

async fn data_changes(store: &Store, before: Option<&[DataHash]>, now: &[DataHash]) -> Result<Vec<DataChange>, StoreError> {
    let mut changes = Vec::new();
    let earlier = |symbol: &str| before.unwrap_or_default().iter().find(|data| data.symbol == symbol);
    for data in now {
        let old = earlier(&data.symbol);
        let change = match old {
            None => "new",
            Some(old) if old == data => "same",
            Some(_) => "changed",
        };
        let extent = extent(store, Some(data)).await?;
        let extent_before = self::extent(store, old).await?;
        changes.push(DataChange::new(&data.symbol, change, extent.as_ref(), extent_before.as_ref()));
    }
    for old in before.unwrap_or_default() {
        if now.iter().all(|data| data.symbol != old.symbol) {
            let extent_before = extent(store, Some(old)).await?;
            changes.push(DataChange::new(&old.symbol, "gone", None, extent_before.as_ref()));
        }
    }
    Ok(changes)
}

async fn extent(store: &Store, data: Option<&DataHash>) -> Result<Option<Extent>, StoreError> {
    let Some(data) = data else { return Ok(None) };
    let dataset = store.dataset(&data.hash).await?;
    Ok(dataset.and_then(|dataset| serde_json::from_str(&dataset.manifest).ok()))
}

impl DataChange {
    fn new(symbol: &str, change: &str, now: Option<&Extent>, before: Option<&Extent>) -> Self {
        Self {
            symbol: symbol.to_owned(),
            change: change.to_owned(),
            rows: now.map(|extent| extent.rows),
            rows_before: before.map(|extent| extent.rows),
            last: now.map(|extent| extent.last),
            last_before: before.map(|extent| extent.last),
        }
    }
}
