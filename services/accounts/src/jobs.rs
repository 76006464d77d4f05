//! The jobs by which other services write to the audit log and raise notifications.

pub(crate) mod raise_notification;

use async_trait::async_trait;
use t11_core::OrgScope;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::AuditRecord;

use crate::store::Store;

/// `accounts.append_audit`: the payload is an [`AuditRecord`] in JSON. Running it again appends
/// nothing, for the record brings its id.
pub(crate) struct AppendAudit {
    store: Store,
}

impl AppendAudit {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    async fn append(&self, scope: &OrgScope, payload: &[u8]) -> Result<(), JobFailure> {
        let record: AuditRecord = serde_json::from_slice(payload)
            .map_err(|error| unusable(format!("the payload is not an audit record: {error}")))?;
        if record.org != scope.org().0 {
            return Err(unusable(
                "the record is of another organization than its job".to_owned(),
            ));
        }
        Ok(self.store.append_audit(scope, record.into()).await?)
    }
}

fn unusable(message: String) -> JobFailure {
    JobFailure {
        reason: "AUDIT_RECORD_INVALID".to_owned(),
        message,
        permanent: true,
        retry_after: None,
    }
}

#[async_trait]
impl JobHandler for AppendAudit {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        self.append(&job.scope()?, &job.payload).await
    }
}

#[cfg(test)]
mod tests;
