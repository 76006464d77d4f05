//! F10 and F11: replicas that keep their connections and say nothing, some of a service's or all.

use std::time::{Duration, Instant};

use serde_json::json;
use t11_tests::processes::{Plan, SERVICES};
use tokio::task::JoinSet;

use crate::load::Readers;
use crate::{kills, mesh, report};

/// Health is asked for four times a second, and believed to be lost after a silence of 0.7 s, which
/// is 0.95 s at most; the rest is for stopping six processes, for asking the proxies, whose word it
/// is, each tenth of a second, and for a busy machine.
const PUT_ASIDE_WITHIN: Duration = Duration::from_secs(3);
/// Longer than a proxy takes to find that a connection is dead.
const FROZEN: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn f10_replicas_that_hang_are_put_aside_and_no_read_fails() {
    let plan = Plan {
        replicas: 2,
        ..Plan::default()
    };
    let Some((mesh, _room)) = mesh(plan).await else {
        return;
    };
    let owner = mesh.owner("Hung").await;
    mesh.until_balanced().await;
    let rounds = kills(1).div_ceil(10);
    let (mut answered, mut longest) = (0, Duration::ZERO);
    for round in 0..rounds {
        let number = usize::try_from(round % 2).unwrap();
        let readers = Readers::start(&owner);
        let start = Instant::now();
        for service in SERVICES {
            mesh.freeze(service, number);
        }
        for service in SERVICES {
            mesh.until_put_aside(service, number).await;
        }
        longest = longest.max(start.elapsed());
        tokio::time::sleep(FROZEN.saturating_sub(start.elapsed())).await;
        for service in SERVICES {
            mesh.thaw(service, number);
        }
        mesh.until_balanced().await;
        answered += readers.end().await;
    }
    assert!(longest < PUT_ASIDE_WITHIN, "{longest:?}");
    report(&json!({
        "rows": "F10", "frozen": rounds * SERVICES.len() as u64, "reads": answered, "refused": 0,
        "put_aside_ms": longest.as_millis(),
    }));
}

/// Calls at a time to the service that is cut off.
const CALLS: u64 = 200;
/// More calls than these are a storm. Edge asks for its neighbour's health, too, once a second.
const MOST_SENT: u64 = CALLS * 12 / 10 + 20;
/// The deadline of the RPC, and something for a busy machine.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn f11_calls_to_a_service_that_is_cut_off_end_by_their_deadline_without_a_storm() {
    let Some((mesh, _room)) = mesh(Plan::default()).await else {
        return;
    };
    let owner = mesh.owner("Cut").await;
    owner.get("/api/crm/connections").await.ok();
    mesh.freeze("crm", 0);
    let before = mesh.sent_to("crm").await;
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let caller = owner.clone();
        calls.spawn(async move { caller.get("/api/crm/connections").await });
    }
    // Who asks others is answered meanwhile.
    while calls.len() as u64 > CALLS / 2 && start.elapsed() < ANSWERED_WITHIN {
        owner.get("/api/agents").await.ok();
        while calls.try_join_next().map(refused).is_some() {}
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while let Some(answer) = calls.join_next().await {
        refused(answer);
    }
    let took = start.elapsed();
    let sent = mesh.sent_to("crm").await - before;
    assert!(took < ANSWERED_WITHIN, "{took:?}");
    assert!((CALLS..=MOST_SENT).contains(&sent), "{sent} for {CALLS}");
    mesh.thaw("crm", 0);
    mesh.until_balanced().await;
    mesh.until_ready().await;
    owner.get("/api/crm/connections").await.ok();
    report(&json!({
        "rows": "F11", "calls": CALLS, "sent": sent, "answered_ms": took.as_millis(),
    }));
}

/// Asserts that a call ended with the right word: its deadline passed, or it was found before that
/// that nobody is there.
fn refused(answer: Result<t11_tests::Answer, tokio::task::JoinError>) {
    let answer = answer.unwrap();
    let words = ["DEADLINE_EXCEEDED", "UNAVAILABLE", "SERVICE_UNREACHABLE"];
    assert!(answer.status.is_server_error(), "{}", answer.status);
    assert!(words.contains(&answer.reason()), "{}", answer.body);
}
