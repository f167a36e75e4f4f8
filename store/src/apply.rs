//! Changes as statements: one transaction, few statements.
//!
//! Changes of one kind become one statement about many rows. A run is a stretch of the batch in which the changes of each task come in the
//! order carved, started, ended, done, each at most once; inside a run the kinds are written in that order, which gives what one by one
//! would. What is rare is written one by one, between runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use assay_core::ids::{Epoch, JobId, Ordinal, TaskId, WorkerId};
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;

use crate::access;
use crate::batches;
use crate::change::{AttemptEnd, Change, TaskDone, WorkerSeen};
use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::families;
use crate::jobs;
use crate::ranked::{self, Facts};
use crate::schedules;
use crate::sql::{Set, Value, values};
use crate::tasks::hex;
use crate::trades::{self, TrialTrades};

/// Applies changes in one transaction. Without an epoch they are of a kind that needs no office.
pub(crate) async fn apply(database: &Database, epoch: Option<Epoch>, changes: &[Change]) -> Result<(), StoreError> {
    let durable = changes.iter().any(|change| matches!(change, Change::JobDone(_)));
    if durable {
        database.synchronous(true).await?;
    }
    let applied = in_one_transaction(database, epoch, changes).await;
    if durable {
        database.synchronous(false).await?;
    }
    applied
}

async fn in_one_transaction(database: &Database, epoch: Option<Epoch>, changes: &[Change]) -> Result<(), StoreError> {
    let mut transaction = database.begin("record the changes").await?;
    take_turn(&mut transaction, epoch, changes).await?;
    let mut run = Run::default();
    for change in changes {
        if run.takes(change) {
            run.add(change);
            continue;
        }
        std::mem::take(&mut run).write(&mut transaction).await?;
        if run.takes(change) {
            run.add(change);
        } else {
            write_alone(&mut transaction, change).await?;
        }
    }
    run.write(&mut transaction).await?;
    transaction.commit().await
}

/// Locks the one row that every batch changes, and makes sure that this is still the reign of the epoch: who takes office next
/// waits for the transaction, and who was deposed changes nothing.
async fn take_turn(transaction: &mut Transaction<'_>, epoch: Option<Epoch>, changes: &[Change]) -> Result<(), StoreError> {
    let carved = changes.iter().filter_map(|change| match change {
        Change::TaskCarved { task, .. } => Some(task.0 + 1),
        _ => None,
    });
    let sql =
        "UPDATE reign SET next_task = CASE WHEN next_task < $2 THEN $2 ELSE next_task END WHERE epoch = coalesce($1, epoch)";
    let next = carved.max().unwrap_or_default();
    let turn = transaction.execute(sql, values![epoch.map(|epoch| epoch.0), next]).await?;
    match epoch {
        Some(epoch) if turn == 0 => Err(StoreError::Deposed { epoch }),
        _ => Ok(()),
    }
}

/// Changes that are written together.
#[derive(Default)]
struct Run<'c> {
    /// The last phase of each task.
    phases: BTreeMap<TaskId, u8>,
    carved: Vec<[Value; 4]>,
    started: Vec<[Value; 4]>,
    ended: Vec<[Value; 7]>,
    done: Vec<&'c TaskDone>,
    logged: Vec<[Value; 4]>,
    /// Lines of each job.
    lines: BTreeMap<JobId, u64>,
    /// When each was first seen, and how last.
    seen: BTreeMap<&'c WorkerId, (UtcNs, &'c WorkerSeen)>,
    kept: Vec<&'c TrialTrades>,
}

/// A change of a task that is written together with others: which task, and its place among the changes of one task.
fn phase(change: &Change) -> Option<(TaskId, u8)> {
    match change {
        Change::TaskCarved { task, .. } => Some((*task, 1)),
        Change::AttemptStarted { task, .. } => Some((*task, 2)),
        Change::AttemptEnded { task, .. } => Some((*task, 3)),
        Change::TaskDone(done) => Some((done.task, 4)),
        _ => None,
    }
}

impl<'c> Run<'c> {
    fn takes(&self, change: &Change) -> bool {
        match phase(change) {
            Some((task, phase)) => self.phases.get(&task).is_none_or(|last| *last < phase),
            None => matches!(change, Change::Logged { .. } | Change::WorkerSeen(_) | Change::TradesKept(_)),
        }
    }

    fn add(&mut self, change: &'c Change) {
        if let Some((task, phase)) = phase(change) {
            self.phases.insert(task, phase);
        }
        match change {
            Change::TaskCarved { task, job, range } => {
                let row = [
                    task.0.into(),
                    job.to_string().into(),
                    range.first_block.into(),
                    range.blocks.into(),
                ];
                self.carved.push(row);
            }
            Change::AttemptStarted {
                task,
                attempt,
                worker,
                at,
            } => {
                let row = [task.0.into(), attempt.0.into(), worker.as_str().into(), at.0.into()];
                self.started.push(row);
            }
            Change::AttemptEnded { task, attempt, end, at } => {
                let reason = match end {
                    AttemptEnd::Failed(reason) => Some(reason.clone()),
                    _ => None,
                };
                self.ended.push([
                    task.0.into(),
                    attempt.0.into(),
                    end.name().into(),
                    reason.into(),
                    at.0.into(),
                    i64::from(*end == AttemptEnd::Lost).into(),
                    i64::from(matches!(end, AttemptEnd::Failed(_))).into(),
                ]);
            }
            Change::TaskDone(done) => self.done.push(done),
            Change::Logged { job, at, text } => {
                let line = self.lines.entry(*job).or_default();
                *line += 1;
                self.logged
                    .push([job.to_string().into(), (*line).into(), at.0.into(), text.as_str().into()]);
            }
            Change::WorkerSeen(worker) => {
                let (_, last) = self.seen.entry(&worker.worker).or_insert((worker.at, worker));
                *last = worker;
            }
            Change::TradesKept(kept) => self.kept.push(kept),
            _ => {}
        }
    }

    async fn write(self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let carved = Set::new(["task", "job", "first_block", "blocks"], self.carved);
        let sql = "INSERT INTO tasks (id, job, first_block, blocks, state) \
                   SELECT task, job, first_block, blocks, 'ready' FROM r WHERE true ON CONFLICT (id) DO NOTHING";
        transaction.execute_of(&carved, sql).await?;

        let started = Set::new(["task", "attempt", "worker", "at_ns"], self.started);
        let sql = "INSERT INTO attempts (task, attempt, worker, started_ns) \
                   SELECT task, attempt, worker, at_ns FROM r WHERE true ON CONFLICT (task, attempt) DO NOTHING";
        transaction.execute_of(&started, sql).await?;
        let sql = "UPDATE tasks SET state = 'leased', worker = r.worker, attempt = r.attempt, attempts = tasks.attempts + 1 \
                   FROM r WHERE tasks.id = r.task AND tasks.state IN ('ready', 'leased')";
        transaction.execute_of(&started, sql).await?;

        let ended = Set::new(["task", "attempt", "ending", "reason", "at_ns", "lost", "failed"], self.ended);
        let sql = "UPDATE attempts SET ended_ns = r.at_ns, ending = r.ending, reason = r.reason \
                   FROM r WHERE attempts.task = r.task AND attempts.attempt = r.attempt AND attempts.ended_ns IS NULL";
        transaction.execute_of(&ended, sql).await?;
        let sql = "UPDATE tasks SET lost = tasks.lost + r.lost, failed = tasks.failed + r.failed, \
                   state = CASE WHEN tasks.state = 'leased' AND tasks.attempt = r.attempt THEN 'ready' ELSE tasks.state END \
                   FROM r WHERE tasks.id = r.task";
        transaction.execute_of(&ended, sql).await?;

        write_done(transaction, self.done).await?;
        trades::add(transaction, &self.kept).await?;

        let logged = Set::new(["job", "line", "at_ns", "text"], self.logged);
        let sql = "INSERT INTO logs (job, number, at_ns, text) SELECT r.job, \
                   coalesce((SELECT max(logs.number) FROM logs WHERE logs.job = r.job), 0) + r.line, r.at_ns, r.text FROM r";
        transaction.execute_of(&logged, sql).await?;

        let row = |(joined, worker): (UtcNs, &WorkerSeen)| {
            [
                worker.worker.as_str().into(),
                worker.threads.into(),
                worker.memory_bytes.into(),
                worker.version.as_str().into(),
                joined.0.into(),
                worker.at.0.into(),
            ]
        };
        let columns = ["id", "threads", "memory_bytes", "version", "joined_ns", "seen_ns"];
        let seen = Set::new(columns, self.seen.into_values().map(row));
        let sql = "INSERT INTO workers (id, threads, memory_bytes, version, joined_ns, seen_ns) \
                   SELECT id, threads, memory_bytes, version, joined_ns, seen_ns FROM r WHERE true \
                   ON CONFLICT (id) DO UPDATE SET threads = excluded.threads, memory_bytes = excluded.memory_bytes, \
                   version = excluded.version, seen_ns = excluded.seen_ns, gone_ns = NULL, \
                   joined_ns = CASE WHEN workers.gone_ns IS NULL THEN workers.joined_ns ELSE excluded.joined_ns END";
        transaction.execute_of(&seen, sql).await
    }
}

/// Tasks that are done, each of them once.
async fn write_done(transaction: &mut Transaction<'_>, done: Vec<&TaskDone>) -> Result<(), StoreError> {
    let row = |done: &&TaskDone| {
        let staged = &done.staged;
        [
            done.task.0.into(),
            staged.attempt.into(),
            staged.file.as_str().into(),
            staged.bytes.into(),
            staged.rows.into(),
            staged.failed.into(),
            hex(&staged.hash).into(),
            staged.fingerprint.to_string().into(),
        ]
    };
    let columns = [
        "task",
        "attempt",
        "file",
        "bytes",
        "row_count",
        "failed_rows",
        "hash",
        "fingerprint",
    ];
    let set = Set::new(columns, done.iter().map(row));
    let sql = "UPDATE tasks SET state = 'done', attempt = r.attempt, file = r.file, bytes = r.bytes, row_count = r.row_count, \
               failed_rows = r.failed_rows, hash = r.hash, fingerprint = r.fingerprint \
               FROM r WHERE tasks.id = r.task AND tasks.state IN ('ready', 'leased') RETURNING id";
    let changed = transaction.rows_of(&set, sql).await?;
    let changed = changed.iter().map(|row| row.count("id").map(TaskId));
    let changed = changed.collect::<Result<BTreeSet<TaskId>, StoreError>>()?;
    let (fresh, repeated): (Vec<&TaskDone>, Vec<&TaskDone>) = done.into_iter().partition(|done| changed.contains(&done.task));
    for done in repeated {
        expect_same(transaction, done).await?;
    }

    let ended = fresh
        .iter()
        .map(|done| [done.task.0.into(), done.attempt.0.into(), done.at.0.into()]);
    let sql = "UPDATE attempts SET ended_ns = r.at_ns, ending = 'done' \
               FROM r WHERE attempts.task = r.task AND attempts.attempt = r.attempt AND attempts.ended_ns IS NULL";
    transaction
        .execute_of(&Set::new(["task", "attempt", "at_ns"], ended), sql)
        .await?;

    let statistics = fresh.iter().filter(|done| !done.statistics.is_empty());
    let statistics = statistics.map(|done| [done.task.0.into(), done.statistics.clone().into()]);
    let sql = "INSERT INTO statistics (task, bytes) SELECT task, bytes FROM r";
    transaction.execute_of(&Set::new(["task", "bytes"], statistics), sql).await?;

    let outcomes = fresh.iter().filter(|done| !done.outcomes.is_empty());
    let outcomes = outcomes.map(|done| [done.task.0.into(), done.outcomes.as_str().into()]);
    let sql = "INSERT INTO outcomes (task, outcomes) SELECT task, outcomes FROM r WHERE true ON CONFLICT (task) DO NOTHING";
    transaction.execute_of(&Set::new(["task", "outcomes"], outcomes), sql).await?;

    let mut trials: BTreeMap<JobId, (u64, u64, u64)> = BTreeMap::new();
    for done in &fresh {
        let (rows, failed, bars) = trials.entry(done.staged.job).or_default();
        *rows += done.staged.rows;
        *failed += done.staged.failed;
        *bars = done.bars.max(*bars);
    }
    let trials = trials
        .into_iter()
        .map(|(job, (rows, failed, bars))| [job.to_string().into(), rows.into(), failed.into(), bars.into()]);
    let sql = "UPDATE jobs SET trials_done = jobs.trials_done + r.row_count, trials_failed = jobs.trials_failed + r.failed_rows, \
               bars = CASE WHEN coalesce(jobs.bars, 0) < r.bars THEN r.bars ELSE jobs.bars END \
               FROM r WHERE jobs.id = r.job";
    transaction
        .execute_of(&Set::new(["job", "row_count", "failed_rows", "bars"], trials), sql)
        .await?;

    let mut best: BTreeMap<(JobId, Ordinal), Option<&Ranked>> = BTreeMap::new();
    for done in &fresh {
        let job = done.staged.job;
        best.extend(done.left.iter().map(|ordinal| ((job, *ordinal), None)));
        best.extend(done.entered.iter().map(|point| ((job, point.ordinal), Some(point))));
    }
    write_best(transaction, &best).await
}

/// A task that was not waiting for a result may have been done before, with the same rows.
async fn expect_same(transaction: &mut Transaction<'_>, done: &TaskDone) -> Result<(), StoreError> {
    let sql = "SELECT state, fingerprint FROM tasks WHERE id = $1";
    let row = transaction.row(sql, values![done.task.0]).await?;
    let offered = done.staged.fingerprint.to_string();
    let recorded = match row {
        None => "unknown".to_owned(),
        Some(row) if row.get::<&str>("state")? == "done" => row.get("fingerprint")?,
        Some(row) => row.get("state")?,
    };
    if recorded == offered {
        return Ok(());
    }
    Err(StoreError::Conflict {
        task: done.task,
        recorded,
        offered,
    })
}

/// Points that are among the best of their jobs now, and points that no longer are.
async fn write_best(
    transaction: &mut Transaction<'_>,
    best: &BTreeMap<(JobId, Ordinal), Option<&Ranked>>,
) -> Result<(), StoreError> {
    let left = best.iter().filter(|(_, point)| point.is_none());
    let left = left.map(|((job, ordinal), _)| [job.to_string().into(), ordinal.0.into()]);
    let sql = "DELETE FROM ranked WHERE (job, ordinal) IN (SELECT job, ordinal FROM r)";
    transaction.execute_of(&Set::new(["job", "ordinal"], left), sql).await?;

    let mut rows = Vec::new();
    let mut facts: Option<(JobId, Arc<Facts>)> = None;
    for ((job, _), point) in best {
        let Some(point) = point else { continue };
        let of_job = match facts.take() {
            Some((known, of_job)) if known == *job => of_job,
            _ => facts_of(transaction, *job).await?,
        };
        rows.extend(ranked::rows(*job, &of_job, point));
        facts = Some((*job, of_job));
    }
    ranked::insert(transaction, rows).await
}

/// How to rank the points of a job.
pub(crate) async fn facts_of(transaction: &mut Transaction<'_>, job: JobId) -> Result<Arc<Facts>, StoreError> {
    if let Some(known) = transaction.database.known(job) {
        return Ok(known);
    }
    let sql = "SELECT spec, layout FROM jobs WHERE id = $1";
    let row = transaction.row(sql, values![job.to_string()]).await?;
    let row = row.ok_or_else(|| jobs::unknown(&job.to_string(), &[]))?;
    let facts = Arc::new(Facts {
        goal: jobs::objective(row.get("spec")?)?.maximize,
        layout: row.json("layout")?,
    });
    let mut all = transaction.database.facts.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(job, facts.clone());
    Ok(facts)
}

/// Writes a change that is rare.
async fn write_alone(transaction: &mut Transaction<'_>, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::JobAdded(job) => jobs::add(transaction, job).await,
        Change::JobMoved { job, to, at, error } => jobs::step(transaction, *job, *to, *at, error.as_deref()).await,
        Change::JobPriority { job, priority } => {
            let sql = "UPDATE jobs SET priority = $2 WHERE id = $1";
            match transaction.execute(sql, values![job.to_string(), *priority]).await? {
                0 => Err(jobs::unknown(&job.to_string(), &[])),
                _ => Ok(()),
            }
        }
        Change::JobDone(done) => jobs::complete(transaction, done).await,
        Change::TaskQuarantined { task, reason, .. } => {
            let sql = "UPDATE tasks SET state = 'quarantined', reason = $2 WHERE id = $1 AND state IN ('ready', 'leased')";
            transaction.execute(sql, values![task.0, reason.as_str()]).await.map(|_| ())
        }
        Change::TaskForgotten { task, block } => {
            // First of all: the task must still be done.
            let sql = "DELETE FROM ranked WHERE job = (SELECT job FROM tasks WHERE id = $1 AND state = 'done') \
                       AND ordinal >= (SELECT first_block FROM tasks WHERE id = $1) * $2 \
                       AND ordinal < (SELECT first_block + blocks FROM tasks WHERE id = $1) * $2";
            transaction.execute(sql, values![task.0, *block]).await?;
            for sql in [
                "UPDATE jobs SET trials_done = trials_done - t.row_count, trials_failed = trials_failed - t.failed_rows \
                 FROM tasks AS t WHERE t.id = $1 AND t.state = 'done' AND jobs.id = t.job",
                "UPDATE tasks SET state = 'ready', file = NULL, bytes = NULL, row_count = NULL, failed_rows = NULL, hash = NULL, \
                 fingerprint = NULL WHERE id = $1 AND state = 'done'",
                "DELETE FROM statistics WHERE task = $1",
            ] {
                transaction.execute(sql, values![task.0]).await?;
            }
            Ok(())
        }
        Change::ReplaySettled { job } => {
            let sql = "UPDATE jobs SET trades_due = NULL WHERE id = $1";
            transaction.execute(sql, values![job.to_string()]).await.map(|_| ())
        }
        Change::ReplayAsked { job, spec, body } => {
            let sql =
                "UPDATE jobs SET spec = $2, body = $3, trades_due = coalesce(trades_due, 0) WHERE id = $1 AND state = 'done'";
            let values = values![job.to_string(), spec.as_str(), body.as_str()];
            transaction.execute(sql, values).await.map(|_| ())
        }
        Change::BatchProposed(batch) => batches::add(transaction, batch).await,
        Change::SearchCut { job } => {
            let sql = "UPDATE jobs SET reproducible = 0 WHERE id = $1";
            transaction.execute(sql, values![job.to_string()]).await.map(|_| ())
        }
        Change::Walked { job, task, folds } => batches::walked(transaction, *job, task.0, folds).await,
        Change::WorkerGone { worker, at } => {
            let sql = "UPDATE workers SET gone_ns = $2 WHERE id = $1 AND gone_ns IS NULL";
            transaction.execute(sql, values![worker.as_str(), at.0]).await.map(|_| ())
        }
        Change::Submitted(submission) => access::add_submission(transaction, submission).await,
        Change::RunTaken(run) => schedules::taken(transaction, run).await,
        Change::RunReported {
            schedule,
            planned,
            report,
        } => schedules::reported(transaction, schedule, *planned, report).await,
        Change::Looked(look) => families::look(transaction, look).await,
        Change::Audited(entry) => access::add_audit(transaction, entry).await,
        Change::TaskCarved { .. }
        | Change::AttemptStarted { .. }
        | Change::AttemptEnded { .. }
        | Change::TaskDone(_)
        | Change::Logged { .. }
        | Change::WorkerSeen(_)
        | Change::TradesKept(_) => unreachable!("an empty run takes it"),
    }
}
