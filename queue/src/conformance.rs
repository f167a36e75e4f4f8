//! What every queue must do: functions that take a new, empty one, run for each kind.

use std::collections::BTreeSet;
use std::time::Duration;

use assay_core::ids::{Epoch, JobId, TaskId};
use tokio::time::{sleep, timeout};

use crate::services::Services;
use crate::{Consumer, Delivery, Producer, Queue, QueueSettings, TaskMessage};

pub(crate) fn message(task: u64) -> TaskMessage {
    TaskMessage {
        task: TaskId(task),
        job: JobId::from_bits(task / 10),
        epoch: Epoch(3),
    }
}

pub(crate) fn messages(tasks: std::ops::Range<u64>) -> Vec<TaskMessage> {
    tasks.map(message).collect()
}

/// The next delivery, which must come.
pub(crate) async fn next(consumer: &mut Consumer) -> Delivery {
    let next = timeout(Duration::from_secs(20), consumer.next()).await;
    next.expect("a message in time").expect("not stopped")
}

/// Acknowledges until all of these tasks have come.
pub(crate) async fn drain(consumer: &mut Consumer, mut expected: BTreeSet<TaskMessage>) {
    while !expected.is_empty() {
        let delivery = next(consumer).await;
        expected.remove(&delivery.message());
        delivery.ack();
    }
}

async fn nothing_comes(consumer: &mut Consumer) {
    let next = timeout(Duration::from_millis(400), consumer.next()).await;
    assert!(next.is_err(), "{next:?}");
}

async fn depth_becomes(producer: &Producer, expected: u64) {
    let mut depth = u64::MAX;
    for _ in 0..200 {
        depth = producer.depth().await.unwrap();
        if depth == expected {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{depth} messages wait, not {expected}");
}

async fn every_message_arrives(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    let mut consumer = queue.consume(10).await.unwrap();
    let all = messages(0..500);
    let (published, ()) = tokio::join!(producer.publish(&all), drain(&mut consumer, all.iter().copied().collect()));
    published.unwrap();
    consumer.close().await;
    depth_becomes(&producer, 0).await;
    producer.publish(&[]).await.unwrap();
    producer.probe().await.unwrap();
    assert!(producer.connection().borrow().up);
    assert_eq!(producer.connection().borrow().established, 1);
}

async fn what_a_lost_consumer_held_comes_again(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    producer.publish(&messages(0..5)).await.unwrap();
    let mut lost = queue.consume(5).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(next(&mut lost).await);
    }
    drop(lost);

    let mut consumer = queue.consume(5).await.unwrap();
    let again = next(&mut consumer).await;
    assert!(again.redelivered());
    // Too late: it is in other hands.
    for delivery in held {
        delivery.ack();
    }
    let mut expected: BTreeSet<_> = messages(0..5).into_iter().collect();
    expected.remove(&again.message());
    again.ack();
    drain(&mut consumer, expected).await;
    nothing_comes(&mut consumer).await;
}

async fn no_more_than_the_prefetch_is_held(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    producer.publish(&messages(0..10)).await.unwrap();
    let mut consumer = queue.consume(3).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&mut consumer).await);
    }
    nothing_comes(&mut consumer).await;
    depth_becomes(&producer, 7).await;
    held.pop().unwrap().ack();
    held.push(next(&mut consumer).await);
    nothing_comes(&mut consumer).await;
}

async fn waiting_messages_are_counted_and_removed(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    assert_eq!(producer.depth().await.unwrap(), 0);
    producer.publish(&messages(0..20)).await.unwrap();
    depth_becomes(&producer, 20).await;
    assert_eq!(producer.purge().await.unwrap(), 20);
    depth_becomes(&producer, 0).await;
    let mut consumer = queue.consume(5).await.unwrap();
    nothing_comes(&mut consumer).await;
}

async fn two_consumers_share(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    let mut one = queue.consume(5).await.unwrap();
    let mut other = queue.consume(5).await.unwrap();
    producer.publish(&messages(0..40)).await.unwrap();
    // Neither gets all: each holds what it can before anything is acknowledged.
    let mut seen = BTreeSet::new();
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(next(&mut one).await);
        held.push(next(&mut other).await);
    }
    for delivery in held {
        assert!(seen.insert(delivery.message()), "twice: {delivery:?}");
        delivery.ack();
    }
    while seen.len() < 40 {
        let delivery = tokio::select! {
            delivery = next(&mut one) => delivery,
            delivery = next(&mut other) => delivery,
        };
        assert!(seen.insert(delivery.message()), "twice: {delivery:?}");
        delivery.ack();
    }
}

async fn rubbish_is_acknowledged_away(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    let rubbish = [vec![], vec![1, 2, 3], vec![9; 25], vec![1; 26], b"{\"task\": 1}".to_vec()];
    producer.publish_bytes(rubbish.clone().into_iter()).await.unwrap();
    producer.publish(&messages(0..1)).await.unwrap();
    // With a prefetch of 1 each has to go before the next comes.
    let mut consumer = queue.consume(1).await.unwrap();
    drain(&mut consumer, messages(0..1).into_iter().collect()).await;
    nothing_comes(&mut consumer).await;
    assert_eq!(consumer.unreadable(), rubbish.len() as u64);
    consumer.close().await;
    depth_becomes(&producer, 0).await;
}

async fn what_is_given_back_comes_again(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    let mut consumer = queue.consume(1).await.unwrap();
    producer.publish(&messages(0..1)).await.unwrap();
    next(&mut consumer).await.reject(true);
    let again = next(&mut consumer).await;
    assert!(again.redelivered());
    // A worker that panics drops it.
    drop(again);
    let again = next(&mut consumer).await;
    assert_eq!(again.message(), message(0));
    again.reject(false);
    nothing_comes(&mut consumer).await;
}

async fn waiting_may_be_given_up(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    let mut consumer = queue.consume(2).await.unwrap();
    let publishing = async {
        for task in 0..50 {
            producer.publish(&[message(task)]).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
    };
    let consuming = async {
        let mut seen = BTreeSet::new();
        while seen.len() < 50 {
            // Shorter than the pauses between messages.
            if let Ok(delivery) = timeout(Duration::from_micros(300), consumer.next()).await {
                let delivery = delivery.unwrap();
                assert!(seen.insert(delivery.message()), "twice: {delivery:?}");
                delivery.ack();
            }
        }
    };
    let both = async { tokio::join!(publishing, consuming) };
    timeout(Duration::from_mins(1), both).await.expect("nothing is lost");
}

async fn a_stopped_consumer_finishes_what_it_holds(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    producer.publish(&messages(0..10)).await.unwrap();
    let mut stopping = queue.consume(10).await.unwrap();
    let first = next(&mut stopping).await;
    let second = next(&mut stopping).await;
    stopping.stop().await;
    assert!(stopping.next().await.is_none());

    let mut consumer = queue.consume(10).await.unwrap();
    let mut others: BTreeSet<_> = messages(0..10).into_iter().collect();
    others.remove(&first.message());
    others.remove(&second.message());
    drain(&mut consumer, others).await;
    first.ack();
    second.ack();
    stopping.close().await;
    nothing_comes(&mut consumer).await;
    depth_becomes(&producer, 0).await;
}

async fn a_consumer_that_paused_reads_on(queue: Queue) {
    let producer = queue.producer().await.unwrap();
    let mut pausing = queue.consume(10).await.unwrap();
    pausing.stop().await;
    producer.publish(&messages(0..4)).await.unwrap();
    assert!(pausing.next().await.is_none());
    pausing.resume().await.unwrap();
    drain(&mut pausing, messages(0..4).into_iter().collect()).await;
    nothing_comes(&mut pausing).await;
    pausing.close().await;
    depth_becomes(&producer, 0).await;
}

macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        mod local {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(Queue::new(QueueSettings::new("local".parse().unwrap()))).await;
                }
            )+
        }

        mod rabbit {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(services) = Services::shared() {
                        super::$name(Queue::new(services.settings("conformance"))).await;
                    }
                }
            )+
        }
    };
}

conformance!(
    every_message_arrives,
    what_a_lost_consumer_held_comes_again,
    no_more_than_the_prefetch_is_held,
    waiting_messages_are_counted_and_removed,
    two_consumers_share,
    rubbish_is_acknowledged_away,
    what_is_given_back_comes_again,
    waiting_may_be_given_up,
    a_stopped_consumer_finishes_what_it_holds,
    a_consumer_that_paused_reads_on,
);
