//! The job that looks for messages that Kommo did not tell us of.

use async_trait::async_trait;
use t11_core::World;
use t11_kommo::Repeat;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use crate::error::Error;
use crate::intake::poll::Poller;

/// The kind of the job; its payload is [`super::payload`].
pub(crate) const KIND: &str = "crm.poll";

/// The job of a connection. One waits at a time.
pub(crate) fn job(world: &World, connection: Uuid) -> NewJob {
    NewJob {
        unique_key: Some(format!("{KIND}/{connection}")),
        ..NewJob::new(world.new_id(), "crm", KIND, super::payload(connection))
    }
}

/// Polls accounts.
pub(crate) struct Poll(pub(crate) Poller);

#[async_trait]
impl JobHandler for Poll {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let connection = super::connection_of(job)?;
        match self.0.poll(&scope, connection).await {
            Ok(0) => Ok(()),
            Ok(found) => {
                metrics::counter!("t11_crm_events_polled_total").increment(found as u64);
                tracing::warn!(connection.id = %connection, events = found, "Kommo did not tell us of events");
                Ok(())
            }
            Err(Error::Store(error)) => Err(error.into()),
            // The next poll begins where this one did.
            Err(error) => {
                let is_away = matches!(error.repeat(), Repeat::Safe(_));
                tracing::info!(%error, is_away, connection.id = %connection, "an account cannot be polled");
                Ok(())
            }
        }
    }
}
