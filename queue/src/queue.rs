//! The closed set of queues, and the two ends of one.

use tokio::sync::watch;

use crate::local::{self, LocalConsumer, LocalQueue};
use crate::message::PROBE;
use crate::rabbit::{self, RabbitConsumer, RabbitProducer, RabbitQueue};
use crate::{QueueAddress, QueueError, QueueSettings, TaskMessage};

/// Where messages go through. Clones are the same queue.
#[derive(Debug, Clone)]
pub enum Queue {
    /// In this process.
    Local(LocalQueue),
    /// At a broker.
    Rabbit(RabbitQueue),
}

impl Queue {
    /// The queue of these settings; nothing is reached for yet. Each call with `local` makes a queue of its own.
    pub fn new(settings: QueueSettings) -> Self {
        match settings.address.clone() {
            QueueAddress::Local => Self::Local(LocalQueue::default()),
            QueueAddress::Rabbit(broker) => Self::Rabbit(RabbitQueue::new(broker, settings)),
        }
    }

    /// The coordinator's end: declares what is needed and sees that messages get through, or says why not. From then on a lost
    /// broker is tried again for ever.
    pub async fn producer(&self) -> Result<Producer, QueueError> {
        Ok(Producer(match self {
            Self::Local(queue) => ProducerKind::Local {
                queue: queue.clone(),
                connection: watch::Sender::new(Connection {
                    up: true,
                    established: 1,
                }),
            },
            Self::Rabbit(queue) => ProducerKind::Rabbit(queue.producer().await?),
        }))
    }

    /// A worker's end, which holds at most `prefetch` messages that are not acknowledged (at least 1). Reaches the broker, or says
    /// why not; waits for the queue if the coordinator has not declared it yet. From then on a lost broker is tried again for ever.
    pub async fn consume(&self, prefetch: u16) -> Result<Consumer, QueueError> {
        let prefetch = prefetch.max(1);
        let source = match self {
            Self::Local(queue) => Source::Local {
                consumer: queue.consume(prefetch),
                stopped: false,
            },
            Self::Rabbit(queue) => Source::Rabbit(queue.consume(prefetch).await?),
        };
        Ok(Consumer {
            queue: self.clone(),
            prefetch,
            source,
            unreadable: 0,
        })
    }
}

/// How a producer's connection is. Whenever `established` grows, messages may have been lost or come twice: publish again what has
/// no live lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connection {
    /// Whether there is one at the moment.
    pub up: bool,
    /// How many there were, with this one.
    pub established: u64,
}

/// The coordinator's end.
#[derive(Debug)]
pub struct Producer(ProducerKind);

#[derive(Debug)]
enum ProducerKind {
    Local {
        queue: LocalQueue,
        connection: watch::Sender<Connection>,
    },
    Rabbit(RabbitProducer),
}

impl Producer {
    /// Publishes all of these and returns when the broker has confirmed them. After an error some may have been taken: publish all
    /// again, later.
    pub async fn publish(&self, messages: &[TaskMessage]) -> Result<(), QueueError> {
        self.publish_bytes(messages.iter().map(|message| message.encode().to_vec()))
            .await
    }

    pub(crate) async fn publish_bytes(&self, messages: impl ExactSizeIterator<Item = Vec<u8>>) -> Result<(), QueueError> {
        match &self.0 {
            ProducerKind::Local { queue, .. } => queue.publish(messages),
            ProducerKind::Rabbit(producer) => producer.publish(messages).await?,
        }
        Ok(())
    }

    /// How many messages wait, without those that workers hold. Right after a restart of the broker it may still grow.
    pub async fn depth(&self) -> Result<u64, QueueError> {
        match &self.0 {
            ProducerKind::Local { queue, .. } => Ok(queue.depth()),
            ProducerKind::Rabbit(producer) => producer.depth().await,
        }
    }

    /// Removes the messages that wait, and says how many. Those that workers hold stay theirs.
    pub async fn purge(&self) -> Result<u64, QueueError> {
        match &self.0 {
            ProducerKind::Local { queue, .. } => Ok(queue.purge()),
            ProducerKind::Rabbit(producer) => producer.purge().await,
        }
    }

    /// Whether messages get through: for a readiness probe. Each new connection is tried like this before it is used.
    pub async fn probe(&self) -> Result<(), QueueError> {
        match &self.0 {
            ProducerKind::Local { .. } => Ok(()),
            ProducerKind::Rabbit(producer) => producer.probe().await,
        }
    }

    /// Follows the connection.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        match &self.0 {
            ProducerKind::Local { connection, .. } => connection.subscribe(),
            ProducerKind::Rabbit(producer) => producer.connection(),
        }
    }
}

/// A worker's end. Dropped, what it holds goes back to the queue.
#[derive(Debug)]
pub struct Consumer {
    queue: Queue,
    prefetch: u16,
    source: Source,
    unreadable: u64,
}

#[derive(Debug)]
enum Source {
    Local { consumer: LocalConsumer, stopped: bool },
    Rabbit(RabbitConsumer),
}

impl Consumer {
    /// The next message; `None` after [`Consumer::stop`]. Waits for as long as it takes; may be dropped while it waits, and nothing
    /// is lost. What cannot be read is acknowledged away and counted.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            let (bytes, redelivered, settler) = match &mut self.source {
                Source::Local { stopped: true, .. } => return None,
                Source::Local { consumer, .. } => {
                    let delivery = consumer.next().await;
                    let settler = Settler::Local(consumer.queue().clone(), delivery.receipt);
                    (delivery.bytes, delivery.redelivered, settler)
                }
                Source::Rabbit(consumer) => {
                    let delivery = consumer.next().await?;
                    (delivery.bytes, delivery.redelivered, Settler::Rabbit(delivery.receipt))
                }
            };
            if bytes == PROBE {
                settler.settle(Outcome::Done);
                continue;
            }
            match TaskMessage::decode(&bytes) {
                Ok(message) => {
                    return Some(Delivery {
                        message,
                        redelivered,
                        settler: Some(settler),
                    });
                }
                Err(error) => {
                    self.unreadable += 1;
                    tracing::warn!(%error, "acknowledged a message that cannot be read");
                    settler.settle(Outcome::Done);
                }
            }
        }
    }

    /// How many messages could not be read so far.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Takes no more messages; those fetched in advance go back to the queue. Those handed out stay the caller's, to be
    /// acknowledged or given back.
    pub async fn stop(&mut self) {
        match &mut self.source {
            Source::Local { stopped, .. } => *stopped = true,
            Source::Rabbit(consumer) => consumer.stop().await,
        }
    }

    /// Takes messages again after [`Consumer::stop`]. What was handed out before and not acknowledged comes again.
    pub async fn resume(&mut self) -> Result<(), QueueError> {
        let fresh = self.queue.consume(self.prefetch).await?;
        match std::mem::replace(&mut self.source, fresh.source) {
            Source::Local { consumer, .. } => drop(consumer),
            Source::Rabbit(consumer) => consumer.close().await,
        }
        Ok(())
    }

    /// Stops, sends the acknowledgements given so far, gives back what is still held, and leaves the broker.
    pub async fn close(self) {
        match self.source {
            Source::Local { consumer, .. } => drop(consumer),
            Source::Rabbit(consumer) => consumer.close().await,
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It will not come again.
    Done,
    /// It goes back to the queue.
    Requeue,
}

#[derive(Debug)]
enum Settler {
    Local(LocalQueue, local::Receipt),
    Rabbit(rabbit::Receipt),
}

impl Settler {
    fn settle(self, outcome: Outcome) {
        match self {
            Self::Local(queue, receipt) => queue.settle(receipt, outcome),
            Self::Rabbit(receipt) => receipt.settle(outcome),
        }
    }
}

/// A message in a worker's hands. Dropped, it goes back to the queue.
#[derive(Debug)]
pub struct Delivery {
    message: TaskMessage,
    redelivered: bool,
    settler: Option<Settler>,
}

impl Delivery {
    /// What it says.
    pub fn message(&self) -> TaskMessage {
        self.message
    }

    /// Whether it was handed out before, here or elsewhere.
    pub fn redelivered(&self) -> bool {
        self.redelivered
    }

    /// The task is recorded: the message will not come again. If the connection that brought it is gone it comes again anyway.
    pub fn ack(mut self) {
        self.settle(Outcome::Done);
    }

    /// Gives it back to the queue, or throws it away.
    pub fn reject(mut self, requeue: bool) {
        self.settle(if requeue { Outcome::Requeue } else { Outcome::Done });
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(settler) = self.settler.take() {
            settler.settle(outcome);
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.settle(Outcome::Requeue);
    }
}
