//! Edges on a Redis, and on one that is not there.

use std::time::Duration;

use serde_json::json;
use t11_core::World;
use t11_edge::Rate;
use t11_runtime::{Redis, Secret};

use crate::client::{call, signed_in};
use crate::mesh::TestMesh;

/// Nobody listens at this port.
const NOWHERE: &str = "redis://127.0.0.1:1";

fn connect(url: &str, namespace: &str) -> Redis {
    Redis::connect(&Secret::from(url.to_owned()), namespace).unwrap()
}

#[tokio::test]
async fn a_redis_that_is_away_is_said_so_and_stops_nothing() {
    let mesh = TestMesh::with_redis(Some(connect(NOWHERE, "test")), |config| {
        config.limits.replicas = 2;
        config.limits.read = Rate {
            per_minute: 60,
            burst: 6,
        };
    });
    let health = call("GET /api/health/redis").send(&mesh).await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json(), json!({"status": "failing"}));
    // Each of the two lets half of the limit pass.
    for status in [200, 200, 200, 429] {
        let answer = signed_in("GET /api/agents/7").send(&mesh).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn edges_on_one_redis_count_together() {
    let Ok(url) = std::env::var("T11_TEST_REDIS_URL") else {
        return;
    };
    let namespace = format!("test-{}", World::system().new_id().simple());
    let edge = async || {
        let mesh = TestMesh::with_redis(Some(connect(&url, &namespace)), |config| {
            config.limits.read = Rate {
                per_minute: 1,
                burst: 5,
            };
        });
        // The connection takes a moment.
        for _ in 0..100 {
            if call("GET /api/health/redis").send(&mesh).await.status == 200 {
                return mesh;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("Redis is not reached")
    };
    let (one, other) = (edge().await, edge().await);
    let health = call("GET /api/health/redis").send(&one).await;
    assert_eq!(health.json(), json!({"status": "ok"}));
    for (mesh, status) in [
        (&one, 200),
        (&other, 200),
        (&one, 200),
        (&one, 200),
        (&other, 200),
        (&other, 429),
        (&one, 429),
    ] {
        let answer = signed_in("GET /api/agents/7").send(mesh).await;
        assert_eq!(answer.status, status);
    }
}
