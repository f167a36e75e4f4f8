//! Jobs in the tables of a database.

use assay_core::ids::{JobId, TaskId};
use assay_core::job::{FidelitySpec, Objective};
use assay_core::nearest;
use assay_core::time::UtcNs;

use crate::batches;
use crate::change::{JobDone, Unfinished, UnfinishedJob};
use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::families;
use crate::job::{JobRecord, JobState, NewJob};
use crate::ranked::{self, RANKED};
use crate::sql::{Row, from_json, to_json, unreadable, values};
use crate::tasks;

impl JobRecord {
    /// What the job maximizes.
    pub fn objective(&self) -> Result<Objective, StoreError> {
        objective(&self.spec)
    }

    /// How many of its best points run again on ticks, if any.
    pub fn fidelity(&self) -> Result<Option<FidelitySpec>, StoreError> {
        let spec: serde_json::Value = from_json("job", &self.spec)?;
        serde_json::from_value(spec["fidelity"].clone()).map_err(|e| unreadable("job", e))
    }
}

/// What a job maximizes, by its specification.
pub(crate) fn objective(spec: &str) -> Result<Objective, StoreError> {
    let spec: serde_json::Value = from_json("job", spec)?;
    serde_json::from_value(spec["objective"].clone()).map_err(|e| unreadable("job", e))
}

pub(crate) fn unknown(text: &str, names: &[&str]) -> StoreError {
    StoreError::UnknownJob {
        text: text.to_owned(),
        hint: match names {
            [] => "this home has no jobs yet; `assay run JOB.toml` makes one".to_owned(),
            names => nearest::nearest(text, names.iter().copied()).map_or_else(
                || "`assay jobs` lists them".to_owned(),
                |name| format!("did you mean `{name}`?"),
            ),
        },
    }
}

/// Refuses a step that the lifecycle does not have.
pub(crate) fn check_step(job: JobId, from: JobState, to: JobState) -> Result<(), StoreError> {
    if from.may_become(to) {
        return Ok(());
    }
    Err(StoreError::IllegalTransition {
        job: job.to_string(),
        from,
        to,
    })
}

/// All jobs, newest first.
pub(crate) async fn all(database: &Database) -> Result<Vec<JobRecord>, StoreError> {
    let sql = "SELECT * FROM jobs ORDER BY created_ns DESC, id";
    let rows = database.rows("list the jobs", sql, &[]).await?;
    rows.iter().map(record).collect()
}

/// A job by its id.
pub(crate) async fn one(database: &Database, id: JobId) -> Result<Option<JobRecord>, StoreError> {
    let sql = "SELECT * FROM jobs WHERE id = $1";
    let row = database.row("read the job", sql, values![id.to_string()]).await?;
    row.as_ref().map(record).transpose()
}

/// Jobs of which something is still to be replayed, and of how many points the trades are to be kept, oldest first.
pub(crate) async fn replays_due(database: &Database) -> Result<Vec<(JobId, u32)>, StoreError> {
    let sql = "SELECT id, trades_due FROM jobs WHERE trades_due IS NOT NULL ORDER BY finished_ns, id";
    let rows = database.rows("read what is to be kept", sql, &[]).await?;
    let due = |row: &Row| Ok((row.parse("id")?, row.count("trades_due")? as u32));
    rows.iter().map(due).collect()
}

/// How many jobs of an owner are not over, besides one.
pub(crate) async fn open_of(database: &Database, owner: &str, besides: JobId) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) AS jobs FROM jobs WHERE state IN ('queued', 'running', 'paused') AND owner = $1 AND id <> $2";
    let row = database
        .row("count the jobs", sql, values![owner, besides.to_string()])
        .await?;
    row.map_or(Ok(0), |row| row.count("jobs"))
}

/// Jobs that are not over, and the number of the next task.
pub(crate) async fn unfinished(database: &Database) -> Result<Unfinished, StoreError> {
    let action = "read the jobs under way";
    let sql = "SELECT * FROM jobs WHERE state IN ('queued', 'running', 'paused') ORDER BY created_ns, id";
    let mut jobs = Vec::new();
    for row in database.rows(action, sql, &[]).await? {
        jobs.push(with_tasks(database, record(&row)?).await?);
    }
    Ok(Unfinished {
        jobs,
        next_task: next_task(database).await?.0,
    })
}

/// The number of the next task.
pub(crate) async fn next_task(database: &Database) -> Result<TaskId, StoreError> {
    let row = database.row("number the task", "SELECT next_task FROM reign", &[]).await?;
    task_id(&row.ok_or_else(|| unreadable("reign", "there is none"))?, "next_task")
}

/// A job with everything that going on with it takes.
pub(crate) async fn with_tasks(database: &Database, record: JobRecord) -> Result<UnfinishedJob, StoreError> {
    let ranked = ranked::read(database, &record.layout, record.id, RANKED).await?;
    Ok(UnfinishedJob {
        tasks: tasks::records(database, record.id).await?,
        batches: batches::of(database, record.id).await?,
        outcomes: batches::outcomes(database, record.id).await?,
        folds: batches::folds(database, record.id).await?,
        record,
        ranked,
    })
}

/// Adds a job, unless it is known.
pub(crate) async fn add(transaction: &mut Transaction<'_>, job: &NewJob) -> Result<(), StoreError> {
    let sql = "INSERT INTO jobs (id, name, owner, priority, spec, strategy, body, data, semantics, layout, state, created_ns, trials) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11, $12) \
               ON CONFLICT (id) DO UPDATE SET trials = excluded.trials, \
               body = CASE WHEN jobs.body = '' THEN excluded.body ELSE jobs.body END WHERE jobs.state <> 'done'";
    let values = values![
        job.id.to_string(),
        job.name.as_str(),
        job.owner.as_str(),
        job.priority,
        job.spec.as_str(),
        job.strategy.as_str(),
        job.body.as_str(),
        to_json(&job.data),
        assay_core::SEMANTICS_VERSION,
        to_json(&job.layout),
        job.created.0,
        job.trials,
    ];
    transaction.execute(sql, values).await.map(|_| ())
}

/// Takes a job one step along its lifecycle.
pub(crate) async fn step(
    transaction: &mut Transaction<'_>,
    job: JobId,
    to: JobState,
    at: UtcNs,
    error: Option<&str>,
) -> Result<(), StoreError> {
    let from = state(transaction, job).await?;
    check_step(job, from, to)?;
    let id = job.to_string();
    let sql = "UPDATE jobs SET state = $2, error = $3, started_ns = coalesce($4, started_ns) WHERE id = $1";
    let started = starts(from, to).then_some(at.0);
    let values = values![id.as_str(), to.name(), error.map(str::to_owned), started];
    transaction.execute(sql, values).await?;
    if to == JobState::Queued {
        reopen(transaction, &id).await?;
    }
    Ok(())
}

/// Whether a step is the start of a job: going on after a pause is none.
pub(crate) fn starts(from: JobState, to: JobState) -> bool {
    to == JobState::Running && from != JobState::Paused
}

async fn state(transaction: &mut Transaction<'_>, job: JobId) -> Result<JobState, StoreError> {
    let row = transaction
        .row("SELECT state FROM jobs WHERE id = $1", values![job.to_string()])
        .await?;
    row.ok_or_else(|| unknown(&job.to_string(), &[]))?.parse("state")
}

/// Forgets what a job that was done had found.
async fn reopen(transaction: &mut Transaction<'_>, id: &str) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM ranked WHERE job = $1",
        "DELETE FROM ledger WHERE job = $1",
        "DELETE FROM trades WHERE trial IN (SELECT id FROM kept_trials WHERE job = $1)",
        "DELETE FROM kept_trials WHERE job = $1",
        "DELETE FROM outcomes WHERE task IN (SELECT id FROM tasks WHERE job = $1)",
        "DELETE FROM batches WHERE job = $1",
        "DELETE FROM folds WHERE job = $1",
        "DELETE FROM attempts WHERE task IN (SELECT id FROM tasks WHERE job = $1)",
        "DELETE FROM tasks WHERE job = $1",
        "UPDATE jobs SET trials_done = 0, trials_failed = 0, points = NULL, bars = NULL, fingerprint = NULL, seconds = NULL, \
         finished_ns = NULL, trades_due = NULL, reproducible = 1 WHERE id = $1",
    ] {
        transaction.execute(sql, values![id]).await?;
    }
    Ok(())
}

/// Makes a job done: its numbers, its best points, its entry in the ledger; the statistics of its tasks go.
pub(crate) async fn complete(transaction: &mut Transaction<'_>, done: &JobDone) -> Result<(), StoreError> {
    check_step(done.job, state(transaction, done.job).await?, JobState::Done)?;
    let id = done.job.to_string();
    let facts = crate::apply::facts_of(transaction, done.job).await?;
    let best = done
        .ranked
        .iter()
        .take(RANKED)
        .flat_map(|point| ranked::rows(done.job, &facts, point));
    ranked::insert(transaction, best.collect()).await?;
    ranked::cut(transaction, done.job).await?;
    transaction.database.forget(done.job);

    let sql = "INSERT INTO ledger (job, symbols, data, goal, points, trials, failed, objective_count, objective_mean, \
               objective_variance, sharpe_count, sharpe_mean, sharpe_variance, finished_ns, luck) \
               SELECT id, $2, data, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 FROM jobs WHERE id = $1";
    let values = values![
        id.as_str(),
        to_json(&facts.layout.instruments),
        done.goal.to_string(),
        done.points,
        done.compacted.trials,
        done.compacted.failed,
        done.objective.count,
        done.objective.mean,
        done.objective.variance,
        done.sharpe.count,
        done.sharpe.mean,
        done.sharpe.variance,
        done.at.0,
        done.luck.as_str(),
    ];
    transaction.execute(sql, values).await?;
    families::add(transaction, &done.searched).await?;

    let sql = "UPDATE jobs SET state = 'done', error = NULL, finished_ns = $2, trials = $3, trials_done = $3, trials_failed = $4, \
               points = $5, bars = $6, fingerprint = $7, seconds = $8, trades_due = $9 WHERE id = $1";
    let values = values![
        id.as_str(),
        done.at.0,
        done.compacted.trials,
        done.compacted.failed,
        done.points,
        done.bars,
        done.compacted.fingerprint.to_string(),
        done.seconds,
        done.replay_due,
    ];
    transaction.execute(sql, values).await?;
    for sql in [
        "DELETE FROM outcomes WHERE task IN (SELECT id FROM tasks WHERE job = $1)",
        "DELETE FROM statistics WHERE task IN (SELECT id FROM tasks WHERE job = $1)",
    ] {
        transaction.execute(sql, values![id.as_str()]).await?;
    }
    Ok(())
}

fn record(row: &Row) -> Result<JobRecord, StoreError> {
    let time = |column| row.get::<Option<i64>>(column).map(|ns| ns.map(UtcNs));
    let optional = |column| row.get::<Option<i64>>(column).map(|n| n.map(|n| n as u64));
    Ok(JobRecord {
        id: row.parse("id")?,
        name: row.get("name")?,
        owner: row.get("owner")?,
        priority: row.count("priority")? as u8,
        spec: row.get("spec")?,
        strategy: row.get("strategy")?,
        body: row.get("body")?,
        data: row.json("data")?,
        semantics: row.count("semantics")? as u32,
        layout: row.json("layout")?,
        state: row.parse("state")?,
        error: row.get("error")?,
        created: UtcNs(row.get("created_ns")?),
        started: time("started_ns")?,
        finished: time("finished_ns")?,
        trials: row.count("trials")?,
        trials_done: row.count("trials_done")?,
        trials_failed: row.count("trials_failed")?,
        points: optional("points")?,
        bars: optional("bars")?,
        fingerprint: row.get("fingerprint")?,
        seconds: row.get("seconds")?,
        reproducible: row.count("reproducible")? == 1,
    })
}

/// The number of a task in a row.
pub(crate) fn task_id(row: &Row, column: &'static str) -> Result<TaskId, StoreError> {
    row.count(column).map(TaskId)
}
