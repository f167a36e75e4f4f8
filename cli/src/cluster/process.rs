//! What a coordinator and a worker have in common as processes.

use std::io::stderr;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use assay_core::ids::WorkerId;
use assay_queue::{Queue, QueueAddress, QueueSettings};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::PlaceArgs;
use crate::failure::Failure;

/// What is logged unless `ASSAY_LOG` says otherwise.
const LOG: &str = "warn,assay=info";

/// From now on events are lines of JSON on stderr. `ASSAY_LOG` says which: `debug`, or `warn,assay_coordinator=debug`.
pub(crate) fn log_to_stderr() -> Result<(), Failure> {
    let wish = std::env::var("ASSAY_LOG").unwrap_or_else(|_| LOG.to_owned());
    let targets = Targets::from_str(&wish).map_err(|error| {
        Failure::usage(format!("ASSAY_LOG `{wish}`: {error}")).hint("write a level, or targets and levels: warn,assay=debug")
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(stderr)
        .with_current_span(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
    Ok(())
}

/// A name that no other process has: the host's, the process's number, and when it began.
pub(crate) fn default_name() -> WorkerId {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let host: String = host.chars().filter(plain).take(32).collect();
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u32;
    let name = format!("w-{host}-{}-{began:08x}", std::process::id());
    name.parse().expect("letters, digits and dashes")
}

/// The queue that is meant.
pub(crate) fn queue(places: &PlaceArgs) -> Result<Queue, Failure> {
    let Some(address) = &places.queue else {
        return Err(Failure::usage("no broker is named").hint("give --queue amqp://..., or set ASSAY_QUEUE"));
    };
    let address: QueueAddress = address.parse()?;
    if address == QueueAddress::Local {
        return Err(Failure::usage("a queue in one process cannot be shared").hint("give --queue amqp://..."));
    }
    Ok(Queue::new(QueueSettings::new(address)))
}

/// Waits until the process is asked to stop: SIGTERM, or Ctrl-C.
pub(crate) async fn stop_signal() -> Result<(), Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::external(format!("cannot listen for signals: {error}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
