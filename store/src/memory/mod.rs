//! A store in memory: for simulations, and the model that the databases are compared with.

mod changes;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use assay_core::ids::{Epoch, JobId, Ordinal, Symbol, TaskId, TrialId, WorkerId};
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;

use crate::access::{AuditEntry, KeyRecord, Submission};
use crate::activity::{AttemptRecord, LogLine, TaskCounts, WorkerRecord};
use crate::change::{Change, FoldRecord, StoredBatch, TaskRecord, TaskRecordState, Unfinished, UnfinishedJob};
use crate::datasets::DatasetRecord;
use crate::error::StoreError;
use crate::families::{FamilyKey, FamilyRecord};
use crate::job::JobRecord;
use crate::ranked::{LedgerEntry, RANKED};
use crate::schedules::{Schedule, ScheduledRun};
use crate::table::Table;
use crate::trades::TradeRecord;

/// All tables.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    epoch: Epoch,
    /// Less one, so that it begins with nothing.
    last_task: u64,
    jobs: Table<JobId, JobRecord>,
    tasks: Table<TaskId, Task>,
    attempts: Table<(TaskId, u32), AttemptRecord>,
    ranked: Table<(JobId, Ordinal), Ranked>,
    batches: Table<(JobId, u32, u64), StoredBatch>,
    outcomes: Table<TaskId, String>,
    folds: Table<(JobId, i64, u32), FoldRecord>,
    ledger: Table<JobId, LedgerEntry>,
    logs: Table<(JobId, u64), LogLine>,
    workers: Table<WorkerId, WorkerRecord>,
    trades: Table<TrialId, Vec<TradeRecord>>,
    keys: Table<String, KeyRecord>,
    audit: Table<u64, AuditEntry>,
    /// When the job was done, and the points whose trades are still to be kept.
    replays_due: Table<(UtcNs, JobId), u32>,
    /// By owner and key.
    submissions: Table<(String, String), Submission>,
    schedules: Table<String, Schedule>,
    runs: Table<(String, UtcNs), ScheduledRun>,
    datasets: Table<(Symbol, String, String), DatasetRecord>,
    families: Table<FamilyKey, FamilyRecord>,
}

#[derive(Debug, Clone)]
struct Task {
    job: JobId,
    record: TaskRecord,
}

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin_reign(&self) -> Epoch {
        let mut tables = self.tables();
        tables.epoch.0 += 1;
        tables.epoch
    }

    pub(crate) fn apply(&self, epoch: Option<Epoch>, changes: &[Change]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if let Some(epoch) = epoch.filter(|epoch| *epoch != tables.epoch) {
            return Err(StoreError::Deposed { epoch });
        }
        let last_task = tables.last_task;
        let applied = changes.iter().try_for_each(|change| tables.apply(change));
        tables.settle(applied.is_ok());
        if applied.is_err() {
            tables.last_task = last_task;
        }
        applied
    }

    pub(crate) fn next_task(&self) -> TaskId {
        TaskId(self.tables().last_task + 1)
    }

    pub(crate) fn unfinished(&self) -> Result<Unfinished, StoreError> {
        let jobs = self.jobs();
        let open = jobs.into_iter().filter(|job| job.state.is_open());
        let mut jobs = open.map(|job| self.with_tasks(job)).collect::<Result<Vec<_>, _>>()?;
        jobs.sort_by_key(|job| (job.record.created, job.record.id));
        Ok(Unfinished {
            jobs,
            next_task: self.next_task().0,
        })
    }

    pub(crate) fn with_tasks(&self, record: JobRecord) -> Result<UnfinishedJob, StoreError> {
        Ok(UnfinishedJob {
            tasks: self.tasks(record.id),
            ranked: self.ranked(record.id, RANKED)?,
            batches: self.batches(record.id),
            outcomes: self.outcomes(record.id),
            folds: self.folds(record.id),
            record,
        })
    }

    pub(crate) fn ledger_of(&self, job: JobId) -> Option<LedgerEntry> {
        self.tables().ledger.get(&job).cloned()
    }

    pub(crate) fn family(&self, key: &FamilyKey) -> FamilyRecord {
        self.tables().families.get(key).cloned().unwrap_or_default()
    }

    fn batches(&self, job: JobId) -> Vec<StoredBatch> {
        let tables = self.tables();
        let of_job = tables.batches.values().filter(|batch| batch.job == job);
        of_job.cloned().collect()
    }

    fn outcomes(&self, job: JobId) -> Vec<String> {
        let tables = self.tables();
        let of_job = |(task, _): &(&TaskId, &String)| tables.tasks.get(task).is_some_and(|task| task.job == job);
        tables
            .outcomes
            .iter()
            .filter(of_job)
            .map(|(_, outcomes)| outcomes.clone())
            .collect()
    }

    pub(crate) fn folds(&self, job: JobId) -> Vec<FoldRecord> {
        let tables = self.tables();
        let of_job = tables.folds.range((job, i64::MIN, 0)..=(job, i64::MAX, u32::MAX));
        of_job.map(|(_, fold)| fold.clone()).collect()
    }

    pub(crate) fn jobs(&self) -> Vec<JobRecord> {
        let mut jobs: Vec<JobRecord> = self.tables().jobs.values().cloned().collect();
        jobs.sort_by_key(|job| (std::cmp::Reverse(job.created), job.id));
        jobs
    }

    pub(crate) fn replays_due(&self) -> Vec<(JobId, u32)> {
        self.tables()
            .replays_due
            .iter()
            .map(|((_, job), count)| (*job, *count))
            .collect()
    }

    pub(crate) fn open_jobs_of(&self, owner: &str, besides: JobId) -> u64 {
        let open = |job: &&JobRecord| job.state.is_open() && job.owner == owner && job.id != besides;
        self.tables().jobs.values().filter(open).count() as u64
    }

    pub(crate) fn job(&self, id: JobId) -> Option<JobRecord> {
        self.tables().jobs.get(&id).cloned()
    }

    pub(crate) fn tasks(&self, job: JobId) -> Vec<TaskRecord> {
        let tables = self.tables();
        let of_job = tables.tasks.values().filter(|task| task.job == job);
        let mut tasks: Vec<TaskRecord> = of_job.map(|task| task.record.clone()).collect();
        tasks.sort_by_key(|task| (task.range.first_block, task.task));
        tasks
    }

    pub(crate) fn counts(&self, job: JobId) -> TaskCounts {
        let mut counts = TaskCounts::default();
        for task in self.tables().tasks.values().filter(|task| task.job == job) {
            *match task.record.state {
                TaskRecordState::Ready => &mut counts.ready,
                TaskRecordState::Leased { .. } => &mut counts.leased,
                TaskRecordState::Done { .. } => &mut counts.done,
                TaskRecordState::Quarantined { .. } => &mut counts.quarantined,
            } += 1;
        }
        counts
    }

    pub(crate) fn attempts(&self, job: JobId) -> Vec<AttemptRecord> {
        let tables = self.tables();
        let of_job = |attempt: &&AttemptRecord| tables.tasks.get(&attempt.task).is_some_and(|task| task.job == job);
        tables.attempts.values().filter(of_job).cloned().collect()
    }

    pub(crate) fn logs(&self, job: JobId, after: u64, limit: usize) -> Vec<LogLine> {
        let tables = self.tables();
        let lines = tables.logs.range((job, after + 1)..=(job, u64::MAX));
        lines.take(limit).map(|(_, line)| line.clone()).collect()
    }

    pub(crate) fn workers(&self) -> Vec<WorkerRecord> {
        self.tables().workers.values().cloned().collect()
    }

    pub(crate) fn ledger(&self) -> Vec<LedgerEntry> {
        let mut entries: Vec<LedgerEntry> = self.tables().ledger.values().cloned().collect();
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.finished), entry.job));
        entries
    }

    pub(crate) fn ranked(&self, job: JobId, count: usize) -> Result<Vec<Ranked>, StoreError> {
        let mut best = self.tables().best(job)?;
        best.truncate(count);
        Ok(best)
    }
}

/// Users, data and plans.
impl Memory {
    /// One change of one table, for good.
    fn settled<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> T {
        let mut tables = self.tables();
        let answer = change(&mut tables);
        tables.settle(true);
        answer
    }

    pub(crate) fn trades(&self, trial: &TrialId) -> Vec<TradeRecord> {
        self.tables().trades.get(trial).cloned().unwrap_or_default()
    }

    pub(crate) fn add_key(&self, key: &KeyRecord) -> bool {
        self.settled(|tables| {
            let new = tables.keys.values().all(|known| known.hash != key.hash);
            new && tables.keys.add(key.id.clone(), key.clone())
        })
    }

    pub(crate) fn revoke_key(&self, id: &str, at: UtcNs) -> bool {
        self.settled(|tables| {
            let key = tables.keys.change(&id.to_owned()).filter(|key| key.revoked.is_none());
            key.is_some_and(|key| key.revoked.replace(at).is_none())
        })
    }

    pub(crate) fn keys(&self) -> Vec<KeyRecord> {
        let mut keys: Vec<KeyRecord> = self.tables().keys.values().cloned().collect();
        keys.sort_by_key(|key| key.created);
        keys
    }

    pub(crate) fn audit(&self, after: u64, limit: usize) -> Vec<(u64, AuditEntry)> {
        let tables = self.tables();
        let entries = tables.audit.range(after + 1..).take(limit);
        entries.map(|(number, entry)| (*number, entry.clone())).collect()
    }

    pub(crate) fn submission(&self, owner: &str, key: &str) -> Option<Submission> {
        self.tables().submissions.get(&(owner.to_owned(), key.to_owned())).cloned()
    }

    pub(crate) fn add_schedule(&self, schedule: &Schedule) -> bool {
        self.settled(|tables| tables.schedules.add(schedule.name.clone(), schedule.clone()))
    }

    pub(crate) fn schedules(&self) -> Vec<Schedule> {
        self.tables().schedules.values().cloned().collect()
    }

    /// Enables a schedule from a time on, or disables it.
    pub(crate) fn change_schedule(&self, name: &str, since: Option<UtcNs>) -> bool {
        self.settled(|tables| {
            let schedule = tables.schedules.change(&name.to_owned());
            let Some(schedule) = schedule.filter(|schedule| schedule.enabled != since.is_some()) else {
                return false;
            };
            schedule.enabled = since.is_some();
            schedule.since = since.unwrap_or(schedule.since);
            true
        })
    }

    pub(crate) fn remove_schedule(&self, name: &str) -> bool {
        self.settled(|tables| {
            let known = tables.schedules.contains_key(name);
            tables.schedules.remove(&name.to_owned());
            tables.runs.remove_where(|(schedule, _), _| schedule == name);
            known
        })
    }

    pub(crate) fn last_runs(&self) -> BTreeMap<String, UtcNs> {
        // In the order of their times.
        let tables = self.tables();
        tables.runs.keys().cloned().collect()
    }

    pub(crate) fn unreported_runs(&self) -> Vec<ScheduledRun> {
        let tables = self.tables();
        let open = |run: &&ScheduledRun| run.job.is_some() && run.report.is_none();
        tables.runs.values().filter(open).cloned().collect()
    }

    pub(crate) fn runs(&self, schedule: &str, limit: usize) -> Vec<ScheduledRun> {
        let tables = self.tables();
        let of_schedule = tables.runs.values().rev().filter(|run| run.schedule == schedule);
        of_schedule.take(limit).cloned().collect()
    }

    pub(crate) fn add_dataset(&self, new: &DatasetRecord) -> bool {
        let key = (new.symbol.clone(), new.kind.clone(), new.hash.clone());
        self.settled(|tables| tables.datasets.add(key, new.clone()))
    }

    pub(crate) fn datasets(&self) -> Vec<DatasetRecord> {
        let mut datasets: Vec<DatasetRecord> = self.tables().datasets.values().cloned().collect();
        datasets.sort_by_key(|dataset| std::cmp::Reverse(dataset.uploaded));
        datasets
    }
}
