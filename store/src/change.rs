//! Changes of the truth: what a coordinator decides, as the database records it.
//!
//! A coordinator works on its own state in memory. Before anything that it decided is seen outside (an answer, a message in the
//! queue), the changes that it came from are made durable, several decisions in one transaction.

use assay_core::ids::{Attempt, JobId, Ordinal, TaskId, WorkerId};
use assay_core::job::Goal;
use assay_core::rank::Ranked;
use assay_core::time::UtcNs;

use crate::access::{AuditEntry, Submission};
use crate::compact::Compacted;
use crate::families::{Look, Searched};
use crate::job::{JobRecord, JobState, NewJob};
use crate::ranked::StoredMoments;
use crate::schedules::ScheduledRun;
use crate::staging::{Staged, TaskRange};
use crate::trades::TrialTrades;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A job was submitted. A job that is known keeps its record; unless it is done it takes over the trials expected, and the body if it
    /// has none.
    JobAdded(Box<NewJob>),
    /// A job took a step of its lifecycle.
    JobMoved {
        /// The job.
        job: JobId,
        /// Where to.
        to: JobState,
        /// When.
        at: UtcNs,
        /// Why it failed.
        error: Option<String>,
    },
    /// Another priority for a job.
    JobPriority {
        /// The job.
        job: JobId,
        /// Its weight beside other jobs: 1 to 10.
        priority: u8,
    },
    /// Blocks of a job became a task, ready to be leased.
    TaskCarved {
        /// The task.
        task: TaskId,
        /// Its job.
        job: JobId,
        /// Its blocks.
        range: TaskRange,
    },
    /// A worker took a task.
    AttemptStarted {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// Who.
        worker: WorkerId,
        /// When.
        at: UtcNs,
    },
    /// A worker no longer works on a task, which is ready again.
    AttemptEnded {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// Why.
        end: AttemptEnd,
        /// When.
        at: UtcNs,
    },
    /// The rows of a task are safe.
    TaskDone(Box<TaskDone>),
    /// A task that cannot be run: its trials count as failed.
    TaskQuarantined {
        /// The task.
        task: TaskId,
        /// Why.
        reason: String,
        /// When.
        at: UtcNs,
    },
    /// A task's recorded file is missing or damaged: its blocks are to be run again. What a search learned from it stays.
    TaskForgotten {
        /// The task.
        task: TaskId,
        /// Ordinals in a block of its job.
        block: u64,
    },
    /// A search proposed points. They are not run before this is durable.
    BatchProposed(StoredBatch),
    /// A search was ended by its limit of time: its job cannot be reproduced.
    SearchCut {
        /// The job.
        job: JobId,
    },
    /// The winners of a walk forward were run in its test windows. The task that did so is over, without rows.
    Walked {
        /// The job.
        job: JobId,
        /// The task.
        task: TaskId,
        /// What came of it.
        folds: Vec<FoldRecord>,
    },
    /// A job's results are in place.
    JobDone(Box<JobDone>),
    /// A worker was heard of. Its first time, or the first after it was gone, it joins.
    WorkerSeen(WorkerSeen),
    /// A worker said goodbye, or was not heard of for too long.
    WorkerGone {
        /// Who.
        worker: WorkerId,
        /// When.
        at: UtcNs,
    },
    /// The trades of a trial that is kept. A trial that has trades keeps them.
    TradesKept(Box<TrialTrades>),
    /// What was to be replayed of a job is, or cannot be.
    ReplaySettled {
        /// The job.
        job: JobId,
    },
    /// A job that is done was submitted with another `[fidelity]`: its best points are to be run on ticks.
    ReplayAsked {
        /// The job.
        job: JobId,
        /// The job as the database shows it.
        spec: String,
        /// The text from which it is made.
        body: String,
    },
    /// A submission under a key that its user chose; with the job that it became, in one batch.
    Submitted(Submission),
    /// A planned time of a schedule was taken up, with the job that it became, in one batch. A time that was taken up before stays as it
    /// is.
    RunTaken(Box<ScheduledRun>),
    /// What a run changed.
    RunReported {
        /// The schedule.
        schedule: String,
        /// When it was due.
        planned: UtcNs,
        /// In the encoding of whoever reports it.
        report: String,
    },
    /// A verdict looked at data that its job had held back.
    Looked(Look),
    /// Somebody did something that must be known later.
    Audited(AuditEntry),
    /// A line of a job's log.
    Logged {
        /// The job.
        job: JobId,
        /// When.
        at: UtcNs,
        /// What happened.
        text: String,
    },
}

/// Points that a search proposed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    /// The job.
    pub job: JobId,
    /// Which of its searches.
    pub leg: u32,
    /// Its number in that search.
    pub number: u64,
    /// The points, in the encoding of whoever asks for them again.
    pub proposals: String,
}

/// What a winner did in a test window of a walk forward, or all of them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldRecord {
    /// The fold, from 0; -1 for the whole walk.
    pub fold: i64,
    /// Index into the job's instruments.
    pub instrument: u32,
    /// A JSON object.
    pub record: String,
}

/// A worker and what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSeen {
    /// Who.
    pub worker: WorkerId,
    /// Threads that compute.
    pub threads: u32,
    /// Memory that it may use.
    pub memory_bytes: u64,
    /// Its version.
    pub version: String,
    /// When.
    pub at: UtcNs,
}

/// How an attempt ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// Its lease ran out: the worker is dead, cut off or slow. No evidence against the task.
    Lost,
    /// The worker gave it back, because it is being stopped or has no room.
    GivenBack,
    /// It was no longer wanted: the job was stopped.
    Cancelled,
    /// The task itself could not be run.
    Failed(String),
}

impl AttemptEnd {
    /// As stored and shown; [`AttemptEnd::Failed`] has its reason beside it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::GivenBack => "given_back",
            Self::Cancelled => "cancelled",
            Self::Failed(_) => "failed",
        }
    }
}

/// A finished task, and what its rows changed among the best points of its job.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskDone {
    /// The task.
    pub task: TaskId,
    /// Which try finished it.
    pub attempt: Attempt,
    /// Its rows' file.
    pub staged: Staged,
    /// Statistics of its blocks, in the encoding of whoever asks for them again.
    pub statistics: Vec<u8>,
    /// What became of its points, for a search that learns from them, in the encoding of whoever asks for it again.
    pub outcomes: String,
    /// Points that are among the best of the job now.
    pub entered: Vec<Ranked>,
    /// Points that are no longer.
    pub left: Vec<Ordinal>,
    /// Bars of the job's data, as its worker counted them: who takes office after the last task cannot ask for them.
    pub bars: u64,
    /// When.
    pub at: UtcNs,
}

/// The end of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDone {
    /// The job.
    pub job: JobId,
    /// Its result files.
    pub compacted: Compacted,
    /// Points that it tried.
    pub points: u64,
    /// Bars of all instruments together.
    pub bars: u64,
    /// Wall time from its start.
    pub seconds: f64,
    /// Now.
    pub at: UtcNs,
    /// Best points that no task's end brought in, best first: those of tasks that had no file.
    pub ranked: Vec<Ranked>,
    /// What it maximized.
    pub goal: Goal,
    /// Of the aggregated objective over points.
    pub objective: StoredMoments,
    /// Of the Sharpe ratio per observation over trials.
    pub sharpe: StoredMoments,
    /// What luck explains of its results, in the encoding of whoever asks for it again; empty where it was not measured.
    pub luck: String,
    /// What it adds to its families.
    pub searched: Vec<Searched>,
    /// Best points whose trades are to be kept when a worker has a moment: 0 if they are only to be run again on ticks, `None` if nothing
    /// is to be replayed.
    pub replay_due: Option<u32>,
}

/// Everything about jobs that are not over, for a coordinator that takes office.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unfinished {
    /// Jobs that are queued, running or paused, oldest first.
    pub jobs: Vec<UnfinishedJob>,
    /// The number that the next task gets.
    pub next_task: u64,
}

/// A job that is not over.
#[derive(Debug, Clone, PartialEq)]
pub struct UnfinishedJob {
    /// The job.
    pub record: JobRecord,
    /// Its tasks, by their first block.
    pub tasks: Vec<TaskRecord>,
    /// Its best points so far, best first.
    pub ranked: Vec<Ranked>,
    /// What its searches proposed, by search and number.
    pub batches: Vec<StoredBatch>,
    /// What became of the points of its tasks, by task.
    pub outcomes: Vec<String>,
    /// What a walk forward came to, by fold and instrument.
    pub folds: Vec<FoldRecord>,
}

/// A task as the database knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// The task.
    pub task: TaskId,
    /// Its blocks.
    pub range: TaskRange,
    /// Tries begun.
    pub attempts: u32,
    /// Tries that were lost.
    pub lost: u32,
    /// Tries that failed.
    pub failed: u32,
    /// Where it is.
    pub state: TaskRecordState,
}

/// Where a task is in its life, as the database knows it.
///
/// ```text
///           lease                result
///   ready --------> leased --------------------> done
///     ^               |   \
///     |  lost, failed,|    \ failed for the third time
///     |  given back   |     v
///     +---------------+   quarantined
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum TaskRecordState {
    /// Waits for a worker.
    Ready,
    /// A worker has it.
    Leased {
        /// Who.
        worker: WorkerId,
        /// Which try.
        attempt: Attempt,
    },
    /// Its rows are safe.
    Done {
        /// Their file.
        staged: Staged,
        /// Statistics of its blocks.
        statistics: Vec<u8>,
    },
    /// It could not be run.
    Quarantined {
        /// Why.
        reason: String,
    },
}
