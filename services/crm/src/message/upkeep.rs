//! What the clock tells of messages: a try that nobody has ended is looked for. A job for each try
//! would almost always find that it has ended.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::authorization::own_scope;
use crate::error::Error;
use crate::store::Store;

/// How often it is looked for such tries.
const EVERY: Duration = Duration::from_secs(15);
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
        while shutdown.run_until_cancelled(sleep(EVERY)).await.is_some() {
            self.round().await;
        }
    }

    /// One look.
    pub async fn round(&self) {
        if let Err(error) = self.look_for_silent().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "tries that nobody has ended were not looked for");
        }
    }

    async fn look_for_silent(&self) -> Result<(), Error> {
        for (org, message) in self.store.silent_tries(BATCH).await? {
            let scope = own_scope(org)?;
            self.store.look_for_try(&scope, message).await?;
        }
        Ok(())
    }
}
