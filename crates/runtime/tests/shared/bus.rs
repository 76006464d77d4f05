use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use t11_core::World;
use t11_runtime::Bus;
use t11_runtime::bus::{Heard, Subscription};
use tokio::time::{Instant, sleep, timeout};

use crate::server::{Server, Way};

const SOON: Duration = Duration::from_secs(10);

fn message(text: impl ToString) -> Bytes {
    Bytes::from(text.to_string())
}

async fn heard(subscription: &mut Subscription) -> Heard {
    timeout(SOON, subscription.heard()).await.unwrap()
}

async fn text(subscription: &mut Subscription) -> String {
    match heard(subscription).await {
        Heard::Message(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Heard::Gap => "gap".to_owned(),
    }
}

/// Publishes `word` until it is heard; what else is heard before that.
async fn until_heard(from: &Bus, topic: &str, word: &str, at: &mut Subscription) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut before = Vec::new();
    loop {
        assert!(Instant::now() < deadline, "{word} does not arrive");
        from.publish(topic, || message(word));
        while let Ok(heard) = timeout(Duration::from_millis(200), text(at)).await {
            if heard == word {
                return before;
            }
            before.push(heard);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_topic_arrive_in_order() {
    for way in Way::all() {
        let (speaker, listener) = (way.member().await, way.member().await);
        let mut left = listener.subscribe("left").await;
        let mut right = listener.subscribe("right").await;
        for n in 0..100 {
            speaker.publish("left", || message(n));
            speaker.publish("right", || message(-n));
        }
        for n in 0..100 {
            assert_eq!(text(&mut left).await, n.to_string());
            assert_eq!(text(&mut right).await, (-n).to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_hears_neither_itself_nor_other_topics() {
    for way in Way::all() {
        let (one, other) = (way.member().await, way.member().await);
        let mut at_one = one.subscribe("topic").await;
        let mut at_other = other.subscribe("topic").await;
        one.publish("topic", || message("from one"));
        one.publish("topic2", || message("elsewhere"));
        one.publish("topi", || message("elsewhere"));
        assert_eq!(text(&mut at_other).await, "from one");
        other.publish("topic", || message("from other"));
        assert_eq!(text(&mut at_one).await, "from other");
        assert!(at_other.heard().now_or_never().is_none());
        assert!(at_one.heard().now_or_never().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_subscriber_hears_a_message_once() {
    for way in Way::all() {
        let world = World::system();
        let mut subscriptions = Vec::new();
        for _ in 0..3 {
            let carrier = way.carrier().await;
            for _ in 0..10 {
                let member = Bus::join(carrier.clone(), &world);
                subscriptions.push(member.subscribe("topic").await);
            }
        }
        let speaker = way.member().await;
        for word in ["a", "b"] {
            speaker.publish("topic", || message(word));
            for subscription in &mut subscriptions {
                assert_eq!(text(subscription).await, word);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_late_hears_only_what_comes_then() {
    for way in Way::all() {
        let (speaker, witness, late) = (way.member().await, way.member().await, way.member().await);
        let mut witness = witness.subscribe("topic").await;
        speaker.publish("topic", || message("before"));
        assert_eq!(text(&mut witness).await, "before");
        let mut late = late.subscribe("topic").await;
        speaker.publish("topic", || message("after"));
        assert_eq!(text(&mut late).await, "after");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_may_be_left_and_joined_again() {
    for way in Way::all() {
        let (speaker, listener) = (way.member().await, way.member().await);
        for n in 0..100 {
            let topic = format!("topic{}", n % 3);
            let mut subscription = listener.subscribe(&topic).await;
            speaker.publish(&topic, || message(n));
            assert_eq!(text(&mut subscription).await, n.to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_slow_hears_of_the_gap() {
    for way in Way::all() {
        let (speaker, slow, witness) = (way.member().await, way.member().await, way.member().await);
        let mut slow = slow.subscribe("topic").await;
        let mut witness = witness.subscribe("topic").await;
        for n in 0..1_000 {
            speaker.publish("topic", || message(n));
            assert_eq!(text(&mut witness).await, n.to_string());
        }
        // The other process has had as much time as the witness, nearly.
        sleep(Duration::from_millis(100)).await;
        let mut gaps = 0;
        for heard in until_heard(&speaker, "topic", "at last", &mut slow).await {
            gaps += usize::from(heard == "gap");
        }
        assert_eq!(gaps, 1);
    }
}

#[tokio::test]
async fn in_the_process_a_message_that_nobody_hears_is_not_made() {
    let way = Way::over(None);
    let (speaker, listener) = (way.member().await, way.member().await);
    let made = AtomicUsize::new(0);
    let speak = || {
        speaker.publish("topic", || {
            made.fetch_add(1, Ordering::Relaxed);
            Bytes::new()
        });
        made.load(Ordering::Relaxed)
    };
    assert_eq!(speak(), 0);
    let _own = speaker.subscribe("topic").await;
    assert_eq!(speak(), 0);
    let others = [
        listener.subscribe("topic").await,
        listener.subscribe("topic").await,
    ];
    assert_eq!(speak(), 1);
    drop(others);
    assert_eq!(speak(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_connection_listeners_are_woken_once() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let way = server.way();
    let (speaker, listener) = (way.member().await, way.member().await);
    let mut subscriptions = Vec::new();
    for topic in ["a", "b", "c"] {
        subscriptions.push((topic, listener.subscribe(topic).await));
    }
    server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    for (topic, subscription) in &mut subscriptions {
        assert_eq!(heard(subscription).await, Heard::Gap, "{topic}");
        speaker.publish(topic, || message("again"));
        assert_eq!(text(subscription).await, "again");
    }
    // All the rest of this process's connections too.
    server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    for (topic, subscription) in &mut subscriptions {
        let before = until_heard(&speaker, topic, "once more", subscription).await;
        assert!(before.is_empty(), "{before:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_done_without_and_found_again() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let way = server.way();
    let (speaker, listener) = (way.member().await, way.member().await);
    let mut subscription = listener.subscribe("topic").await;
    server.kill();
    let began = Instant::now();
    for n in 0..20_000 {
        speaker.publish("topic", || message(n));
    }
    let mut meanwhile = listener.subscribe("new").await;
    assert!(began.elapsed() < Duration::from_secs(2), "{began:?}");
    sleep(Duration::from_millis(300)).await;
    server.start_again().await;
    // Of those before some may come too, late.
    let before = until_heard(&speaker, "topic", "again", &mut subscription).await;
    assert!(before.iter().any(|heard| heard == "gap"));
    // What could not be heard from the start begins with a gap.
    assert_eq!(heard(&mut meanwhile).await, Heard::Gap);
    until_heard(&speaker, "new", "heard", &mut meanwhile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_left_and_found_again() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let way = server.way();
    let (speaker, listener) = (way.member().await, way.member().await);
    let mut subscription = listener.subscribe("topic").await;
    server.signal("STOP");
    let began = Instant::now();
    // Long enough for connections to be given up.
    while began.elapsed() < Duration::from_secs(8) {
        speaker.publish("topic", || message("into the void"));
        sleep(Duration::from_millis(100)).await;
    }
    server.signal("CONT");
    until_heard(&speaker, "topic", "again", &mut subscription).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgets_everything_still_carries() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let way = server.way();
    let (speaker, listener) = (way.member().await, way.member().await);
    let mut subscription = listener.subscribe("topic").await;
    server.ask(&["FLUSHALL"]);
    speaker.publish("topic", || message("still"));
    assert_eq!(text(&mut subscription).await, "still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_carries_too() {
    let Some(server) = Server::start_cluster().await else {
        return;
    };
    let way = server.way();
    let (speaker, listener) = (way.member().await, way.member().await);
    let mut subscriptions = Vec::new();
    for n in 0..20 {
        subscriptions.push(listener.subscribe(&format!("topic{n}")).await);
    }
    for (n, subscription) in subscriptions.iter_mut().enumerate() {
        speaker.publish(&format!("topic{n}"), || message(n));
        assert_eq!(text(subscription).await, n.to_string());
    }
    server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    for (n, subscription) in subscriptions.iter_mut().enumerate() {
        until_heard(&speaker, &format!("topic{n}"), "again", subscription).await;
    }
}
