//! Which tasks of a job are safe.

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::JobId;
use sqlx::Connection;
use sqlx::sqlite::SqliteRow;

use crate::database::{Store, get, unreadable};
use crate::error::StoreError;
use crate::staging::{Staged, TaskRange};

/// A recorded task whose file is missing or damaged; its blocks must be run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedTask {
    /// Its blocks.
    pub range: TaskRange,
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Recorded tasks after their files were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntactTasks {
    /// Those that are safe, by block.
    pub intact: Vec<Staged>,
    /// Those that were not, and are forgotten now.
    pub damaged: Vec<DamagedTask>,
}

impl Store {
    /// Records in one transaction that a task is done, and how far its job has come. Recording the same blocks again replaces
    /// the earlier record.
    pub async fn record_task(&self, task: &Staged) -> Result<(), StoreError> {
        let failed = |e| self.failed("record the task", e);
        let id = task.job.to_string();
        let mut connection = self.connection().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        sqlx::query(
            "INSERT OR REPLACE INTO tasks (job, first_block, blocks, attempt, file, bytes, row_count, failed, hash, fingerprint) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&id)
        .bind(task.range.first_block as i64)
        .bind(task.range.blocks as i64)
        .bind(i64::from(task.attempt))
        .bind(&task.file)
        .bind(task.bytes as i64)
        .bind(task.rows as i64)
        .bind(task.failed as i64)
        .bind(hex(&task.hash))
        .bind(task.fingerprint.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        sqlx::query(COUNT_UP)
            .bind(&id)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Recorded tasks of a job, by block.
    pub async fn done_tasks(&self, job: JobId) -> Result<Vec<Staged>, StoreError> {
        let rows = sqlx::query("SELECT * FROM tasks WHERE job = ? ORDER BY first_block")
            .bind(job.to_string())
            .fetch_all(&mut *self.connection().await)
            .await;
        let rows = rows.map_err(|e| self.failed("read the tasks", e))?;
        rows.iter().map(|row| staged(job, row)).collect()
    }

    /// Recorded tasks of a job whose files are as they were written. The others are forgotten, and returned with the reason.
    pub async fn intact_tasks(&self, job: JobId) -> Result<IntactTasks, StoreError> {
        let tasks = self.done_tasks(job).await?;
        let home = self.home.clone();
        let verified = tokio::task::spawn_blocking(move || {
            let verdict = |task: Staged| match task.verify(&home) {
                Ok(()) => Ok(task),
                Err(reason) => Err(DamagedTask {
                    range: task.range,
                    file: task.file,
                    reason,
                }),
            };
            tasks.into_iter().map(verdict).collect::<Vec<_>>()
        });
        let mut found = IntactTasks::default();
        for verdict in verified.await.map_err(|e| unreadable("task", e))? {
            match verdict {
                Ok(task) => found.intact.push(task),
                Err(damaged) => found.damaged.push(damaged),
            }
        }
        if !found.damaged.is_empty() {
            self.forget_tasks(job, &found.damaged).await?;
        }
        Ok(found)
    }

    async fn forget_tasks(&self, job: JobId, tasks: &[DamagedTask]) -> Result<(), StoreError> {
        let failed = |e| self.failed("forget damaged tasks", e);
        let id = job.to_string();
        let mut connection = self.connection().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        for task in tasks {
            sqlx::query("DELETE FROM tasks WHERE job = ? AND first_block = ?")
                .bind(&id)
                .bind(task.range.first_block as i64)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        sqlx::query(COUNT_UP)
            .bind(&id)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }
}

const COUNT_UP: &str = "UPDATE jobs SET (trials_done, trials_failed) = \
    (SELECT coalesce(sum(row_count), 0), coalesce(sum(failed), 0) FROM tasks WHERE tasks.job = jobs.id) WHERE id = ?";

fn staged(job: JobId, row: &SqliteRow) -> Result<Staged, StoreError> {
    let count = |column| get::<i64>(row, column).map(|n| n as u64);
    Ok(Staged {
        job,
        range: TaskRange {
            first_block: count("first_block")?,
            blocks: count("blocks")?,
        },
        attempt: get(row, "attempt")?,
        file: get(row, "file")?,
        bytes: count("bytes")?,
        hash: from_hex(get(row, "hash")?)?,
        rows: count("row_count")?,
        failed: count("failed")?,
        fingerprint: Fingerprint::from_bytes(from_hex(get(row, "fingerprint")?)?),
    })
}

fn hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

fn from_hex(text: &str) -> Result<[u8; 32], StoreError> {
    blake3::Hash::from_hex(text)
        .map(|hash| *hash.as_bytes())
        .map_err(|e| unreadable("hash", e))
}
