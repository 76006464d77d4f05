//! Keeps usage records even when their caller has left.

use t11_core::{Fault as _, OrgScope};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::store::Store;
use crate::usage::CallRecord;

/// Writes usage records. Each write is a task of its own, so that a caller who leaves takes
/// nothing with them; the store puts those that wait into one commit.
#[derive(Clone)]
pub(crate) struct Ledger {
    store: Store,
    writes: TaskTracker,
}

impl Ledger {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            writes: TaskTracker::new(),
        }
    }

    /// Writes the record. Returns when it is durable, or when it is known that it cannot be
    /// written: the answer was given and is not taken back for that.
    pub(crate) async fn record(&self, scope: &OrgScope, record: CallRecord) {
        if let Err(error) = self.begin(scope, record).await {
            tracing::error!(%error, "the writing of a usage record was ended");
        }
    }

    /// Writes the record while the caller goes on.
    pub(crate) fn begin(&self, scope: &OrgScope, record: CallRecord) -> JoinHandle<()> {
        let (store, scope) = (self.store.clone(), scope.clone());
        count(&record);
        self.writes.spawn(async move {
            if let Err(error) = store.insert_record(&scope, record.clone()).await {
                // All that the row would have held, so that it can be entered by hand.
                tracing::error!(
                    org.id = %scope.org(), ?record, reason = error.reason(), ?error,
                    "a usage record was not written",
                );
            }
        })
    }

    /// Waits, once `shutdown` is cancelled, for the writes that have begun.
    pub(crate) async fn drain(self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
        self.writes.close();
        self.writes.wait().await;
    }
}

fn count(record: &CallRecord) {
    let labels = [
        ("provider", record.provider.clone()),
        ("outcome", record.outcome.as_str().into()),
    ];
    metrics::counter!("t11_llm_calls_total", &labels).increment(1);
    if let Some(millis) = record.first_token_ms {
        let seconds = f64::from(millis) / 1_000.0;
        metrics::histogram!("t11_llm_first_token_seconds", "provider" => record.provider.clone())
            .record(seconds);
    }
}
