//! What goes on: attempts, lines of logs, workers.

use assay_core::ids::{Attempt, JobId, TaskId, WorkerId};
use assay_core::time::UtcNs;

use crate::database::Database;
use crate::error::StoreError;
use crate::jobs::task_id;
use crate::sql::values;

/// Tasks of a job by where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskCounts {
    /// Wait for a worker.
    pub ready: u64,
    /// A worker has them.
    pub leased: u64,
    /// Their rows are safe.
    pub done: u64,
    /// They could not be run.
    pub quarantined: u64,
}

/// One try of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The task.
    pub task: TaskId,
    /// Which try.
    pub attempt: Attempt,
    /// Who.
    pub worker: WorkerId,
    /// When it began.
    pub started: UtcNs,
    /// When it ended.
    pub ended: Option<UtcNs>,
    /// How: `done`, or [`crate::AttemptEnd::name`].
    pub ending: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
}

/// A line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its number in the job's log, from 1.
    pub number: u64,
    /// When.
    pub at: UtcNs,
    /// What happened.
    pub text: String,
}

/// A worker, past or present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRecord {
    /// Who.
    pub worker: WorkerId,
    /// Threads that compute.
    pub threads: u32,
    /// Memory that it may use.
    pub memory_bytes: u64,
    /// Its version.
    pub version: String,
    /// When it came, or came back.
    pub joined: UtcNs,
    /// When it was last heard of.
    pub seen: UtcNs,
    /// When it went.
    pub gone: Option<UtcNs>,
}

pub(crate) async fn counts(database: &Database, job: JobId) -> Result<TaskCounts, StoreError> {
    let sql = "SELECT state, count(*) AS tasks FROM tasks WHERE job = $1 GROUP BY state";
    let mut counts = TaskCounts::default();
    for row in database.rows("count the tasks", sql, values![job.to_string()]).await? {
        let slot = match row.get("state")? {
            "ready" => &mut counts.ready,
            "leased" => &mut counts.leased,
            "done" => &mut counts.done,
            _ => &mut counts.quarantined,
        };
        *slot = row.count("tasks")?;
    }
    Ok(counts)
}

pub(crate) async fn attempts(database: &Database, job: JobId) -> Result<Vec<AttemptRecord>, StoreError> {
    let sql = "SELECT attempts.* FROM tasks JOIN attempts ON attempts.task = tasks.id WHERE tasks.job = $1 \
               ORDER BY attempts.task, attempts.attempt";
    let rows = database.rows("read the attempts", sql, values![job.to_string()]).await?;
    let attempt = |row: &crate::sql::Row| {
        Ok(AttemptRecord {
            task: task_id(row, "task")?,
            attempt: Attempt(row.count("attempt")? as u32),
            worker: row.parse("worker")?,
            started: UtcNs(row.get("started_ns")?),
            ended: row.get::<Option<i64>>("ended_ns")?.map(UtcNs),
            ending: row.get("ending")?,
            reason: row.get("reason")?,
        })
    };
    rows.iter().map(attempt).collect()
}

pub(crate) async fn logs(database: &Database, job: JobId, after: u64, limit: usize) -> Result<Vec<LogLine>, StoreError> {
    let sql = "SELECT number, at_ns, text FROM logs WHERE job = $1 AND number > $2 ORDER BY number LIMIT $3";
    let rows = database
        .rows("read the log", sql, values![job.to_string(), after, limit as u64])
        .await?;
    let line = |row: &crate::sql::Row| {
        Ok(LogLine {
            number: row.count("number")?,
            at: UtcNs(row.get("at_ns")?),
            text: row.get("text")?,
        })
    };
    rows.iter().map(line).collect()
}

pub(crate) async fn workers(database: &Database) -> Result<Vec<WorkerRecord>, StoreError> {
    let rows = database
        .rows("list the workers", "SELECT * FROM workers ORDER BY id", &[])
        .await?;
    let worker = |row: &crate::sql::Row| {
        Ok(WorkerRecord {
            worker: row.parse("id")?,
            threads: row.count("threads")? as u32,
            memory_bytes: row.count("memory_bytes")?,
            version: row.get("version")?,
            joined: UtcNs(row.get("joined_ns")?),
            seen: UtcNs(row.get("seen_ns")?),
            gone: row.get::<Option<i64>>("gone_ns")?.map(UtcNs),
        })
    };
    rows.iter().map(worker).collect()
}
