//! The migrations of every service, on SQLite, and on PostgreSQL when `T11_TEST_DATABASE_URL` is
//! set.
use t11_migrations::{SERVICES, migrate, pending};
use t11_store::testing::TestDb;

#[tokio::test]
async fn every_service_migrates_and_then_has_nothing_to_do() {
    for service in SERVICES {
        let db = TestDb::new(|_| async { Ok(()) }).await;
        assert!(
            !pending(service, &db).await.unwrap().is_empty(),
            "{service}"
        );
        assert!(!migrate(service, &db).await.unwrap().is_empty());
        assert!(pending(service, &db).await.unwrap().is_empty(), "{service}");
        assert!(migrate(service, &db).await.unwrap().is_empty());
    }
}
