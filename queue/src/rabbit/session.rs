//! One connection with one channel, and what both ends ask of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::tcp::OwnedTLSConfig;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::time::timeout;

use super::Broker;
use crate::QueueError;

/// One connection with one channel.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) channel: Channel,
    connection: Connection,
    /// Something did not come back in time.
    given_up: AtomicBool,
}

/// Whether a queue is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// With so many messages that wait.
    Messages(u32),
    /// It is not.
    Missing,
}

impl Session {
    pub(super) async fn open(broker: &Broker) -> Result<Self, QueueError> {
        let unreachable = |reason: String| QueueError::Unreachable {
            address: broker.address.to_string(),
            reason,
        };
        let opening = async {
            let properties = ConnectionProperties::default().with_connection_name(broker.names.exchange.as_str().into());
            let tls = OwnedTLSConfig {
                identity: None,
                cert_chain: broker.settings.authority.clone(),
            };
            let runtime = lapin::runtime::default_runtime()?;
            let connection = Connection::connect_uri_with_config(broker.address.uri(), properties, tls, runtime).await?;
            let channel = connection.create_channel().await?;
            Ok((connection, channel))
        };
        match timeout(broker.settings.answer_within, opening).await {
            Ok(Ok((connection, channel))) => Ok(Self {
                channel,
                connection,
                given_up: AtomicBool::new(false),
            }),
            Ok(Err(error)) if is_refusal(&error) => Err(refused(broker, &error)),
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable(format!("no answer within {:?}", broker.settings.answer_within))),
        }
    }

    /// Whether it can still be used.
    pub(super) fn works(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed) && self.connection.status().connected() && self.channel.status().connected()
    }

    /// Has it replaced by a new one.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Whether the broker takes no messages at the moment.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Waits for the answer to one question, no longer than is allowed.
    pub(super) async fn ask<T>(
        &self,
        broker: &Broker,
        action: &'static str,
        within: Duration,
        question: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, QueueError> {
        match timeout(within, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failure(broker, action, &error)),
            // Blocked, it has stopped reading what we send; a new connection would be treated no better.
            Err(_) if self.is_blocked() => Err(QueueError::Blocked),
            Err(_) => {
                self.give_up();
                Err(QueueError::TimedOut { action, after: within })
            }
        }
    }

    /// The generation of queues that is in use: the last there is.
    pub(super) async fn newest(&self, broker: &Broker) -> Result<Option<u32>, QueueError> {
        let mut newest = None;
        loop {
            let next = newest.map_or(0, |newest| newest + 1);
            match self.find(broker, next).await? {
                Found::Messages(_) => newest = Some(next),
                Found::Missing => return Ok(newest),
            }
        }
    }

    /// Whether a queue is there. On a channel of its own: asking for one that is not closes the channel.
    pub(super) async fn find(&self, broker: &Broker, generation: u32) -> Result<Found, QueueError> {
        let question = async {
            let channel = self.connection.create_channel().await?;
            let found = look(&channel, &broker.names.queue(generation)).await;
            if found.is_ok() {
                channel.close(200, "done".into()).await?;
            }
            match found {
                Ok(messages) => Ok(Found::Messages(messages)),
                Err(error) if is_soft(&error, &AMQPSoftError::NOTFOUND) => Ok(Found::Missing),
                Err(error) => Err(error),
            }
        };
        self.ask(broker, "find the queue", broker.settings.answer_within, question)
            .await
    }

    /// How many messages wait in a queue that is there.
    pub(super) async fn depth(&self, broker: &Broker, generation: u32) -> Result<u32, QueueError> {
        let queue = broker.names.queue(generation);
        self.ask(
            broker,
            "count messages",
            broker.settings.answer_within,
            look(&self.channel, &queue),
        )
        .await
    }

    /// Says goodbye, if the broker listens.
    pub(super) async fn close(&self, broker: &Broker) {
        let closing = self.connection.close(200, "done".into());
        // Whatever happens, nothing is left to do about it.
        let _ = timeout(broker.settings.answer_within, closing).await;
    }
}

/// Messages that wait in a queue. Needs no permission.
async fn look(channel: &Channel, queue: &str) -> lapin::Result<u32> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
    Ok(queue.message_count())
}

/// What the client library's error means to us.
pub(super) fn failure(broker: &Broker, action: &'static str, error: &lapin::Error) -> QueueError {
    if is_refusal(error) {
        return refused(broker, error);
    }
    QueueError::Broker {
        action,
        reason: error.to_string(),
    }
}

fn refused(broker: &Broker, error: &lapin::Error) -> QueueError {
    QueueError::Refused {
        address: broker.address.to_string(),
        reason: error.to_string(),
    }
}

/// Wrong password, no permission, no such virtual host.
fn is_refusal(error: &lapin::Error) -> bool {
    is_soft(error, &AMQPSoftError::ACCESSREFUSED)
        || matches!(error.kind(), ErrorKind::ProtocolError(error)
            if *error.kind() == AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED))
}

fn is_soft(error: &lapin::Error, expected: &AMQPSoftError) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error)
        if matches!(error.kind(), AMQPErrorKind::Soft(soft) if soft == expected))
}
