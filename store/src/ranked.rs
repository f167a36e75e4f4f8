//! The best points of jobs, and the ledger of what was tried.

use assay_core::ids::{JobId, Ordinal};
use assay_core::job::Goal;
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;
use serde_json::{Map, Value as Json};

use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::job::DataHash;
use crate::layout::Layout;
use crate::sql::{Row, Set, Value, from_json, to_json, unreadable, values};

/// Best points of a job that the database keeps.
pub const RANKED: usize = 10_000;

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
    /// What luck explains of its results, as it was given; empty where it was not measured.
    pub luck: String,
    /// When it was done.
    pub finished: UtcNs,
}

/// What it takes to write the best points of a job.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) goal: Goal,
    pub(crate) layout: Layout,
}

/// A point as a row of `ranked`.
pub(crate) fn row(job: JobId, facts: &Facts, point: &Ranked) -> [Value; 6] {
    [
        job.to_string().into(),
        point.ordinal.0.into(),
        // A score of -0 ranks like 0.
        point.objective.map(|value| facts.goal.score(value) + 0.0).into(),
        point.objective.into(),
        to_json(&facts.layout.values(&point.point)).into(),
        to_json(&point.metrics).into(),
    ]
}

/// Writes rows of `ranked`. A point's numbers never change.
pub(crate) async fn insert(transaction: &mut Transaction<'_>, rows: Vec<[Value; 6]>) -> Result<(), StoreError> {
    let set = Set::new(["job", "ordinal", "score", "objective", "params", "metrics"], rows);
    let sql = "INSERT INTO ranked (job, ordinal, score, objective, params, metrics) \
               SELECT job, ordinal, score, objective, params, metrics FROM r WHERE true ON CONFLICT (job, ordinal) DO NOTHING";
    transaction.execute_of(&set, sql).await
}

/// Keeps the first [`RANKED`] points of a job.
pub(crate) async fn cut(transaction: &mut Transaction<'_>, job: JobId) -> Result<(), StoreError> {
    let sql = "DELETE FROM ranked WHERE job = $1 AND ordinal IN (SELECT ordinal FROM ranked WHERE job = $1 \
               ORDER BY score DESC NULLS LAST, ordinal LIMIT $2 OFFSET $3)";
    let values = values![job.to_string(), i64::MAX, RANKED as u64];
    transaction.execute(sql, values).await.map(|_| ())
}

/// The best points of a job, best first.
pub(crate) async fn read(database: &Database, layout: &Layout, job: JobId, count: usize) -> Result<Vec<Ranked>, StoreError> {
    let sql = "SELECT ordinal, objective, params, metrics FROM ranked WHERE job = $1 \
               ORDER BY score DESC NULLS LAST, ordinal LIMIT $2";
    let values = values![job.to_string(), i64::try_from(count).unwrap_or(i64::MAX)];
    let rows = database.rows("read the best points", sql, values).await?;
    rows.iter().map(|row| ranked(layout, row)).collect()
}

fn ranked(layout: &Layout, row: &Row) -> Result<Ranked, StoreError> {
    let params: Map<String, Json> = row.json("params")?;
    let by_instrument: Vec<Option<Map<String, Json>>> = from_json("metrics", row.get("metrics")?)?;
    let metrics = by_instrument.into_iter().map(|named| {
        named.map(|named| {
            let mut metrics = Metrics::default();
            for metric in Metric::ALL {
                let value = named.get(metric.name()).and_then(Json::as_f64);
                if let Some(value) = value {
                    metrics.set(metric, value);
                }
            }
            metrics
        })
    });
    Ok(Ranked {
        ordinal: Ordinal(row.count("ordinal")?),
        point: layout
            .point(&params)
            .ok_or_else(|| unreadable("params", "they are not the job's"))?,
        objective: row.get("objective")?,
        metrics: metrics.collect(),
    })
}

/// What has been tried, newest first.
pub(crate) async fn ledger(database: &Database) -> Result<Vec<LedgerEntry>, StoreError> {
    let sql = "SELECT * FROM ledger ORDER BY finished_ns DESC, job";
    let rows = database.rows("read the ledger", sql, &[]).await?;
    rows.iter().map(entry).collect()
}

/// What has been tried by one job, once it is done.
pub(crate) async fn ledger_of(database: &Database, job: JobId) -> Result<Option<LedgerEntry>, StoreError> {
    let sql = "SELECT * FROM ledger WHERE job = $1";
    let row = database.row("read the ledger", sql, values![job.to_string()]).await?;
    row.as_ref().map(entry).transpose()
}

fn entry(row: &Row) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry {
        job: row.parse("job")?,
        symbols: row.json("symbols")?,
        data: row.json("data")?,
        goal: row.get("goal")?,
        points: row.count("points")?,
        trials: row.count("trials")?,
        failed: row.count("failed")?,
        objective: StoredMoments {
            count: row.count("objective_count")?,
            mean: row.get("objective_mean")?,
            variance: row.get("objective_variance")?,
        },
        sharpe: StoredMoments {
            count: row.count("sharpe_count")?,
            mean: row.get("sharpe_mean")?,
            variance: row.get("sharpe_variance")?,
        },
        luck: row.get("luck")?,
        finished: UtcNs(row.get("finished_ns")?),
    })
}
