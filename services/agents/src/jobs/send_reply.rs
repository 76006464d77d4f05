//! The job that sends one message to a client. Those of a conversation go one after another.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use prost::Message as _;
use t11_core::{World, format_name};
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use crate::live::{Attempt, Desk};

/// The kind of the job.
pub(crate) const KIND: &str = "agents.send_reply";

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the reply.
    #[prost(string, tag = "1")]
    reply: String,
}

/// The job that sends `reply` at `time`.
pub(crate) fn job(world: &World, conversation: Uuid, reply: Uuid, time: DateTime<Utc>) -> NewJob {
    let payload = Payload {
        reply: reply.to_string(),
    };
    NewJob {
        ordering_key: Some(format!("reply:{conversation}")),
        run_at: Some(time),
        resource: format_name("conversations", conversation),
        ..NewJob::new(world.new_id(), "agents", KIND, payload.encode_to_vec())
    }
}

/// The reply of a job.
pub(crate) fn read(payload: &[u8]) -> Option<Uuid> {
    Uuid::try_parse(&Payload::decode(payload).ok()?.reply).ok()
}

/// Sends messages.
pub(crate) struct SendReply(pub(crate) Arc<Desk>);

#[async_trait]
impl JobHandler for SendReply {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let reply =
            read(&job.payload).ok_or_else(|| super::malformed("the job does not name a reply"))?;
        let attempt = Attempt {
            fence: job.fence,
            number: job.attempt,
        };
        Ok(Box::pin(self.0.send(&scope, reply, attempt)).await?)
    }
}
