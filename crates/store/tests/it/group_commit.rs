//! What the SQLite writer promises about the closures that share a commit.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use sea_orm::ConnectionTrait as _;
use t11_core::World;
use t11_store::{DatabaseConfig, Db, StoreError, System};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fixture::{add_note, migrate, scope, sqlite, texts, write_note};

/// Keeps the writer busy until the sender is used or dropped.
async fn hold(db: &Db) -> oneshot::Sender<()> {
    let db = db.clone();
    let (begun, has_begun) = oneshot::channel();
    let (release, released) = oneshot::channel();
    tokio::spawn(async move {
        db.write(System("hold"), |_| async move {
            begun.send(()).unwrap();
            let _released = released.await;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    });
    has_begun.await.unwrap();
    release
}

/// Starts the call, and returns when it waits for the writer (tests run on one thread).
async fn queue<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let task = tokio::spawn(call);
    tokio::task::yield_now().await;
    task
}

async fn queue_note(db: &Db, text: &str) -> JoinHandle<Result<(), StoreError>> {
    let (db, text) = (db.clone(), text.to_owned());
    queue(async move { write_note(&db, 1, &text).await.map(|_| ()) }).await
}

#[tokio::test]
async fn many_writes_share_a_commit() {
    let (_folder, db) = sqlite().await;
    let before = db.counters();
    let release = hold(&db).await;
    let mut calls = Vec::new();
    for number in 0..100 {
        calls.push(queue_note(&db, &format!("{number:03}")).await);
    }
    release.send(()).unwrap();
    for result in join_all(calls).await {
        result.unwrap().unwrap();
    }
    assert_eq!(texts(&db).await.len(), 100);
    let after = db.counters();
    assert_eq!(after.writes - before.writes, 101);
    let commits = after.commits - before.commits;
    // A batch ends after 50 ms, so a slow machine may need a few.
    assert!(commits * 4 <= 101, "{commits} commits");
}

#[tokio::test]
async fn a_failure_undoes_only_its_own_changes() {
    let (_folder, db) = sqlite().await;
    let release = hold(&db).await;
    let first = queue_note(&db, "first").await;
    let failing = db.clone();
    let failing = queue(async move {
        failing
            .write(&scope(1), |tx| async move {
                add_note(&tx, "failing").await?;
                Err::<(), _>(StoreError::Timeout)
            })
            .await
    })
    .await;
    let panicking = db.clone();
    let panicking = queue(async move {
        panicking
            .write::<(), StoreError, _, _>(&scope(1), |tx| async move {
                add_note(&tx, "panicking").await?;
                panic!("on purpose");
            })
            .await
    })
    .await;
    let again = queue_note(&db, "first").await;
    let last = queue_note(&db, "last").await;
    release.send(()).unwrap();

    first.await.unwrap().unwrap();
    assert!(matches!(failing.await.unwrap(), Err(StoreError::Timeout)));
    assert!(matches!(
        panicking.await.unwrap(),
        Err(StoreError::Panicked)
    ));
    assert!(again.await.unwrap().unwrap_err().is_conflict());
    last.await.unwrap().unwrap();
    assert_eq!(texts(&db).await, ["first", "last"]);
}

#[tokio::test]
async fn nobody_is_answered_before_the_commit() {
    let (_folder, db) = sqlite().await;
    let (release, released) = oneshot::channel::<()>();
    let hold_first = hold(&db).await;
    let written = queue_note(&db, "written").await;
    let holding = db.clone();
    let (begun, has_begun) = oneshot::channel();
    let holding = queue(async move {
        holding
            .write(System("hold"), |_| async move {
                begun.send(()).unwrap();
                let _released = released.await;
                Ok::<_, StoreError>(())
            })
            .await
    })
    .await;
    hold_first.send(()).unwrap();
    has_begun.await.unwrap();
    // `written` has run in the batch that the other still holds open.
    tokio::task::yield_now().await;
    assert!(!written.is_finished());
    assert!(texts(&db).await.is_empty());
    release.send(()).unwrap();
    holding.await.unwrap().unwrap();
    written.await.unwrap().unwrap();
    assert_eq!(texts(&db).await, ["written"]);
}

#[tokio::test]
async fn who_leaves_the_queue_is_not_run() {
    let (_folder, db) = sqlite().await;
    let release = hold(&db).await;
    let has_run = Arc::new(AtomicBool::new(false));
    let (leaving, runs) = (db.clone(), has_run.clone());
    let leaving = queue(async move {
        leaving
            .write(&scope(1), move |tx| async move {
                runs.store(true, Ordering::SeqCst);
                add_note(&tx, "left").await
            })
            .await
    })
    .await;
    let staying = queue_note(&db, "stayed").await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    release.send(()).unwrap();
    staying.await.unwrap().unwrap();
    assert!(!has_run.load(Ordering::SeqCst));
    assert_eq!(texts(&db).await, ["stayed"]);
}

/// Runs one note beside a statement that breaks the whole transaction.
async fn note_beside(db: &Db, breaking: &'static str) -> [Result<(), StoreError>; 2] {
    let release = hold(db).await;
    let note = queue_note(db, "beside").await;
    let other = db.clone();
    let other = queue(async move {
        other
            .write(System("break"), move |tx| async move {
                // Whether this fails is not looked at: the closure believes that it has succeeded.
                let _result = tx.execute_unprepared(breaking).await;
                Ok(())
            })
            .await
    })
    .await;
    release.send(()).unwrap();
    [note.await.unwrap(), other.await.unwrap()]
}

#[tokio::test]
async fn when_the_commit_fails_everyone_hears_of_it() {
    let (_folder, db) = sqlite().await;
    db.migrate(|tx| async move {
        tx.execute_unprepared(
            "CREATE TABLE children (parent TEXT REFERENCES parents DEFERRABLE INITIALLY DEFERRED); \
             CREATE TABLE parents (id TEXT PRIMARY KEY)",
        )
        .await?;
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
    let answers = note_beside(&db, "INSERT INTO children VALUES ('none')").await;
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    write_note(&db, 1, "after").await.unwrap();
    assert_eq!(texts(&db).await, ["after"]);
}

#[tokio::test]
async fn the_writer_survives_a_transaction_that_the_database_has_ended() {
    let (_folder, db) = sqlite().await;
    // As a full disk does: the statement fails and takes the whole transaction with it.
    let breaking = "CREATE TEMP TABLE one (id INTEGER PRIMARY KEY); \
         INSERT INTO one VALUES (1); INSERT OR ROLLBACK INTO one VALUES (1)";
    let answers = note_beside(&db, breaking).await;
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    for number in 0..3 {
        write_note(&db, 1, &format!("after {number}"))
            .await
            .unwrap();
    }
    assert_eq!(texts(&db).await, ["after 0", "after 1", "after 2"]);
}

#[tokio::test]
async fn what_is_acknowledged_after_a_full_disk_is_there() {
    let (_folder, db) = sqlite().await;
    db.write(System("no more room"), |tx| async move {
        tx.execute_unprepared("PRAGMA max_page_count = 1").await?;
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
    let refused = write_note(&db, 1, &"x".repeat(1 << 20)).await;
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    for text in ["a", "b", "c"] {
        write_note(&db, 1, text).await.unwrap();
    }
    // Readers have connections of their own: they see what is committed and nothing else.
    assert_eq!(texts(&db).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn the_writer_survives_work_that_panics_while_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let config = DatabaseConfig {
        statement_timeout_ms: 20,
        ..DatabaseConfig::new(format!(
            "sqlite://{}",
            folder.path().join("t11.db").display()
        ))
    };
    let db = Db::connect(&config, World::system()).await.unwrap();
    migrate(db.clone()).await.unwrap();
    let broken: Result<(), StoreError> = db
        .write(&scope(1), |tx| async move {
            let _bomb = Bomb;
            add_note(&tx, "broken").await?;
            // Hangs, until it is stopped by being dropped.
            std::future::pending().await
        })
        .await;
    assert!(matches!(broken, Err(StoreError::Panicked)), "{broken:?}");
    write_note(&db, 1, "after").await.unwrap();
    assert_eq!(texts(&db).await, ["after"]);
}
