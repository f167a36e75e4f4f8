//! A queue at a RabbitMQ broker.
//!
//! A session is one connection with one channel, used until anything goes wrong with it, and then replaced as a whole: the
//! client library's own recovery knows neither of channels that the broker closed (an acknowledgement that came too late) nor of
//! queues that lost their leader, and gives up in the end. One mechanism covers every failure, and every new session is known.

mod consumer;
mod producer;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::address::BrokerAddress;
use crate::{QueueError, QueueSettings};

pub(crate) use consumer::{RabbitConsumer, Receipt};
pub(crate) use producer::RabbitProducer;

/// A queue at a RabbitMQ broker. Clones are the same queue.
#[derive(Debug, Clone)]
pub struct RabbitQueue(Arc<Broker>);

/// What is needed to reach the queue.
#[derive(Debug)]
struct Broker {
    address: BrokerAddress,
    settings: QueueSettings,
    names: Names,
}

/// What things are called at the broker.
#[derive(Debug)]
struct Names {
    exchange: String,
}

impl Names {
    fn queue(&self, generation: u32) -> String {
        format!("{}.{generation}", self.exchange)
    }
}

impl RabbitQueue {
    pub(crate) fn new(address: BrokerAddress, settings: QueueSettings) -> Self {
        let names = Names {
            exchange: format!("{}.tasks", settings.prefix),
        };
        Self(Arc::new(Broker {
            address,
            settings,
            names,
        }))
    }

    pub(crate) async fn producer(&self) -> Result<RabbitProducer, QueueError> {
        RabbitProducer::start(self.0.clone()).await
    }

    pub(crate) async fn consume(&self, prefetch: u16) -> Result<RabbitConsumer, QueueError> {
        RabbitConsumer::start(self.0.clone(), prefetch).await
    }
}

/// Pauses between attempts, for ever, never the same for two of many clients.
fn pauses() -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times()
        .build()
}
