//! What a coordinator, its workers and its clients say to each other, whatever carries it.
//!
//! A worker has a [`Link`] to its coordinator. In one process it leads straight there; in a cluster a client at its end turns calls
//! into gRPC. Neither side knows the difference.

use std::sync::Arc;

use assay_core::ids::{Attempt, JobId, Ordinal, TaskId, WorkerId};
use assay_core::rank::{Ranked, Standing};
use assay_core::row::{Planned, TrialRow};
use assay_core::space::Point;
use assay_core::time::UtcNs;
use assay_core::{Domain, Explain};
use assay_optimizer::JobStatistics;
use assay_optimizer::search::Outcome;
use assay_optimizer::verdict::Plateau;
use assay_store::{DatasetId, FoldRecord, JobRecord, JobState, Schedule, ScheduledRun, Scope, Staged, TaskRange, TrialTrades};
use tokio::sync::{mpsc, oneshot};

/// What a worker says to its coordinator.
#[derive(Debug)]
pub enum Question {
    /// Here I am, and this is what I work on. Asked before anything else and then again and again.
    Heartbeat {
        /// The worker.
        worker: WorkerId,
        /// Tasks that it can work on at the same time.
        slots: u32,
        /// What it works on.
        running: Vec<(TaskId, Attempt)>,
    },
    /// There was a message about this task: may I have it?
    Lease {
        /// The worker.
        worker: WorkerId,
        /// The task.
        task: TaskId,
    },
    /// This became of a task.
    Report {
        /// The worker.
        worker: WorkerId,
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// What became of it.
        report: Report,
    },
    /// I am going.
    Leave {
        /// The worker.
        worker: WorkerId,
    },
    /// What is this job?
    Job(JobId),
    /// Is there a finished job whose best trials are to be replayed?
    NextReplay {
        /// The worker.
        worker: WorkerId,
    },
    /// This came of a replay.
    Replayed {
        /// The job.
        job: JobId,
        /// What.
        outcome: Replayed,
    },
}

/// A finished job whose best trials are to be replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayOrder {
    /// The job.
    pub job: JobId,
    /// The text from which it is made.
    pub body: Arc<str>,
    /// Its best points, on every instrument: their trades are to be kept.
    pub points: Vec<(Ordinal, Point)>,
    /// Its best points, by ordinal: they are to be run again on ticks.
    pub on_ticks: Vec<(Ordinal, Point)>,
    /// How many workers were asked before: no two of them write the same file.
    pub attempt: u32,
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq)]
pub enum Replayed {
    /// The trades of a trial.
    Trades(Box<TrialTrades>),
    /// The rows of the best points on ticks.
    OnTicks {
        /// The job with fills from ticks.
        run_as: JobId,
        /// Where they are.
        staged: Box<Staged>,
    },
    /// Nothing is left to be done.
    Finished,
    /// The job cannot be replayed here.
    Failed(String),
}

/// Another way for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// No further task is begun.
    Pause,
    /// Tasks are handed out again.
    Resume,
    /// The job ends here; finished tasks are kept, so that submitting it again continues it.
    Stop,
    /// Another weight beside other jobs, 1 to 10.
    Priority(u8),
}

/// What became of a task.
#[derive(Debug, Clone)]
pub enum Report {
    /// Its trials were run.
    Done(Box<TaskResult>),
    /// Nothing is wrong with the task: the worker is being stopped, or pauses for the reason given.
    GivenBack(Option<String>),
    /// The task cannot be run here.
    Failed(String),
    /// The winners of a walk forward were run.
    Walked(Vec<FoldRecord>),
}

/// The trials of a task were run.
#[derive(Debug, Clone)]
pub struct TaskResult {
    /// Where their rows are.
    pub rows: Rows,
    /// Statistics of its blocks.
    pub statistics: JobStatistics,
    /// Its points that may be among the best of the job, in any order.
    pub best: Vec<Ranked>,
    /// What became of its points, if a search learns from it; of others in a fold the best of them.
    pub outcomes: Vec<PointOutcome>,
    /// Bars traded on all instruments together.
    pub bars: u64,
    /// Points tried.
    pub points: u64,
    /// Seconds of one thread that it took.
    pub seconds: f64,
}

/// Where the rows of a task are.
#[derive(Debug, Clone)]
pub enum Rows {
    /// In a durable file.
    Staged(Staged),
    /// In this process: a job of a single task needs no file before its results.
    Memory(Arc<Vec<TrialRow>>),
}

/// A coordinator's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The job is in the coordinator's hands, and where it is.
    Submitted(JobState),
    /// It is so.
    Done,
    /// There is no such job, or it is over.
    UnknownJob,
    /// The text from which a job is made: an `assay_strategies::JobBody`.
    Job(Arc<str>),
    /// The job's lifecycle does not have this step.
    NotNow {
        /// Where the job is.
        state: JobState,
    },
    /// A worker is known.
    Welcome {
        /// Attempts that are no longer wanted.
        drop: Vec<(TaskId, Attempt)>,
    },
    /// The coordinator does not know the worker: it has to send a heartbeat first.
    WhoAreYou,
    /// The task is the worker's now.
    Granted(Grant),
    /// Nobody wants the task run now: the message may be forgotten.
    NotWanted,
    /// The result is safe, now or since earlier.
    Recorded,
    /// Another result of the same task is safe, with other bits. This one is of no use.
    Conflict,
    /// These trials are to be replayed.
    Replay(Box<ReplayOrder>),
}

/// A task handed to a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The task.
    pub task: TaskId,
    /// Which try this is.
    pub attempt: Attempt,
    /// The job.
    pub job: JobId,
    /// Its blocks.
    pub range: TaskRange,
    /// What to run.
    pub work: Work,
    /// Run it alone, in a process of its own: earlier tries were lost.
    pub isolated: bool,
    /// Keep the rows in memory: the task is the whole job.
    pub in_memory: bool,
    /// What a point must beat to be among the best.
    pub threshold: Option<Standing>,
}

/// What a task consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// The points that the job lists in its blocks.
    Blocks {
        /// The block at which the points are counted from: the first of a fold's.
        first: u64,
        /// The window that they are run over.
        window: u32,
    },
    /// These points: what a search proposed is known to the coordinator only.
    Points(Vec<Planned>),
    /// The winners of a walk forward, with their training windows, to be run in the test windows; a fold may have none.
    Walk(Vec<Option<Planned>>),
}

/// What became of a point, for whoever learns from it.
#[derive(Debug, Clone, PartialEq)]
pub struct PointOutcome {
    /// The point.
    pub ordinal: Ordinal,
    /// What became of it.
    pub outcome: Outcome,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView {
    /// The job.
    pub job: JobId,
    /// Where it is.
    pub state: JobState,
    /// Trials there are, about.
    pub trials: u64,
    /// Trials whose rows are safe.
    pub done: u64,
    /// Those that failed.
    pub failed: u64,
    /// Tasks at work.
    pub running: usize,
    /// The best point so far.
    pub best: Option<Ranked>,
    /// When it was begun, or begun again.
    pub started: UtcNs,
    /// Why its end cannot be written, for now.
    pub trouble: Option<String>,
}

/// What is recorded of a finished job that a verdict on it rests on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recorded {
    /// Its best point.
    pub best: Option<Ranked>,
    /// Index of the window that this point ran over, among the job's: 0 is all of its data.
    pub window: u32,
    /// Variance over trials of the Sharpe ratio per observation.
    pub sharpe_variance: Option<f64>,
    /// What luck explains, in the coordinator's encoding; empty where it was not measured.
    pub luck: String,
    /// Points ever tried by jobs like it.
    pub family_points: u64,
    /// How the neighbours of its best point do, if that was asked.
    pub plateau: Option<Plateau>,
    /// What became of the data that it held back.
    pub held_back: Option<HeldBackState>,
}

/// What became of data that a job held back, of its first instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBackState {
    /// Where they begin.
    pub from: UtcNs,
    /// Where they end.
    pub to: UtcNs,
    /// Whether a job like it had searched some of them.
    pub searched: bool,
    /// Whether the verdict on another job had looked at some of them first.
    pub looked_at_before: bool,
    /// How often verdicts looked at them so far.
    pub looks: u64,
}

/// A job as its users see it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobInfo {
    /// What the database knows of it, without its body unless it is [whole](Self::whole).
    pub record: JobRecord,
    /// Tasks at work.
    pub running: u32,
    /// The best point so far, of a job that is not over.
    pub best: Option<Ranked>,
    /// Why its end cannot be written, for now.
    pub trouble: Option<String>,
}

impl JobInfo {
    /// A job that is over, with the text that it is made from: for those who run its trials again.
    pub fn whole(record: JobRecord) -> Self {
        Self {
            record,
            running: 0,
            best: None,
            trouble: None,
        }
    }

    /// From what the database knows, and what the coordinator does of a job that is not over.
    pub fn new(record: JobRecord, view: Option<JobView>) -> Self {
        let mut record = JobRecord {
            body: String::new(),
            ..record
        };
        let Some(view) = view else {
            return Self::whole(record);
        };
        record.state = view.state;
        record.trials = view.trials;
        record.trials_done = view.done;
        record.trials_failed = view.failed;
        Self {
            record,
            running: view.running as u32,
            best: view.best,
            trouble: view.trouble,
        }
    }
}

/// A dataset of the cluster as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetInfo {
    /// Which.
    pub id: DatasetId,
    /// Number of rows.
    pub rows: u64,
    /// Time of the first row.
    pub first: UtcNs,
    /// Time of the last row.
    pub last: UtcNs,
    /// Size of its files.
    pub bytes: u64,
    /// Who sent it first.
    pub owner: String,
    /// When.
    pub pushed: UtcNs,
}

/// A key as lists show it: without its secret, which is stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name.
    pub id: String,
    /// What it allows.
    pub scope: Scope,
    /// Whose it is.
    pub owner: String,
    /// When it was made.
    pub created: UtcNs,
    /// When it ends.
    pub expires: Option<UtcNs>,
    /// When it was taken back.
    pub revoked: Option<UtcNs>,
}

/// A schedule as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleInfo {
    /// What the database knows of it, without its body.
    pub schedule: Schedule,
    /// When it is due next; `None` while it is disabled.
    pub next: Option<UtcNs>,
    /// Its last run, without its report.
    pub last: Option<ScheduledRun>,
}

impl ScheduleInfo {
    /// From what the database knows; `next` tells the times of a schedule.
    pub fn new(schedule: Schedule, last: Option<ScheduledRun>, next: impl FnOnce(&Schedule) -> Option<UtcNs>) -> Self {
        Self {
            next: if schedule.enabled { next(&schedule) } else { None },
            schedule: Schedule {
                body: String::new(),
                ..schedule
            },
            last: last.map(|run| ScheduledRun { report: None, ..run }),
        }
    }
}

/// A worker, as far as the coordinator knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerView {
    /// The worker.
    pub worker: WorkerId,
    /// Tasks that it can work on at the same time.
    pub slots: u32,
    /// What it works on.
    pub running: Vec<(TaskId, JobId)>,
    /// When it was last heard of.
    pub seen: UtcNs,
}

/// The queue in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueView {
    /// Tasks whose message is out and that nobody has taken.
    pub waiting: usize,
    /// Tasks at work.
    pub running: usize,
    /// Slots of all workers.
    pub slots: u32,
    /// Blocks of all jobs that are not carved into tasks yet.
    pub uncarved_blocks: u64,
}

/// A question on its way.
#[derive(Debug)]
pub struct Call {
    /// The question.
    pub question: Question,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Answer, LinkError>>,
}

/// A question that got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nobody is there, for now.
    #[error("the coordinator cannot be reached: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The coordinator does not want to talk to this worker.
    #[error("the coordinator refuses: {reason}")]
    Refused {
        /// Why.
        reason: String,
        /// What to do about it.
        hint: String,
    },
}

impl Explain for LinkError {
    fn domain(&self) -> Domain {
        match self {
            Self::Unreachable { .. } => Domain::Unreachable,
            Self::Refused { .. } => Domain::NotAllowed,
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { .. } => "check that it runs, and its address".to_owned(),
            Self::Refused { hint, .. } => hint.clone(),
        })
    }
}

/// A worker's way to its coordinator.
#[derive(Debug, Clone)]
pub struct Link {
    calls: mpsc::Sender<Call>,
}

impl Link {
    /// A link, and the end at which its calls come out. At most `waiting` calls wait there.
    pub fn new(waiting: usize) -> (Self, mpsc::Receiver<Call>) {
        let (calls, receiver) = mpsc::channel(waiting);
        (Self { calls }, receiver)
    }

    /// Asks and waits for the answer.
    pub async fn ask(&self, question: Question) -> Result<Answer, LinkError> {
        let (answer, answered) = oneshot::channel();
        let gone = || LinkError::Unreachable {
            reason: "it has stopped".to_owned(),
        };
        self.calls.send(Call { question, answer }).await.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}
