//! F35 and F36: a migration is killed midway, or meets a table that others use.
#![expect(
    elided_lifetimes_in_paths,
    reason = "`MigrationTrait::up` is declared with one, and async_trait tells them apart"
)]

use std::time::Duration;

use sea_orm_migration::prelude::*;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection, Row as _};
use t11_core::World;
use t11_store::{DatabaseConfig, Db};
use t11_tests::machine::Hiccups;
use t11_tests::processes::OwnDatabase;
use tokio::time::{Instant, sleep};

use crate::mesh::{Services, add_agent};
use crate::program::{command, ended};

const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that a query may wait behind a migration, besides for the machine.
const LONGEST_QUEUE: Duration = Duration::from_millis(200);

async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    options.connect().await.unwrap()
}

async fn count(connection: &mut PgConnection, query: &'static str) -> i64 {
    connection.fetch_one(query).await.unwrap().get(0)
}

/// Every migration ends with rights for the role, under a lock that the test holds: it is killed
/// when all of its tables are made and nothing is committed.
#[tokio::test(flavor = "multi_thread")]
async fn f35_a_migration_that_was_killed_midway_is_done_by_the_next() {
    const TABLES: &str = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname IN ('accounts', 'agents', 'crm', 'jobs', 'llm') AND c.relkind = 'r'";
    const AT_THE_LOCK: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let Some(database) = OwnDatabase::given().await else {
        return;
    };
    let mut watcher = connect(&database.url).await;
    let mut holder = connect(&database.url).await;
    let lock = "SELECT pg_advisory_lock(hashtextextended('t11.roles', 0))";
    holder.execute(lock).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let migrate = || {
        let mut migrate = command(folder.path());
        migrate.arg("migrate").env("DATABASE_URL", &database.url);
        migrate
    };
    let mut killed = migrate().spawn().unwrap();
    let began = Instant::now();
    while count(&mut watcher, AT_THE_LOCK).await == 0 {
        assert!(began.elapsed() < PATIENCE, "it does not come to the lock");
        sleep(Duration::from_millis(20)).await;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    // The server notices that its client is gone when it has the lock.
    drop(holder);
    let began = Instant::now();
    while count(
        &mut watcher,
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .await
        > 0
    {
        assert!(began.elapsed() < PATIENCE, "the killed one holds its locks");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count(&mut watcher, TABLES).await, 0, "half of it stays");

    let output = ended(&mut migrate());
    assert!(output.status.success(), "{output:?}");
    assert!(count(&mut watcher, TABLES).await > 20);
    let services = Services::start(&[("DATABASE_URL", &database.url)]).await;
    let owner = services.owner("F35").await;
    add_agent(&owner, "Анна").await.ok();
    services.stop().await;
}

/// A migration that needs the table `notes` for itself.
struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(AddColumn)]
    }
}

#[derive(DeriveMigrationName)]
struct AddColumn;

#[async_trait::async_trait]
impl MigrationTrait for AddColumn {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = "ALTER TABLE notes ADD COLUMN color text";
        manager.get_connection().execute_unprepared(add).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f36_nobody_queues_long_behind_a_migration_that_waits_for_a_reader() {
    let Some(database) = OwnDatabase::given().await else {
        return;
    };
    let mut reader = connect(&database.url).await;
    let tables = "CREATE TABLE notes (id bigint); INSERT INTO notes VALUES (1)";
    reader.execute(tables).await.unwrap();
    let config = DatabaseConfig::new(&database.url);
    let db = Db::connect(&config, World::system()).await.unwrap();
    reader.execute("BEGIN; SELECT * FROM notes").await.unwrap();

    let migration = tokio::spawn({
        let db = db.clone();
        async move { t11_migrations::apply::<Migrator>(&db).await }
    });
    let mut others = connect(&database.url).await;
    let hiccups = Hiccups::watch();
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        others.execute("SELECT * FROM notes").await.unwrap();
        longest = longest.max(asked.elapsed());
        sleep(Duration::from_millis(10)).await;
    }
    assert!(!migration.is_finished(), "the reader is in its way");
    let of_machine = hiccups.longest();
    assert!(
        longest < LONGEST_QUEUE + of_machine,
        "{longest:?}, of which the machine took {of_machine:?}"
    );
    assert!(
        longest > Duration::from_millis(50),
        "nobody met the migration: {longest:?}"
    );
    eprintln!("F36: the longest wait behind the migration was {longest:?}");
    reader.execute("COMMIT").await.unwrap();
    let applied = tokio::time::timeout(PATIENCE, migration).await;
    assert_eq!(applied.unwrap().unwrap().unwrap().len(), 1);
    others.execute("SELECT color FROM notes").await.unwrap();
    db.close().await;
}
