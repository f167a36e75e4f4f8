//! `assay worker`

use std::env;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_coordinator::Settings as CoordinatorSettings;
use assay_core::Explain;
use assay_core::ids::WorkerId;
use assay_data::Catalog;
use assay_proto::{Link, LinkError, Remote};
use assay_worker::{OneError, Pool, Program, Settings as WorkerSettings, Stop, Worker, WorkerError, run_one};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use tokio::runtime::Builder;
use tokio::time::sleep;
use tracing::Instrument;

use crate::args::WorkerArgs;
use crate::cluster::{Metrics, WorkerNumbers, default_name, log_to_stderr, no_cluster, observe, queue, stop_signal};
use crate::failure::{Failure, Outcome, TRIAL_THREAD};
use crate::local::size_rayon;
use crate::settings::Settings;

/// How long a coordinator may be away when a worker begins.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(250);
/// This program, even when its file was replaced.
const SELF: &str = "/proc/self/exe";
/// Memory of a process besides what its limit is divided into: code, stacks, messages, rows on their way.
const BESIDES: u64 = 512 << 20;

/// How the work of a process ended.
enum Ended {
    /// As it was told.
    Stopped,
    /// One of its threads does not come back.
    Stuck,
}

pub(in crate::commands) fn run(args: &WorkerArgs, settings: &Settings) -> Outcome {
    let memory = settings.memory(args.limits);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::external(format!("cannot start the runtime: {error}")))?;
    if args.one_task {
        // It must not outlive its worker, and not take more than a task needs.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        limit_memory(memory + BESIDES);
        return runtime.block_on(one(args, settings));
    }
    // Bars and units are divided so that they fit into half of it.
    limit_memory(2 * (memory + BESIDES));
    let ended = runtime.block_on(async {
        let traces = log_to_stderr("assay-worker")?;
        let ended = work(args, settings).await;
        traces.flush().await;
        ended
    })?;
    match ended {
        Ended::Stopped => Ok(0),
        Ended::Stuck => Err(begin_anew()),
    }
}

/// Takes the place of this process, which is the only way to end a thread; comes back if that cannot be done.
fn begin_anew() -> Failure {
    let mut args = env::args_os();
    let mut command = Command::new(SELF);
    if let Some(name) = args.next() {
        command.arg0(name);
    }
    let error = command.args(args).exec();
    Failure::external(format!("a task does not end, and the worker cannot be begun anew: {error}"))
        .hint("start it again; the task runs in a process of its own next")
}

/// From now on an allocation beyond so many bytes ends the process. Mapped files do not count.
fn limit_memory(bytes: u64) {
    let hard = getrlimit(Resource::Data).maximum;
    let limit = Rlimit {
        current: Some(hard.map_or(bytes, |hard| hard.min(bytes))),
        maximum: hard,
    };
    // Without it the machine's own limit has to do.
    let _ = setrlimit(Resource::Data, limit);
}

/// Makes a worker with the given threads.
fn make(args: &WorkerArgs, settings: &Settings, id: WorkerId, link: Link, threads: usize) -> Result<Worker, Failure> {
    size_rayon(threads);
    let alone = Program {
        path: PathBuf::from(SELF),
        args: env::args_os().skip(1).chain([OsString::from("--one-task")]).collect(),
    };
    let worker_settings = WorkerSettings {
        id,
        memory: settings.memory(args.limits),
        depot: settings.depot(&args.places)?,
        heartbeat: CoordinatorSettings::CLUSTER.heartbeat,
        grace: Duration::from_secs(args.grace),
        patient: true,
        task_time: (!args.one_task).then(|| Duration::from_secs(args.task_time)),
        alone: (!args.one_task).then_some(alone),
    };
    let catalog = Catalog::open(&settings.home)?;
    Ok(Worker::new(worker_settings, link, Pool::new(threads, TRIAL_THREAD)?, catalog))
}

/// Runs the task that comes from stdin on one thread.
async fn one(args: &WorkerArgs, settings: &Settings) -> Outcome {
    let mut order = Vec::new();
    let read = std::io::stdin().read_to_end(&mut order);
    read.map_err(|error| Failure::external(format!("cannot read a task: {error}")))?;
    let told = run_one(&order, |link| make(args, settings, default_name(), link, 1)).await;
    let told = told.map_err(|error| match error {
        OneError::Worker(failure) => failure,
        OneError::Wire(error) => {
            Failure::usage(format!("not a task: {error}")).hint("this is for workers to use: start `assay worker` without it")
        }
    })?;
    std::io::stdout().write_all(&told)?;
    Ok(0)
}

async fn work(args: &WorkerArgs, settings: &Settings) -> Result<Ended, Failure> {
    let remote = Remote::new(&args.cluster.settings().ok_or_else(no_cluster)?)?;
    let queue = queue(&args.places)?;
    settings.depot(&args.places)?.check().await?;
    let metrics = Metrics::new();
    observe(args.places.metrics, &metrics).await?;
    let (link, mut refused) = remote.link();
    let threads = settings.threads(args.limits);
    let id = args.name.clone().unwrap_or_else(default_name);
    let worker = Arc::new(make(args, settings, id.clone(), link, threads)?);
    let numbers = WorkerNumbers::new(&metrics, worker.meters());
    let (stop, stopped) = Stop::new();
    let stopping = stop_signal();
    tokio::pin!(stopping);
    tokio::select! {
        met = introduce(&worker) => met.map_err(WorkerError::from)?,
        signal = &mut stopping => return signal.map(|()| Ended::Stopped),
    }
    let consumer = queue.consume(threads as u16 + 1).await?;
    numbers.at_work(&metrics, &worker, threads);
    metrics.set_ready(true);
    tracing::info!(worker = %id, threads, "at work");
    let work = tokio::spawn(Arc::clone(&worker).run(consumer, stopped));
    tokio::pin!(work);
    let no_longer_wanted = async { refused.wait_for(Option::is_some).await.ok().and_then(|error| error.clone()) };
    let result = tokio::select! {
        ended = &mut work => {
            ended.map_err(|error| Failure::internal(error.to_string()))??;
            if worker.is_stuck() {
                tracing::error!(worker = %id, "a task does not end: beginning anew");
                return Ok(Ended::Stuck);
            }
            return Ok(Ended::Stopped);
        }
        signal = stopping => signal,
        error = no_longer_wanted => error.map_or(Ok(()), |error| Err(error.into())),
    };
    metrics.set_ready(false);
    tracing::info!(worker = %id, "stopping");
    let _ = stop.send(true);
    work.await.map_err(|error| Failure::internal(error.to_string()))??;
    result.map(|()| Ended::Stopped)
}

/// Says that it is there, for as long as a coordinator may take to take over.
async fn introduce(worker: &Worker) -> Result<(), LinkError> {
    let began = Instant::now();
    loop {
        match worker.introduce().instrument(tracing::info_span!("introduce")).await {
            Err(error) if error.retryable() && began.elapsed() < PATIENCE => sleep(PAUSE).await,
            met => return met,
        }
    }
}
