//! The migrations of every service, on SQLite, and on PostgreSQL when `T11_TEST_DATABASE_URL` is
//! set.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may stop at the first surprise"
)]

use sea_orm_migration::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use t11_migrations::{SERVICES, migrate, pending};
use t11_store::testing::TestDb;
use t11_store::{Db, Engine, StoreError, System};

#[tokio::test]
async fn every_service_migrates_and_then_has_nothing_to_do() {
    for service in SERVICES {
        let db = TestDb::new(|_| async { Ok(()) }).await;
        assert!(
            !pending(service, &db).await.unwrap().is_empty(),
            "{service}"
        );
        migrate(service, &db).await.unwrap();
        assert!(pending(service, &db).await.unwrap().is_empty(), "{service}");
        migrate(service, &db).await.unwrap();
    }
}

/// Tables with `org_id` but without row security, because they are read for all organizations at
/// once: jobs of the relay, and counts by which the queue is fair. May only shrink.
const OPEN: [&str; 2] = ["outbox", "queue_orgs"];

#[tokio::test]
async fn every_tenant_table_is_behind_row_security_on_postgres() {
    for service in SERVICES {
        let db = TestDb::new(|db| async move { migrate(service, &db).await }).await;
        if db.engine() == Engine::Postgres {
            let mut open = tenant_tables_without_row_security(&db).await;
            open.retain(|table| !OPEN.contains(&table.as_str()));
            assert!(
                open.is_empty(),
                "{service}: use `table::create_for_tenants` for {open:?}"
            );
        }
    }
}

async fn tenant_tables_without_row_security(db: &Db) -> Vec<String> {
    const QUERY: &str = "SELECT c.relname::text AS name FROM pg_class c \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' \
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' \
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity \
             AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid)) \
         ORDER BY 1";
    db.read(System("test"), |tx| async move {
        let rows = tx
            .query_all_raw(Statement::from_string(DbBackend::Postgres, QUERY))
            .await?;
        let names = rows.iter().map(|row| row.try_get("", "name"));
        Ok::<_, StoreError>(names.collect::<Result<_, _>>()?)
    })
    .await
    .unwrap()
}
