//! What the clock tells of messages: a try that nobody has ended is looked for, and those on their
//! way are watched. A job for each of them would mostly find that there is nothing to do, and cost
//! more than what it does.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::authorization::own_scope;
use crate::error::Error;
use crate::store::Store;

/// How often it is looked for tries that nobody has ended.
const SILENT_EVERY: Duration = Duration::from_secs(15);
/// How often it is looked for messages that are to be looked at: the first look comes after 3 s.
const DUE_EVERY: Duration = Duration::from_secs(2);
/// Most in one round.
const BATCH: u64 = 200;

/// Looks after messages. Replicas may do so beside each other.
#[derive(Clone)]
pub struct MessageUpkeep {
    pub(crate) store: Store,
}

impl MessageUpkeep {
    /// Looks until `shutdown`.
    pub(crate) async fn keep(self, shutdown: CancellationToken) {
        let silent = async {
            while is_time(SILENT_EVERY, &shutdown).await {
                self.find_silent().await;
            }
        };
        let due = async {
            while is_time(DUE_EVERY, &shutdown).await {
                self.find_due().await;
            }
        };
        tokio::join!(silent, due);
    }

    /// One look for tries that nobody has ended.
    pub async fn find_silent(&self) {
        if let Err(error) = self.look_for_silent().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "tries that nobody has ended were not looked for");
        }
    }

    /// One look for messages that are to be looked at.
    pub async fn find_due(&self) {
        if let Err(error) = self.watch_due().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "messages on their way are not watched");
        }
    }

    async fn watch_due(&self) -> Result<(), Error> {
        for (org, connection) in self.store.due_looks(BATCH).await? {
            let scope = own_scope(org)?;
            self.store.enqueue_looks(&scope, connection).await?;
        }
        Ok(())
    }

    async fn look_for_silent(&self) -> Result<(), Error> {
        for (org, message) in self.store.silent_tries(BATCH).await? {
            let scope = own_scope(org)?;
            self.store.look_for_try(&scope, message).await?;
        }
        Ok(())
    }
}

/// Waits; `false` when it is time to stop.
async fn is_time(every: Duration, shutdown: &CancellationToken) -> bool {
    shutdown.run_until_cancelled(sleep(every)).await.is_some()
}
