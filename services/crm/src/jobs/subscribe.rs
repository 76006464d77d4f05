//! The job that sees to it that Kommo tells us of an account's events.

use async_trait::async_trait;
use t11_core::World;
use t11_kommo::{Lane, Repeat};
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use crate::error::Error;
use crate::subscription::Subscriptions;

/// The kind of the job; its payload is [`super::payload`].
pub(crate) const KIND: &str = "crm.subscribe";

/// The job of a connection. One waits at a time.
pub(crate) fn job(world: &World, connection: Uuid) -> NewJob {
    NewJob {
        unique_key: Some(format!("{KIND}/{connection}")),
        ..NewJob::new(world.new_id(), "crm", KIND, super::payload(connection))
    }
}

/// Subscribes, and subscribes again.
pub(crate) struct Subscribe(pub(crate) Subscriptions);

#[async_trait]
impl JobHandler for Subscribe {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let connection = super::connection_of(job)?;
        match self.0.ensure(&scope, connection, Lane::Sync).await {
            Ok(()) => Ok(()),
            Err(Error::Store(error)) => Err(error.into()),
            // A person must see to it first, and sees it at the connection.
            Err(error) if error.repeat() == Repeat::Never => {
                tracing::warn!(%error, connection.id = %connection, "Kommo does not subscribe us");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
