//! The coordinator's end at a broker.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation, ExchangeKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::session::Session;
use super::{Broker, pauses};
use crate::message::PROBE;
use crate::{Connection, QueueError};

/// Deliveries of a message until the broker throws it away. It counts deliveries, not failures: a worker that is killed spends one
/// of every message that it held. High, because the database counts started attempts of a task itself.
const DELIVERY_LIMIT: i64 = 20;

/// How often a session is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// The coordinator's end at a broker. A task of its own keeps a session up.
#[derive(Debug)]
pub(crate) struct RabbitProducer {
    broker: Arc<Broker>,
    current: watch::Receiver<Option<Arc<Open>>>,
    connection: watch::Receiver<Connection>,
    keeper: JoinHandle<()>,
}

/// A session and the queue that it writes to.
#[derive(Debug)]
struct Open {
    session: Session,
    generation: u32,
}

impl RabbitProducer {
    pub(super) async fn start(broker: Arc<Broker>) -> Result<Self, QueueError> {
        let mut opener = Opener::new(broker.clone());
        let first = Arc::new(opener.first().await?);
        let (current_sender, current) = watch::channel(Some(first));
        let (connection_sender, connection) = watch::channel(Connection {
            up: true,
            established: 1,
        });
        let keeper = tokio::spawn(keep(opener, current_sender, connection_sender));
        Ok(Self {
            broker,
            current,
            connection,
            keeper,
        })
    }

    pub(crate) fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }

    pub(crate) async fn publish(&self, messages: impl ExactSizeIterator<Item = Vec<u8>>) -> Result<(), QueueError> {
        let open = self.open().await?;
        open.publish(&self.broker, messages, self.broker.settings.publish_within)
            .await
    }

    pub(crate) async fn depth(&self) -> Result<u64, QueueError> {
        let open = self.open().await?;
        Ok(open.session.depth(&self.broker, open.generation).await?.into())
    }

    pub(crate) async fn purge(&self) -> Result<u64, QueueError> {
        let open = self.open().await?;
        Ok(open.purge(&self.broker, open.generation).await?.into())
    }

    pub(crate) async fn probe(&self) -> Result<(), QueueError> {
        self.open().await?.probe(&self.broker).await
    }

    /// The session, as soon as there is one, but not for ever.
    async fn open(&self) -> Result<Arc<Open>, QueueError> {
        let within = self.broker.settings.answer_within;
        let mut current = self.current.clone();
        let up = current.wait_for(|open| open.as_ref().is_some_and(|open| open.session.works()));
        if let Ok(Ok(open)) = timeout(within, up).await {
            return Ok(open.clone().expect("waited for"));
        }
        Err(QueueError::Unreachable {
            address: self.broker.address.to_string(),
            reason: format!("no connection within {within:?}"),
        })
    }
}

impl Drop for RabbitProducer {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Keeps a session up for ever.
async fn keep(mut opener: Opener, current: watch::Sender<Option<Arc<Open>>>, connection: watch::Sender<Connection>) {
    let broker = opener.broker.clone();
    loop {
        while current.borrow().as_ref().is_some_and(|open| open.session.works()) {
            sleep(WATCH_EVERY).await;
        }
        if let Some(lost) = current.send_replace(None) {
            tracing::warn!(broker = %broker.address, "lost the connection to the broker");
            // In its own time: it may not answer any more.
            let broker = broker.clone();
            tokio::spawn(async move { lost.session.close(&broker).await });
        }
        connection.send_modify(|connection| connection.up = false);
        let mut pauses = pauses();
        let open = loop {
            match opener.open().await {
                Ok(open) => break open,
                Err(error) => tracing::warn!(broker = %broker.address, %error, "the broker cannot be used yet"),
            }
            sleep(pauses.next().expect("endless")).await;
        };
        tracing::info!(broker = %broker.address, queue = broker.names.queue(open.generation), "connected to the broker");
        current.send_replace(Some(Arc::new(open)));
        connection.send_modify(|connection| {
            connection.up = true;
            connection.established += 1;
        });
    }
}

/// Makes sessions that are known to work.
struct Opener {
    broker: Arc<Broker>,
    suspect: Option<Suspect>,
}

/// A queue that probes have failed on, each in a session of its own, since some time.
#[derive(Clone, Copy)]
struct Suspect {
    generation: u32,
    since: Instant,
}

impl Opener {
    fn new(broker: Arc<Broker>) -> Self {
        Self { broker, suspect: None }
    }

    /// The first one: tries again for as long as the settings allow, unless that is of no use. If the broker can be reached but
    /// the queue is bad, there is time to replace that.
    async fn first(&mut self) -> Result<Open, QueueError> {
        let started = Instant::now();
        let patience = self.broker.settings.answer_within;
        let mut pauses = pauses();
        loop {
            let error = match self.open().await {
                Ok(open) => return Ok(open),
                Err(error) => error,
            };
            let patience = if self.suspect.is_some() { patience * 3 } else { patience };
            if matches!(error, QueueError::Refused { .. }) || started.elapsed() >= patience {
                return Err(error);
            }
            sleep(pauses.next().expect("endless")).await;
        }
    }

    async fn open(&mut self) -> Result<Open, QueueError> {
        let broker = self.broker.clone();
        let session = Session::open(&broker).await?;
        let newest = session.newest(&broker).await?.unwrap_or(0);
        let bad = self.suspect.is_some_and(|suspect| {
            // A queue that has just been recovered may need some seconds to elect a leader.
            suspect.generation == newest && suspect.since.elapsed() >= broker.settings.answer_within
        });
        let generation = if bad { newest + 1 } else { newest };
        declare(&session, &broker, generation).await?;
        let open = Open { session, generation };
        let since = Instant::now();
        if let Err(error) = open.probe(&broker).await {
            // The queue is not to blame for a broker that is short of disk.
            let blamed =
                !matches!(error, QueueError::Blocked) && self.suspect.is_none_or(|known| known.generation != generation);
            if blamed {
                self.suspect = Some(Suspect { generation, since });
            }
            return Err(error);
        }
        self.suspect = None;
        if bad {
            tracing::warn!(queue = broker.names.queue(newest), "replaced a queue that takes no messages");
            empty(broker, newest);
        }
        Ok(open)
    }
}

/// Empties a queue that is not used any more, should it come back to life. It stays, because workers count up to the last one.
fn empty(broker: Arc<Broker>, generation: u32) {
    tokio::spawn(async move {
        let Ok(session) = Session::open(&broker).await else {
            return;
        };
        let open = Open { session, generation };
        if let Err(error) = open.purge(&broker, generation).await {
            tracing::info!(%error, queue = broker.names.queue(generation), "cannot empty a queue that was replaced");
        }
        open.session.close(&broker).await;
    });
}

/// Declares everything, which changes nothing if it is there, and asks for confirmations.
async fn declare(session: &Session, broker: &Broker, generation: u32) -> Result<(), QueueError> {
    let channel = &session.channel;
    let exchange = broker.names.exchange.as_str();
    let queue = broker.names.queue(generation);
    let declaring = async {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(exchange.into(), ExchangeKind::Direct, options, FieldTable::default())
            .await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
        channel
            .queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), arguments)
            .await?;
        let key = queue.as_str();
        channel
            .queue_bind(
                key.into(),
                exchange.into(),
                key.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await
    };
    session
        .ask(broker, "declare the queue", broker.settings.answer_within, declaring)
        .await
}

impl Open {
    /// All are sent before the first confirmation is waited for.
    async fn publish(
        &self,
        broker: &Broker,
        messages: impl ExactSizeIterator<Item = Vec<u8>>,
        within: Duration,
    ) -> Result<(), QueueError> {
        // Else the client library would keep what it cannot send.
        if self.session.is_blocked() {
            return Err(QueueError::Blocked);
        }
        let of = messages.len();
        let queue = broker.names.queue(self.generation);
        let publishing = async {
            let mut confirmations = Vec::with_capacity(of);
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let persistent = BasicProperties::default().with_delivery_mode(2);
            for message in messages {
                let exchange = broker.names.exchange.as_str().into();
                let sent =
                    self.session
                        .channel
                        .basic_publish(exchange, queue.as_str().into(), options, &message, persistent.clone());
                confirmations.push(sent.await?);
            }
            let mut refused = 0;
            for confirmation in confirmations {
                if confirmation.await? != Confirmation::Ack(None) {
                    refused += 1;
                }
            }
            Ok(refused)
        };
        let refused = self.session.ask(broker, "confirm messages", within, publishing).await?;
        if refused > 0 {
            // A queue without a leader, or one that somebody deleted: a new session looks into it.
            self.session.give_up();
            return Err(QueueError::NotTaken { refused, of });
        }
        Ok(())
    }

    async fn purge(&self, broker: &Broker, generation: u32) -> Result<u32, QueueError> {
        let queue = broker.names.queue(generation);
        let purging = self
            .session
            .channel
            .queue_purge(queue.as_str().into(), QueuePurgeOptions::default());
        self.session
            .ask(broker, "purge the queue", broker.settings.answer_within, purging)
            .await
    }

    /// Writes to the queue and reads from it. What is read may be a task, if some waited: it goes back at once.
    async fn probe(&self, broker: &Broker) -> Result<(), QueueError> {
        let within = broker.settings.answer_within;
        self.publish(broker, [PROBE.to_vec()].into_iter(), within).await?;
        let queue = broker.names.queue(self.generation);
        let reading = async {
            let channel = &self.session.channel;
            let read = channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await?;
            match read {
                // A worker was faster.
                None => Ok(false),
                Some(message) if message.data == PROBE => message.acker.ack(BasicAckOptions::default()).await,
                Some(message) => {
                    let requeue = BasicNackOptions {
                        multiple: false,
                        requeue: true,
                    };
                    message.acker.nack(requeue).await
                }
            }
        };
        self.session.ask(broker, "deliver a probe", within, reading).await?;
        Ok(())
    }
}
