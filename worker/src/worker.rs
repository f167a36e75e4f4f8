//! From a message in the queue to a result that is safe.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assay_core::Explain;
use assay_core::ids::{Attempt, JobId, TaskId, WorkerId};
use assay_core::row::Planned;
use assay_data::Catalog;
use assay_proto::{Answer, Grant, Link, LinkError, Question, Report, Rows, TaskResult, Work};
use assay_queue::{Consumer, Delivery};
use assay_store::{Depot, Place};
use assay_strategies::Job;
use backon::{ExponentialBuilder, Retryable};
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tracing::Instrument;

use crate::alone::{self, Program};
use crate::datasets;
use crate::error::WorkerError;
use crate::meters::{Ending, Meters};
use crate::pause::Pause;
use crate::pool::{Computed, Pool, Switches};
use crate::prepared::Prepared;
use crate::tally::{Tally, interleave, tally};
use crate::walk;

/// How long a computation that is cancelled may take to notice.
const UNWIND: Duration = Duration::from_secs(3);
/// Jobs whose bars stay in memory.
const JOBS_IN_MEMORY: usize = 2;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name.
    pub id: WorkerId,
    /// Bytes that a job may take.
    pub memory: u64,
    /// Where rows are staged, and data come from that the worker does not have itself.
    pub depot: Depot,
    /// How often it says that it is still there.
    pub heartbeat: Duration,
    /// How long it may go on with what it has begun when it is told to stop.
    pub grace: Duration,
    /// Whether it goes on after a trouble of its own (a full disk, say) and gives the task to others. Otherwise the first trouble
    /// ends it.
    pub patient: bool,
    /// How long a task may compute.
    pub task_time: Option<Duration>,
    /// What runs a task in a process of its own; without it such tasks run here as well.
    pub alone: Option<Program>,
}

/// Tells a worker to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A switch, and what it stops.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    async fn requested(&mut self) {
        // A switch that was thrown away stops as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// A job's bars, loaded once by the first task that needs them.
type Bars = Arc<OnceCell<Arc<Prepared>>>;

/// Runs tasks.
#[derive(Debug)]
pub struct Worker {
    settings: Settings,
    link: Link,
    pool: Pool,
    catalog: Catalog,
    /// The job that was used last comes last.
    jobs: Mutex<Vec<(JobId, Bars)>>,
    running: Mutex<BTreeMap<(TaskId, Attempt), Arc<AtomicBool>>>,
    trouble: Mutex<Option<WorkerError>>,
    pause: Pause,
    /// A thread computes what does not end.
    stuck: AtomicBool,
    meters: Meters,
}

/// How busy a worker is, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Tasks at work.
    pub running: usize,
    /// Jobs whose bars are in memory.
    pub jobs: usize,
    /// Memory of these bars.
    pub bars_bytes: u64,
}

/// What becomes of the message about a task.
enum After {
    /// Nobody needs it any more.
    Forget,
    /// Somebody else may look at it.
    Return,
}

impl Worker {
    /// A worker that has not begun yet.
    pub fn new(settings: Settings, link: Link, pool: Pool, catalog: Catalog) -> Self {
        Self {
            settings,
            link,
            pool,
            catalog,
            jobs: Mutex::default(),
            running: Mutex::default(),
            trouble: Mutex::default(),
            pause: Pause::default(),
            stuck: AtomicBool::new(false),
            meters: Meters::default(),
        }
    }

    /// Whether one of its threads computes what does not end: nothing but the end of the process gets it back.
    pub fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    /// What it counts.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// How busy it is.
    pub fn load(&self) -> Load {
        let jobs = lock(&self.jobs);
        let loaded = jobs.iter().filter_map(|(_, bars)| bars.get());
        let bytes = loaded.map(|prepared| prepared.markets.bytes());
        let bytes: Vec<u64> = bytes.collect();
        Load {
            running: lock(&self.running).len(),
            jobs: bytes.len(),
            bars_bytes: bytes.iter().sum(),
        }
    }

    /// Tells it of a job whose bars are in memory already.
    pub fn knows(&self, prepared: Arc<Prepared>) {
        let id = prepared.job.id;
        lock(&self.jobs).push((id, Arc::new(OnceCell::new_with(Some(prepared)))));
    }

    /// Takes tasks until it is told to stop, or until it is [stuck](Self::is_stuck), then finishes what it has begun as far as its grace allows and gives the rest back.
    pub async fn run(self: Arc<Self>, mut consumer: Consumer, mut stop: Stop) -> Result<(), WorkerError> {
        let heart = tokio::spawn(Arc::clone(&self).beat());
        // A worker of a run in one process is done with that.
        let replays = self.settings.patient.then(|| tokio::spawn(Arc::clone(&self).replay()));
        let mut tasks = JoinSet::new();
        let mut pauses = self.pause.follow();
        let mut paused = None;
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => break,
                Some(_) = tasks.join_next() => {
                    if self.is_stuck() || lock(&self.trouble).is_some() {
                        break;
                    }
                }
                until = pauses.next() => {
                    // What was fetched and not begun goes to others.
                    consumer.stop().await;
                    paused = Some(until);
                }
                () = sleep_until(paused.unwrap_or_else(Instant::now)), if paused.is_some() => {
                    paused = match consumer.resume().await {
                        Ok(()) => None,
                        Err(error) => {
                            tracing::warn!(%error, "the queue cannot be read after a pause");
                            Some(Instant::now() + Duration::from_secs(1))
                        }
                    };
                }
                delivery = consumer.next(), if paused.is_none() => match delivery {
                    Some(delivery) => drop(tasks.spawn(Arc::clone(&self).handle(delivery))),
                    None => break,
                },
            }
        }
        // What was fetched and not begun goes back at once.
        consumer.stop().await;
        // Others wait behind the thread that does not come back.
        let grace = if self.is_stuck() {
            Duration::ZERO
        } else {
            self.settings.grace
        };
        let finished = timeout(grace, async { while tasks.join_next().await.is_some() {} });
        if finished.await.is_err() {
            lock(&self.running)
                .values()
                .for_each(|flag| flag.store(true, Ordering::Relaxed));
        }
        heart.abort();
        if let Some(replays) = replays {
            replays.abort();
        }
        consumer.close().await;
        let worker = self.settings.id.clone();
        // A coordinator that does not hear it will miss the heartbeats.
        let _ = timeout(Duration::from_secs(2), self.link.ask(Question::Leave { worker })).await;
        lock(&self.trouble).take().map_or(Ok(()), Err)
    }

    async fn beat(self: Arc<Self>) {
        let mut ticks = interval(self.settings.heartbeat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.introduce().await {
                tracing::warn!(%error, "no heartbeat");
            }
        }
    }

    /// Says that it is there and what it works on, and drops what is no longer wanted.
    pub async fn introduce(&self) -> Result<(), LinkError> {
        let running = lock(&self.running).keys().copied().collect();
        let answer = self.link.ask(Question::Heartbeat {
            worker: self.settings.id.clone(),
            slots: self.pool.threads() as u32,
            running,
        });
        if let Answer::Welcome { drop } = answer.await? {
            let running = lock(&self.running);
            let flags = drop.iter().filter_map(|attempt| running.get(attempt));
            flags.for_each(|flag| flag.store(true, Ordering::Relaxed));
        }
        Ok(())
    }

    async fn handle(self: Arc<Self>, delivery: Delivery) {
        let message = delivery.message();
        let span = tracing::info_span!("task", task = %message.task, job = %message.job);
        match self.take(message.task).instrument(span).await {
            After::Forget => delivery.ack(),
            After::Return => delivery.reject(true),
        }
    }

    async fn take(&self, task: TaskId) -> After {
        if self.is_stuck() || self.pause.is_on() {
            return After::Return;
        }
        let grant = match self.lease(task).await {
            Ok(Some(grant)) => grant,
            Ok(None) => return After::Forget,
            Err(error) => {
                tracing::warn!(%task, %error, "no lease");
                self.note(error.into());
                return After::Return;
            }
        };
        let cancelled = Arc::new(AtomicBool::new(false));
        let key = (grant.task, grant.attempt);
        lock(&self.running).insert(key, Arc::clone(&cancelled));
        let report = match self.execute(&grant, cancelled).await {
            Ok(report) => report,
            Err(error) => {
                tracing::warn!(%task, job = %grant.job, %error, "a task could not be run");
                let report = if error.retryable() && self.settings.patient {
                    Report::GivenBack(error.hinders().then(|| error.to_string()))
                } else {
                    Report::Failed(error.to_string())
                };
                self.note(error);
                Some(report)
            }
        };
        match &report {
            Some(Report::GivenBack(Some(reason))) => {
                let pause = self.pause.begin();
                tracing::warn!(reason, seconds = pause.as_secs(), "no tasks are taken for a while");
            }
            Some(Report::Done(_)) => self.pause.forget(),
            _ => {}
        }
        self.meters.ended(match &report {
            Some(Report::Done(_) | Report::Walked(_)) => Ending::Done,
            Some(Report::GivenBack(_)) => Ending::GivenBack,
            Some(Report::Failed(_)) => Ending::Failed,
            None => Ending::Dropped,
        });
        let after = match report {
            Some(report) => self.report(&grant, report).await,
            None => After::Forget,
        };
        lock(&self.running).remove(&key);
        tracing::debug!(attempt = grant.attempt.0, "a task is over");
        after
    }

    /// Keeps the first trouble of a worker that is not patient: the run ends with it.
    fn note(&self, error: WorkerError) {
        if !self.settings.patient {
            lock(&self.trouble).get_or_insert(error);
        }
    }

    async fn lease(&self, task: TaskId) -> Result<Option<Grant>, LinkError> {
        let worker = &self.settings.id;
        let ask = || async {
            let question = Question::Lease {
                worker: worker.clone(),
                task,
            };
            match self.link.ask(question).await? {
                Answer::Granted(grant) => Ok(Some(grant)),
                Answer::WhoAreYou => {
                    self.introduce().await?;
                    Err(LinkError::Unreachable {
                        reason: "it does not know this worker yet".to_owned(),
                    })
                }
                _ => Ok(None),
            }
        };
        ask.retry(patience().with_max_times(6)).when(Explain::retryable).await
    }

    /// A result is worth waiting for its coordinator. Whatever the answer is, the message has done its work.
    async fn report(&self, grant: &Grant, report: Report) -> After {
        let say = || async {
            let question = Question::Report {
                worker: self.settings.id.clone(),
                task: grant.task,
                attempt: grant.attempt,
                report: report.clone(),
            };
            self.link.ask(question).await
        };
        match say.retry(patience().without_max_times()).when(Explain::retryable).await {
            Ok(Answer::Conflict) => {
                tracing::error!(task = %grant.task, job = %grant.job, "the result differs from one that is safe already");
                After::Forget
            }
            Ok(_) => After::Forget,
            Err(error) => {
                self.note(error.into());
                After::Return
            }
        }
    }

    /// Runs the trials of a task; `None` if it is no longer wanted.
    pub(crate) async fn execute(&self, grant: &Grant, cancelled: Arc<AtomicBool>) -> Result<Option<Report>, WorkerError> {
        if grant.isolated
            && let Some(program) = &self.settings.alone
        {
            let body = self.body(grant.job).await?;
            let limit = self.settings.task_time;
            return alone::run(program, grant, body, limit, cancelled).await;
        }
        let prepared = self.prepared(grant.job).await?;
        let blocks = grant.range.first_block..grant.range.end();
        let threads = self.pool.threads();
        let (points, shares) = match &grant.work {
            Work::Blocks { first, window } => {
                // A job of one task is spread over all threads; of many, each thread has its own.
                let whole = grant.range.blocks == prepared.proposals.blocks();
                (prepared.points(blocks, *first, *window), if whole { threads } else { 1 })
            }
            // A search waits for its points: threads that have nothing else to do help.
            Work::Points(points) => (points.clone(), (threads / lock(&self.running).len().max(1)).max(1)),
            Work::Walk(winners) => return self.walk(prepared, winners.clone()).await.map(Some),
        };
        let count = points.len() as u64;
        let work = Arc::clone(&prepared);
        let switches = Switches {
            cancelled,
            ..Switches::default()
        };
        let computing = self
            .pool
            .run(work, points, shares, prepared.budget.most_unit, switches.clone());
        let Some(computed) = self.within_time(computing, &switches).await else {
            return Ok(None);
        };
        let Some(Computed { rows, seconds }) = computed? else {
            return Ok(None);
        };
        self.meters.computed(rows.iter().map(Vec::len).sum(), seconds);
        let Tally {
            statistics,
            best,
            outcomes,
        } = tally(&prepared, grant, &rows);
        let bars = prepared.markets.bars();
        let rows = self.keep(grant, prepared, interleave(rows)).await?;
        Ok(Some(Report::Done(Box::new(TaskResult {
            rows,
            statistics,
            best,
            outcomes,
            bars,
            points: count,
            seconds,
        }))))
    }

    /// Waits for a computation, for as long as a task may take once it is begun. What does not end then although it is cancelled
    /// keeps its thread, and the worker is stuck. `None` if another task got the worker stuck before.
    async fn within_time<T>(
        &self,
        computing: impl Future<Output = Result<T, WorkerError>>,
        switches: &Switches,
    ) -> Option<Result<T, WorkerError>> {
        let Some(limit) = self.settings.task_time else {
            return Some(computing.await);
        };
        tokio::pin!(computing);
        tokio::select! {
            computed = &mut computing => return Some(computed),
            () = switches.begun.notified() => {}
        }
        if let Ok(computed) = timeout(limit, &mut computing).await {
            return Some(computed);
        }
        switches.cancelled.store(true, Ordering::Relaxed);
        if timeout(UNWIND, &mut computing).await.is_err() && self.stuck.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(Err(WorkerError::TooLong { limit }))
    }

    /// Runs the winners of a walk forward in its test windows.
    async fn walk(&self, prepared: Arc<Prepared>, winners: Vec<Option<Planned>>) -> Result<Report, WorkerError> {
        let switches = Switches::default();
        let begun = Arc::clone(&switches.begun);
        let walked = async {
            let walked = tokio::task::spawn_blocking(move || {
                begun.notify_one();
                walk::walk(&prepared, &winners)
            });
            walked.await.map_err(|error| WorkerError::Panic(error.to_string()))?
        };
        let folds = self.within_time(walked, &switches).await;
        Ok(folds.transpose()?.map_or(Report::GivenBack(None), Report::Walked))
    }

    /// Brings rows to where they are safe.
    async fn keep(
        &self,
        grant: &Grant,
        prepared: Arc<Prepared>,
        rows: Vec<assay_core::row::TrialRow>,
    ) -> Result<Rows, WorkerError> {
        if grant.in_memory {
            return Ok(Rows::Memory(Arc::new(rows)));
        }
        let depot = &self.settings.depot;
        let staged = depot.stage(&prepared.layout, grant.range, grant.attempt.0, rows).await?;
        Ok(Rows::Staged(staged))
    }

    /// The bars of a job, loaded once however many tasks wait for them.
    async fn prepared(&self, id: JobId) -> Result<Arc<Prepared>, WorkerError> {
        let cell = {
            let mut jobs = lock(&self.jobs);
            if let Some(at) = jobs.iter().position(|(known, _)| *known == id) {
                let used = jobs.remove(at);
                jobs.push(used);
            } else {
                jobs.push((id, Arc::default()));
                if jobs.len() > JOBS_IN_MEMORY {
                    jobs.remove(0);
                }
            }
            Arc::clone(&jobs[jobs.len() - 1].1)
        };
        cell.get_or_try_init(|| self.load_bars(id)).await.cloned()
    }

    async fn load_bars(&self, id: JobId) -> Result<Arc<Prepared>, WorkerError> {
        self.load_body(self.body(id).await?).await
    }

    /// The text from which a job is made.
    async fn body(&self, id: JobId) -> Result<Arc<str>, WorkerError> {
        let Answer::Job(body) = self.link.ask(Question::Job(id)).await? else {
            let reason = format!("job {id} is not running");
            return Err(LinkError::Unreachable { reason }.into());
        };
        Ok(body)
    }

    /// The bars of a job, if they are in memory.
    pub(crate) fn loaded(&self, id: JobId) -> Option<Arc<Prepared>> {
        let jobs = lock(&self.jobs);
        jobs.iter().find(|(known, _)| *known == id)?.1.get().cloned()
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        self.settings.heartbeat
    }

    pub(crate) fn id(&self) -> &WorkerId {
        &self.settings.id
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Loads the bars of a job that is given as text.
    pub(crate) async fn load_body(&self, body: Arc<str>) -> Result<Arc<Prepared>, WorkerError> {
        let (memory, threads) = (self.settings.memory, self.pool.threads());
        let job = blocking(move || Ok(Job::from_body(&body)?)).await?;
        let (catalog, data) = self.data_of(&job).await?;
        blocking(move || Prepared::load_from(job, &catalog, data, memory, threads)).await
    }

    /// A catalog with the data that a job's trials need, for as long as the place is held.
    pub(crate) async fn data_of(&self, job: &Job) -> Result<(Catalog, Place), WorkerError> {
        let needed = datasets::needed(job);
        let (catalog, wanted) = (self.catalog.clone(), needed.clone());
        let here = blocking(move || Ok(wanted.iter().all(|id| datasets::has(&catalog, id)))).await?;
        // Its own data, or those of the depot: all of them, so that they are in one catalog.
        if here {
            return Ok((self.catalog.clone(), Place::folder(self.catalog.home())));
        }
        let data = self.settings.depot.datasets(&needed).await?;
        Ok((Catalog::open(data.home())?, data))
    }

    pub(crate) fn threads(&self) -> usize {
        self.pool.threads()
    }

    pub(crate) fn depot(&self) -> &Depot {
        &self.settings.depot
    }
}

/// Does what takes its time on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WorkerError> + Send + 'static,
) -> Result<T, WorkerError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| WorkerError::Panic(error.to_string()))?
}

/// How often, and how far apart, a call is tried again.
fn patience() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
