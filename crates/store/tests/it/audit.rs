use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use sea_orm::ConnectionTrait as _;
use t11_core::{AuditNote, OrgScope};
use t11_store::{APPEND_AUDIT, AuditRecord, AuditSink, Db, StoreError, System};

use crate::fixture::{add_note, database, org, scope, texts};

fn audited() -> OrgScope {
    scope(1).audited(AuditNote {
        action: "t11.agents.v1.AgentService/UpdateAgent".to_owned(),
        request_id: "r-1".to_owned(),
        client_address: Some("192.0.2.7".to_owned()),
    })
}

/// The outbox's payloads of audit records.
async fn records(db: &Db) -> Vec<AuditRecord> {
    db.read(System("test"), |tx| async move {
        let rows = sea_orm::Statement::from_string(
            tx.get_database_backend(),
            format!("SELECT payload FROM outbox WHERE kind = '{APPEND_AUDIT}' ORDER BY position"),
        );
        let mut records = Vec::new();
        for row in tx.query_all_raw(rows).await? {
            let payload: Vec<u8> = row.try_get("", "payload")?;
            records.push(serde_json::from_slice(&payload).unwrap());
        }
        Ok::<_, StoreError>(records)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn an_audited_change_and_its_record_commit_together() {
    let db = database().await;
    db.write(&audited(), |tx| async move {
        tx.audit_target("agents/7");
        add_note(&tx, "done").await
    })
    .await
    .unwrap();
    let failed: Result<(), StoreError> = db
        .write(&audited(), |tx| async move {
            add_note(&tx, "undone").await?;
            Err(StoreError::Timeout)
        })
        .await;
    assert!(failed.is_err());
    db.write(
        &scope(1),
        |tx| async move { add_note(&tx, "not audited").await },
    )
    .await
    .unwrap();
    db.read(&audited(), |_| async move { Ok::<_, StoreError>(()) })
        .await
        .unwrap();

    let records = records(&db).await;
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(
        (record.org, record.actor.as_str()),
        (org(1).0, "service:test")
    );
    assert_eq!(record.action, "t11.agents.v1.AgentService/UpdateAgent");
    assert_eq!(record.target.as_deref(), Some("agents/7"));
    assert_eq!(record.request_id, "r-1");
    assert_eq!(record.client_address.as_deref(), Some("192.0.2.7"));
}

#[tokio::test]
async fn a_sink_stores_the_record_in_the_same_transaction_or_stops_it() {
    let db = database().await;
    let stored = Arc::new(Mutex::new(0));
    let counter = stored.clone();
    let sink: AuditSink = Arc::new(move |tx, record| {
        let counter = counter.clone();
        async move {
            *counter.lock().unwrap() += 1;
            add_note(&tx, &format!("record of {}", record.request_id))
                .await
                .map(|_| ())
        }
        .boxed()
    });
    let sinking = db.db().with_audit_sink(sink);
    sinking
        .write(&audited(), |tx| async move { add_note(&tx, "one").await })
        .await
        .unwrap();
    // The second record has the same text, which the notes refuse.
    let refused = sinking
        .write(&audited(), |tx| async move { add_note(&tx, "two").await })
        .await;
    assert!(refused.unwrap_err().is_conflict());
    assert_eq!(*stored.lock().unwrap(), 2);
    assert_eq!(texts(&db).await, ["one", "record of r-1"]);
    assert!(records(&db).await.is_empty());
}
