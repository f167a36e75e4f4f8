//! What a coordinator and a worker have in common as processes.

use std::time::{SystemTime, UNIX_EPOCH};

use assay_core::ids::WorkerId;
use assay_queue::{Queue, QueueAddress, QueueSettings};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::PlaceArgs;
use crate::failure::Failure;

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
