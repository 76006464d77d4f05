//! The crm service: leads, and what is done to them.

use t11_grpc::{Peer, RemoteFault};
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::apply_effect_request::Effect as Wire;
use t11_proto::crm::v1::lead_service_client::LeadServiceClient;
use tonic::Status;

use crate::Error;
use crate::crm_settings::FieldEntity;
use crate::store::{Applied, LeadRef, Pending};
use crate::turn::known::{FieldValue, Lead};
use crate::turn::{ActionState, Effect};

/// The crm service.
pub(crate) struct Leads {
    peer: Peer,
}

impl Leads {
    /// The crm service behind `peer`.
    pub(crate) fn new(peer: Peer) -> Self {
        Self { peer }
    }

    /// A lead as Kommo has it, or as it was last known.
    ///
    /// # Errors
    /// The neighbour's refusal.
    pub(crate) async fn lead(&self, lead: LeadRef) -> Result<Lead, Error> {
        let request = pb::GetLeadRequest { name: name(lead) };
        let mut client = LeadServiceClient::new(self.peer.clone());
        let answer = client.get_lead(request).await.map_err(|s| refusal(&s))?;
        Ok(read(lead, answer.into_inner()))
    }

    /// Does one thing to a lead, once.
    ///
    /// # Errors
    /// The neighbour's refusal; what cannot be done is no error.
    pub(crate) async fn apply(&self, pending: &Pending) -> Result<Applied, Error> {
        let request = pb::ApplyEffectRequest {
            lead: name(pending.lead),
            idempotency_key: pending.id.to_string(),
            effect: Some(wire(&pending.effect).ok_or(Error::Corrupt("action"))?),
        };
        let mut client = LeadServiceClient::new(self.peer.clone());
        let answer = client.apply_effect(request).await;
        let result = answer.map_err(|status| refusal(&status))?.into_inner();
        let state = match result.state() {
            pb::EffectState::Done => ActionState::Done,
            pb::EffectState::Unchanged => ActionState::Unchanged,
            pb::EffectState::Refused => ActionState::Refused,
            pb::EffectState::Unspecified => return Err(Error::Corrupt("answer of the crm")),
        };
        Ok(Applied {
            state,
            reason: result.reason,
            before: json(&result.before_json),
            after: json(&result.after_json),
        })
    }
}

fn name(lead: LeadRef) -> String {
    let connection = t11_core::format_name("connections", lead.connection_id);
    format!("{connection}/leads/{}", lead.lead_id)
}

fn refusal(status: &Status) -> Error {
    RemoteFault::from(status).into()
}

fn json(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(text).ok()
}

fn read(asked: LeadRef, lead: pb::Lead) -> Lead {
    let contact = lead.contact.unwrap_or_default();
    let of = |entity: FieldEntity, fields: Vec<pb::FieldValue>| {
        fields.into_iter().map(move |field| FieldValue {
            entity,
            field_id: field.field_id,
            code: field.code,
            display_name: field.display_name,
            values: field.values,
        })
    };
    let fields = of(FieldEntity::Leads, lead.fields);
    let fields = fields.chain(of(FieldEntity::Contacts, contact.fields));
    Lead {
        lead_id: asked.lead_id,
        display_name: lead.display_name,
        pipeline_id: lead.pipeline_id,
        stage_id: lead.stage_id,
        price: lead.price,
        responsible_user_id: lead.responsible_user_id,
        fields: fields.collect(),
        tags: lead.tags,
        contact_display_name: contact.display_name,
        stale: lead.stale,
    }
}

/// `None` for what is not the CRM's.
fn wire(effect: &Effect) -> Option<Wire> {
    Some(match effect.clone() {
        Effect::MoveStage {
            pipeline_id,
            stage_id,
            from_pipeline_id,
            from_stage_id,
            loss_reason_id,
            needs_fields: _,
        } => Wire::MoveStage(pb::MoveStage {
            pipeline_id,
            stage_id,
            from_pipeline_id,
            from_stage_id,
            loss_reason_id,
        }),
        Effect::SetField {
            entity,
            field_id,
            value,
            overwrite,
        } => Wire::SetField(pb::SetField {
            entity: entity.as_str().to_owned(),
            field_id,
            value,
            overwrite,
        }),
        Effect::CreateTask { text, due } => Wire::CreateTask(pb::CreateTask {
            text,
            task_type_id: 0,
            complete_till: Some(prost_types::Timestamp {
                seconds: due.timestamp(),
                nanos: 0,
            }),
            responsible_user_id: 0,
        }),
        Effect::AddNote { text, on_contact } => Wire::AddNote(pb::AddNote { text, on_contact }),
        Effect::AddTag { tag, on_contact } => Wire::AddTag(pb::AddTag { tag, on_contact }),
        Effect::RemoveTag { tag, on_contact } => Wire::RemoveTag(pb::RemoveTag { tag, on_contact }),
        Effect::Assign { user_id } => Wire::Assign(pb::Assign { user_id }),
        Effect::RunSalesbot { bot_id } => Wire::RunSalesbot(pb::RunSalesbot { bot_id }),
        Effect::SendWebhook { .. } => return None,
    })
}
