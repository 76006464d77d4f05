//! The job that sends one webhook, with the action's id as its own.

use async_trait::async_trait;
use prost::Message as _;
use serde_json::json;
use t11_core::{OrgScope, World, format_name};
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use crate::Error;
use crate::store::{Applied, Pending, Store};
use crate::turn::{ActionState, Effect};
use crate::webhook::{Sent, Webhooks};

/// The kind of the job.
pub(crate) const KIND: &str = "agents.send_webhook";
/// Failed tries after which it is given up.
const MOST_TRIES: i32 = 8;

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the action.
    #[prost(string, tag = "1")]
    action: String,
}

/// The job that sends the webhook of `action`. An address that does not answer keeps nothing else
/// of the conversation waiting.
pub(crate) fn job(world: &World, conversation: Uuid, action: Uuid) -> NewJob {
    let payload = Payload {
        action: action.to_string(),
    };
    NewJob {
        resource: format_name("conversations", conversation),
        ..NewJob::new(world.new_id(), "agents", KIND, payload.encode_to_vec())
    }
}

/// The action of a job.
pub(crate) fn read(payload: &[u8]) -> Option<Uuid> {
    Uuid::try_parse(&Payload::decode(payload).ok()?.action).ok()
}

/// Sends webhooks.
pub(crate) struct SendWebhook {
    pub(crate) store: Store,
    pub(crate) webhooks: Webhooks,
    pub(crate) world: World,
}

#[async_trait]
impl JobHandler for SendWebhook {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let action = read(&job.payload)
            .ok_or_else(|| super::malformed("the job does not name an action"))?;
        match self.send(&scope, action, job.attempt).await? {
            None => Ok(()),
            Some(reason) => Err(JobFailure {
                reason: reason.to_uppercase(),
                message: "the company's address did not take the webhook".to_owned(),
                permanent: false,
                retry_after: None,
            }),
        }
    }
}

impl SendWebhook {
    /// Why it is to be tried again, if it is.
    async fn send(
        &self,
        scope: &OrgScope,
        id: Uuid,
        attempt: i32,
    ) -> Result<Option<&'static str>, Error> {
        let Some(pending) = self.store.pending_action(scope, id).await? else {
            return Ok(None);
        };
        let Effect::SendWebhook { url, .. } = &pending.effect else {
            return Err(Error::Corrupt("action"));
        };
        let body = self.body(&pending).to_string().into_bytes();
        let now = self.world.now();
        let sent = self.webhooks.send(scope.org(), id, url, body, now).await;
        let applied = match sent {
            Sent::Taken(status) => Applied {
                after: Some(json!({"status": status})),
                ..Applied::not(ActionState::Done, "")
            },
            Sent::Refused(status) => Applied {
                after: Some(json!({"status": status})),
                ..Applied::not(ActionState::Failed, "webhook_status")
            },
            Sent::Denied => Applied::not(ActionState::Refused, "address_denied"),
            Sent::Later(reason) if attempt >= MOST_TRIES => {
                Applied::not(ActionState::Failed, reason)
            }
            Sent::Later(reason) => return Ok(Some(reason)),
        };
        self.store.end_action(scope, id, applied).await?;
        Ok(None)
    }

    /// What is told: the same in every try.
    fn body(&self, pending: &Pending) -> serde_json::Value {
        let (origin, text) = match &pending.effect {
            Effect::SendWebhook { origin, text, .. } => (origin.as_str(), text.as_str()),
            _ => ("", ""),
        };
        json!({
            "type": "automation.fired",
            "timestamp": pending.create_time,
            "data": {
                "origin": origin,
                "conversation": format_name("conversations", pending.conversation_id),
                "turn": pending.turn_id,
                "connection": format_name("connections", pending.lead.connection_id),
                "lead_id": pending.lead.lead_id,
                "text": text,
            },
        })
    }
}
