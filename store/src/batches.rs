//! What searches proposed, what became of it, and what walks forward came to.

use assay_core::ids::JobId;

use crate::change::{FoldRecord, StoredBatch};
use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::sql::{Row, Set, values};

/// Records a batch.
pub(crate) async fn add(transaction: &mut Transaction<'_>, batch: &StoredBatch) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO batches (job, leg, number, proposals) VALUES ($1, $2, $3, $4) ON CONFLICT (job, leg, number) DO NOTHING";
    let values = values![batch.job.to_string(), batch.leg, batch.number, batch.proposals.as_str()];
    transaction.execute(sql, values).await.map(|_| ())
}

/// The batches of a job, by search and number.
pub(crate) async fn of(database: &Database, job: JobId) -> Result<Vec<StoredBatch>, StoreError> {
    let sql = "SELECT leg, number, proposals FROM batches WHERE job = $1 ORDER BY leg, number";
    let rows = database.rows("read the batches", sql, values![job.to_string()]).await?;
    let batch = |row: &Row| {
        Ok(StoredBatch {
            job,
            leg: row.count("leg")? as u32,
            number: row.count("number")?,
            proposals: row.get("proposals")?,
        })
    };
    rows.iter().map(batch).collect()
}

/// What became of the points of a job's tasks, by task.
pub(crate) async fn outcomes(database: &Database, job: JobId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT outcomes.outcomes FROM outcomes JOIN tasks ON tasks.id = outcomes.task WHERE tasks.job = $1 \
               ORDER BY outcomes.task";
    let rows = database.rows("read the outcomes", sql, values![job.to_string()]).await?;
    rows.iter().map(|row| row.get("outcomes")).collect()
}

/// Records a walk forward; the task that made it is gone.
pub(crate) async fn walked(
    transaction: &mut Transaction<'_>,
    job: JobId,
    task: u64,
    folds: &[FoldRecord],
) -> Result<(), StoreError> {
    let rows = folds.iter().map(|fold| {
        [
            job.to_string().into(),
            fold.fold.into(),
            fold.instrument.into(),
            fold.record.as_str().into(),
        ]
    });
    let sql = "INSERT INTO folds (job, fold, instrument, record) SELECT job, fold, instrument, record FROM r WHERE true \
               ON CONFLICT (job, fold, instrument) DO NOTHING";
    let set = Set::new(["job", "fold", "instrument", "record"], rows);
    transaction.execute_of(&set, sql).await?;
    transaction
        .execute("DELETE FROM attempts WHERE task = $1", values![task])
        .await?;
    transaction
        .execute("DELETE FROM tasks WHERE id = $1", values![task])
        .await
        .map(|_| ())
}

/// What a walk forward came to, by fold and instrument.
pub(crate) async fn folds(database: &Database, job: JobId) -> Result<Vec<FoldRecord>, StoreError> {
    let sql = "SELECT fold, instrument, record FROM folds WHERE job = $1 ORDER BY fold, instrument";
    let rows = database.rows("read the folds", sql, values![job.to_string()]).await?;
    let fold = |row: &Row| {
        Ok(FoldRecord {
            fold: row.get("fold")?,
            instrument: row.count("instrument")? as u32,
            record: row.get("record")?,
        })
    };
    rows.iter().map(fold).collect()
}
