//! F15 and F16: the disk is full.

use std::time::Duration;

use reqwest::StatusCode;
use sea_orm_migration::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};
use t11_core::World;
use t11_store::{DatabaseConfig, Db, StoreError, System};
use t11_tests::client::name;
use t11_tests::{Answer, Client};

use crate::disk::Disk;
use crate::mesh::Services;
use t11_tests::servers::Postgres;

/// How soon after there is room again all must work.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Text that cannot be made shorter, so that it needs its room: `lines` of 64 characters.
fn text(lines: usize) -> String {
    let line = || -> String {
        let bytes = World::system().random::<32>();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    (0..lines).map(|_| line() + "\n").collect()
}

async fn add_article(owner: &Client, lines: usize) -> Answer {
    let article = json!({"display_name": "Статья", "content": text(lines)});
    owner
        .post("/api/knowledge/sources:createArticle", article)
        .await
}

/// Writes until one is refused for want of room; what was acknowledged before.
async fn until_full(owner: &Client) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for _ in 0..400 {
        let answer = add_article(owner, 1_500).await;
        if answer.status.is_success() {
            acknowledged.push(name(&answer.ok()));
            continue;
        }
        assert_full(&answer);
        return acknowledged;
    }
    panic!("the disk does not become full");
}

fn assert_full(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    assert_eq!(answer.reason(), "STORAGE_FULL", "{answer:?}");
}

async fn write_again(owner: &Client) -> String {
    let began = tokio::time::Instant::now();
    loop {
        let answer = add_article(owner, 10).await;
        if answer.status.is_success() {
            return name(&answer.ok());
        }
        let waited = began.elapsed();
        assert!(waited < BACK_WITHIN, "{waited:?}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn all_there(owner: &Client, sources: &[String]) {
    for source in sources {
        let read = owner.get(&format!("/api/knowledge/{source}")).await.ok();
        assert_eq!(read["name"], Value::from(source.as_str()));
    }
}

/// From an empty disk to a full one and back.
async fn fill_and_empty(owner: &Client, disk: &Disk) {
    let mut acknowledged = vec![write_again(owner).await];
    disk.fill();
    acknowledged.extend(until_full(owner).await);
    for _ in 0..5 {
        assert_full(&add_article(owner, 1_500).await);
        all_there(owner, &acknowledged).await;
        owner.get("/api/agents").await.ok();
    }
    disk.empty();
    acknowledged.push(write_again(owner).await);
    all_there(owner, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f15_a_full_disk_of_postgres_refuses_writes_and_loses_nothing() {
    if std::env::var(t11_store::testing::URL_VARIABLE).is_err() {
        return;
    }
    let Some(disk) = Disk::mount("F15", 200) else {
        return;
    };
    let Some(mut server) = Postgres::start_on("F15", Some(disk.path())).await else {
        return;
    };
    let services = Services::start(&[("DATABASE_URL", &server.url())]).await;
    let owner = services.owner("F15").await;
    fill_and_empty(&owner, &disk).await;
    assert!(server.is_running());
    services.stop().await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn f16_a_full_disk_of_sqlite_refuses_writes_and_breaks_nothing() {
    let Some(disk) = Disk::mount("F16", 48) else {
        return;
    };
    let folder = disk.path().join("data");
    let told = folder.display().to_string();
    let services = Services::start(&[("T11_DATA_DIR", &told)]).await;
    let owner = services.owner("F16").await;
    fill_and_empty(&owner, &disk).await;
    services.stop().await;
    for service in t11_migrations::SERVICES {
        let url = format!("sqlite://{}", folder.join("t11.db").display());
        let config = DatabaseConfig::new(url).for_service(service);
        assert_eq!(integrity(&config).await, "ok", "{service}");
    }
}

async fn integrity(config: &DatabaseConfig) -> String {
    let db = Db::connect(config, World::system()).await.unwrap();
    let check = db.read(System("integrity check"), |tx| async move {
        let check = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
        let row = tx.query_one_raw(check).await?.unwrap();
        Ok::<String, StoreError>(row.try_get_by_index(0)?)
    });
    let said = check.await.unwrap();
    db.close().await;
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn f16_a_full_bucket_refuses_files_and_keeps_no_part_of_them() {
    let Some(disk) = Disk::mount("F16", 24) else {
        return;
    };
    let assets = format!("file://{}", disk.path().join("assets").display());
    let services = Services::start(&[("T11_ASSETS_URL", &assets)]).await;
    let owner = services.owner("F16").await;
    disk.fill();
    let upload = async |lines: usize| {
        let path = "/api/knowledge/sources:upload";
        owner.upload(path, "list.txt", text(lines).into()).await
    };
    // One that is sent at once, and one in parts.
    for lines in [10_000, 200_000] {
        assert_full(&upload(lines).await);
        assert_eq!(disk.used("assets"), 0, "a part stays");
    }
    let listed = owner.get("/api/knowledge/sources").await.ok();
    let listed = listed["sources"].as_array().map_or(0, Vec::len);
    assert_eq!(listed, 0, "a file that is not there is not listed");
    disk.empty();
    upload(10_000).await.ok();
    services.stop().await;
}
