//! The job that answers a burst of a client's messages, when its quiet window has closed.

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
pub(crate) const KIND: &str = "agents.run_turn";

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the conversation.
    #[prost(string, tag = "1")]
    conversation: String,
    /// UUID of the turn to run; nothing is done when another has taken its place.
    #[prost(string, tag = "2")]
    ticket: String,
}

/// The job that runs the turn of `ticket` at `time`.
pub(crate) fn job(world: &World, conversation: Uuid, ticket: Uuid, time: DateTime<Utc>) -> NewJob {
    let payload = Payload {
        conversation: conversation.to_string(),
        ticket: ticket.to_string(),
    };
    NewJob {
        run_at: Some(time),
        resource: format_name("conversations", conversation),
        ..NewJob::new(world.new_id(), "agents", KIND, payload.encode_to_vec())
    }
}

/// The conversation and the ticket of a job.
pub(crate) fn read(payload: &[u8]) -> Option<(Uuid, Uuid)> {
    let payload = Payload::decode(payload).ok()?;
    let conversation = Uuid::try_parse(&payload.conversation).ok()?;
    Some((conversation, Uuid::try_parse(&payload.ticket).ok()?))
}

/// Runs turns.
pub(crate) struct RunTurn(pub(crate) Arc<Desk>);

#[async_trait]
impl JobHandler for RunTurn {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let (conversation, ticket) =
            read(&job.payload).ok_or_else(|| super::malformed("the job does not name a turn"))?;
        let attempt = Attempt {
            fence: job.fence,
            number: job.attempt,
        };
        let desk = &self.0;
        Ok(Box::pin(desk.run_turn(&scope, conversation, ticket, attempt)).await?)
    }
}
