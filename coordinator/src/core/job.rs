//! A job that is not over.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_core::BLOCK;
use assay_core::ids::{Attempt, TaskId, WorkerId};
use assay_core::time::UtcNs;
use assay_optimizer::{JobStatistics, Leaderboard};
use assay_proto::{JobView, Rows};
use assay_store::{JobState, TaskRange, TaskRecordState, UnfinishedJob};

use super::event::Compaction;
use super::pace::Pace;
use super::remaining::Remaining;
use crate::plan::JobPlan;

/// A job that is queued, running or paused.
#[derive(Debug)]
pub(super) struct OpenJob {
    pub(super) plan: Arc<JobPlan>,
    pub(super) state: JobState,
    pub(super) priority: u8,
    pub(super) started: UtcNs,
    /// Blocks that no task has taken.
    pub(super) remaining: Remaining,
    /// Tasks that are not over.
    pub(super) open: BTreeMap<TaskId, Task>,
    /// Tasks that are.
    pub(super) over: BTreeMap<TaskId, OverTask>,
    pub(super) board: Leaderboard,
    pub(super) statistics: JobStatistics,
    pub(super) pace: Pace,
    /// Seconds from lease to result of the tasks so far.
    pub(super) durations: Durations,
    pub(super) bars: u64,
    pub(super) trials_done: u64,
    pub(super) trials_failed: u64,
    pub(super) end: End,
}

/// How far the end of a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Tasks are still open.
    Open,
    /// Its result files are being written.
    Compacting,
    /// They could not be; the next try is due then.
    Retry {
        /// When.
        at: UtcNs,
        /// Why.
        reason: String,
    },
}

/// A task that is not over. It is ready while nobody has a lease on it.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) range: TaskRange,
    /// Tries begun.
    pub(super) attempts: u32,
    /// Tries that were lost.
    pub(super) lost: u32,
    /// Tries that failed.
    pub(super) failed: u32,
    /// More than one only where a second worker was asked to overtake a slow one.
    pub(super) leases: Vec<Lease>,
    /// A second worker may take it.
    pub(super) overtake: bool,
}

/// A worker's hold on a task.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) worker: WorkerId,
    pub(super) attempt: Attempt,
    pub(super) began: UtcNs,
    pub(super) until: UtcNs,
}

/// A task that is over.
#[derive(Debug)]
pub(super) struct OverTask {
    pub(super) range: TaskRange,
    /// Tries that it took.
    pub(super) attempts: u32,
    pub(super) rows: Rows,
}

impl Task {
    pub(super) fn carved(range: TaskRange) -> Self {
        Self {
            range,
            attempts: 0,
            lost: 0,
            failed: 0,
            leases: Vec::new(),
            overtake: false,
        }
    }

    /// Whether a worker may take it.
    pub(super) fn is_free_for(&self, worker: &WorkerId) -> bool {
        self.leases.is_empty() || self.overtake && self.leases.iter().all(|lease| lease.worker != *worker)
    }
}

impl OpenJob {
    /// A job from its plan, and from what the database knows of it. Who held a lease has it until `leased_until`; without such a time
    /// no lease is left.
    pub(super) fn new(
        plan: Arc<JobPlan>,
        priority: u8,
        known: Option<UnfinishedJob>,
        now: UtcNs,
        leased_until: Option<UtcNs>,
    ) -> Self {
        let mut job = Self {
            state: JobState::Running,
            priority,
            started: now,
            remaining: Remaining::new(0, []),
            open: BTreeMap::new(),
            over: BTreeMap::new(),
            board: plan.leaderboard(),
            statistics: JobStatistics::default(),
            pace: Pace::new(plan.seconds_per_point, plan.points_per_block(), plan.most_points),
            durations: Durations::default(),
            bars: 0,
            trials_done: 0,
            trials_failed: 0,
            end: End::Open,
            plan,
        };
        let mut taken = Vec::new();
        if let Some(known) = known {
            job.bars = known.record.bars.unwrap_or_default();
            job.started = known.record.started.unwrap_or(now);
            if known.record.state == JobState::Paused {
                job.state = JobState::Paused;
            }
            job.board.absorb(known.ranked);
            for record in known.tasks {
                taken.push(record.range);
                let mut task = Task {
                    attempts: record.attempts,
                    lost: record.lost,
                    failed: record.failed,
                    ..Task::carved(record.range)
                };
                match record.state {
                    TaskRecordState::Ready => {
                        job.open.insert(record.task, task);
                    }
                    TaskRecordState::Leased { worker, attempt } => {
                        task.leases.extend(leased_until.map(|until| Lease {
                            worker,
                            attempt,
                            began: now,
                            until,
                        }));
                        job.open.insert(record.task, task);
                    }
                    TaskRecordState::Done { staged, statistics } => {
                        // Statistics that cannot be read any more are made again with the rows.
                        match JobStatistics::from_bytes(&statistics) {
                            Some(statistics) => job.finish(record.task, &task, Rows::Staged(staged), statistics),
                            None => {
                                job.open.insert(record.task, task);
                            }
                        }
                    }
                    TaskRecordState::Quarantined { reason } => job.give_up(record.task, &task, &reason),
                }
            }
        }
        job.remaining = Remaining::new(job.plan.proposals.blocks(), taken);
        job
    }

    /// Takes note of a task's rows.
    pub(super) fn finish(&mut self, id: TaskId, task: &Task, rows: Rows, statistics: JobStatistics) {
        let total = statistics.total();
        self.trials_done += total.trials;
        self.trials_failed += total.failed;
        self.statistics.merge(statistics);
        let over = OverTask {
            range: task.range,
            attempts: task.attempts,
            rows,
        };
        self.over.insert(id, over);
    }

    /// Counts the trials of a task as failed.
    pub(super) fn give_up(&mut self, id: TaskId, task: &Task, reason: &str) {
        let rows = self.plan.failed_rows(task.range, reason);
        let mut statistics = JobStatistics::default();
        statistics.push_rows(&self.plan.objective, self.plan.instruments, &rows);
        let mut board = self.plan.leaderboard();
        board.push_rows(&rows);
        self.board.merge(board);
        self.finish(id, task, Rows::Memory(Arc::new(rows)), statistics);
    }

    /// Opens a finished task again. What it brought to the leaderboard and the statistics will come back with the same bits.
    pub(super) fn reopen(&mut self, task: TaskId) {
        let Some(over) = self.over.remove(&task) else { return };
        if let Rows::Staged(staged) = &over.rows {
            self.trials_done -= staged.rows;
            self.trials_failed -= staged.failed;
        }
        let blocks = over.range.first_block..over.range.end();
        self.board.forget(&(blocks.start * BLOCK..blocks.end * BLOCK));
        self.statistics.forget_blocks(blocks);
        let attempts = over.attempts;
        self.open.insert(
            task,
            Task {
                attempts,
                ..Task::carved(over.range)
            },
        );
    }

    /// Whether further tasks can be carved.
    pub(super) fn wants_work(&self) -> bool {
        self.state == JobState::Running && !self.remaining.is_empty()
    }

    /// Whether every block is over.
    pub(super) fn is_computed(&self) -> bool {
        self.open.is_empty() && self.remaining.is_empty()
    }

    pub(super) fn compaction(&self) -> Compaction {
        let tasks = self.over.iter();
        Compaction {
            plan: Arc::clone(&self.plan),
            tasks: tasks.map(|(id, task)| (*id, task.range, task.rows.clone())).collect(),
            ranked: self.board.ranked(),
            statistics: self.statistics.total(),
        }
    }

    pub(super) fn view(&self) -> JobView {
        JobView {
            job: self.plan.id,
            state: self.state,
            trials: self.plan.trials(),
            done: self.trials_done,
            failed: self.trials_failed,
            running: self.open.values().filter(|task| !task.leases.is_empty()).count(),
            best: self.board.best().cloned(),
            started: self.started,
            trouble: match &self.end {
                End::Retry { reason, .. } => Some(reason.clone()),
                _ => None,
            },
        }
    }
}

/// How long tasks take: enough of them to know what is long.
#[derive(Debug, Default)]
pub(super) struct Durations {
    recent: std::collections::VecDeque<f64>,
}

impl Durations {
    /// Tasks looked back at.
    const RECENT: usize = 64;
    /// Fewer tell nothing.
    const LEAST: usize = 8;

    pub(super) fn push(&mut self, seconds: f64) {
        if self.recent.len() == Self::RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(seconds);
    }

    /// The median of the last tasks.
    pub(super) fn median(&self) -> Option<f64> {
        let mut sorted: Vec<f64> = self.recent.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        (sorted.len() >= Self::LEAST).then(|| sorted[sorted.len() / 2])
    }
}
