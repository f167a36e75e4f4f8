//! The end of a job, and its best points.

use assay_core::ids::{JobId, Ordinal, TrialId};
use assay_core::job::{Goal, Objective};
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_core::time::UtcNs;
use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, QueryBuilder, Sqlite};

use crate::compact::Compacted;
use crate::database::{Store, check_transition, from_json, get, parse, to_json, unreadable};
use crate::error::StoreError;
use crate::job::{DataHash, JobRecord, JobState};
use crate::layout::Layout;
use crate::reader;

/// Best points of a job that the database keeps.
pub const RANKED: usize = 10_000;
/// Points of one statement: SQLite takes 32,766 values in one.
const CHUNK: usize = 500;

/// Count, mean and variance (ddof 1) of a number over the trials of a job.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StoredMoments {
    /// How many trials have it.
    pub count: u64,
    /// Its mean.
    pub mean: Option<f64>,
    /// Its variance.
    pub variance: Option<f64>,
}

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

/// What has been tried on some data: one entry per finished job.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEntry {
    /// The job.
    pub job: JobId,
    /// Its instruments.
    pub symbols: Vec<String>,
    /// The values it ran on.
    pub data: Vec<DataHash>,
    /// What it maximized, as in a job file.
    pub goal: String,
    /// Points tried.
    pub points: u64,
    /// Trials run.
    pub trials: u64,
    /// Those that failed.
    pub failed: u64,
    /// Of the aggregated objective over points.
    pub objective: StoredMoments,
    /// Of the Sharpe ratio per observation over trials.
    pub sharpe: StoredMoments,
    /// When it was done.
    pub finished: UtcNs,
}

impl Store {
    /// Makes a running job done, in one transaction that is durable when this returns: its numbers, its best points, its entry
    /// in the ledger; the records of its tasks go.
    pub async fn complete(&self, job: &JobRecord, completion: &Completion<'_>) -> Result<(), StoreError> {
        let mut connection = self.connection().await;
        let failed = |e| self.failed("finish the job", e);
        let durable = sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await;
        durable.map_err(failed)?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        check_transition(&mut transaction, &self.path, job.id, JobState::Done).await?;
        insert_ranked(&mut transaction, job, completion.ranked)
            .await
            .map_err(failed)?;
        finish(&mut transaction, job, completion).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        let relaxed = sqlx::query("PRAGMA synchronous = NORMAL").execute(&mut *connection).await;
        relaxed.map(|_| ()).map_err(failed)
    }

    /// The best points of a finished job by any metric. By its own objective they come from the database as far as that goes,
    /// otherwise from the result files (which hold what the job kept).
    pub async fn top(&self, job: &JobRecord, count: usize, by: Goal) -> Result<Vec<Ranked>, StoreError> {
        let objective = job.objective()?;
        let stored = job.points.is_some_and(|points| points <= RANKED as u64) || count <= RANKED;
        if by == objective.maximize && stored {
            return self.ranked(job, count).await;
        }
        let objective = Objective {
            maximize: by,
            aggregate: objective.aggregate,
        };
        let (home, layout) = (self.home.clone(), job.layout.clone());
        let found = tokio::task::spawn_blocking(move || reader::top(&home, &layout, count, &objective));
        found.await.map_err(|e| unreadable("result", e))?
    }

    /// The row of a trial, without its sketch; `None` if its job is unknown or did not keep it.
    pub async fn find_row(&self, trial: &TrialId) -> Result<Option<TrialRow>, StoreError> {
        let Some(job) = self.job(trial.job).await? else {
            return Ok(None);
        };
        let (home, trial) = (self.home.clone(), *trial);
        let found = tokio::task::spawn_blocking(move || reader::find_row(&home, &job.layout, &trial));
        found.await.map_err(|e| unreadable("result", e))?
    }

    /// Why the first of the failed trials of a finished job failed, and how many failed for that reason; `None` if it kept
    /// no failed trial.
    pub async fn first_failure(&self, job: &JobRecord) -> Result<Option<(String, u64)>, StoreError> {
        let (home, layout) = (self.home.clone(), job.layout.clone());
        let found = tokio::task::spawn_blocking(move || reader::first_failure(&home, &layout));
        found.await.map_err(|e| unreadable("result", e))?
    }

    /// What has been tried, newest first.
    pub async fn ledger(&self) -> Result<Vec<LedgerEntry>, StoreError> {
        let rows = sqlx::query("SELECT * FROM ledger ORDER BY finished_ns DESC, job")
            .fetch_all(&mut *self.connection().await)
            .await;
        rows.map_err(|e| self.failed("read the ledger", e))?
            .iter()
            .map(entry)
            .collect()
    }

    async fn ranked(&self, job: &JobRecord, count: usize) -> Result<Vec<Ranked>, StoreError> {
        let rows = sqlx::query("SELECT * FROM ranked WHERE job = ? ORDER BY rank LIMIT ?")
            .bind(job.id.to_string())
            .bind(count as i64)
            .fetch_all(&mut *self.connection().await)
            .await;
        let rows = rows.map_err(|e| self.failed("read the best points", e))?;
        rows.iter().map(|row| ranked(&job.layout, row)).collect()
    }
}

async fn insert_ranked(connection: &mut SqliteConnection, job: &JobRecord, ranked: &[Ranked]) -> Result<(), sqlx::Error> {
    let id = job.id.to_string();
    for (chunk, first) in ranked[..ranked.len().min(RANKED)].chunks(CHUNK).zip((1i64..).step_by(CHUNK)) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO ranked (job, rank, ordinal, objective, params, metrics) ");
        insert.push_values(chunk.iter().zip(first..), |mut row, (point, rank)| {
            row.push_bind(&id)
                .push_bind(rank)
                .push_bind(point.ordinal.0 as i64)
                .push_bind(point.objective)
                .push_bind(to_json(&job.layout.values(&point.point)))
                .push_bind(to_json(&point.metrics));
        });
        insert.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn finish(connection: &mut SqliteConnection, job: &JobRecord, end: &Completion<'_>) -> Result<(), sqlx::Error> {
    let id = job.id.to_string();
    sqlx::query(
        "INSERT INTO ledger (job, symbols, data, goal, points, trials, failed, objective_count, objective_mean, \
         objective_variance, sharpe_count, sharpe_mean, sharpe_variance, finished_ns) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&id)
    .bind(to_json(&job.layout.instruments))
    .bind(to_json(&job.data))
    .bind(end.goal.to_string())
    .bind(end.points as i64)
    .bind(end.compacted.trials as i64)
    .bind(end.compacted.failed as i64)
    .bind(end.objective.count as i64)
    .bind(end.objective.mean)
    .bind(end.objective.variance)
    .bind(end.sharpe.count as i64)
    .bind(end.sharpe.mean)
    .bind(end.sharpe.variance)
    .bind(end.finished.0)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE jobs SET state = 'done', error = NULL, finished_ns = ?, trials = ?, trials_done = ?, trials_failed = ?, \
         points = ?, bars = ?, fingerprint = ?, seconds = ? WHERE id = ?",
    )
    .bind(end.finished.0)
    .bind(end.compacted.trials as i64)
    .bind(end.compacted.trials as i64)
    .bind(end.compacted.failed as i64)
    .bind(end.points as i64)
    .bind(end.bars as i64)
    .bind(end.compacted.fingerprint.to_string())
    .bind(end.seconds)
    .bind(&id)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM tasks WHERE job = ?")
        .bind(&id)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

fn ranked(layout: &Layout, row: &SqliteRow) -> Result<Ranked, StoreError> {
    let params: Map<String, Value> = from_json("params", get(row, "params")?)?;
    let by_instrument: Vec<Option<Map<String, Value>>> = from_json("metrics", get(row, "metrics")?)?;
    let metrics = by_instrument.into_iter().map(|named| {
        named.map(|named| {
            let mut metrics = Metrics::default();
            for metric in Metric::ALL {
                let value = named.get(metric.name()).and_then(Value::as_f64);
                if let Some(value) = value {
                    metrics.set(metric, value);
                }
            }
            metrics
        })
    });
    Ok(Ranked {
        ordinal: Ordinal(get::<i64>(row, "ordinal")? as u64),
        point: layout
            .point(&params)
            .ok_or_else(|| unreadable("params", "they are not the job's"))?,
        objective: get(row, "objective")?,
        metrics: metrics.collect(),
    })
}

fn entry(row: &SqliteRow) -> Result<LedgerEntry, StoreError> {
    let count = |column| get::<i64>(row, column).map(|n| n as u64);
    Ok(LedgerEntry {
        job: parse(row, "job")?,
        symbols: from_json("symbols", get(row, "symbols")?)?,
        data: from_json("data", get(row, "data")?)?,
        goal: get(row, "goal")?,
        points: count("points")?,
        trials: count("trials")?,
        failed: count("failed")?,
        objective: StoredMoments {
            count: count("objective_count")?,
            mean: get(row, "objective_mean")?,
            variance: get(row, "objective_variance")?,
        },
        sharpe: StoredMoments {
            count: count("sharpe_count")?,
            mean: get(row, "sharpe_mean")?,
            variance: get(row, "sharpe_variance")?,
        },
        finished: UtcNs(get(row, "finished_ns")?),
    })
}
