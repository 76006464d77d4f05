//! The job that mirrors an account.

use async_trait::async_trait;
use t11_core::OrgScope;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use uuid::Uuid;

use super::connection_of;
use crate::error::Error;
use crate::store::Store;
use crate::sync::{Outcome, Synchronisation};

/// The kind of the job.
pub(crate) const KIND: &str = "crm.sync_connection";

/// Mirrors accounts.
pub(crate) struct Sync {
    pub(crate) store: Store,
    pub(crate) synchronisation: Synchronisation,
}

#[async_trait]
impl JobHandler for Sync {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let connection = connection_of(job)?;
        let outcome = tokio::select! {
            outcome = self.sync(job, &scope, connection) => outcome,
            () = job.cancelled().cancelled() => {
                return Ok(self.store.end_sync(&scope, connection, false).await?);
            }
        };
        match outcome {
            Ok(Outcome::Whole) => Ok(self.store.end_sync(&scope, connection, true).await?),
            Ok(Outcome::Partly) => Ok(self.store.go_on_with_sync(&scope, connection).await?),
            // Deleted meanwhile: there is nothing to mirror.
            Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => {
                let failure = JobFailure::from(error);
                if failure.permanent {
                    self.store.end_sync(&scope, connection, false).await?;
                }
                Err(failure)
            }
        }
    }
}

impl Sync {
    async fn sync(
        &self,
        job: &RunningJob,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<Outcome, Error> {
        // How many there are is not known before all were read.
        let tell = |step: &'static str, done, percent| job.progress(step, done, 0, percent);
        let outcome = self.synchronisation.run(scope, connection, &tell).await?;
        if outcome == Outcome::Whole {
            job.progress("done", 0, 0, 100);
        }
        Ok(outcome)
    }
}
