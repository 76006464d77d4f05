use sea_orm_migration::{MigrationTrait as _, SchemaManager};
use t11_store::testing::TestDb;
use t11_store::{Db, Effect, StoreError};

use crate::fixture::scope;

async fn effects() -> TestDb {
    let migrate = |db: Db| async move {
        db.migrate(|tx| async move {
            let transaction = tx.savepoint().await?;
            let manager = SchemaManager::new(&transaction);
            t11_migrations::effects::Migration.up(&manager).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        })
        .await
    };
    TestDb::new(migrate).await
}

async fn begin(db: &Db, org: u128, fence: i64) -> Effect {
    db.write(&scope(org), move |tx| async move {
        tx.begin_effect("send/1", fence).await
    })
    .await
    .unwrap()
}

async fn finish(db: &Db, org: u128, fence: i64) -> bool {
    db.write(&scope(org), move |tx| async move {
        tx.finish_effect("send/1", fence).await
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn an_effect_is_done_once() {
    let db = effects().await;
    assert_eq!(begin(&db, 1, 1).await, Effect::New);
    assert!(finish(&db, 1, 1).await);
    assert_eq!(begin(&db, 1, 2).await, Effect::Done);
    assert_eq!(begin(&db, 1, 1).await, Effect::Done);
    // Keys are of an organization.
    assert_eq!(begin(&db, 2, 1).await, Effect::New);
}

#[tokio::test]
async fn what_was_begun_and_not_finished_is_unknown() {
    let db = effects().await;
    assert_eq!(begin(&db, 1, 1).await, Effect::New);
    assert_eq!(begin(&db, 1, 2).await, Effect::Unknown);
    assert_eq!(begin(&db, 1, 2).await, Effect::Unknown);
}

#[tokio::test]
async fn a_late_try_does_nothing() {
    let db = effects().await;
    assert_eq!(begin(&db, 1, 1).await, Effect::New);
    assert_eq!(begin(&db, 1, 3).await, Effect::Unknown);
    assert_eq!(begin(&db, 1, 2).await, Effect::Superseded);
    assert!(!finish(&db, 1, 1).await);
    assert!(finish(&db, 1, 3).await);
}

#[tokio::test]
async fn of_tries_at_the_same_time_one_is_the_first() {
    let db = effects().await;
    let tries = (0..8).map(|_| begin(&db, 1, 1));
    let begun = futures::future::join_all(tries).await;
    let first = begun.iter().filter(|effect| **effect == Effect::New);
    assert_eq!(first.count(), 1, "{begun:?}");
}
