//! The job that finds out what became of a message whose outcome is not known.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use prost::Message as _;
use t11_core::World;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use crate::error::Error;
use crate::message::next_look;
use crate::message::send::Messages;

/// The kind of the job.
pub(crate) const KIND: &str = "crm.reconcile_message";

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Payload {
    /// UUID of the message: its idempotency key.
    #[prost(string, tag = "1")]
    pub(super) key: String,
}

impl Payload {
    pub(super) fn encode(key: Uuid) -> Vec<u8> {
        let key = key.to_string();
        Self { key }.encode_to_vec()
    }

    pub(super) fn key(job: &RunningJob) -> Result<Uuid, JobFailure> {
        let payload = Self::decode(job.payload.clone()).ok();
        let key = payload.and_then(|payload| Uuid::try_parse(&payload.key).ok());
        key.ok_or_else(|| JobFailure {
            reason: "PAYLOAD_INVALID".to_owned(),
            message: "the payload names no message".to_owned(),
            permanent: true,
            retry_after: None,
        })
    }
}

/// The next look at a message that is lost. One waits at a time.
pub(crate) fn next_look_at(world: &World, key: Uuid, run_at: DateTime<Utc>) -> NewJob {
    NewJob {
        run_at: Some(run_at),
        unique_key: Some(format!("{KIND}/{key}")),
        ..NewJob::new(world.new_id(), "crm", KIND, Payload::encode(key))
    }
}

/// Looks for lost messages.
pub(crate) struct Reconcile(pub(crate) Messages);

#[async_trait]
impl JobHandler for Reconcile {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let messages = &self.0;
        let key = Payload::key(job)?;
        let message = match messages.get(&scope, key).await {
            Ok(message) => message,
            // It went with its connection.
            Err(Error::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let looked = messages.reconcile(&scope, &message).await;
        if let Err(Error::Store(error)) = looked {
            return Err(error.into());
        }
        if let Err(error) = looked {
            tracing::info!(
                error = &error as &dyn std::error::Error,
                message.key = %key,
                "a lost message cannot be looked for now"
            );
        }
        let message = messages.get(&scope, key).await?;
        if messages.is_looked_for(&message) {
            let now = messages.world.now();
            let age = now - message.send_time.unwrap_or(now);
            let next = next_look_at(&messages.world, key, now + next_look(age));
            messages.store.enqueue(&scope, next).await?;
        }
        Ok(())
    }
}
