//! `assay coordinator`, `assay coordinator init`

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assay_coordinator::server::{Certificate, Server, ServerError, create_key};
use assay_coordinator::{CoordinatorError, Meters, Office, Settings as CoordinatorSettings, TaskSize};
use assay_core::ids::WorkerId;
use assay_core::{Domain, Explain};
use assay_proto::KeyInfo;
use assay_store::{KeyRecord, Leadership, Scope, Store, StoreError};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{sleep, timeout};

use super::key::show_secret;
use crate::args::{CoordinatorArgs, CoordinatorCommand, DatabaseArgs};
use crate::cluster::{CoordinatorNumbers, Metrics, default_name, log_to_stderr, observe, queue, stop_signal};
use crate::failure::{Failure, Outcome};
use crate::local::now;
use crate::settings::Settings;

/// How long calls under way may take when the process is told to stop.
const GRACE: Duration = Duration::from_secs(3);
/// Between two looks at a database that is away.
const PAUSE: Duration = Duration::from_millis(500);

pub(in crate::commands) fn run(args: &CoordinatorArgs, settings: &Settings) -> Outcome {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::external(format!("cannot start the runtime: {error}")))?;
    match &args.command {
        Some(CoordinatorCommand::Init { database, owner }) => runtime.block_on(init(database, owner, settings)),
        None => runtime.block_on(async {
            let traces = log_to_stderr("assay-coordinator")?;
            let outcome = Box::pin(reign(args, settings)).await;
            traces.flush().await;
            outcome
        }),
    }
}

fn address(args: &DatabaseArgs) -> Result<&str, Failure> {
    let hint = "give --database postgres://..., or set ASSAY_DATABASE";
    let address = args.database.as_deref();
    address.ok_or_else(|| Failure::usage("no database is named").hint(hint))
}

/// Makes the tables and the first admin key.
async fn init(database: &DatabaseArgs, owner: &str, settings: &Settings) -> Outcome {
    let store = Store::connect(address(database)?, &settings.home).await?;
    let at = now();
    let live = |key: &KeyRecord| key.revoked.is_none() && key.expires.is_none_or(|expires| expires > at);
    let keys = store.keys().await?;
    if let Some(admin) = keys.iter().find(|key| key.scope == Scope::Admin && live(key)) {
        let message = format!("this cluster has an admin key already: {}", admin.id);
        return Err(Failure::new(Domain::NotAllowed, message).hint("make more with it: `assay key create`"));
    }
    let (key, secret) = create_key(owner, Scope::Admin, None, at)?;
    store.add_key(&key).await?;
    let info = KeyInfo {
        id: key.id,
        scope: key.scope,
        owner: key.owner,
        created: key.created,
        expires: key.expires,
        revoked: key.revoked,
    };
    show_secret(&info, &secret, settings)?;
    Ok(0)
}

/// Stands by, takes office and works, again and again, until it is told to stop.
async fn reign(args: &CoordinatorArgs, settings: &Settings) -> Outcome {
    let queue = queue(&args.places)?;
    let certificate = certificate(args)?;
    let database = address(&args.database)?;
    let depot = settings.depot(&args.places)?;
    depot.check().await?;
    let store = Store::connect(database, &settings.home).await?;
    let store = Arc::new(store.with_depot(depot.clone()));
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        Failure::external(format!("cannot serve at {}: {error}", args.listen)).hint("choose another --listen")
    })?;
    let producer = Arc::new(queue.producer().await?);
    let metrics = Metrics::new();
    observe(args.places.metrics, &metrics).await?;
    let meters = Meters::default();
    let numbers = CoordinatorNumbers::new(&metrics, &meters);
    let server = Server::new(
        Arc::clone(&store),
        depot.clone(),
        settings.server_limits(args.limits)?,
        meters.clone(),
    );
    let (stop, mut stopped) = watch::channel(false);
    let stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
    let serving = tokio::spawn(server.clone().serve(listener, certificate, stopped));
    tokio::pin!(serving);
    let name = args.name.clone().unwrap_or_else(default_name);
    let stopping = stop_signal();
    tokio::pin!(stopping);

    let result = loop {
        tracing::info!(coordinator = %name, listen = %args.listen, "standing by");
        let leadership = tokio::select! {
            leadership = stand_by(&store, &name) => leadership?,
            served = &mut serving => return no_server(served),
            signal = &mut stopping => break signal,
        };
        let epoch = leadership.epoch().0;
        let office = Office {
            settings: office_settings(args),
            leadership,
            store: Arc::clone(&store),
            producer: Arc::clone(&producer),
            depot: depot.clone(),
            meters: meters.clone(),
        };
        let (coordinator, desk) = match office.open().await {
            Ok(office) => office,
            Err(error) if error.retryable() => {
                tracing::warn!(coordinator = %name, epoch, %error, "the office cannot be taken now");
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        tracing::info!(coordinator = %name, epoch, "in office");
        let desk = tokio::spawn(desk);
        tokio::pin!(desk);
        numbers.in_office(&metrics, coordinator.clone(), epoch);
        server.set_office(Some(coordinator)).await;
        metrics.set_ready(true);
        let ended = tokio::select! {
            ended = &mut desk => Some(ended.map_err(|error| Failure::internal(error.to_string()))?),
            signal = &mut stopping => {
                leave_office(&metrics, &numbers, &server).await;
                break signal;
            }
            served = &mut serving => return no_server(served),
        };
        leave_office(&metrics, &numbers, &server).await;
        match ended {
            // The database went away, or another one took over while this one was cut off from it.
            Some(Err(error)) if error.retryable() || is_deposed(&error) => {
                tracing::error!(coordinator = %name, epoch, %error, "out of office: nothing is lost, what is not recorded is done again");
            }
            Some(Err(error)) => break Err(error.into()),
            Some(Ok(())) | None => break Ok(()),
        }
    };
    let _ = stop.send(true);
    let _ = timeout(GRACE, serving).await;
    tracing::info!(coordinator = %name, "stopped");
    result.map(|()| 0)
}

/// The settings of a cluster, with tasks of the wanted length.
fn office_settings(args: &CoordinatorArgs) -> CoordinatorSettings {
    let cluster = CoordinatorSettings::CLUSTER;
    CoordinatorSettings {
        task_size: TaskSize {
            first_seconds: cluster.task_size.first_seconds.min(args.task_seconds),
            least_seconds: cluster.task_size.least_seconds.min(args.task_seconds),
            most_seconds: args.task_seconds,
            ..cluster.task_size
        },
        ..cluster
    }
}

/// Whether the database said that another one took over.
fn is_deposed(error: &CoordinatorError) -> bool {
    matches!(error, CoordinatorError::Store(StoreError::Deposed { .. }))
}

/// Nobody is answered for this reign any more. The next one starts from the database.
async fn leave_office(metrics: &Metrics, numbers: &CoordinatorNumbers, server: &Server) {
    metrics.set_ready(false);
    numbers.out_of_office();
    server.set_office(None).await;
}

/// Waits until the office is free, and for a database that is away.
async fn stand_by(store: &Store, name: &WorkerId) -> Result<Leadership, Failure> {
    let mut said = false;
    loop {
        match store.lead(name.as_str()).await {
            Ok(leadership) => return Ok(leadership),
            Err(error) if error.retryable() => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(coordinator = %name, %error, "waiting for the database");
                }
                sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A server that ended before it was told to.
fn no_server(served: Result<Result<(), ServerError>, JoinError>) -> Outcome {
    served.map_err(|error| Failure::internal(error.to_string()))??;
    Err(Failure::internal("the server ended before it was told to"))
}

fn certificate(args: &CoordinatorArgs) -> Result<Option<Certificate>, Failure> {
    let (Some(chain), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        return Ok(None);
    };
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error));
    Ok(Some(Certificate {
        chain: read(chain)?,
        key: read(key)?,
    }))
}
