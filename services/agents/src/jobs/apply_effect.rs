//! The job that does one action of an agent in the CRM. Those of a conversation go one after
//! another; run again, crm answers like the first time.

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use t11_core::{Fault as _, FaultKind, OrgScope, World, format_name};
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use crate::Error;
use crate::clients::leads::Leads;
use crate::store::{Applied, Pending, Store};
use crate::turn::ActionState;

/// The kind of the job.
pub(crate) const KIND: &str = "agents.apply_effect";
/// Failed tries after which it is given up, so that what waits behind it goes on.
const MOST_TRIES: i32 = 8;

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the action.
    #[prost(string, tag = "1")]
    action: String,
}

/// The job that does `action`.
pub(crate) fn job(world: &World, conversation: Uuid, action: Uuid) -> NewJob {
    let payload = Payload {
        action: action.to_string(),
    };
    NewJob {
        ordering_key: Some(format!("effect:{conversation}")),
        resource: format_name("conversations", conversation),
        ..NewJob::new(world.new_id(), "agents", KIND, payload.encode_to_vec())
    }
}

/// The action of a job.
pub(crate) fn read(payload: &[u8]) -> Option<Uuid> {
    Uuid::try_parse(&Payload::decode(payload).ok()?.action).ok()
}

/// Does actions.
pub(crate) struct ApplyEffect {
    pub(crate) store: Store,
    pub(crate) leads: Arc<Leads>,
}

#[async_trait]
impl JobHandler for ApplyEffect {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let action = read(&job.payload)
            .ok_or_else(|| super::malformed("the job does not name an action"))?;
        Ok(self.apply(&scope, action, job.attempt).await?)
    }
}

impl ApplyEffect {
    async fn apply(&self, scope: &OrgScope, id: Uuid, attempt: i32) -> Result<(), Error> {
        let Some(pending) = self.store.pending_action(scope, id).await? else {
            return Ok(());
        };
        let applied = self.applied(&pending, attempt).await?;
        self.store.end_action(scope, id, applied).await
    }

    async fn applied(&self, pending: &Pending, attempt: i32) -> Result<Applied, Error> {
        if pending.needs_missing {
            return Ok(Applied::not(ActionState::Refused, "field_needed"));
        }
        match self.leads.apply(pending).await {
            Err(fault) if is_final(&fault) || attempt >= MOST_TRIES => {
                Ok(Applied::not(ActionState::Failed, fault.reason()))
            }
            outcome => outcome,
        }
    }
}

/// Whether trying again cannot help.
fn is_final(fault: &Error) -> bool {
    matches!(
        fault.kind(),
        FaultKind::Invalid
            | FaultKind::Forbidden
            | FaultKind::NotFound
            | FaultKind::AlreadyExists
            | FaultKind::Precondition
            | FaultKind::Unimplemented
    )
}
