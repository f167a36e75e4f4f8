//! Messages a second through a queue: published and confirmed in batches, then delivered and acknowledged.
//!
//! `eval "$(scripts/services start --only rabbit)"; cargo run --release -p assay-queue --example queue_speed $AMQP_URL`

// A program for a terminal.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use assay_core::ids::{Epoch, JobId, TaskId};
use assay_queue::{Queue, QueueError, QueueSettings, TaskMessage};

const MESSAGES: u64 = 50_000;
const BATCH: usize = 500;
const PREFETCH: u16 = 200;

#[tokio::main]
async fn main() -> Result<(), QueueError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "local".to_owned());
    let mut settings = QueueSettings::new(address.parse()?);
    settings.prefix = "speed".parse()?;
    let queue = Queue::new(settings);
    let producer = queue.producer().await?;
    producer.purge().await?;
    let message = |task| TaskMessage {
        task: TaskId(task),
        job: JobId::from_bits(1),
        epoch: Epoch(1),
    };
    let messages: Vec<TaskMessage> = (0..MESSAGES).map(message).collect();
    let rate = |started: Instant| MESSAGES as f64 / started.elapsed().as_secs_f64();

    let started = Instant::now();
    for batch in messages.chunks(BATCH) {
        producer.publish(batch).await?;
    }
    println!("published and confirmed: {:8.0} messages/s, {BATCH} at a time", rate(started));

    let mut consumer = queue.consume(PREFETCH).await?;
    let started = Instant::now();
    let mut left = MESSAGES;
    while left > 0
        && let Some(delivery) = consumer.next().await
    {
        delivery.ack();
        left -= 1;
    }
    consumer.close().await;
    println!(
        "delivered and acknowledged: {:5.0} messages/s, prefetch {PREFETCH}",
        rate(started)
    );
    Ok(())
}
