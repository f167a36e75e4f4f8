//! Delivery of tasks' ids from a coordinator to workers: in-process or over RabbitMQ, behind one closed enum.
//!
//! The truth is in the database. A message is a hint that a task waits: it carries ids only, may come twice, late or never, and
//! whoever gets it asks the coordinator for the task itself. So losing messages costs time and nothing else, and this crate
//! never waits without a limit: every call to a broker has one, and a lost broker is tried again for ever.
//!
//! This crate never decides what is to be done, never reads a clock for anything but limits of time, never prints.
//!
//! ```
//! use assay_core::ids::{Epoch, JobId, TaskId};
//! use assay_queue::{Queue, QueueSettings, TaskMessage};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), assay_queue::QueueError> {
//! let queue = Queue::new(QueueSettings::new("local".parse()?));
//! let producer = queue.producer().await?;
//! let mut consumer = queue.consume(2).await?;
//!
//! let message = TaskMessage { task: TaskId(7), job: JobId::from_bits(1), epoch: Epoch(1) };
//! producer.publish(&[message]).await?;
//!
//! let delivery = consumer.next().await.expect("not stopped");
//! assert_eq!(delivery.message(), message);
//! delivery.ack();
//! consumer.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What is on the broker
//!
//! With the prefix `assay` there are a direct exchange `assay.tasks` and quorum queues `assay.tasks.0`, `assay.tasks.1`, … of
//! which the last is used. A new one is made when the last cannot be written to: a quorum queue that was declared seconds
//! before its broker was killed stays without a leader for good, under that name. Old ones are emptied and left.
//!
//! Accounts, with RabbitMQ's regular expressions for configure, write and read:
//!
//! | role | configure | write | read |
//! |---|---|---|---|
//! | coordinator | `^assay\.tasks(\.[0-9]+)?$` | `^assay\.tasks(\.[0-9]+)?$` | `^assay\.tasks(\.[0-9]+)?$` |
//! | worker | `^$` | `^$` | `^assay\.tasks\.[0-9]+$` |

mod address;
#[cfg(test)]
mod conformance;
mod error;
mod local;
mod message;
mod queue;
mod rabbit;
#[cfg(test)]
mod services;
mod settings;

pub use address::{AddressError, BrokerAddress, QueueAddress};
pub use error::QueueError;
pub use local::LocalQueue;
pub use message::{MessageError, TaskMessage};
pub use queue::{Connection, Consumer, Delivery, Producer, Queue};
pub use rabbit::RabbitQueue;
pub use settings::{Prefix, PrefixError, QueueSettings};
