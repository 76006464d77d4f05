//! The job that asks how a message fares in its channel, and what agents are told of it.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use prost::Message as _;
use t11_core::{Fault as _, World};
use t11_proto::agents::v1::DeliveryChange;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use super::reconcile::Payload;
use crate::error::Error;
use crate::message::send::Messages;
use crate::message::{Message, next_look};

/// The kind of the job.
pub(crate) const KIND: &str = "crm.watch_delivery";
/// What agents do when they are told.
const NOTE_DELIVERY: &str = "agents.note_delivery";

/// The first look at a message that Kommo has taken.
pub(crate) fn first_look(world: &World, key: Uuid, accepted: DateTime<Utc>) -> NewJob {
    look(world, key, accepted + next_look(TimeDelta::zero()))
}

fn look(world: &World, key: Uuid, run_at: DateTime<Utc>) -> NewJob {
    NewJob {
        run_at: Some(run_at),
        unique_key: Some(format!("{KIND}/{key}")),
        ..NewJob::new(world.new_id(), "crm", KIND, Payload::encode(key))
    }
}

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

/// Watches messages.
pub(crate) struct WatchDelivery(pub(crate) Messages);

#[async_trait]
impl JobHandler for WatchDelivery {
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
        match messages.watch(&scope, &message).await {
            Ok(()) => {}
            Err(Error::Store(error)) => return Err(error.into()),
            // It is only news that is missed.
            Err(error) if error.repeat() == t11_kommo::Repeat::Never => {
                tracing::info!(
                    reason = error.reason(),
                    message.key = %key,
                    "deliveries of the account cannot be watched"
                );
                return Ok(());
            }
            Err(error) => tracing::info!(
                error = &error as &dyn std::error::Error,
                message.key = %key,
                "a delivery cannot be watched now"
            ),
        }
        let message = messages.get(&scope, key).await?;
        if messages.is_watched(&message) {
            let now = messages.world.now();
            let age = now - message.accept_time.unwrap_or(now);
            let next = look(&messages.world, key, now + next_look(age));
            messages.store.enqueue(&scope, next).await?;
        }
        Ok(())
    }
}
