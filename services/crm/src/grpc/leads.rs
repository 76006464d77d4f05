//! `t11.crm.v1.LeadService`.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use t11_core::{Violations, format_name};
use t11_grpc::scope;
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::apply_effect_request::Effect as Wire;
use t11_proto::crm::v1::lead_service_server::LeadService;
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

use super::convert::timestamp;
use super::messages::key;
use crate::effect::apply::Effects;
use crate::effect::{
    CreateTask, Effect, FieldOwner, LeadEffect, MoveStage, NewEffect, SetField, State,
};
use crate::error::Error;
use crate::lead::{Lead, Leads};
use crate::mirror::{MirroredContact, MirroredField};

pub(super) struct LeadRpcs {
    pub(super) leads: Leads,
    pub(super) effects: Effects,
}

#[async_trait]
impl LeadService for LeadRpcs {
    async fn get_lead(
        &self,
        request: Request<pb::GetLeadRequest>,
    ) -> Result<Response<pb::Lead>, Status> {
        let scope = scope(&request)?;
        let mut violations = Violations::default();
        let name = request.into_inner().name;
        let (connection, lead) = lead_name(&mut violations, "name", &name);
        violations.check().map_err(Error::from)?;
        let lead = self.leads.get(&scope, connection, lead).await?;
        Ok(Response::new(lead.into()))
    }

    async fn apply_effect(
        &self,
        request: Request<pb::ApplyEffectRequest>,
    ) -> Result<Response<pb::EffectResult>, Status> {
        let scope = scope(&request)?;
        let new = NewEffect::try_from(request.into_inner())?;
        let effect = self.effects.apply(&scope, new).await?;
        Ok(Response::new(effect.into()))
    }
}

/// The ids in `connections/{connection}/leads/{lead}`; another form is noted.
fn lead_name(violations: &mut Violations, field: &str, name: &str) -> (Uuid, i64) {
    let parts: Vec<&str> = name.split('/').collect();
    let ids = match parts[..] {
        ["connections", connection, "leads", lead] => {
            Uuid::try_parse(connection).ok().zip(lead.parse().ok())
        }
        _ => None,
    };
    ids.filter(|(_, lead)| *lead > 0).unwrap_or_else(|| {
        let description =
            format!("`{field}` must be of the form `connections/{{id}}/leads/{{number}}`");
        violations.add(field, "MALFORMED", description);
        Default::default()
    })
}

impl TryFrom<pb::ApplyEffectRequest> for NewEffect {
    type Error = Error;

    fn try_from(request: pb::ApplyEffectRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let v = &mut violations;
        let (connection, lead_id) = lead_name(v, "lead", &request.lead);
        let idempotency_key = key(v, &request.idempotency_key);
        let effect = request.effect.and_then(|wire| effect(v, wire));
        match effect {
            Some(effect) => {
                effect.check(v);
                violations.check()?;
                Ok(Self {
                    connection,
                    lead_id,
                    idempotency_key,
                    effect,
                })
            }
            None => {
                v.add("effect", "REQUIRED", "`effect` must be given");
                Err(violations.into())
            }
        }
    }
}

fn side(on_contact: bool) -> FieldOwner {
    if on_contact {
        FieldOwner::Contacts
    } else {
        FieldOwner::Leads
    }
}

/// `None` for what cannot be read, which is noted.
fn effect(violations: &mut Violations, wire: Wire) -> Option<Effect> {
    Some(match wire {
        Wire::MoveStage(to) => Effect::MoveStage(MoveStage {
            pipeline_id: to.pipeline_id,
            stage_id: to.stage_id,
            from_pipeline_id: to.from_pipeline_id,
            from_stage_id: to.from_stage_id,
            loss_reason_id: to.loss_reason_id,
        }),
        Wire::SetField(set) => Effect::SetField(SetField {
            owner: owner(violations, &set.entity)?,
            field_id: set.field_id,
            value: set.value,
            overwrite: set.overwrite,
        }),
        Wire::CreateTask(task) => Effect::CreateTask(CreateTask {
            text: task.text,
            task_type_id: task.task_type_id,
            complete_till: complete_till(violations, task.complete_till)?,
            responsible_user_id: task.responsible_user_id,
        }),
        Wire::AddNote(note) => Effect::AddNote {
            text: note.text,
            owner: side(note.on_contact),
        },
        Wire::AddTag(tag) => Effect::AddTag {
            tag: tag.tag,
            owner: side(tag.on_contact),
        },
        Wire::RemoveTag(tag) => Effect::RemoveTag {
            tag: tag.tag,
            owner: side(tag.on_contact),
        },
        Wire::Assign(assign) => Effect::Assign {
            user_id: assign.user_id,
        },
        Wire::RunSalesbot(run) => Effect::RunSalesbot { bot_id: run.bot_id },
    })
}

fn owner(violations: &mut Violations, word: &str) -> Option<FieldOwner> {
    match word {
        "leads" => Some(FieldOwner::Leads),
        "contacts" => Some(FieldOwner::Contacts),
        _ => {
            let description = "`set_field.entity` must be `leads` or `contacts`";
            violations.add("set_field.entity", "UNKNOWN", description);
            None
        }
    }
}

fn complete_till(violations: &mut Violations, time: Option<Timestamp>) -> Option<DateTime<Utc>> {
    // Kommo keeps whole seconds.
    let time = time.and_then(|time| DateTime::from_timestamp(time.seconds, 0));
    if time.is_none() {
        let description = "`create_task.complete_till` must be given";
        violations.add("create_task.complete_till", "REQUIRED", description);
    }
    time
}

impl From<Lead> for pb::Lead {
    fn from(read: Lead) -> Self {
        let connection = format_name("connections", read.connection);
        let lead = read.lead;
        Self {
            name: format!("{connection}/leads/{}", lead.lead_id),
            display_name: lead.display_name,
            pipeline_id: lead.pipeline_id,
            stage_id: lead.stage_id,
            price: lead.price,
            responsible_user_id: lead.responsible_user_id,
            fields: lead.fields.into_iter().map(field).collect(),
            tags: lead.tags,
            contact: read.contact.map(contact),
            loss_reason_id: lead.loss_reason_id,
            closed: lead.is_closed,
            stale: read.is_stale,
            update_time: lead.update_time.map(timestamp),
        }
    }
}

fn contact(contact: MirroredContact) -> pb::Contact {
    pb::Contact {
        contact_id: contact.contact_id,
        display_name: contact.display_name,
        fields: contact.fields.into_iter().map(field).collect(),
    }
}

fn field(field: MirroredField) -> pb::FieldValue {
    pb::FieldValue {
        field_id: field.field_id,
        code: field.code,
        display_name: field.display_name,
        values: field.values,
    }
}

impl From<LeadEffect> for pb::EffectResult {
    fn from(effect: LeadEffect) -> Self {
        let state = match effect.state {
            State::Done => pb::EffectState::Done,
            State::Unchanged => pb::EffectState::Unchanged,
            State::Refused => pb::EffectState::Refused,
            // Only what is over is answered.
            State::Pending | State::Doing => pb::EffectState::Unspecified,
        };
        let (reason, message) = match effect.refusal {
            Some(refusal) => (refusal.reason.into_owned(), refusal.detail),
            None => Default::default(),
        };
        let json = |value: Option<serde_json::Value>| {
            value.map(|value| value.to_string()).unwrap_or_default()
        };
        Self {
            state: state.into(),
            reason,
            message,
            before_json: json(effect.before),
            after_json: json(effect.after),
            created_id: effect.created_id.unwrap_or_default(),
        }
    }
}
