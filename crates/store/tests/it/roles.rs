//! What a service's role may and may not do on PostgreSQL.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use t11_core::World;
use t11_store::testing::TestDb;
use t11_store::{DatabaseConfig, Db, Engine, StoreError, System};

use crate::fixture::{database, scope, write_note};

async fn on_postgres() -> Option<TestDb> {
    let db = database().await;
    (db.engine() == Engine::Postgres).then_some(db)
}

async fn with(config: DatabaseConfig) -> Db {
    Db::connect(&config, World::system()).await.unwrap()
}

async fn run(db: &Db, statement: &'static str) -> Result<(), StoreError> {
    let write = db.write(System("test"), move |tx| async move {
        tx.execute_unprepared(statement).await?;
        Ok(())
    });
    write.await
}

#[tokio::test]
async fn a_service_reads_and_writes_rows_and_nothing_else() {
    let Some(db) = on_postgres().await else {
        return;
    };
    run(&db, "DELETE FROM notes").await.unwrap();
    for forbidden in [
        "TRUNCATE notes",
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_organization ON notes",
        "DROP TABLE links",
        "CREATE TABLE mine (a int)",
        "DELETE FROM seaql_migrations",
        "ALTER ROLE t11_test BYPASSRLS",
    ] {
        let refused = run(&db, forbidden).await;
        assert!(
            matches!(refused, Err(StoreError::Internal(_))),
            "{forbidden}: {refused:?}"
        );
    }
    assert!(db.refusals(false).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_owner_of_the_tables_is_refused() {
    let Some(db) = on_postgres().await else {
        return;
    };
    let as_owner = DatabaseConfig {
        role: None,
        ..db.config().clone()
    };
    let refusals = with(as_owner).await.refusals(false).await.unwrap();
    assert!(
        refusals
            .iter()
            .any(|refusal| refusal.contains("owns its tables")),
        "{refusals:?}"
    );
    assert!(
        refusals.iter().any(|refusal| refusal.contains("TRUNCATE")),
        "{refusals:?}"
    );
    // In production it may not even log in as the owner.
    let refusals = db.refusals(true).await.unwrap();
    assert!(
        refusals.iter().any(|refusal| refusal.contains("logs in")),
        "{refusals:?}"
    );
}

#[tokio::test]
async fn a_commit_that_may_be_lost_is_refused() {
    let Some(db) = on_postgres().await else {
        return;
    };
    let mut config = db.config().clone();
    let sign = if config.url.contains('?') { '&' } else { '?' };
    config.url = format!("{}{sign}options[synchronous_commit]=off", config.url);
    let refusals = with(config).await.refusals(false).await.unwrap();
    assert!(
        refusals
            .iter()
            .any(|refusal| refusal.contains("synchronous_commit")),
        "{refusals:?}"
    );
}

#[tokio::test]
async fn a_missing_role_says_what_to_do() {
    let Some(db) = on_postgres().await else {
        return;
    };
    let config = DatabaseConfig {
        role: Some("t11_nobody".to_owned()),
        ..db.config().clone()
    };
    let error = with(config).await.ping().await.unwrap_err();
    assert!(error.to_string().contains("t11 migrate"), "{error}");
}

/// A connection that is shared through a pooler must carry nothing from one tenant to the next.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration to read it from"
)]
async fn nothing_is_carried_over_through_a_pooler() {
    let (Some(db), Ok(url)) = (on_postgres().await, std::env::var("T11_TEST_POOLER_URL")) else {
        return;
    };
    for org in 1..=2 {
        write_note(&db, org, &format!("of {org}")).await.unwrap();
    }
    let pooled = with(DatabaseConfig {
        url,
        ..db.config().clone()
    })
    .await;
    let reads = (0..800_u128).map(|number| {
        let (pooled, org) = (pooled.clone(), number % 2 + 1);
        async move {
            let seen = pooled
                .read(&scope(org), |tx| async move {
                    let query = "SELECT text FROM notes";
                    let query = Statement::from_string(DbBackend::Postgres, query);
                    let rows = tx.query_all_raw(query).await?;
                    let texts = rows.iter().map(|row| row.try_get::<String>("", "text"));
                    Ok::<_, StoreError>(texts.collect::<Result<Vec<_>, _>>()?)
                })
                .await;
            assert_eq!(seen.unwrap(), [format!("of {org}")]);
        }
    });
    futures::future::join_all(reads).await;
}
