//! Keeps usage records even when their caller has left.

use std::sync::Arc;
use std::time::Duration;

use t11_core::{Fault as _, OrgScope, World};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::store::Store;
use crate::usage::CallRecord;

/// Writes usage records. Each write is a task of its own, so that a caller who leaves takes
/// nothing with them; the store puts those that wait into one commit.
#[derive(Clone)]
pub(crate) struct Ledger {
    store: Store,
    writes: TaskTracker,
    world: World,
    /// From a call's end until its cost is first asked for.
    settle_delay: Duration,
    /// A call was kept to be settled.
    deferred: Arc<Notify>,
}

impl Ledger {
    pub(crate) fn new(store: Store, world: World, settle_delay: Duration) -> Self {
        Self {
            store,
            writes: TaskTracker::new(),
            world,
            settle_delay,
            deferred: Arc::new(Notify::new()),
        }
    }

    /// Wakes when a call was kept to be settled.
    pub(crate) fn deferred(&self) -> Arc<Notify> {
        self.deferred.clone()
    }

    /// Returns when what was begun is durable, or when it is known that it cannot be written: the
    /// answer was given and is not taken back for that.
    pub(crate) async fn kept(&self, writing: JoinHandle<()>) {
        if let Err(error) = writing.await {
            tracing::error!(%error, "the writing of a usage record was ended");
        }
    }

    /// Keeps a call whose cost is to be asked for, while the caller goes on.
    pub(crate) fn defer(&self, scope: &OrgScope, record: CallRecord) -> JoinHandle<()> {
        let (this, scope) = (self.clone(), scope.clone());
        let first_try = self.world.now() + self.settle_delay;
        count(&record);
        self.writes.spawn(async move {
            let kept = this
                .store
                .defer(&scope, &this.world, record.clone(), first_try);
            match kept.await {
                Ok(()) => this.deferred.notify_one(),
                // The sweep charges what was reserved.
                Err(error) => tracing::error!(
                    org.id = %scope.org(), ?record, reason = error.reason(), ?error,
                    "a call was not kept to be settled",
                ),
            }
        })
    }

    /// Gives back what was reserved for a call that cost nothing and leaves no record.
    pub(crate) async fn release(&self, scope: &OrgScope, id: Uuid) {
        let (this, scope) = (self.clone(), scope.clone());
        let releasing = self.writes.spawn(async move {
            if let Err(error) = this.store.release(&scope, id).await {
                // The sweep charges it.
                tracing::error!(org.id = %scope.org(), ?error, "a reservation was not given back");
            }
        });
        self.kept(releasing).await;
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
