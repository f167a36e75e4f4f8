//! The best points of jobs, and the ledger of what was tried.

use std::sync::LazyLock;

use assay_core::ids::{JobId, Ordinal};
use assay_core::job::Goal;
use assay_core::metrics::{METRICS, Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;
use serde_json::{Map, Value as Json};

use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::job::DataHash;
use crate::layout::Layout;
use crate::sql::{Row, Set, Value, to_json, unreadable, values};

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

/// Columns of `ranked` that no metric has.
const OF_POINT: usize = 8;
/// All of them.
pub(crate) const COLUMNS: usize = OF_POINT + METRICS;

fn columns() -> [&'static str; COLUMNS] {
    let mut names = [""; COLUMNS];
    let of_point = [
        "job",
        "ordinal",
        "instrument",
        "score",
        "objective",
        "params",
        "failed",
        "violation",
    ];
    names[..OF_POINT].copy_from_slice(&of_point);
    names[OF_POINT..].copy_from_slice(&Metric::ALL.map(Metric::name));
    names
}

/// A point as rows of `ranked`, one for each instrument.
pub(crate) fn rows(job: JobId, facts: &Facts, point: &Ranked) -> impl Iterator<Item = [Value; COLUMNS]> {
    // A score of -0 ranks like 0.
    let score = point.objective.map(|value| facts.goal.score(value) + 0.0);
    let of_point: [Value; OF_POINT] = [
        job.to_string().into(),
        point.ordinal.0.into(),
        0u64.into(),
        score.into(),
        point.objective.into(),
        to_json(&facts.layout.values(&point.point)).into(),
        0u64.into(),
        point.violation.into(),
    ];
    point.metrics.iter().zip(0u64..).map(move |(metrics, instrument)| {
        let mut row = [const { Value::Real(None) }; COLUMNS];
        row[..OF_POINT].clone_from_slice(&of_point);
        row[2] = instrument.into();
        row[6] = u64::from(metrics.is_none()).into();
        if let Some(metrics) = metrics {
            for (column, metric) in row[OF_POINT..].iter_mut().zip(Metric::ALL) {
                *column = metrics.get(metric).into();
            }
        }
        row
    })
}

/// Writes rows of `ranked`. A point's numbers never change.
pub(crate) async fn insert(transaction: &mut Transaction<'_>, rows: Vec<[Value; COLUMNS]>) -> Result<(), StoreError> {
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        let names = columns().join(", ");
        format!(
            "INSERT INTO ranked ({names}) SELECT {names} FROM r WHERE true ON CONFLICT (job, ordinal, instrument) DO NOTHING"
        )
    });
    transaction.execute_of(&Set::new(columns(), rows), &INSERT).await
}

/// Keeps the first [`RANKED`] points of a job.
pub(crate) async fn cut(transaction: &mut Transaction<'_>, job: JobId) -> Result<(), StoreError> {
    let sql = "DELETE FROM ranked WHERE job = $1 AND ordinal IN (SELECT ordinal FROM ranked WHERE job = $1 AND instrument = 0 \
               ORDER BY score IS NULL, violation, score DESC, ordinal LIMIT $2 OFFSET $3)";
    let values = values![job.to_string(), i64::MAX, RANKED as u64];
    transaction.execute(sql, values).await.map(|_| ())
}

/// The best points of a job, best first.
pub(crate) async fn read(database: &Database, layout: &Layout, job: JobId, count: usize) -> Result<Vec<Ranked>, StoreError> {
    let sql = "SELECT * FROM ranked WHERE job = $1 ORDER BY score IS NULL, violation, score DESC, ordinal, instrument LIMIT $2";
    let instruments = layout.instruments.len().max(1);
    let rows = i64::try_from(count.saturating_mul(instruments)).unwrap_or(i64::MAX);
    let rows = database
        .rows("read the best points", sql, values![job.to_string(), rows])
        .await?;
    rows.chunks(instruments).map(|rows| ranked(layout, rows)).collect()
}

/// A point from its rows.
fn ranked(layout: &Layout, rows: &[Row]) -> Result<Ranked, StoreError> {
    let first = &rows[0];
    let params: Map<String, Json> = first.json("params")?;
    Ok(Ranked {
        ordinal: Ordinal(first.count("ordinal")?),
        point: layout
            .point(&params)
            .ok_or_else(|| unreadable("params", "they are not the job's"))?,
        objective: first.get("objective")?,
        violation: first.get("violation")?,
        metrics: rows.iter().map(metrics).collect::<Result<_, _>>()?,
    })
}

fn metrics(row: &Row) -> Result<Option<Metrics>, StoreError> {
    if row.count("failed")? == 1 {
        return Ok(None);
    }
    let mut metrics = Metrics::default();
    for metric in Metric::ALL {
        if let Some(value) = row.get(metric.name())? {
            metrics.set(metric, value);
        }
    }
    Ok(Some(metrics))
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
