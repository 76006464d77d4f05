//! The job that tells people that a client waits for one of them: the person who is responsible for
//! the lead, as the CRM has it.

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use t11_core::{Fault as _, FaultKind, OrgScope, World, format_name};
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use super::notify::Handoff;
use crate::Error;
use crate::briefing::Briefing;
use crate::conversation::Live;
use crate::store::{LeadRef, Store};

/// The kind of the job.
pub(crate) const KIND: &str = "agents.tell_handoff";
/// Failed tries after which nobody is known to be responsible.
const MOST_TRIES: i32 = 3;

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the conversation.
    #[prost(string, tag = "1")]
    conversation: String,
    /// Nothing is told when somebody has taken the word since.
    #[prost(int64, tag = "2")]
    control_epoch: i64,
}

/// The job that tells of the hand-off that began `control_epoch`.
pub(crate) fn job(world: &World, conversation: Uuid, control_epoch: i64) -> NewJob {
    let payload = Payload {
        conversation: conversation.to_string(),
        control_epoch,
    };
    NewJob {
        resource: format_name("conversations", conversation),
        ..NewJob::new(world.new_id(), "agents", KIND, payload.encode_to_vec())
    }
}

/// The conversation and the epoch of a job.
pub(crate) fn read(payload: &[u8]) -> Option<(Uuid, i64)> {
    let payload = Payload::decode(payload).ok()?;
    let conversation = Uuid::try_parse(&payload.conversation).ok()?;
    Some((conversation, payload.control_epoch))
}

/// Tells people.
pub(crate) struct TellHandoff {
    pub(crate) store: Store,
    pub(crate) briefing: Arc<Briefing>,
}

#[async_trait]
impl JobHandler for TellHandoff {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let (conversation, epoch) = read(&job.payload)
            .ok_or_else(|| super::malformed("the job does not name a conversation"))?;
        match self.tell(&scope, conversation, epoch, job.attempt).await {
            // Deleted meanwhile.
            Err(Error::NotFound(_)) => Ok(()),
            told => Ok(told?),
        }
    }
}

impl TellHandoff {
    async fn tell(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
        control_epoch: i64,
        attempt: i32,
    ) -> Result<(), Error> {
        let known = self.store.conversation(scope, conversation).await?;
        let live = known.live()?;
        if live.control_epoch != control_epoch {
            return Ok(());
        }
        let handoff = Handoff {
            conversation,
            control_epoch,
            client: live.client_display_name.clone(),
            reason: live.handoff_reason.clone(),
            responsible: self.responsible(scope, live, attempt).await?,
        };
        self.store.tell_handoff(scope, handoff).await
    }

    /// Empty when nobody is, or when crm does not say.
    async fn responsible(
        &self,
        scope: &OrgScope,
        live: &Live,
        attempt: i32,
    ) -> Result<String, Error> {
        let lead = LeadRef {
            connection_id: live.connection_id,
            lead_id: live.lead_id,
        };
        match self.briefing.responsible(scope, lead).await {
            Err(fault) if attempt >= MOST_TRIES || !may_pass(fault.kind()) => {
                let reason = fault.reason();
                tracing::warn!(reason, "it is not known who is responsible for a lead");
                Ok(String::new())
            }
            known => known,
        }
    }
}

/// Whether trying again may help.
fn may_pass(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Unavailable | FaultKind::Timeout | FaultKind::Exhausted | FaultKind::Internal
    )
}
