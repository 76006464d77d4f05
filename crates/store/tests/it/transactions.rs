use sea_orm::{ConnectionTrait as _, EntityTrait as _, Statement};
use t11_core::{Fault as _, FaultKind, World};
use t11_store::testing::TestDb;
use t11_store::{DatabaseConfig, Db, Engine, StoreError, System};
use tokio::sync::oneshot;

use crate::fixture::{add_note, database, migrate, new_note, note, org, scope, texts, write_note};

#[tokio::test]
async fn what_is_written_reads_back_equal() {
    let db = database().await;
    let written = write_note(&db, 1, "привет").await.unwrap();
    let id = written.id;
    let read = db
        .read(&scope(1), move |tx| async move {
            Ok::<_, StoreError>(note::Entity::find_by_id(id).one(&tx).await?)
        })
        .await
        .unwrap();
    assert_eq!(read, Some(written));
}

#[tokio::test]
async fn an_error_or_a_panic_leaves_nothing() {
    let db = database().await;
    let refused: Result<(), StoreError> = db
        .write(&scope(1), |tx| async move {
            add_note(&tx, "a").await?;
            Err(StoreError::Timeout)
        })
        .await;
    assert!(matches!(refused, Err(StoreError::Timeout)));
    let panicked: Result<(), StoreError> = db
        .write(&scope(1), |tx| async move {
            add_note(&tx, "b").await?;
            panic!("on purpose");
        })
        .await;
    assert!(matches!(panicked, Err(StoreError::Panicked)));
    write_note(&db, 1, "c").await.unwrap();
    assert_eq!(texts(&db).await, ["c"]);
}

#[tokio::test]
async fn conflicts_have_one_name_on_both_databases() {
    let db = database().await;
    let first = write_note(&db, 1, "same").await.unwrap();
    let conflict = write_note(&db, 1, "same").await.unwrap_err();
    assert!(
        conflict.is_conflict_on("notes", &["org_id", "text"]),
        "{conflict:?}"
    );
    assert_eq!(conflict.kind(), FaultKind::AlreadyExists);

    let same_id = db
        .write(&scope(1), move |tx| async move {
            let mut again = new_note(org(1), "other");
            again.id = sea_orm::ActiveValue::Set(first.id);
            Ok::<_, StoreError>(note::Entity::insert(again).exec(&tx).await?)
        })
        .await
        .unwrap_err();
    let StoreError::Conflict { constraint } = same_id else {
        panic!("{same_id:?}")
    };
    assert_eq!(constraint, "notes_pkey");
}

#[tokio::test]
async fn a_row_belongs_to_one_of_its_own_organization_or_is_refused() {
    let db = database().await;
    let of_one = write_note(&db, 1, "of one").await.unwrap().id;
    for (owner, note) in [(org(1), org(9).0), (org(2), of_one)] {
        let dangling = db
            .write(System("test"), move |tx| async move {
                let ids = [org(1).0.into(), owner.0.into(), note.into()];
                let insert = "INSERT INTO links (id, org_id, note_id) VALUES ($1, $2, $3)";
                let backend = tx.get_database_backend();
                tx.execute_raw(Statement::from_sql_and_values(backend, insert, ids))
                    .await?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap_err();
        assert!(matches!(dangling, StoreError::Reference), "{dangling:?}");
    }
}

#[tokio::test]
async fn a_read_cannot_write() {
    let db = database().await;
    let written = db
        .read(&scope(1), |tx| async move { add_note(&tx, "a").await })
        .await;
    assert!(
        matches!(written, Err(StoreError::Internal(_))),
        "{written:?}"
    );
    assert!(texts(&db).await.is_empty());
}

#[tokio::test]
async fn a_kept_transaction_is_of_no_use_after_its_end() {
    let db = database().await;
    let kept = db
        .write(&scope(1), |tx| async move { Ok::<_, StoreError>(tx) })
        .await
        .unwrap();
    assert!(kept.execute_unprepared("DELETE FROM notes").await.is_err());
    assert!(add_note(&kept, "late").await.is_err());
}

#[tokio::test]
async fn a_caller_that_leaves_stops_no_one_else() {
    let db = database().await;
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let leaving = db.db();
    let caller = tokio::spawn(async move {
        leaving
            .write(&scope(1), |tx| async move {
                add_note(&tx, "left").await?;
                begun.send(()).unwrap();
                let _released = may_go_on.await;
                Ok::<_, StoreError>(())
            })
            .await
    });
    has_begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    drop(go_on);
    write_note(&db, 1, "stayed").await.unwrap();
    match db.engine() {
        Engine::Sqlite => assert_eq!(texts(&db).await, ["left", "stayed"]),
        Engine::Postgres => assert_eq!(texts(&db).await, ["stayed"]),
    }
}

#[tokio::test]
async fn work_that_hangs_is_stopped() {
    let db = database().await;
    let config = DatabaseConfig {
        statement_timeout_ms: 50,
        ..db.config().clone()
    };
    let impatient = Db::connect(&config, World::system()).await.unwrap();
    let hung: Result<(), StoreError> = match db.engine() {
        Engine::Sqlite => {
            impatient
                .write(&scope(1), |tx| async move {
                    add_note(&tx, "half").await?;
                    std::future::pending().await
                })
                .await
        }
        Engine::Postgres => {
            impatient
                .write(&scope(1), |tx| async move {
                    add_note(&tx, "half").await?;
                    tx.execute_unprepared("SELECT pg_sleep(60)").await?;
                    Ok(())
                })
                .await
        }
    };
    assert!(matches!(hung, Err(StoreError::Timeout)), "{hung:?}");
    write_note(&impatient, 1, "whole").await.unwrap();
    assert_eq!(texts(&db).await, ["whole"]);
}

#[tokio::test]
async fn a_closed_database_is_unavailable() {
    let db = database().await;
    let second = Db::connect(db.config(), World::system()).await.unwrap();
    second.ping().await.unwrap();
    second.close().await;
    let refused = write_note(&second, 1, "late").await.unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Unavailable, "{refused:?}");
    assert_eq!(
        second.ping().await.unwrap_err().kind(),
        FaultKind::Unavailable
    );
}

#[tokio::test]
async fn memory_keeps_what_is_written_while_it_is_open() {
    let db = Db::connect(&DatabaseConfig::new("sqlite::memory:"), World::system())
        .await
        .unwrap();
    migrate(db.clone()).await.unwrap();
    write_note(&db, 1, "kept").await.unwrap();
    let written = db
        .read(
            &scope(1),
            |tx| async move { add_note(&tx, "not kept").await },
        )
        .await;
    assert!(written.is_ok());
    assert_eq!(texts(&db).await, ["kept"]);
}

#[tokio::test]
async fn a_missing_table_is_ours_to_mend_and_says_nothing() {
    let db = database().await;
    let error = db
        .read(System("test"), |tx| async move {
            tx.execute_unprepared("SELECT secret FROM nowhere").await?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FaultKind::Internal);
    assert!(!error.to_string().contains("nowhere"));
}

#[tokio::test]
async fn migrating_at_once_from_several_places_works() {
    let db = TestDb::new(|_| async { Ok(()) }).await;
    let other = Db::connect(db.config(), World::system()).await.unwrap();
    let (here, there) = tokio::join!(
        t11_migrations::migrate("crm", &db),
        t11_migrations::migrate("crm", &other)
    );
    here.unwrap();
    there.unwrap();
    assert!(
        t11_migrations::pending("crm", &db)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    let db = database().await;
    let before = t11_migrations::pending("llm", &db).await.unwrap();
    // One schema cannot hold two services, for both have an outbox.
    t11_migrations::migrate("llm", &db).await.unwrap_err();
    assert_eq!(t11_migrations::pending("llm", &db).await.unwrap(), before);
    assert!(matches!(
        t11_migrations::migrate("edge", &db).await,
        Err(StoreError::Config(_))
    ));
}
