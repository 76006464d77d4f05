//! The job by which crm tells what happened in the CRM. Its ordering key is the conversation.

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use t11_core::{Fault as _, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::crm_event::EventKind;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::StoreError;

use crate::Error;
use crate::live::Desk;
use crate::live::event::{CrmEvent, CrmMessage, LeadChange, MessageAuthor, TalkChange, What};

/// The kind of the job.
pub(crate) const KIND: &str = "agents.handle_crm_event";

/// Handles events.
pub(crate) struct HandleCrmEvent(pub(crate) Arc<Desk>);

#[async_trait]
impl JobHandler for HandleCrmEvent {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let event = read(&job.payload)
            .ok_or_else(|| super::malformed("the job does not say what happened where"))?;
        match Box::pin(self.0.handle(&scope, event)).await {
            Err(Error::Store(error)) if error.is_conflict() => Err(raced(&error)),
            handled => Ok(handled?),
        }
    }
}

/// Two events of one new chat came at once: the second finds the conversation on its next try.
fn raced(error: &StoreError) -> JobFailure {
    JobFailure {
        reason: error.reason().to_owned(),
        message: error.to_string(),
        permanent: false,
        retry_after: None,
    }
}

fn read(payload: &[u8]) -> Option<CrmEvent> {
    let event = pb::CrmEvent::decode(payload).ok()?;
    Some(CrmEvent {
        connection: parse_name("connections", &event.connection).ok()?,
        name: event.event,
        dry_run: event.dry_run,
        what: match event.event_kind? {
            EventKind::ClientMessage(it) => What::ClientMessage(message(it)),
            EventKind::OutgoingMessage(it) => What::OutgoingMessage(message(it)),
            EventKind::LeadChange(it) => What::LeadChange(lead_change(&it)),
            EventKind::TalkChange(it) => What::TalkChange(talk_change(it)),
        },
    })
}

fn message(it: pb::CrmMessage) -> CrmMessage {
    let author = it.author.unwrap_or_default();
    CrmMessage {
        message_id: it.message_id,
        chat_id: it.chat_id,
        talk_id: it.talk_id,
        contact_id: it.contact_id,
        lead_id: it.lead_id,
        pipeline_id: it.pipeline_id,
        stage_id: it.stage_id,
        text: it.text,
        message_type: it.message_type,
        channel: it.origin,
        author: MessageAuthor {
            kind: author.kind,
            display_name: author.display_name,
        },
        attachment_url: it.attachment_url,
        attachment_name: it.attachment_name,
        idempotency_key: it.idempotency_key,
    }
}

fn lead_change(it: &pb::LeadChange) -> LeadChange {
    LeadChange {
        lead_id: it.lead_id,
        pipeline_id: it.pipeline_id,
        stage_id: it.stage_id,
        deleted: it.deleted,
    }
}

fn talk_change(it: pb::TalkChange) -> TalkChange {
    TalkChange {
        talk_id: it.talk_id,
        chat_id: it.chat_id,
        lead_id: it.lead_id,
        contact_id: it.contact_id,
        closed: it.closed,
    }
}
