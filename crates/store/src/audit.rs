//! Audit records: appended in the transaction of the change they tell of.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{NewJob, StoreError, Tx};

/// The kind of the job that carries an [`AuditRecord`] to accounts.
pub const APPEND_AUDIT: &str = "accounts.append_audit";

/// The queue of [`APPEND_AUDIT`] jobs.
pub const AUDIT_QUEUE: &str = "accounts";

/// Who did what, when, from where. As a job's payload it is JSON with these fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Made once; accounts appends a record at most once.
    pub id: Uuid,
    /// The organization whose log it is in.
    pub org: Uuid,
    /// [`Subject::label`](t11_core::Subject::label): `user:…`, `key:…`, `service:…`.
    pub actor: String,
    /// The full RPC name.
    pub action: String,
    /// Resource name given by [`Tx::audit_target`].
    pub target: Option<String>,
    /// The request id given to the caller.
    pub request_id: String,
    /// Where the client called from, if edge saw it.
    pub client_address: Option<String>,
    /// When the transaction was about to commit.
    pub time: DateTime<Utc>,
}

/// Stores a record in the transaction it is given. Accounts registers one that writes its own
/// table; elsewhere the record goes through the outbox.
pub type AuditSink =
    Arc<dyn Fn(Tx, AuditRecord) -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync>;

/// Appends the record of an audited scope; nothing for other scopes.
pub(crate) async fn append(tx: &Tx) -> Result<(), StoreError> {
    let Some(record) = record(tx) else {
        return Ok(());
    };
    match &tx.env().audit_sink {
        Some(sink) => sink(tx.clone(), record).await,
        None => tx.enqueue(job(&record)?).await,
    }
}

fn record(tx: &Tx) -> Option<AuditRecord> {
    let scope = tx.scope()?;
    let note = scope.audit()?;
    Some(AuditRecord {
        id: tx.env().world.new_id(),
        org: scope.org().0,
        actor: scope.subject().label(),
        action: note.action.clone(),
        target: tx.take_audit_target(),
        request_id: note.request_id.clone(),
        client_address: note.client_address.clone(),
        time: tx.env().world.now(),
    })
}

fn job(record: &AuditRecord) -> Result<NewJob, StoreError> {
    let payload = serde_json::to_vec(record)
        .map_err(|error| StoreError::Internal(sea_orm::DbErr::Json(error.to_string())))?;
    let mut job = NewJob::new(record.id, AUDIT_QUEUE, APPEND_AUDIT, payload);
    // The log is a chain per organization: its records are appended one after the other.
    job.ordering_key = Some(format!("audit/{}", record.org));
    Ok(job)
}
