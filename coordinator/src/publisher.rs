//! From a desk to the queue.

use std::sync::Arc;
use std::time::Instant;

use assay_queue::{Producer, TaskMessage};
use tokio::sync::mpsc;

use crate::core::Event;
use crate::meters::Meters;
use crate::office::{BATCH, Command, TICK};

/// Sends messages in the order in which they came, those that wait together. The desk never waits for the broker. Whenever there is
/// a new connection to it, messages may have been lost, and the core is told.
pub(crate) async fn publish(
    producer: Arc<Producer>,
    mut outbox: mpsc::UnboundedReceiver<TaskMessage>,
    commands: mpsc::WeakSender<Command>,
    meters: Meters,
) {
    let mut connection = producer.connection();
    let mut established = connection.borrow_and_update().established;
    let mut batch = Vec::new();
    loop {
        let lost = tokio::select! {
            count = outbox.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return;
                }
                let began = Instant::now();
                let published = producer.publish(&batch).await;
                if published.is_ok() {
                    meters.published(batch.len(), began.elapsed());
                }
                if let Err(error) = &published {
                    tracing::warn!(%error, messages = batch.len(), "tasks could not be published, they will be sent again");
                    tokio::time::sleep(TICK).await;
                }
                batch.clear();
                published.is_err()
            }
            Ok(()) = connection.changed() => {
                let now = connection.borrow_and_update().established;
                std::mem::replace(&mut established, now) != now
            }
        };
        if lost && let Some(commands) = commands.upgrade() {
            // A desk that is gone needs no news.
            let _ = commands.send(Command::Happened(Event::QueueRecovered)).await;
        }
    }
}
