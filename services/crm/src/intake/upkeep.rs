//! What the intake does by the clock: chores of connections that are due become jobs, silence
//! becomes a failure, and what is old goes away. Each replica looks; whatever is found is claimed
//! by one of them.

use std::time::Duration;

use t11_core::World;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Chore;
use super::poll::{EVERY_WHILE_HEARD, HEARD_WITHIN};
use crate::error::Error;
use crate::jobs::{poll, subscribe};
use crate::store::{Due, Store};

/// How often it is looked for what is due.
const EVERY: Duration = Duration::from_secs(30);

/// Looks after the intake.
#[derive(Clone)]
pub struct IntakeUpkeep {
    pub(crate) store: Store,
    pub(crate) world: World,
}

impl IntakeUpkeep {
    /// Looks until `shutdown`.
    pub(crate) async fn keep(self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(sleep(EVERY)).await.is_some() {
            self.round().await;
        }
    }

    /// One look.
    pub async fn round(&self) {
        if let Err(error) = self.chores().await {
            warn(&error, "chores of connections were not looked for");
        }
        if let Err(error) = self.sweep().await {
            warn(&error, "events were not swept");
        }
    }

    /// Enqueues the jobs of the chores that are due.
    async fn chores(&self) -> Result<(), Error> {
        for chore in [Chore::Check, Chore::Poll] {
            for due in self.store.due(chore, HEARD_WITHIN).await? {
                self.claim(chore, due).await?;
            }
        }
        Ok(())
    }

    async fn claim(&self, chore: Chore, due: Due) -> Result<(), Error> {
        let (every, job) = match chore {
            Chore::Check => (chore.every(), subscribe::job(&self.world, due.connection)),
            Chore::Poll if due.is_heard => {
                (EVERY_WHILE_HEARD, poll::job(&self.world, due.connection))
            }
            Chore::Poll => (chore.every(), poll::job(&self.world, due.connection)),
        };
        let next = self.world.now() + every;
        self.store.claim(chore, due, next, job).await
    }

    /// Ends what nobody answers for any more.
    async fn sweep(&self) -> Result<(), Error> {
        let silent = self.store.sweep_silent_events().await?;
        if silent > 0 {
            metrics::counter!("t11_crm_events_silent_total").increment(silent);
            tracing::warn!(events = silent, "events have lost their jobs");
        }
        self.store.purge_events().await.map(drop)
    }
}

fn warn(error: &Error, message: &str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{message}");
}
