//! A queue inside the process, with the same meaning as the broker's: what was handed out and not acknowledged comes again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, Semaphore};

use crate::queue::Outcome;

/// A queue inside the process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LocalQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// One consumer is told of new messages; it tells the next one if there are more.
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Message>,
    handed_out: BTreeMap<Receipt, HandedOut>,
    deliveries: u64,
    consumers: u64,
}

#[derive(Debug)]
struct Message {
    bytes: Vec<u8>,
    redelivered: bool,
}

/// What is handed out, by consumer, then in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Receipt {
    consumer: u64,
    number: u64,
}

#[derive(Debug)]
struct HandedOut {
    bytes: Vec<u8>,
    /// The consumer's free places.
    places: Arc<Semaphore>,
}

/// A message on its way to a worker.
#[derive(Debug)]
pub(crate) struct LocalDelivery {
    pub(crate) receipt: Receipt,
    pub(crate) bytes: Vec<u8>,
    pub(crate) redelivered: bool,
}

impl LocalQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("nothing panics while it holds the lock")
    }

    pub(crate) fn publish(&self, messages: impl Iterator<Item = Vec<u8>>) {
        let redelivered = false;
        let messages = messages.map(|bytes| Message { bytes, redelivered });
        self.state().ready.extend(messages);
        self.0.arrived.notify_one();
    }

    pub(crate) fn depth(&self) -> u64 {
        self.state().ready.len() as u64
    }

    pub(crate) fn purge(&self) -> u64 {
        self.state().ready.drain(..).len() as u64
    }

    pub(crate) fn consume(&self, prefetch: u16) -> LocalConsumer {
        let mut state = self.state();
        state.consumers += 1;
        LocalConsumer {
            queue: self.clone(),
            consumer: state.consumers,
            places: Arc::new(Semaphore::new(usize::from(prefetch))),
        }
    }

    /// Ends a delivery. One that was given back meanwhile is not touched.
    pub(crate) fn settle(&self, receipt: Receipt, outcome: Outcome) {
        let mut state = self.state();
        let Some(HandedOut { bytes, places }) = state.handed_out.remove(&receipt) else {
            return;
        };
        places.add_permits(1);
        if outcome == Outcome::Requeue {
            let redelivered = true;
            state.ready.push_front(Message { bytes, redelivered });
            self.0.arrived.notify_one();
        }
    }
}

/// A worker's end. Dropped, what it has not acknowledged goes back.
#[derive(Debug)]
pub(crate) struct LocalConsumer {
    queue: LocalQueue,
    consumer: u64,
    places: Arc<Semaphore>,
}

impl LocalConsumer {
    pub(crate) fn queue(&self) -> &LocalQueue {
        &self.queue
    }

    pub(crate) async fn next(&self) -> LocalDelivery {
        let place = self.places.acquire().await.expect("it is never closed");
        loop {
            if let Some(delivery) = self.take() {
                // The settlement makes it free again.
                place.forget();
                return delivery;
            }
            self.queue.0.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<LocalDelivery> {
        let mut state = self.queue.state();
        let Message { bytes, redelivered } = state.ready.pop_front()?;
        if !state.ready.is_empty() {
            self.queue.0.arrived.notify_one();
        }
        state.deliveries += 1;
        let receipt = Receipt {
            consumer: self.consumer,
            number: state.deliveries,
        };
        let handed_out = HandedOut {
            bytes: bytes.clone(),
            places: self.places.clone(),
        };
        state.handed_out.insert(receipt, handed_out);
        Some(LocalDelivery {
            receipt,
            bytes,
            redelivered,
        })
    }
}

impl Drop for LocalConsumer {
    fn drop(&mut self) {
        let receipt = |number| Receipt {
            consumer: self.consumer,
            number,
        };
        let mine = receipt(0)..=receipt(u64::MAX);
        let held: Vec<Receipt> = self
            .queue
            .state()
            .handed_out
            .range(mine)
            .map(|(receipt, _)| *receipt)
            .collect();
        for receipt in held {
            self.queue.settle(receipt, Outcome::Requeue);
        }
    }
}
