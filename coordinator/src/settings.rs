//! What a coordinator is told once.

use std::time::Duration;

/// How large tasks are, in seconds of one thread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskSize {
    /// A job that takes less than this of each thread is one task.
    pub small_job_seconds: f64,
    /// The first tasks of a job, whose rate is a guess; 0 for a single block.
    pub first_seconds: f64,
    /// Towards the end tasks shrink, but not below this.
    pub least_seconds: f64,
    /// A task is at most this long.
    pub most_seconds: f64,
}

/// How a coordinator works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How large tasks are.
    pub task_size: TaskSize,
    /// A worker that is not heard of for so long has lost its tasks.
    pub lease: Duration,
    /// How often workers are to be heard of.
    pub heartbeat: Duration,
    /// A task that waits for so long while workers are idle is sent once more: its message may be lost.
    pub resend_after: Duration,
    /// After a failure of its own (a full disk, say) the end of a job is tried again after this.
    pub retry_after: Duration,
    /// After so many lost attempts, or one that failed, a task runs alone, in a process of its own.
    pub isolate_after_lost: u32,
    /// After so many failed attempts a task is given up; lost ones count as well when the last one failed in a process of its own.
    pub quarantine_after_failed: u32,
    /// Best points of a job whose trades are kept, unless the job says otherwise.
    pub trades_kept: u32,
    /// The worker is this process: rows of a job that is a single task need no file, the best points are recorded at the end only, and
    /// what fails is not tried again.
    pub in_process: bool,
}

impl Settings {
    /// Of a run in one process.
    pub const LOCAL: Self = Self {
        task_size: TaskSize {
            small_job_seconds: 0.5,
            first_seconds: 0.25,
            least_seconds: 0.25,
            most_seconds: 0.5,
        },
        lease: Duration::from_hours(1),
        heartbeat: Duration::from_mins(1),
        resend_after: Duration::from_hours(1),
        retry_after: Duration::from_secs(1),
        isolate_after_lost: u32::MAX,
        quarantine_after_failed: 1,
        trades_kept: 0,
        in_process: true,
    };

    /// Of a cluster.
    pub const CLUSTER: Self = Self {
        task_size: TaskSize {
            small_job_seconds: 0.0,
            // The fewer rows, the sooner the first of them are safe: ranking a thousand points takes as long as computing them.
            first_seconds: 0.0,
            least_seconds: 0.5,
            most_seconds: 5.0,
        },
        lease: Duration::from_secs(15),
        heartbeat: Duration::from_secs(1),
        resend_after: Duration::from_secs(10),
        retry_after: Duration::from_secs(5),
        isolate_after_lost: 2,
        quarantine_after_failed: 3,
        trades_kept: assay_core::job::TRADES_KEPT,
        in_process: false,
    };
}
