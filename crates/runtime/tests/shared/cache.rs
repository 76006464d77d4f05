use std::time::Duration;

use bytes::Bytes;
use t11_runtime::Cache;
use tokio::time::sleep;

use crate::server::{Server, Way, until_there};

const MINUTE: Duration = Duration::from_secs(60);

/// The cache of one more process.
async fn cache_of(way: &Way) -> Cache {
    let redis = way.redis();
    if let Some(redis) = &redis {
        until_there(redis).await;
    }
    Cache::new("test", 1_000_000, redis)
}

#[tokio::test]
async fn what_one_process_keeps_others_find_in_redis() {
    for way in Way::all() {
        let (one, other) = (cache_of(&way).await, cache_of(&way).await);
        one.put(&[1; 32], Bytes::from("value"), MINUTE).await;
        assert_eq!(one.get(&[1; 32]).await, Some(Bytes::from("value")));
        let shared = way.redis().map(|_| Bytes::from("value"));
        assert_eq!(other.get(&[1; 32]).await, shared);
        assert_eq!(other.get(&[2; 32]).await, None);
    }
}

#[tokio::test]
async fn redis_keeps_a_value_for_its_time() {
    let Some(way) = Way::all().into_iter().find(|way| way.redis().is_some()) else {
        return;
    };
    let (one, other) = (cache_of(&way).await, cache_of(&way).await);
    one.put(&[1; 32], Bytes::from("value"), Duration::from_millis(30))
        .await;
    while other.get(&[1; 32]).await.is_some() {
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn without_redis_the_process_keeps_its_own() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let cache = cache_of(&server.way()).await;
    cache.put(&[1; 32], Bytes::from("one"), MINUTE).await;
    server.kill();
    cache.put(&[2; 32], Bytes::from("two"), MINUTE).await;
    assert_eq!(cache.get(&[1; 32]).await, Some(Bytes::from("one")));
    assert_eq!(cache.get(&[2; 32]).await, Some(Bytes::from("two")));
    assert_eq!(cache.get(&[3; 32]).await, None);
}
