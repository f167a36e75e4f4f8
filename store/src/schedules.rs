//! What is planned: schedules and their runs.

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
}

/// A planned time that was taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledRun {
    /// The schedule.
    pub schedule: String,
    /// When it was due.
    pub planned: UtcNs,
    /// When it was taken up.
    pub claimed: UtcNs,
    /// What it became; `None` if nobody came to submit it since.
    pub job: Option<JobId>,
}

pub(crate) async fn add(database: &Database, schedule: &Schedule) -> Result<bool, StoreError> {
    let sql = "INSERT INTO schedules (name, owner, priority, cron, zone, body, enabled, created_ns) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let values = values![
        schedule.name.as_str(),
        schedule.owner.as_str(),
        schedule.priority,
        schedule.cron.as_str(),
        schedule.zone.as_str(),
        schedule.body.as_str(),
        i64::from(schedule.enabled),
        schedule.created.0,
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
        })
    };
    rows.iter().map(schedule).collect()
}

pub(crate) async fn enable(database: &Database, name: &str, enabled: bool) -> Result<bool, StoreError> {
    let sql = "UPDATE schedules SET enabled = $2 WHERE name = $1";
    Ok(database
        .execute("change the schedule", sql, values![name, i64::from(enabled)])
        .await?
        == 1)
}

pub(crate) async fn claim(database: &Database, name: &str, planned: UtcNs, at: UtcNs) -> Result<bool, StoreError> {
    let sql = "INSERT INTO runs (schedule, planned_ns, claimed_ns) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(database.execute("claim the run", sql, values![name, planned.0, at.0]).await? == 1)
}

pub(crate) async fn started(
    transaction: &mut Transaction<'_>,
    name: &str,
    planned: UtcNs,
    job: JobId,
) -> Result<(), StoreError> {
    let sql = "UPDATE runs SET job = $3 WHERE schedule = $1 AND planned_ns = $2";
    let values = values![name, planned.0, job.to_string()];
    transaction.execute(sql, values).await.map(|_| ())
}

pub(crate) async fn runs(database: &Database, name: &str, limit: usize) -> Result<Vec<ScheduledRun>, StoreError> {
    let sql = "SELECT * FROM runs WHERE schedule = $1 ORDER BY planned_ns DESC LIMIT $2";
    let rows = database.rows("read the runs", sql, values![name, limit as u64]).await?;
    let run = |row: &Row| {
        Ok(ScheduledRun {
            schedule: row.get("schedule")?,
            planned: UtcNs(row.get("planned_ns")?),
            claimed: UtcNs(row.get("claimed_ns")?),
            job: match row.get::<Option<&str>>("job")? {
                Some(_) => Some(row.parse("job")?),
                None => None,
            },
        })
    };
    rows.iter().map(run).collect()
}
