//! F34: two changes of the same rows at once, and a deadlock.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};
use t11_core::World;
use t11_runtime::Shape;
use t11_store::{DatabaseConfig, Db};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::mesh::{SERVICES, Services};
use t11_tests::processes::free_address;
use t11_tests::servers::Postgres;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn f34_of_changes_at_once_one_is_made_and_the_others_are_told() {
    let services = Services::start(&[]).await;
    changes_at_once(&services).await;
    services.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f34_a_deadlock_is_tried_again_once_and_no_change_is_lost() {
    let Some(server) = Postgres::start("F34").await else {
        return;
    };
    let (services, edge) = apart(&server.url()).await;
    changes_at_once(&edge).await;
    let owner = edge.owner("F34").await;
    let agent = owner.agent(json!({"display_name": "Анна"})).await;
    let id = agent.rsplit('/').next().unwrap().to_owned();
    let (mut other, mut watcher) = (server.connect().await, server.connect().await);

    // The other transaction has the outbox and will want the agent; the change has the agent and
    // will want the outbox. The server looks for deadlocks on behalf of who has waited for a second.
    until_outbox_is_empty(&mut watcher).await;
    let hold = "SET deadlock_timeout = '60s'; BEGIN; LOCK TABLE agents.outbox IN SHARE MODE";
    other.execute(hold).await.unwrap();
    let changing = tokio::spawn({
        let owner = owner.clone();
        let path = format!("/api/{agent}");
        async move { owner.patch(&path, json!({"display_name": "Борис"})).await }
    });
    until_somebody_waits(&mut watcher).await;
    let update = format!("UPDATE agents.agents SET model = model WHERE id = '{id}'; COMMIT");
    other.execute(AssertSqlSafe(update)).await.unwrap();

    let changed = changing.await.unwrap().ok();
    assert_eq!(changed["display_name"], "Борис");
    let read = owner.get(&format!("/api/{agent}")).await.ok();
    assert_eq!(read["display_name"], "Борис");
    assert_eq!(deadlocks(&mut watcher).await, 1);
    edge.stop().await;
    services.stop().await;
}

/// Edge alone, and all others at ports of their own: between them calls are tried again.
async fn apart(url: &str) -> (Services, Services) {
    for service in t11_migrations::SERVICES {
        let config = DatabaseConfig::new(url).for_service(service);
        let db = Db::connect(&config, World::system()).await.unwrap();
        t11_migrations::migrate(service, &db).await.unwrap();
        db.close().await;
    }
    let names = &SERVICES[..5];
    let mut listen = vec![
        ("DATABASE_URL".to_owned(), url.to_owned()),
        ("T11_ADMIN_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
    ];
    let mut peers = Vec::new();
    for name in names {
        let (address, name) = (free_address(), name.to_uppercase());
        listen.push((format!("T11_LISTEN__{name}"), address.to_string()));
        peers.push((format!("T11_PEERS__{name}"), format!("http://{address}")));
    }
    let (listen, peers) = (borrowed(&listen), borrowed(&peers));
    let services = Services::of(names, World::system(), Shape::Apart, &listen).await;
    let alone = Shape::OneProcess;
    let edge = Services::of(&SERVICES[5..], World::system(), alone, &peers).await;
    (services, edge)
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = pairs.iter();
    pairs.map(|(name, value)| (&**name, &**value)).collect()
}

/// Many who have read the same and change it: all but one must look again.
async fn changes_at_once(services: &Services) {
    let owner = services.owner("F34").await;
    let agent = json!({"display_name": "Анна"});
    let mut read = owner.post("/api/agents", agent).await.ok();
    let path = format!("/api/{}", read["name"].as_str().unwrap());
    for round in 0..5 {
        let mut changes = JoinSet::new();
        for change in 0..8 {
            let (owner, path, etag) = (owner.clone(), path.clone(), read["etag"].clone());
            changes.spawn(async move {
                let name = format!("{round}-{change}");
                let body = json!({"display_name": name, "etag": etag});
                (name, owner.patch(&path, body).await)
            });
        }
        let mut made = Vec::new();
        for (name, answer) in changes.join_all().await {
            if answer.status.is_success() {
                made.push(name);
            } else {
                assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
            }
        }
        assert_eq!(made.len(), 1, "{made:?}");
        read = owner.get(&path).await.ok();
        assert_eq!(read["display_name"], made[0].as_str());
    }
}

async fn number(watcher: &mut PgConnection, query: &'static str) -> i64 {
    watcher.fetch_one(query).await.unwrap().get(0)
}

async fn until_outbox_is_empty(watcher: &mut PgConnection) {
    let began = Instant::now();
    while number(watcher, "SELECT count(*) FROM agents.outbox").await > 0 {
        assert!(began.elapsed() < PATIENCE, "the outbox is not emptied");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn until_somebody_waits(watcher: &mut PgConnection) {
    const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted \
         AND relation = 'agents.outbox'::regclass";
    let began = Instant::now();
    while number(watcher, WAITING).await == 0 {
        assert!(began.elapsed() < PATIENCE, "nobody wants the outbox");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Those that the server has counted: it does so a moment later.
async fn deadlocks(watcher: &mut PgConnection) -> i64 {
    const COUNTED: &str = "SELECT deadlocks FROM pg_stat_database WHERE datname = 't11'";
    let began = Instant::now();
    loop {
        let counted = number(watcher, COUNTED).await;
        if counted > 0 || began.elapsed() > PATIENCE {
            return counted;
        }
        sleep(Duration::from_millis(100)).await;
    }
}
