//! The job by which crm tells how a message fared that we have sent.

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use t11_proto::agents::v1::DeliveryChange;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use uuid::Uuid;

use crate::conversation::Delivery;
use crate::live::{Desk, Fared};

/// The kind of the job.
pub(crate) const KIND: &str = "agents.note_delivery";

/// Notes deliveries.
pub(crate) struct NoteDelivery(pub(crate) Arc<Desk>);

#[async_trait]
impl JobHandler for NoteDelivery {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let (reply, fared) = read(&job.payload)
            .ok_or_else(|| super::malformed("the job does not name a reply and its state"))?;
        Ok(self.0.note_delivery(&scope, reply, fared).await?)
    }
}

fn read(payload: &[u8]) -> Option<(Uuid, Fared)> {
    let change = DeliveryChange::decode(payload).ok()?;
    let delivery = Delivery::parse(&change.state)
        .filter(|state| !matches!(state, Delivery::Queued | Delivery::Suppressed))?;
    let fared = Fared {
        delivery,
        reason: change.reason,
        external_id: change.message_id,
    };
    Some((Uuid::try_parse(&change.idempotency_key).ok()?, fared))
}
