//! What only a broker can do to us: refuse, block, close, die.

use std::time::{Duration, Instant};

use assay_core::{Domain, Explain};
use tokio::time::{sleep, timeout};

use crate::conformance::{drain, message, messages, next};
use crate::services::Services;
use crate::{Producer, Queue, QueueError, QueueSettings};

/// Publishes until it works, as a coordinator does.
async fn publish_at_last(producer: &Producer, tasks: std::ops::Range<u64>) {
    let all = messages(tasks);
    let trying = async {
        while let Err(error) = producer.publish(&all).await {
            assert!(error.retryable(), "{error}");
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_mins(2), trying).await.expect("published at last");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_may_be_encrypted() {
    let Some(services) = Services::shared() else { return };
    let (Some(address), Some(authority)) = (services.get("AMQPS_URL"), services.get("SERVICES_CA")) else {
        println!("skipped: AMQPS_URL and SERVICES_CA are not set");
        return;
    };
    let mut settings = services.settings("tls");
    settings.address = address.parse().unwrap();
    let error = Queue::new(settings.clone()).producer().await.unwrap_err();
    assert_eq!(error.domain(), Domain::Unreachable, "an unknown authority: {error}");

    settings.authority = Some(std::fs::read_to_string(authority).unwrap());
    let queue = Queue::new(settings);
    let producer = queue.producer().await.unwrap();
    producer.publish(&messages(0..10)).await.unwrap();
    drain(&mut queue.consume(10).await.unwrap(), messages(0..10).into_iter().collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_need_no_more_than_is_documented() {
    let Some(services) = Services::shared() else { return };
    if services.get("SERVICES_DIR").is_none() {
        println!("skipped: a broker without SERVICES_DIR, so without rabbitmqctl");
        return;
    }
    let settings = services.settings("accounts");
    let prefix = settings.prefix.to_string();
    let all = format!(r"^{prefix}\.tasks(\.[0-9]+)?$");
    let read = format!(r"^{prefix}\.tasks\.[0-9]+$");
    let account = |role: &str, permissions: [&str; 3]| {
        let name = format!("{prefix}-{role}");
        services.command("ctl", &["add_user", &name, "pw"]);
        services.command("ctl", &[&["set_permissions", "-p", "/", &name], &permissions[..]].concat());
        let address = services
            .get("AMQP_URL")
            .unwrap()
            .replace("assay:assay", &format!("{name}:pw"));
        let mut settings = settings.clone();
        settings.address = address.parse().unwrap();
        Queue::new(settings)
    };
    let coordinator = account("coordinator", [&all, &all, &all]);
    let worker = account("worker", ["^$", "^$", &read]);

    let error = worker.producer().await.unwrap_err();
    assert!(matches!(error, QueueError::Refused { .. }), "{error}");
    // The worker comes first: it waits for the queue.
    let mut consumer = worker.consume(5).await.unwrap();
    let producer = coordinator.producer().await.unwrap();
    producer.publish(&messages(0..5)).await.unwrap();
    drain(&mut consumer, messages(0..5).into_iter().collect()).await;
    consumer.close().await;
    assert_eq!(producer.depth().await.unwrap(), 0);
    assert_eq!(producer.purge().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_cannot_work_says_why() {
    // Nothing listens on the port of a listener that is gone.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = QueueSettings::new(format!("amqp://u:secret@{free}").parse().unwrap());
    settings.answer_within = Duration::from_secs(1);
    let queue = Queue::new(settings.clone());
    let started = Instant::now();
    for error in [queue.producer().await.unwrap_err(), queue.consume(1).await.unwrap_err()] {
        assert_eq!(error.domain(), Domain::Unreachable);
        assert!(
            error.to_string().contains(&free.to_string()) && !error.to_string().contains("secret"),
            "{error}"
        );
        assert!(error.hint().is_some());
    }
    assert!(started.elapsed() < Duration::from_secs(10));

    let Some(services) = Services::shared() else { return };
    let mut settings = services.settings("start");
    let wrong = services.get("AMQP_URL").unwrap().replace("assay:assay", "assay:wrong-secret");
    settings.address = wrong.parse().unwrap();
    let queue = Queue::new(settings);
    for error in [queue.producer().await.unwrap_err(), queue.consume(1).await.unwrap_err()] {
        assert_eq!(error.domain(), Domain::NotAllowed, "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_takes_no_messages_is_replaced() {
    let Some(services) = Services::shared() else { return };
    if services.get("SERVICES_DIR").is_none() {
        println!("skipped: a broker without SERVICES_DIR, so without rabbitmqctl");
        return;
    }
    let mut settings = services.settings("replaced");
    settings.answer_within = Duration::from_secs(2);
    settings.look_around_after = Duration::from_secs(1);
    let prefix = settings.prefix.to_string();
    let queue = Queue::new(settings);
    let producer = queue.producer().await.unwrap();
    let mut consumer = queue.consume(1).await.unwrap();
    producer.publish(&messages(0..1)).await.unwrap();
    let held = next(&mut consumer).await;

    // The broker then refuses messages, as it does for a queue without a leader.
    let pattern = format!(r"^{prefix}\.tasks\.0$");
    let full = r#"{"max-length": 1, "overflow": "reject-publish"}"#;
    services.command("ctl", &["set_policy", "--apply-to", "queues", &prefix, &pattern, full]);
    let refused = async {
        while producer.publish(&messages(1..50)).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), refused).await.expect("the queue is full");
    publish_at_last(&producer, 100..110).await;
    // The consumer was reading the old queue, which still works for it, until there is nothing more to read.
    held.ack();
    drain(&mut consumer, messages(100..110).into_iter().collect()).await;
    consumer.close().await;
    assert_eq!(producer.depth().await.unwrap(), 0);
}

/// On one broker of their own, one after the other: they break it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_broker_is_survived() {
    let Some(services) = Services::private() else { return };
    a_full_disk_blocks_without_hanging(&services).await;
    a_late_acknowledgement_costs_a_channel(&services).await;
    a_deleted_queue_is_declared_again(&services).await;
    a_killed_broker_loses_nothing_old(&services).await;
    a_queue_without_a_leader_is_replaced(&services).await;
}

async fn a_full_disk_blocks_without_hanging(services: &Services) {
    let mut settings = services.settings("disk");
    settings.publish_within = Duration::from_secs(1);
    let queue = Queue::new(settings);
    let producer = queue.producer().await.unwrap();
    producer.publish(&messages(0..10)).await.unwrap();
    services.command("ctl", &["set_disk_free_limit", "100000GB"]);

    let mut outcomes = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        outcomes.push(producer.publish(&messages(10..20)).await.map_err(|error| error.to_string()));
        assert!(started.elapsed() < Duration::from_secs(3));
    }
    let blocked = QueueError::Blocked.to_string();
    assert_eq!(outcomes.last(), Some(&Err(blocked)), "{outcomes:?}");
    // Workers go on with what there is.
    let mut consumer = queue.consume(10).await.unwrap();
    drain(&mut consumer, messages(0..10).into_iter().collect()).await;

    services.command("ctl", &["set_disk_free_limit", "10MB"]);
    publish_at_last(&producer, 20..30).await;
    drain(&mut consumer, messages(20..30).into_iter().collect()).await;
    assert_eq!(producer.connection().borrow().established, 1, "the connection was never lost");
}

async fn a_late_acknowledgement_costs_a_channel(services: &Services) {
    let milliseconds = |name: &str, value: u32| format!("application:set_env(rabbit, {name}, {value}).");
    services.command("ctl", &["eval", &milliseconds("channel_tick_interval", 200)]);
    services.command("ctl", &["eval", &milliseconds("consumer_timeout", 1_000)]);
    let queue = Queue::new(services.settings("late"));
    let producer = queue.producer().await.unwrap();
    producer.publish(&messages(0..1)).await.unwrap();
    let mut consumer = queue.consume(1).await.unwrap();
    let late = next(&mut consumer).await;
    let again = next(&mut consumer).await;
    assert_eq!(again.message(), late.message());
    late.ack();
    again.ack();
    producer.publish(&messages(1..2)).await.unwrap();
    assert_eq!(next(&mut consumer).await.message(), message(1));
    services.command("ctl", &["eval", &milliseconds("consumer_timeout", 1_800_000)]);
    services.command("ctl", &["eval", &milliseconds("channel_tick_interval", 60_000)]);
}

async fn a_deleted_queue_is_declared_again(services: &Services) {
    let settings = services.settings("deleted");
    let name = format!("{}.tasks.0", settings.prefix);
    let queue = Queue::new(settings);
    let producer = queue.producer().await.unwrap();
    let mut consumer = queue.consume(10).await.unwrap();
    services.command("ctl", &["delete_queue", &name]);
    publish_at_last(&producer, 0..10).await;
    drain(&mut consumer, messages(0..10).into_iter().collect()).await;
    assert_eq!(producer.connection().borrow().established, 2);
}

async fn a_killed_broker_loses_nothing_old(services: &Services) {
    let queue = Queue::new(services.settings("killed"));
    let producer = queue.producer().await.unwrap();
    let mut connection = producer.connection();
    let mut consumer = queue.consume(10).await.unwrap();
    let mut expected: std::collections::BTreeSet<_> = messages(0..100).into_iter().collect();
    producer.publish(&messages(0..100)).await.unwrap();
    let held = next(&mut consumer).await;
    sleep(Duration::from_secs(5)).await;

    services.command("kill", &["--only", "rabbit"]);
    let started = Instant::now();
    let error = producer.publish(&messages(100..200)).await.unwrap_err();
    assert!(error.retryable() && started.elapsed() < Duration::from_secs(12), "{error}");
    let went_down = connection.wait_for(|connection| !connection.up);
    timeout(Duration::from_secs(10), went_down)
        .await
        .expect("noticed")
        .expect("alive");
    services.command("start", &["--only", "rabbit"]);

    let came_back = connection.wait_for(|connection| connection.up && connection.established == 2);
    timeout(Duration::from_mins(1), came_back)
        .await
        .expect("connected again")
        .expect("alive");
    publish_at_last(&producer, 100..200).await;
    // Of a connection that is gone: no effect, and no error.
    held.ack();
    expected.extend(messages(100..200));
    drain(&mut consumer, expected).await;
    consumer.close().await;
    assert_eq!(producer.depth().await.unwrap(), 0);
}

async fn a_queue_without_a_leader_is_replaced(services: &Services) {
    let queue = Queue::new(services.settings("leader"));
    let producer = queue.producer().await.unwrap();
    let mut consumer = queue.consume(10).await.unwrap();
    // No pause between declaring and killing: that is the trap.
    services.command("kill", &["--only", "rabbit"]);
    services.command("start", &["--only", "rabbit"]);
    publish_at_last(&producer, 0..100).await;
    drain(&mut consumer, messages(0..100).into_iter().collect()).await;
}
