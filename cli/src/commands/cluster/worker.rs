//! `assay worker`

use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_coordinator::Settings as CoordinatorSettings;
use assay_core::Explain;
use assay_data::Catalog;
use assay_proto::{LinkError, Remote};
use assay_worker::{Pool, Settings as WorkerSettings, Stop, Worker, WorkerError};
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

pub(in crate::commands) fn run(args: &WorkerArgs, settings: &Settings) -> Outcome {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::external(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(async {
        let traces = log_to_stderr("assay-worker")?;
        let outcome = work(args, settings).await;
        traces.flush().await;
        outcome
    })
}

async fn work(args: &WorkerArgs, settings: &Settings) -> Outcome {
    let remote = Remote::new(&args.cluster.settings().ok_or_else(no_cluster)?)?;
    let queue = queue(&args.places)?;
    let depot = settings.depot(&args.places)?;
    depot.check().await?;
    let metrics = Metrics::new();
    observe(args.places.metrics, &metrics).await?;
    let (link, mut refused) = remote.link();
    let threads = settings.threads(args.limits);
    size_rayon(threads);
    let id = args.name.clone().unwrap_or_else(default_name);
    let worker = Worker::new(
        WorkerSettings {
            id: id.clone(),
            memory: settings.memory(args.limits),
            depot,
            heartbeat: CoordinatorSettings::CLUSTER.heartbeat,
            grace: Duration::from_secs(args.grace),
            patient: true,
        },
        link,
        Pool::new(threads, TRIAL_THREAD)?,
        Catalog::open(&settings.home)?,
    );
    let worker = Arc::new(worker);
    let numbers = WorkerNumbers::new(&metrics, worker.meters());
    let (stop, stopped) = Stop::new();
    let stopping = stop_signal();
    tokio::pin!(stopping);
    tokio::select! {
        met = introduce(&worker) => met.map_err(WorkerError::from)?,
        signal = &mut stopping => return signal.map(|()| 0),
    }
    let consumer = queue.consume(threads as u16 + 1).await?;
    numbers.at_work(&metrics, &worker, threads);
    metrics.set_ready(true);
    tracing::info!(worker = %id, threads, "at work");
    let work = tokio::spawn(worker.run(consumer, stopped));
    tokio::pin!(work);
    let no_longer_wanted = async { refused.wait_for(Option::is_some).await.ok().and_then(|error| error.clone()) };
    let result = tokio::select! {
        ended = &mut work => return ended.map_err(|error| Failure::internal(error.to_string()))?.map(|()| 0).map_err(Failure::from),
        signal = stopping => signal,
        error = no_longer_wanted => error.map_or(Ok(()), |error| Err(error.into())),
    };
    metrics.set_ready(false);
    tracing::info!(worker = %id, "stopping");
    let _ = stop.send(true);
    work.await.map_err(|error| Failure::internal(error.to_string()))??;
    result.map(|()| 0)
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
