//! Tasks in the tables of a database.

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::{Attempt, JobId};

use crate::change::{TaskRecord, TaskRecordState};
use crate::database::Database;
use crate::error::StoreError;
use crate::jobs::task_id;
use crate::sql::{Row, unreadable, values};
use crate::staging::{Staged, TaskRange};

/// The tasks of a job, by their first block.
pub(crate) async fn records(database: &Database, job: JobId) -> Result<Vec<TaskRecord>, StoreError> {
    let sql = "SELECT tasks.*, statistics.bytes AS statistics FROM tasks LEFT JOIN statistics ON statistics.task = tasks.id \
               WHERE tasks.job = $1 ORDER BY tasks.first_block, tasks.id";
    let rows = database.rows("read the tasks", sql, values![job.to_string()]).await?;
    rows.iter().map(|row| record(job, row)).collect()
}

fn record(job: JobId, row: &Row) -> Result<TaskRecord, StoreError> {
    let range = TaskRange {
        first_block: row.count("first_block")?,
        blocks: row.count("blocks")?,
    };
    let state = match row.get("state")? {
        "ready" => TaskRecordState::Ready,
        "leased" => TaskRecordState::Leased {
            worker: row.parse("worker")?,
            attempt: Attempt(row.count("attempt")? as u32),
        },
        "done" => TaskRecordState::Done {
            staged: staged(job, range, row)?,
            statistics: row.get::<Option<Vec<u8>>>("statistics")?.unwrap_or_default(),
        },
        _ => TaskRecordState::Quarantined {
            reason: row.get("reason")?,
        },
    };
    Ok(TaskRecord {
        task: task_id(row, "id")?,
        range,
        attempts: row.count("attempts")? as u32,
        lost: row.count("lost")? as u32,
        failed: row.count("failed")? as u32,
        state,
    })
}

fn staged(job: JobId, range: TaskRange, row: &Row) -> Result<Staged, StoreError> {
    Ok(Staged {
        job,
        range,
        attempt: row.count("attempt")? as u32,
        file: row.get("file")?,
        bytes: row.count("bytes")?,
        hash: from_hex(row.get("hash")?)?,
        rows: row.count("row_count")?,
        failed: row.count("failed_rows")?,
        fingerprint: Fingerprint::from_bytes(from_hex(row.get("fingerprint")?)?),
    })
}

pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

pub(crate) fn from_hex(text: &str) -> Result<[u8; 32], StoreError> {
    blake3::Hash::from_hex(text)
        .map(|hash| *hash.as_bytes())
        .map_err(|e| unreadable("hash", e))
}
