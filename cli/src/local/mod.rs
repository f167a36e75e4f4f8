//! Runs a job in this process: the coordinator, the queue and the worker of a cluster, without the cluster.
//!
//! The order of things makes every moment safe to be killed in: a task's file is durable before its record, all records before
//! the result files, and these before the job is done. Running again continues from what is recorded.

mod fidelity;
mod ledger;
#[cfg(feature = "cluster")]
mod nights;
mod plan;
mod warnings;

use std::sync::Arc;
use std::time::Duration;

use assay_coordinator::{Coordinator, JobEnd, JobPlan, Meters, Office, Settings as CoordinatorSettings};
use assay_core::ids::{JobId, TrialId};
use assay_core::job::Goal;
use assay_core::time::UtcNs;
use assay_data::Catalog;
use assay_proto::{Control, Recorded};
use assay_queue::{Queue, QueueAddress, QueueSettings};
use assay_store::{Change, Depot, JobRecord, JobState, Layout, Store, TrialTrades};
use assay_strategies::Job;
use assay_worker::{Pool, Prepared, Settings as WorkerSettings, Stop, Worker, WorkerError, trades_of};
use tokio::runtime::Builder;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) use fidelity::{Fidelity, by_ordinal, climb, objective_of, rows_on_ticks};
pub(crate) use ledger::Ledger;
#[cfg(feature = "cluster")]
pub(crate) use nights::Nights;
pub(crate) use plan::{Plan, plan};
use warnings::warn_of;
pub(crate) use warnings::{of_goals, of_years};

use crate::args::Limits;
use crate::failure::{Failure, TRIAL_THREAD};
use crate::output::human;
use crate::progress::Progress;
use crate::settings::Settings;

/// How often the progress line is looked after.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// How long tasks at hand may take when the user stops a run.
const GRACE: Duration = Duration::from_secs(30);

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All results are in place.
    Done(Box<Finished>),
    /// The user stopped it.
    Interrupted {
        /// Trials whose rows are safe.
        done: u64,
        /// Trials there are, about.
        trials: u64,
    },
}

/// A job whose results are in place.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) record: JobRecord,
    /// Its best point, and what else is recorded of it.
    pub(crate) recorded: Recorded,
    /// Trials that this process computed; the others were found.
    pub(crate) computed: u64,
}

impl Finished {
    /// Trials a second, if this process computed any.
    pub(crate) fn rate(&self, seconds: f64) -> Option<f64> {
        (self.computed > 0).then(|| self.computed as f64 / seconds)
    }
}

/// Runs a job, continues it, or finds it done.
pub(crate) fn run(job: &Job, catalog: &Catalog, settings: &Settings, limits: Limits) -> Result<Ended, Failure> {
    let mut ledger = Ledger::new(&settings.home)?;
    if let Some(record) = ledger.finished(job.id)? {
        let recorded = ledger.recorded(&record, false)?;
        return Ok(Ended::Done(Box::new(Finished {
            record,
            recorded,
            computed: 0,
        })));
    }
    drop(ledger);
    settings.listen()?;
    let threads = settings.threads(limits);
    size_rayon(threads);
    let prepared = Prepared::load(job.clone(), catalog, settings.memory(limits), threads)?;
    warn_of(job, &prepared, settings);
    settings.log(|| format!("{} bars loaded", human::count(prepared.markets.bars() as i64)));
    let mut plan = JobPlan::new(job, prepared.markets.bars())?;
    plan.most_points = prepared.budget.most_points;
    check_disk(settings, &prepared.layout, plan.trials())?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::external(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(async {
        let run = Run::begin(Arc::clone(&prepared), plan, catalog, settings).await?;
        let ended = run.end(settings).await?;
        if let Ended::Done(finished) = &ended {
            keep_trades(&prepared, &finished.record, settings).await?;
        }
        Ok(ended)
    })
}

/// A job under way: its coordinator and its worker.
struct Run {
    store: Arc<Store>,
    coordinator: Coordinator,
    office: JoinHandle<Result<(), assay_coordinator::CoordinatorError>>,
    worker: JoinHandle<Result<(), WorkerError>>,
    stop: tokio::sync::watch::Sender<bool>,
    ends: broadcast::Receiver<JobEnd>,
    job: JobId,
    goal: Goal,
    trials: u64,
    /// Trials whose rows an earlier run left safe.
    found: u64,
}

impl Run {
    async fn begin(
        prepared: Arc<Prepared>,
        mut plan: JobPlan,
        catalog: &Catalog,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let store = Arc::new(Store::open(&settings.home).await?);
        plan.begin_from(&store).await?;
        let queue = Queue::new(QueueSettings::new(QueueAddress::Local));
        let threads = prepared.budget.threads;
        let office = Office {
            settings: CoordinatorSettings::LOCAL,
            leadership: store.lead(&prepared.job.spec.name).await?,
            store: Arc::clone(&store),
            producer: Arc::new(queue.producer().await?),
            depot: Depot::folder(&settings.home),
            meters: Meters::default(),
        };
        let (coordinator, desk) = office.open().await?;
        let office = tokio::spawn(desk);
        let pool = Pool::new(threads, TRIAL_THREAD)?;
        let worker_settings = WorkerSettings {
            id: "local".parse().expect("a plain name"),
            memory: 0,
            depot: Depot::folder(&settings.home),
            heartbeat: CoordinatorSettings::LOCAL.heartbeat,
            grace: GRACE,
            patient: false,
            task_time: None,
            alone: None,
        };
        let worker = Worker::new(worker_settings, coordinator.link(), pool, catalog.clone());
        worker.knows(Arc::clone(&prepared));
        // How many threads there are decides about the first tasks.
        worker.introduce().await.map_err(WorkerError::from)?;
        let (stop, stopped) = Stop::new();
        let consumer = queue.consume(threads as u16 + 1).await?;
        let worker = tokio::spawn(Arc::new(worker).run(consumer, stopped));
        let ends = coordinator.ends();
        let new = plan.new_job(&prepared.job, "local", 5, now());
        let (job, trials) = (plan.id, plan.trials());
        coordinator.submit(new, Arc::new(plan)).await?;
        let found = coordinator.job(job).await?.map_or(0, |view| view.done);
        settings.log(|| {
            let path = prepared.markets.sweep(0).path();
            format!("computing {path} on {threads} threads, {found} trials found")
        });
        Ok(Self {
            store,
            coordinator,
            office,
            worker,
            stop,
            ends,
            job,
            goal: prepared.job.spec.objective.maximize,
            trials,
            found,
        })
    }

    /// Shows how far the job is until it ends one way or another.
    async fn end(mut self, settings: &Settings) -> Result<Ended, Failure> {
        let progress = Progress::heard(settings.audience.clone(), "trials", self.trials);
        progress.begin_at(self.found);
        let end = loop {
            if let Ok(end) = timeout(HEARTBEAT, self.ends.recv()).await {
                break end;
            }
            if self.office.is_finished() || self.worker.is_finished() {
                break Err(broadcast::error::RecvError::Closed);
            }
            if settings.interrupted() {
                progress.say("stopping after the trials at hand; Ctrl-C again to stop now".to_owned());
                // Dropped, it stops as well.
                let _ = self.stop.send(true);
                let _ = (&mut self.worker).await;
                // A job that came to its end meanwhile cannot be stopped.
                if self.coordinator.control(self.job, Control::Stop).await.is_err() {
                    break self.ends.recv().await;
                }
                continue;
            }
            if let Some(view) = self.coordinator.job(self.job).await? {
                progress.at(view.done);
                let best = view.best.and_then(|best| best.objective);
                progress.say(best.map_or_else(String::new, |value| {
                    format!("best {} {}", self.goal, human::metric(self.goal.metric, Some(value)))
                }));
            }
        };
        progress.clear();
        self.over(end.ok(), settings).await
    }

    async fn over(self, end: Option<JobEnd>, settings: &Settings) -> Result<Ended, Failure> {
        let _ = self.stop.send(true);
        drop(self.coordinator);
        // What made the worker or the coordinator give up says more than how the job stands.
        if !self.worker.is_finished() || end.as_ref().is_none_or(|end| end.state == JobState::Failed) {
            self.worker.await.map_err(|error| Failure::internal(error.to_string()))??;
        }
        self.office.await.map_err(|error| Failure::internal(error.to_string()))??;
        let record = self.store.job(self.job).await?;
        let record = record.ok_or_else(|| Failure::internal(format!("job {} vanished from the database", self.job)))?;
        match record.state {
            JobState::Done => {
                settings.log(|| "results are durable".to_owned());
                let recorded = assay_coordinator::recorded(&self.store, &record, false).await?;
                Ok(Ended::Done(Box::new(Finished {
                    computed: record.trials - self.found.min(record.trials),
                    recorded,
                    record,
                })))
            }
            JobState::Failed => Err(Failure::external(record.error.unwrap_or_default())),
            _ => Ok(Ended::Interrupted {
                done: record.trials_done,
                trials: self.trials,
            }),
        }
    }
}

/// Replays the best points of a job that wants their trades kept.
async fn keep_trades(prepared: &Prepared, record: &JobRecord, settings: &Settings) -> Result<(), Failure> {
    let Some(count) = prepared.job.spec.results.trades.filter(|count| *count > 0) else {
        return Ok(());
    };
    let store = Store::open(&settings.home).await?;
    let best = store.top(record, count as usize, record.objective()?.maximize, None).await?;
    let mut changes = Vec::new();
    for ranked in &best {
        for (instrument, sweep) in (0..).zip(prepared.markets.sweeps()) {
            // A trial that failed has no trades.
            if let Ok(trades) = trades_of(sweep, &ranked.point) {
                let trial = TrialId {
                    job: record.id,
                    instrument,
                    ordinal: ranked.ordinal,
                };
                changes.push(Change::TradesKept(Box::new(TrialTrades { trial, trades })));
            }
        }
    }
    changes.push(Change::ReplaySettled { job: record.id });
    let office = store.lead(&record.name).await?;
    store.apply(office.epoch(), &changes).await?;
    settings.log(|| format!("the trades of {} points are kept", best.len()));
    Ok(())
}

/// The wall clock.
pub(crate) fn now() -> UtcNs {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    UtcNs(since.as_nanos() as i64)
}

/// Lets the data crate use as many threads as the user allows; only the first call in a process counts.
pub(crate) fn size_rayon(threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    // An error says that the pool exists already, with the same number.
    let _ = pool.build_global();
}

/// Refuses a job whose results the disk cannot hold.
fn check_disk(settings: &Settings, layout: &Layout, trials: u64) -> Result<(), Failure> {
    let needed = trials.saturating_mul(layout.bytes_per_trial());
    let free = assay_store::free_bytes(&settings.home)?;
    if needed <= free {
        return Ok(());
    }
    let message = format!(
        "the results of {} trials take up to {}, and {} has {} free",
        human::count(trials as i64),
        human::bytes(needed),
        settings.home.display(),
        human::bytes(free)
    );
    Err(Failure::external(message)
        .hint("free some space, use another --home, or search fewer points: method = \"random\" takes `trials`"))
}
