//! F13 and F14: the way to the database is slow, or falls silent.

use std::net::SocketAddr;
use std::time::Duration;

use t11_fake_kommo::FakeKommoOptions;
use t11_runtime::{Redis, Secret};
use t11_tests::live::Beside;
use t11_tests::processes::{OwnDatabase, free_address};
use t11_tests::{Answer, Client, within};
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
/// Kommo waits no longer for the answer to a webhook.
const KOMMO_WAITS: Duration = Duration::from_secs(2);
const HOOKS: usize = 7;
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

/// What a webhook is answered, and after which time.
async fn send_hook(hook: &str, number: usize) -> (Duration, u16) {
    let body = format!("leads[update][0][id]={number}");
    let asked = Instant::now();
    let sent = reqwest::Client::new().post(hook).body(body).send().await;
    let status = sent.unwrap().status().as_u16();
    (asked.elapsed(), status)
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_over_a_slow_link_a_webhook_is_kept_or_refused_while_kommo_waits() {
    let Some(database) = OwnDatabase::given().await else {
        return;
    };
    let (proxy, url) = proxy_before(&database.url).await;
    let front = free_address();
    let beside = Beside::start(FakeKommoOptions::default().unlimited(), front).await;
    let listens = front.to_string();
    let told = [("DATABASE_URL", url), ("T11_HTTP_ADDR", listens)];
    let told = told.iter().chain(&beside.variables);
    let variables: Vec<_> = told.map(|(name, value)| (*name, &value[..])).collect();
    let services = Services::start(&variables).await;
    let company = beside.connect(services.owner("F13").await).await;
    let hook = company.account().webhooks()[0].destination.clone();

    proxy.slow(Duration::from_secs(2), Duration::from_millis(500));
    let mut took = Vec::new();
    for number in 0..HOOKS {
        let (time, status) = send_hook(&hook, number).await;
        assert_eq!(
            status, 503,
            "after {time:?}, and nothing can be kept sooner"
        );
        took.push(time);
    }
    took.sort();
    assert!(took[HOOKS / 2] < KOMMO_WAITS, "{took:?}");
    assert!(took[HOOKS - 1] < KOMMO_WAITS * 2, "{took:?}");
    proxy.quick();
    within(WELL_WITHIN, "a webhook that is kept", || async {
        let (_, status) = send_hook(&hook, HOOKS).await;
        (status == 200).then_some(())
    })
    .await;
    services.stop().await;
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
