//! F13 and F14: the way to the database is slow, or falls silent.

use std::net::SocketAddr;
use std::time::Duration;

use t11_runtime::{Redis, Secret};
use t11_tests::processes::OwnDatabase;
use t11_tests::{Answer, Client};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::mesh::{Services, add_agent, lost, writes_within};
use crate::proxy::Proxy;

/// The longest a call may take: the deadline of RPCs that name none, and a little for edge.
const DEADLINE: Duration = Duration::from_secs(12);
/// How soon dead connections must be found out.
const FOUND_WITHIN: Duration = Duration::from_secs(10);
/// How soon all must be well again.
const WELL_WITHIN: Duration = Duration::from_secs(5);
/// What may be answered by who cannot do it: too much work, not there, too late.
const REFUSALS: [u16; 3] = [429, 503, 504];

/// All services on a database of their own, over a proxy.
struct Bed {
    services: Services,
    proxy: Proxy,
    /// After the services, which use it.
    _database: OwnDatabase,
}

impl Bed {
    /// `None` where tests have no PostgreSQL.
    async fn start() -> Option<Self> {
        let database = OwnDatabase::given().await?;
        let (proxy, url) = proxy_before(&database.url).await;
        let services = Services::start(&[("DATABASE_URL", &url)]).await;
        Some(Self {
            services,
            proxy,
            _database: database,
        })
    }
}

/// A proxy before a server, and the URL that leads through it.
async fn proxy_before(url: &str) -> (Proxy, String) {
    let mut url = Url::parse(url).unwrap();
    let at = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let at: SocketAddr = at.parse().unwrap();
    let proxy = Proxy::start(at).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address().port())).unwrap();
    (proxy, url.into())
}

/// The answer to a read, and when it was asked and had.
async fn read(owner: &Client) -> (Answer, Instant, Duration) {
    let asked = Instant::now();
    let answer = owner.get("/api/agents").await;
    (answer, asked, asked.elapsed())
}

fn assert_refused_well(answer: &Answer) {
    let status = answer.status.as_u16();
    assert!(REFUSALS.contains(&status), "{answer:?}");
    assert!(!answer.reason().is_empty(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_a_slow_link_sheds_load_and_the_pool_outlives_it() {
    let Some(bed) = Bed::start().await else {
        return;
    };
    let owner = bed.services.owner("F13").await;
    let health = owner.clone().anonymous();
    bed.proxy
        .slow(Duration::from_secs(2), Duration::from_millis(500));
    let slow_for = Instant::now() + Duration::from_secs(12);
    let mut readers = JoinSet::new();
    for _ in 0..24 {
        let owner = owner.clone();
        readers.spawn(async move {
            let mut shed = 0_u32;
            while Instant::now() < slow_for {
                let (answer, _, took) = read(&owner).await;
                assert!(took < DEADLINE, "{took:?}: {answer:?}");
                if !answer.status.is_success() {
                    assert_refused_well(&answer);
                    shed += 1;
                    sleep(Duration::from_millis(100)).await;
                }
            }
            shed
        });
    }
    let asked = Instant::now();
    health.get("/api/health").await.ok();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "it lives: {took:?}");
    let shed: u32 = readers.join_all().await.into_iter().sum();
    assert!(shed > 0, "so many cannot all be answered");
    bed.proxy.quick();
    let name = writes_within(&owner, WELL_WITHIN, "after").await;
    let mut readers = JoinSet::new();
    for _ in 0..24 {
        let owner = owner.clone();
        readers.spawn(async move { read(&owner).await.0.ok() });
    }
    readers.join_all().await;
    assert!(lost(&owner, &[name]).await.is_empty());
    bed.services.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_connections_to_postgres_that_died_without_a_word_are_replaced() {
    let Some(bed) = Bed::start().await else {
        return;
    };
    let owner = bed.services.owner("F14").await;
    let mut acknowledged = Vec::new();
    // So that there are several connections to lose.
    let mut readers = JoinSet::new();
    for _ in 0..16 {
        let owner = owner.clone();
        readers.spawn(async move { read(&owner).await.0.ok() });
    }
    readers.join_all().await;
    bed.proxy.silence();
    let silent = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..4 {
        let owner = owner.clone();
        callers.spawn(async move {
            let (mut written, mut late, mut longest) = (Vec::new(), Duration::ZERO, Duration::ZERO);
            while silent.elapsed() < FOUND_WITHIN + Duration::from_secs(4) {
                let asked = silent.elapsed();
                let name = format!("{caller}-{}", asked.as_millis());
                let answer = add_agent(&owner, &name).await;
                longest = longest.max(silent.elapsed() - asked);
                assert!(longest < DEADLINE, "{longest:?}: {answer:?}");
                if answer.status.is_success() {
                    written.push(name);
                } else {
                    assert_refused_well(&answer);
                    late = asked;
                }
                sleep(Duration::from_millis(100)).await;
            }
            (written, late, longest)
        });
    }
    for (written, late, longest) in callers.join_all().await {
        assert!(late < FOUND_WITHIN, "refused as late as {late:?}");
        eprintln!("F14: the last call that failed began at {late:?}; the longest took {longest:?}");
        acknowledged.extend(written);
    }
    assert!(!acknowledged.is_empty());
    assert!(lost(&owner, &acknowledged).await.is_empty());
    bed.services.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_a_connection_to_redis_that_died_without_a_word_is_replaced() {
    let Ok(url) = std::env::var("T11_TEST_REDIS_URL") else {
        return;
    };
    t11_runtime::init_process();
    let (proxy, url) = proxy_before(&url).await;
    let redis = Redis::connect(&Secret::from(url), "stores-f14").unwrap();
    answers_within(&redis, WELL_WITHIN).await;
    proxy.silence();
    assert!(redis.ping().await.is_err(), "it is silent");
    let took = answers_within(&redis, FOUND_WITHIN).await;
    eprintln!("F14: Redis was found again after {took:?}");
}

async fn answers_within(redis: &Redis, patience: Duration) -> Duration {
    let began = Instant::now();
    while let Err(error) = redis.ping().await {
        assert!(began.elapsed() < patience, "{error}");
        sleep(Duration::from_millis(50)).await;
    }
    began.elapsed()
}
