//! Replicas that hear over the bus whose sessions and keys have ended. No clock goes on here, so that
//! whoever is not told believes for ever.

use std::sync::Arc;
use std::time::Duration;

use t11_core::{OrgId, World};
use t11_runtime::bus::{Carrier, InProcess, OverRedis};
use t11_runtime::{Bus, Endings, Redis, Secret};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::api_keys::{rest_of, watching};
use crate::client::{Call, call, signed_in};
use crate::mesh::{API_KEY, ORG, TestMesh};

const PATIENCE: Duration = Duration::from_secs(10);
const AGENT: &str = "GET /api/agents/7";

/// Makes the carrier of one more process.
type Way = Box<dyn Fn() -> Arc<dyn Carrier>>;

/// Within the process and, where tests have one, over Redis.
fn ways() -> Vec<Way> {
    let in_process = Arc::new(InProcess::default());
    let mut ways: Vec<Way> = vec![Box::new(move || in_process.clone())];
    if let Ok(url) = std::env::var("T11_TEST_REDIS_URL") {
        let namespace = format!("test-{}", World::system().new_id().simple());
        ways.push(Box::new(move || {
            let redis = Redis::connect(&Secret::from(url.clone()), &namespace).unwrap();
            Arc::new(OverRedis::new(&redis))
        }));
    }
    ways
}

fn accounts(way: &Way) -> Endings {
    Endings::new(Bus::join(way(), &World::system()))
}

fn with_key() -> Call {
    call(AGENT).header("authorization", &format!("Bearer {API_KEY}"))
}

/// Tells of the ending until the key is refused: whoever listens begins a moment after its start.
async fn until_refused(accounts: &Endings, edge: &TestMesh) {
    let end = Instant::now() + PATIENCE;
    while with_key().send(edge).await.error() != "401 API_KEY_REVOKED" {
        assert!(Instant::now() < end, "the ending is not heard of");
        accounts.tell(ORG);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn every_replica_asks_anew_about_a_key_that_was_revoked() {
    for way in ways() {
        let accounts = accounts(&way);
        let edges = [(); 2].map(|()| TestMesh::with_carrier(way()));
        for edge in &edges {
            assert_eq!(with_key().send(edge).await.status, 200);
            edge.seen().key_revoked = true;
            assert_eq!(with_key().send(edge).await.status, 200, "it was not told");
        }
        until_refused(&accounts, &edges[0]).await;
        until_refused(&accounts, &edges[1]).await;
    }
}

#[tokio::test]
async fn sessions_are_asked_about_anew_and_those_of_other_organizations_are_not() {
    for way in ways() {
        let accounts = accounts(&way);
        let edge = TestMesh::with_carrier(way());
        // Heard of for certain.
        edge.seen().key_revoked = true;
        until_refused(&accounts, &edge).await;
        let asked = async || {
            assert_eq!(signed_in(AGENT).send(&edge).await.status, 200);
            edge.seen().exchanges
        };
        let before = asked().await;
        accounts.tell(OrgId(Uuid::from_u128(99)));
        sleep(Duration::from_millis(200)).await;
        assert_eq!(asked().await, before, "it is another's");
        accounts.tell(ORG);
        let end = Instant::now() + PATIENCE;
        while asked().await == before {
            assert!(Instant::now() < end, "the ending is not heard of");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(asked().await, before + 1);
    }
}

#[tokio::test]
async fn an_open_stream_of_a_revoked_key_ends_at_once() {
    for way in ways() {
        let accounts = accounts(&way);
        let edge = TestMesh::with_carrier(way());
        let body = watching(&edge, API_KEY).await;
        edge.seen().key_revoked = true;
        until_refused(&accounts, &edge).await;
        let rest = timeout(PATIENCE, rest_of(body)).await.unwrap();
        assert!(rest.contains("API_KEY_REVOKED"), "{rest}");
    }
}
