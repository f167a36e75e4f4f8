//! Workers that speak as workers do, over gRPC and AMQP, and compute nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use assay_core::BLOCK;
use assay_core::fingerprint::Fingerprint;
use assay_core::ids::{Attempt, JobId, Ordinal, TaskId, WorkerId};
use assay_core::job::Objective;
use assay_core::row::{Outcome, TrialRow};
use assay_core::space::Point;
use assay_optimizer::JobStatistics;
use assay_proto::{Answer, Grant, Link, Question, Remote, Report, Rows, TaskResult};
use assay_queue::{Consumer, Queue, QueueSettings};
use assay_store::Staged;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

/// How often a stub says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// What a stub says that a block took, at least.
const LEAST_SECONDS: f64 = 1e-3;
/// Messages that a stub has at hand: the task at work and the next one.
const PREFETCH: u16 = 2;

/// A worker to be hired.
#[derive(Debug)]
pub struct Stub {
    /// Its number.
    pub number: usize,
    /// Its way to the coordinator.
    pub remote: Remote,
}

/// Workers of one slot each, which take so long for a task.
#[derive(Debug)]
pub struct Fleet {
    /// Results that the coordinator has recorded.
    pub reported: Arc<AtomicU64>,
    by_job: Arc<Mutex<BTreeMap<JobId, u64>>>,
    queue: Queue,
    task: Duration,
    at_work: JoinSet<()>,
}

impl Fleet {
    /// Without workers.
    pub fn new(queue: &str, task: Duration) -> Result<Self> {
        Ok(Self {
            reported: Arc::default(),
            by_job: Arc::default(),
            queue: Queue::new(QueueSettings::new(queue.parse()?)),
            task,
            at_work: JoinSet::new(),
        })
    }

    /// Adds a worker, which begins at once.
    pub async fn hire(&mut self, stub: Stub) -> Result<()> {
        let (link, _) = stub.remote.link();
        let worker: WorkerId = format!("stub-{}", stub.number).parse()?;
        greet(&link, &worker, Vec::new()).await?;
        let consumer = self.queue.consume(PREFETCH).await?;
        let work = Work {
            worker,
            link,
            task: self.task,
            reported: Arc::clone(&self.reported),
            by_job: Arc::clone(&self.by_job),
        };
        self.at_work.spawn(work.work(consumer));
        Ok(())
    }

    /// Results by job.
    pub fn by_job(&self) -> BTreeMap<JobId, u64> {
        self.by_job.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets all go.
    pub async fn dismiss(mut self) {
        self.at_work.shutdown().await;
    }
}

async fn greet(link: &Link, worker: &WorkerId, running: Vec<(TaskId, Attempt)>) -> Result<()> {
    let worker = worker.clone();
    link.ask(Question::Heartbeat {
        worker,
        slots: 1,
        running,
    })
    .await?;
    Ok(())
}

struct Work {
    worker: WorkerId,
    link: Link,
    task: Duration,
    reported: Arc<AtomicU64>,
    by_job: Arc<Mutex<BTreeMap<JobId, u64>>>,
}

impl Work {
    /// One task after the other, for ever.
    async fn work(self, mut consumer: Consumer) {
        let mut beat = interval(HEARTBEAT);
        let mut running = Vec::new();
        loop {
            tokio::select! {
                _ = beat.tick() => {
                    // A heartbeat that is lost is followed by another one.
                    let _ = greet(&self.link, &self.worker, running.clone()).await;
                }
                delivery = consumer.next() => {
                    let Some(delivery) = delivery else { return };
                    let question = Question::Lease { worker: self.worker.clone(), task: delivery.message().task };
                    if let Ok(Answer::Granted(grant)) = self.link.ask(question).await {
                        running.push((grant.task, grant.attempt));
                        self.pretend(&grant, &mut beat, &running).await;
                        running.clear();
                    }
                    delivery.ack();
                }
            }
        }
    }

    async fn pretend(&self, grant: &Grant, beat: &mut tokio::time::Interval, running: &[(TaskId, Attempt)]) {
        if !self.task.is_zero() {
            let computing = sleep(self.task);
            tokio::pin!(computing);
            loop {
                tokio::select! {
                    () = &mut computing => break,
                    _ = beat.tick() => {
                        let _ = greet(&self.link, &self.worker, running.to_vec()).await;
                    }
                }
            }
        }
        let question = Question::Report {
            worker: self.worker.clone(),
            task: grant.task,
            attempt: grant.attempt,
            report: Report::Done(Box::new(result(grant, self.task))),
        };
        if let Ok(Answer::Recorded) = self.link.ask(question).await {
            self.reported.fetch_add(1, Ordering::Relaxed);
            let mut by_job = self.by_job.lock().unwrap_or_else(PoisonError::into_inner);
            *by_job.entry(grant.job).or_default() += 1;
        }
    }
}

/// A result of the size that a task of one block has, without a file behind it.
fn result(grant: &Grant, task: Duration) -> TaskResult {
    let row = TrialRow {
        instrument: 0,
        ordinal: Ordinal(grant.range.first_block * BLOCK),
        point: Point(Box::from([0.0, 0.0])),
        window: 0,
        outcome: Outcome::Failed("nothing was computed".to_owned()),
    };
    let mut statistics = JobStatistics::of_blocks(BLOCK);
    statistics.push_rows(&Objective::default(), 1, &[row]);
    TaskResult {
        rows: Rows::Staged(Staged {
            job: grant.job,
            range: grant.range,
            attempt: grant.attempt.0,
            file: Staged::file_name(grant.range, grant.attempt.0),
            bytes: 1,
            hash: [0; 32],
            rows: grant.range.blocks * BLOCK,
            failed: 0,
            fingerprint: Fingerprint::default(),
        }),
        statistics,
        best: Vec::new(),
        outcomes: Vec::new(),
        bars: 1,
        points: grant.range.blocks * BLOCK,
        // Of tasks that take no time a coordinator would make larger ones.
        seconds: task.as_secs_f64().max(LEAST_SECONDS),
    }
}
