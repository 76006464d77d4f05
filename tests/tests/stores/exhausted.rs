//! F33: all connections are taken.

use std::time::Duration;

use reqwest::StatusCode;
use sea_orm_migration::sea_orm::ConnectionTrait as _;
use t11_store::{DatabaseConfig, Db, StoreError, System};
use t11_tests::machine::Hiccups;
use t11_tests::processes::OwnDatabase;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::mesh::{Services, agents, writes_within};

/// How soon who finds no connection must be told, besides what the machine takes.
const TOLD_WITHIN: Duration = Duration::from_secs(1);
const HELD_FOR: Duration = Duration::from_secs(4);

/// Takes all connections of a service for a while, each in a transaction that has begun.
fn hold_all(db: &Db) -> JoinSet<Result<(), StoreError>> {
    let mut held = JoinSet::new();
    for _ in 0..DatabaseConfig::default().max_connections {
        let db = db.clone();
        held.spawn(async move {
            db.read(System("a long report"), |tx| async move {
                tx.execute_unprepared("SELECT 1").await?;
                sleep(HELD_FOR).await;
                Ok(())
            })
            .await
        });
    }
    held
}

async fn who_finds_no_connection_is_told_soon(database_url: &str) {
    let services = Services::start(&[("DATABASE_URL", database_url)]).await;
    let owner = services.owner("F33").await;
    agents(&owner).await;
    let db = services.mesh().context().databases()["agents"].clone();
    let held = hold_all(&db);
    sleep(Duration::from_millis(300)).await;
    let hiccups = Hiccups::watch();
    let asked = Instant::now();
    let answer = owner.get("/api/agents").await;
    let took = asked.elapsed();
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    assert_eq!(answer.reason(), "DATABASE_BUSY");
    let patience = TOLD_WITHIN + hiccups.longest();
    assert!(took < patience, "{took:?} of {patience:?}");
    let asked = Instant::now();
    owner.get("/api/health").await.ok();
    let took = asked.elapsed();
    assert!(took < TOLD_WITHIN + hiccups.longest(), "it lives: {took:?}");
    for outcome in held.join_all().await {
        outcome.unwrap();
    }
    writes_within(&owner, TOLD_WITHIN, "after").await;
    services.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f33_an_exhausted_pool_of_sqlite_is_said_at_once() {
    who_finds_no_connection_is_told_soon("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f33_an_exhausted_pool_of_postgres_is_said_at_once() {
    if let Some(database) = OwnDatabase::given().await {
        who_finds_no_connection_is_told_soon(&database.url).await;
    }
}
