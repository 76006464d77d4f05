use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use t11_core::World;
use t11_runtime::limiter::{LimitKey, Limiter, Quota, limiter};
use tokio::time::{Instant, sleep};

use crate::server::{Server, Way, until_there};

fn key(n: u8) -> LimitKey {
    LimitKey::Digest([n; 32])
}

fn quota(per_minute: u32, burst: u32) -> Quota {
    Quota { per_minute, burst }
}

/// The limiter of one more process, one of `replicas`.
async fn limiter_of(
    way: &Way,
    name: &'static str,
    quota: Quota,
    replicas: u32,
) -> Arc<dyn Limiter> {
    let redis = way.redis();
    if let Some(redis) = &redis {
        until_there(redis).await;
    }
    limiter(redis.as_ref(), &World::system(), name, quota, replicas)
}

async fn passes(limiter: &dyn Limiter, key: &LimitKey, tries: usize) -> usize {
    let mut passed = 0;
    for _ in 0..tries {
        passed += usize::from(limiter.count(key).await.is_ok());
    }
    passed
}

#[tokio::test]
async fn a_burst_passes_and_then_one_at_a_time() {
    for way in Way::all() {
        let limiter = limiter_of(&way, "test", quota(60, 20), 1).await;
        assert_eq!(passes(&*limiter, &key(1), 20).await, 20);
        let wait = limiter.count(&key(1)).await.unwrap_err().wait;
        assert!(wait > Duration::from_millis(500), "{wait:?}");
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        sleep(wait).await;
        assert_eq!(passes(&*limiter, &key(1), 5).await, 1);
    }
}

#[tokio::test]
async fn over_a_time_exactly_the_rate_passes() {
    for way in Way::all() {
        let limiter = limiter_of(&way, "test", quota(1_200, 5), 1).await;
        let began = Instant::now();
        let mut passed = 0_u128;
        while began.elapsed() < Duration::from_millis(1_500) {
            match limiter.count(&key(1)).await {
                Ok(()) => passed += 1,
                Err(refused) => sleep(refused.wait / 2).await,
            }
        }
        // The last look was at this time or before it.
        let at_most = 5 + began.elapsed().as_millis() / 50;
        assert!(passed <= at_most, "{passed} of {at_most}");
        assert!(passed + 3 >= at_most, "{passed} of {at_most}");
    }
}

#[tokio::test]
async fn keys_and_names_are_counted_apart() {
    for way in Way::all() {
        let limiter = limiter_of(&way, "test", quota(1, 2), 1).await;
        let other = limiter_of(&way, "other", quota(1, 2), 1).await;
        let addresses = ["203.0.113.9", "2001:db8::"].map(|text| text.parse::<IpAddr>().unwrap());
        let [v4, v6] = addresses.map(LimitKey::Address);
        for key in [key(1), key(2), v4, v6] {
            assert_eq!(passes(&*limiter, &key, 5).await, 2, "{key:?}");
        }
        assert_eq!(passes(&*other, &v4, 5).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_count_together() {
    let Some(url) = crate::server::url() else {
        return;
    };
    let way = Way::over(Some(url));
    let mut counting = Vec::new();
    // One a minute after the burst: none is added while this runs.
    for _ in 0..4 {
        let limiter = limiter_of(&way, "test", quota(1, 100), 4).await;
        counting.push(tokio::spawn(
            async move { passes(&*limiter, &key(1), 50).await },
        ));
    }
    let mut passed = 0;
    for counted in counting {
        passed += counted.await.unwrap();
    }
    assert_eq!(passed, 100);
}

#[tokio::test]
async fn keys_are_forgotten_when_they_are_full_again() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let limiter = limiter_of(&server.way(), "test", quota(600, 3), 1).await;
    assert_eq!(passes(&*limiter, &key(1), 3).await, 3);
    assert_eq!(server.ask(&["DBSIZE"]), "1");
    sleep(Duration::from_millis(400)).await;
    assert_eq!(server.ask(&["DBSIZE"]), "0");
}

#[tokio::test]
async fn what_else_lies_under_a_key_is_no_hindrance() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let way = server.way();
    let limiter = limiter_of(&way, "test", quota(60, 2), 1).await;
    let at = |address: &str| format!("{}:limit:test:{{{address}}}", way.namespace());
    server.ask(&["RPUSH", &at("192.0.2.1"), "a", "list"]);
    server.ask(&["SET", &at("192.0.2.2"), "a word"]);
    for address in ["192.0.2.1", "192.0.2.2"] {
        let key = LimitKey::Address(address.parse().unwrap());
        assert_eq!(passes(&*limiter, &key, 5).await, 2, "{address}");
    }
    // As after a clock that was far ahead: nobody is locked out for longer than a full burst.
    server.ask(&["SET", &at("192.0.2.3"), "9999999999999999"]);
    let key = LimitKey::Address("192.0.2.3".parse().unwrap());
    let wait = limiter.count(&key).await.unwrap_err().wait;
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
}

#[tokio::test]
async fn a_server_that_forgets_everything_only_begins_anew() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let limiter = limiter_of(&server.way(), "test", quota(1, 3), 1).await;
    assert_eq!(passes(&*limiter, &key(1), 5).await, 3);
    server.ask(&["FLUSHALL"]);
    server.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(passes(&*limiter, &key(1), 5).await, 3);
}

#[tokio::test]
async fn while_the_server_is_silent_each_replica_counts_its_share() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let limiter = limiter_of(&server.way(), "test", quota(1, 40), 4).await;
    assert_eq!(passes(&*limiter, &key(1), 1).await, 1);
    server.ask(&["CLIENT", "PAUSE", "3000"]);
    let began = Instant::now();
    assert_eq!(passes(&*limiter, &key(2), 30).await, 10);
    assert!(
        began.elapsed() < Duration::from_millis(400),
        "one waits 100 ms"
    );
    sleep(Duration::from_millis(4_500)).await;
    assert_eq!(passes(&*limiter, &key(3), 50).await, 40, "shared again");
}

#[tokio::test]
async fn while_the_server_is_gone_nobody_waits_for_it() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let limiter = limiter_of(&server.way(), "test", quota(1, 40), 4).await;
    assert_eq!(passes(&*limiter, &key(1), 1).await, 1);
    server.kill();
    let began = Instant::now();
    assert_eq!(passes(&*limiter, &key(2), 30).await, 10);
    assert!(began.elapsed() < Duration::from_millis(200));
    server.start_again().await;
    let deadline = Instant::now() + Duration::from_secs(10);
    // A key that no replica has counted by itself shows who counts.
    let mut fresh = 3;
    while passes(&*limiter, &key(fresh), 40).await < 40 {
        assert!(Instant::now() < deadline, "not shared again");
        fresh += 1;
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_cluster_counts_too() {
    let Some(server) = Server::start_cluster().await else {
        return;
    };
    let way = server.way();
    let limiter = limiter_of(&way, "test", quota(1, 3), 8).await;
    for n in 0..20 {
        assert_eq!(passes(&*limiter, &key(n), 5).await, 3);
    }
}
