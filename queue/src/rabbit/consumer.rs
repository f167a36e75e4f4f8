//! A worker's end at a broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_stream::StreamExt;

use super::session::{Found, Session};
use super::{Broker, pauses};
use crate::QueueError;
use crate::queue::Outcome;

/// A worker's end at a broker. A task of its own keeps a session up, so that the caller may stop waiting at any time.
#[derive(Debug)]
pub(crate) struct RabbitConsumer {
    arrivals: mpsc::UnboundedReceiver<RabbitDelivery>,
    commands: mpsc::Sender<Command>,
    /// The number of the session that is up.
    current: Arc<AtomicU64>,
}

/// A message on its way to a worker.
#[derive(Debug)]
pub(crate) struct RabbitDelivery {
    pub(crate) bytes: Vec<u8>,
    pub(crate) redelivered: bool,
    pub(crate) receipt: Receipt,
}

/// What a delivery is settled with. The broker knows it by its tag, in its session only.
#[derive(Debug)]
pub(crate) struct Receipt {
    session: u64,
    tag: u64,
    settlements: mpsc::UnboundedSender<Settlement>,
}

#[derive(Debug)]
struct Settlement {
    session: u64,
    tag: u64,
    outcome: Outcome,
}

impl Receipt {
    pub(crate) fn settle(self, outcome: Outcome) {
        let Self {
            session,
            tag,
            settlements,
        } = self;
        // Nobody listens once the consumer is closed: the message comes again.
        let _ = settlements.send(Settlement { session, tag, outcome });
    }
}

#[derive(Debug)]
enum Command {
    Stop(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

impl RabbitConsumer {
    pub(super) async fn start(broker: Arc<Broker>, prefetch: u16) -> Result<Self, QueueError> {
        let (arrivals_sender, arrivals) = mpsc::unbounded_channel();
        let (commands, commands_receiver) = mpsc::channel(1);
        let (settlements_sender, settlements) = mpsc::unbounded_channel();
        let current = Arc::new(AtomicU64::new(0));
        let keeper = Keeper {
            broker,
            prefetch,
            arrivals: arrivals_sender,
            commands: commands_receiver,
            settlements,
            settlements_sender,
            current: current.clone(),
            stopped: false,
        };
        let first = keeper.first().await?;
        tokio::spawn(keeper.keep(first));
        Ok(Self {
            arrivals,
            commands,
            current,
        })
    }

    /// The next message, except those of sessions that are gone: they come again.
    pub(crate) async fn next(&mut self) -> Option<RabbitDelivery> {
        loop {
            let delivery = self.arrivals.recv().await?;
            if delivery.receipt.session == self.current.load(Ordering::Acquire) {
                return Some(delivery);
            }
        }
    }

    pub(crate) async fn stop(&mut self) {
        self.command(Command::Stop).await;
        self.arrivals.close();
        while let Ok(delivery) = self.arrivals.try_recv() {
            delivery.receipt.settle(Outcome::Requeue);
        }
    }

    pub(crate) async fn close(mut self) {
        self.stop().await;
        self.command(Command::Close).await;
    }

    async fn command(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (done, is_done) = oneshot::channel();
        if self.commands.send(command(done)).await.is_ok() {
            // An error says that the task has ended, and with it the session.
            let _ = is_done.await;
        }
    }
}

/// Keeps a session up until the consumer is closed or dropped.
struct Keeper {
    broker: Arc<Broker>,
    prefetch: u16,
    arrivals: mpsc::UnboundedSender<RabbitDelivery>,
    commands: mpsc::Receiver<Command>,
    settlements: mpsc::UnboundedReceiver<Settlement>,
    settlements_sender: mpsc::UnboundedSender<Settlement>,
    current: Arc<AtomicU64>,
    stopped: bool,
}

/// A session that reads from a queue.
struct Open {
    session: Session,
    generation: u32,
    consumer: lapin::Consumer,
}

/// Why a session is not served any more.
enum Ended {
    Lost,
    Closed,
}

impl Keeper {
    /// The first session: `None` if all is well but for the queue, which is not declared yet.
    async fn first(&self) -> Result<Option<Open>, QueueError> {
        let started = Instant::now();
        let mut pauses = pauses();
        loop {
            match self.open().await {
                Ok(open) => return Ok(open),
                Err(error) if !matches!(error, QueueError::Unreachable { .. }) => return Err(error),
                Err(error) if started.elapsed() >= self.broker.settings.answer_within => return Err(error),
                Err(_) => sleep(pauses.next().expect("endless")).await,
            }
        }
    }

    async fn keep(mut self, mut open: Option<Open>) {
        let mut pauses = pauses();
        loop {
            if let Some(open) = open.take() {
                pauses = super::pauses();
                let ended = self.serve(open).await;
                if matches!(ended, Ended::Closed) || self.stopped {
                    return;
                }
            }
            let pause = sleep(pauses.next().expect("endless"));
            tokio::select! {
                () = pause => {}
                command = self.commands.recv() => match command {
                    Some(Command::Stop(done)) => {
                        let _ = done.send(());
                        return;
                    }
                    // Dropping `done` says that the task has ended.
                    Some(Command::Close(_)) | None => return,
                },
            }
            open = match self.open().await {
                Ok(open) => open,
                Err(error) => {
                    tracing::warn!(broker = %self.broker.address, %error, "the broker cannot be used yet");
                    None
                }
            };
        }
    }

    async fn open(&self) -> Result<Option<Open>, QueueError> {
        let broker = &*self.broker;
        let session = Session::open(broker).await?;
        let Some(generation) = session.newest(broker).await? else {
            session.close(broker).await;
            return Ok(None);
        };
        let starting = async {
            let channel = &session.channel;
            // For each consumer: a limit for the channel as a whole is refused on quorum queues.
            channel.basic_qos(self.prefetch, BasicQosOptions { global: false }).await?;
            let queue = broker.names.queue(generation);
            channel
                .basic_consume(
                    queue.as_str().into(),
                    "".into(),
                    BasicConsumeOptions::default(),
                    FieldTable::default(),
                )
                .await
        };
        let within = broker.settings.answer_within;
        let consumer = session.ask(broker, "read the queue", within, starting).await?;
        Ok(Some(Open {
            session,
            generation,
            consumer,
        }))
    }

    /// Hands deliveries over and settlements back.
    async fn serve(&mut self, mut open: Open) -> Ended {
        let number = self.current.fetch_add(1, Ordering::AcqRel) + 1;
        tracing::info!(broker = %self.broker.address, queue = self.broker.names.queue(open.generation), "reading the queue");
        let quiet = self.broker.settings.look_around_after;
        let mut look_around = Instant::now() + quiet;
        let ended = loop {
            tokio::select! {
                delivery = open.consumer.next(), if !self.stopped => {
                    let Some(Ok(delivery)) = delivery else {
                        break Ended::Lost;
                    };
                    look_around = Instant::now() + quiet;
                    self.hand_over(number, delivery);
                }
                settlement = self.settlements.recv() => {
                    let settlement = settlement.expect("the keeper itself holds a sender");
                    if self.settle(&open, number, &settlement).await.is_err() {
                        break Ended::Lost;
                    }
                }
                command = self.commands.recv() => match command {
                    Some(Command::Stop(done)) => {
                        self.stop(&mut open).await;
                        let _ = done.send(());
                    }
                    Some(Command::Close(done)) => {
                        self.flush(&open, number).await;
                        open.session.close(&self.broker).await;
                        let _ = done.send(());
                        break Ended::Closed;
                    }
                    None => {
                        self.flush(&open, number).await;
                        break Ended::Closed;
                    }
                },
                () = sleep_until(look_around) => {
                    look_around = Instant::now() + quiet;
                    match open.session.find(&self.broker, open.generation + 1).await {
                        Ok(Found::Missing) => {}
                        Ok(Found::Messages(_)) | Err(_) => break Ended::Lost,
                    }
                }
            }
        };
        // From here on nobody is handed a message of this session.
        self.current.fetch_add(1, Ordering::AcqRel);
        if matches!(ended, Ended::Lost) {
            tracing::warn!(broker = %self.broker.address, "lost the connection to the broker");
        }
        let broker = self.broker.clone();
        tokio::spawn(async move { open.session.close(&broker).await });
        ended
    }

    fn hand_over(&self, session: u64, delivery: Delivery) {
        let receipt = Receipt {
            session,
            tag: delivery.delivery_tag,
            settlements: self.settlements_sender.clone(),
        };
        let delivery = RabbitDelivery {
            bytes: delivery.data,
            redelivered: delivery.redelivered,
            receipt,
        };
        // Nobody listens after a stop.
        if let Err(mpsc::error::SendError(delivery)) = self.arrivals.send(delivery) {
            delivery.receipt.settle(Outcome::Requeue);
        }
    }

    /// Tags of a session that is gone mean something else in this one.
    async fn settle(&self, open: &Open, number: u64, settlement: &Settlement) -> Result<(), QueueError> {
        if settlement.session != number {
            return Ok(());
        }
        let channel = &open.session.channel;
        let settling = async {
            match settlement.outcome {
                Outcome::Done => channel.basic_ack(settlement.tag, BasicAckOptions::default()).await,
                Outcome::Requeue => {
                    let requeue = BasicNackOptions {
                        multiple: false,
                        requeue: true,
                    };
                    channel.basic_nack(settlement.tag, requeue).await
                }
            }
        };
        let within = self.broker.settings.answer_within;
        open.session.ask(&self.broker, "acknowledge", within, settling).await
    }

    async fn flush(&mut self, open: &Open, number: u64) {
        while let Ok(settlement) = self.settlements.try_recv() {
            if self.settle(open, number, &settlement).await.is_err() {
                return;
            }
        }
    }

    /// No more deliveries; those on their way are handed over, to be given back.
    async fn stop(&mut self, open: &mut Open) {
        self.stopped = true;
        let canceling = open
            .session
            .channel
            .basic_cancel(open.consumer.tag(), BasicCancelOptions::default());
        let within = self.broker.settings.answer_within;
        // If that fails, so does the session, and everything goes back.
        let _ = open.session.ask(&self.broker, "stop reading", within, canceling).await;
        let number = self.current.load(Ordering::Acquire);
        while let Ok(Some(Ok(delivery))) = timeout(Duration::ZERO, open.consumer.next()).await {
            self.hand_over(number, delivery);
        }
    }
}
