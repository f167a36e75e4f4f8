//! What is planned: schedules and their runs.

use std::collections::BTreeMap;

use assay_core::ids::JobId;
use assay_core::time::UtcNs;

use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::sql::{Row, values};

/// A job that is submitted again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// Weight of its jobs beside others: 1 to 10.
    pub priority: u8,
    /// When, as a cron expression.
    pub cron: String,
    /// In which IANA time zone.
    pub zone: String,
    /// What to submit, in the encoding of whoever submits it.
    pub body: String,
    /// Whether it runs.
    pub enabled: bool,
    /// When it was made.
    pub created: UtcNs,
    /// Planned times up to here are not run: when it was made, or enabled again.
    pub since: UtcNs,
}

/// A planned time that was taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledRun {
    /// The schedule.
    pub schedule: String,
    /// When it was due, or asked for.
    pub planned: UtcNs,
    /// When it was taken up.
    pub taken: UtcNs,
    /// What it became; `None` if it became nothing.
    pub job: Option<JobId>,
    /// Why it became nothing.
    pub error: Option<String>,
    /// What changed, in the encoding of whoever reports it; `None` until its job is over.
    pub report: Option<String>,
}

pub(crate) async fn add(database: &Database, schedule: &Schedule) -> Result<bool, StoreError> {
    let sql = "INSERT INTO schedules (name, owner, priority, cron, zone, body, enabled, created_ns, since_ns) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    let values = values![
        schedule.name.as_str(),
        schedule.owner.as_str(),
        schedule.priority,
        schedule.cron.as_str(),
        schedule.zone.as_str(),
        schedule.body.as_str(),
        i64::from(schedule.enabled),
        schedule.created.0,
        schedule.since.0,
    ];
    Ok(database.execute("add the schedule", sql, values).await? == 1)
}

pub(crate) async fn all(database: &Database) -> Result<Vec<Schedule>, StoreError> {
    let rows = database
        .rows("list the schedules", "SELECT * FROM schedules ORDER BY name", &[])
        .await?;
    let schedule = |row: &Row| {
        Ok(Schedule {
            name: row.get("name")?,
            owner: row.get("owner")?,
            priority: row.count("priority")? as u8,
            cron: row.get("cron")?,
            zone: row.get("zone")?,
            body: row.get("body")?,
            enabled: row.count("enabled")? == 1,
            created: UtcNs(row.get("created_ns")?),
            since: UtcNs(row.get("since_ns")?),
        })
    };
    rows.iter().map(schedule).collect()
}

pub(crate) async fn enable(database: &Database, name: &str, since: UtcNs) -> Result<bool, StoreError> {
    let sql = "UPDATE schedules SET enabled = 1, since_ns = $2 WHERE name = $1 AND enabled = 0";
    Ok(database.execute("enable the schedule", sql, values![name, since.0]).await? == 1)
}

pub(crate) async fn disable(database: &Database, name: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE schedules SET enabled = 0 WHERE name = $1 AND enabled = 1";
    Ok(database.execute("disable the schedule", sql, values![name]).await? == 1)
}

pub(crate) async fn remove(database: &Database, name: &str) -> Result<bool, StoreError> {
    let mut transaction = database.begin("remove the schedule").await?;
    transaction
        .execute("DELETE FROM runs WHERE schedule = $1", values![name])
        .await?;
    let removed = transaction
        .execute("DELETE FROM schedules WHERE name = $1", values![name])
        .await?;
    transaction.commit().await?;
    Ok(removed == 1)
}

/// Records that a planned time was taken up. That is done once: whoever comes later changes nothing.
pub(crate) async fn taken(transaction: &mut Transaction<'_>, run: &ScheduledRun) -> Result<(), StoreError> {
    let sql = "INSERT INTO runs (schedule, planned_ns, claimed_ns, job, error, report) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT DO NOTHING";
    let values = values![
        run.schedule.as_str(),
        run.planned.0,
        run.taken.0,
        run.job.map(|job| job.to_string()),
        run.error.clone(),
        run.report.clone(),
    ];
    transaction.execute(sql, values).await.map(|_| ())
}

pub(crate) async fn reported(
    transaction: &mut Transaction<'_>,
    schedule: &str,
    planned: UtcNs,
    report: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE runs SET report = $3 WHERE schedule = $1 AND planned_ns = $2";
    let values = values![schedule, planned.0, report];
    transaction.execute(sql, values).await.map(|_| ())
}

pub(crate) async fn runs(database: &Database, name: &str, limit: usize) -> Result<Vec<ScheduledRun>, StoreError> {
    let sql = "SELECT * FROM runs WHERE schedule = $1 ORDER BY planned_ns DESC LIMIT $2";
    let rows = database.rows("read the runs", sql, values![name, limit as u64]).await?;
    rows.iter().map(run).collect()
}

pub(crate) async fn last_runs(database: &Database) -> Result<BTreeMap<String, UtcNs>, StoreError> {
    let sql = "SELECT schedule, max(planned_ns) AS planned_ns FROM runs GROUP BY schedule";
    let rows = database.rows("read the runs", sql, &[]).await?;
    let last = |row: &Row| Ok((row.get("schedule")?, UtcNs(row.get("planned_ns")?)));
    rows.iter().map(last).collect()
}

pub(crate) async fn unreported(database: &Database) -> Result<Vec<ScheduledRun>, StoreError> {
    let sql = "SELECT * FROM runs WHERE report IS NULL AND job IS NOT NULL ORDER BY schedule, planned_ns";
    let rows = database.rows("read the runs", sql, &[]).await?;
    rows.iter().map(run).collect()
}

fn run(row: &Row) -> Result<ScheduledRun, StoreError> {
    Ok(ScheduledRun {
        schedule: row.get("schedule")?,
        planned: UtcNs(row.get("planned_ns")?),
        taken: UtcNs(row.get("claimed_ns")?),
        job: match row.get::<Option<&str>>("job")? {
            Some(_) => Some(row.parse("job")?),
            None => None,
        },
        error: row.get("error")?,
        report: row.get("report")?,
    })
}
