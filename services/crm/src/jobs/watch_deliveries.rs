//! The job that asks how an account's messages fare in their channels, and what agents are told of
//! it.

use async_trait::async_trait;
use prost::Message as _;
use t11_core::World;
use t11_proto::agents::v1::DeliveryChange;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;

use super::connection_of;
use crate::message::Message;
use crate::message::send::Messages;

/// The kind of the job.
pub(crate) const KIND: &str = "crm.watch_deliveries";
/// What agents do when they are told.
const NOTE_DELIVERY: &str = "agents.note_delivery";

/// Tells the agents what is known of a message. News of one message keep their order.
pub(crate) fn tell_agents(world: &World, message: &Message) -> NewJob {
    let reason = message.refusal.as_ref().map(|refusal| &refusal.reason);
    let change = DeliveryChange {
        idempotency_key: message.new.idempotency_key.to_string(),
        state: message.state.as_str().to_owned(),
        reason: reason.map(ToString::to_string).unwrap_or_default(),
        message_id: message.message_id.clone().unwrap_or_default(),
    };
    let payload = change.encode_to_vec();
    NewJob {
        ordering_key: Some(format!("delivery/{}", message.new.idempotency_key)),
        ..NewJob::new(world.new_id(), "agents", NOTE_DELIVERY, payload)
    }
}

/// Watches the messages of an account.
pub(crate) struct WatchDeliveries(pub(crate) Messages);

#[async_trait]
impl JobHandler for WatchDeliveries {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let (scope, connection) = (job.scope()?, connection_of(job)?);
        Ok(self.0.watch_due(&scope, connection).await?)
    }
}
