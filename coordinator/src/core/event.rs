//! What the core is told, and what it wants done.

use std::sync::Arc;

use assay_core::distinct::DistinctPoints;
use assay_core::ids::{Attempt, JobId, TaskId, WorkerId};
use assay_core::rank::Ranked;
use assay_optimizer::SearchStatistics;
use assay_proto::{Answer, Control, Report, Rows};
use assay_store::{Change, FoldRecord, JobState, NewJob, TaskRange, UnfinishedJob};

use super::search::{Proposed, Proposing};
use crate::luck::Luck;
use crate::plan::JobPlan;

/// Tells an answer which question it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request(pub u64);

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A job is to be run.
    Submit {
        /// Who asks.
        request: Request,
        /// The job.
        job: Box<NewJob>,
        /// Its plan.
        plan: Arc<JobPlan>,
        /// What the database knows of it, if it was submitted before.
        known: Option<Box<UnfinishedJob>>,
    },
    /// Somebody wants a job to go another way.
    Control {
        /// Who asks.
        request: Request,
        /// The job.
        job: JobId,
        /// Which way.
        control: Control,
    },
    /// A worker introduces itself, or says that it is still there.
    Heartbeat {
        /// Who asks.
        request: Request,
        /// The worker.
        worker: WorkerId,
        /// Tasks that it can work on at the same time.
        slots: u32,
        /// What it works on.
        running: Vec<(TaskId, Attempt)>,
    },
    /// A worker goes away; what it worked on is ready again.
    Leave {
        /// The worker.
        worker: WorkerId,
    },
    /// A worker wants a task that it got a message about.
    Lease {
        /// Who asks.
        request: Request,
        /// The worker.
        worker: WorkerId,
        /// The task.
        task: TaskId,
    },
    /// A worker says what became of a task.
    Report {
        /// Who asks.
        request: Request,
        /// The worker.
        worker: WorkerId,
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// What became of it.
        report: Report,
    },
    /// The result files of a job were written, or could not be.
    Compacted {
        /// The job.
        job: JobId,
        /// What they hold.
        result: Result<Written, CompactError>,
    },
    /// A search comes back with what it proposes.
    Proposed(Box<Proposed>),
    /// Messages in the queue may have been lost.
    QueueRecovered,
    /// Time went by.
    Tick,
}

/// Result files that were written, and what all rows of the job told.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// What they hold.
    pub compacted: assay_store::Compacted,
    /// What luck explains of the results.
    pub luck: Luck,
    /// The job's points.
    pub points: Arc<DistinctPoints>,
}

/// Result files that could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompactError {
    /// Files of tasks are missing or damaged: what they held is to be run again.
    Damaged(Vec<(TaskId, String)>),
    /// Something else, which may go away.
    Other(String),
}

/// Something is to be done. What is to be recorded comes before everything else of the same step, and before any other effect is
/// carried out all records of the step are durable.
#[derive(Debug)]
pub enum Effect {
    /// Make it durable.
    Record(Change),
    /// Tell workers of a task.
    Publish {
        /// The task.
        task: TaskId,
        /// Its job.
        job: JobId,
    },
    /// Answer a question.
    Answer(Request, Answer),
    /// Let a search propose points, then tell [`Event::Proposed`].
    Propose(Box<Proposing>),
    /// Write the result files of a job, then tell [`Event::Compacted`].
    Compact(Box<Compaction>),
    /// A job is over.
    Ended {
        /// The job.
        job: JobId,
        /// How: `done`, `stopped` or `failed`.
        state: JobState,
        /// Why it failed.
        error: Option<String>,
    },
    /// A worker staged rows of a job that is not at work any more.
    Late {
        /// The job.
        job: JobId,
    },
    /// Something that must not happen happened: an operator should look at it.
    Alarm(String),
}

/// Everything that is needed to write the result files of a job.
#[derive(Debug, Clone)]
pub struct Compaction {
    /// Its plan.
    pub plan: Arc<JobPlan>,
    /// How many blocks these must be, where that is known.
    pub blocks: Option<u64>,
    /// Its tasks, which together are the whole job.
    pub tasks: Vec<(TaskId, TaskRange, Rows)>,
    /// Its best points, best first.
    pub ranked: Vec<Ranked>,
    /// What a walk forward came to.
    pub folds: Vec<FoldRecord>,
    /// Statistics of all trials.
    pub statistics: SearchStatistics,
}
