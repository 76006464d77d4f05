//! Changes of what is there: whether they may be made, and what is written. Making them twice is the
//! same as once.

use serde_json::{Value, json};
use t11_kommo::Error as KommoError;
use t11_kommo::client::{
    Client, Contact, ContactUpdate, CustomField, EntityKind, Lead, LeadUpdate, Tag, TagRef,
};
use t11_kommo::field::{Field, FieldUpdate};
use t11_kommo::id::{ContactId, FieldId, LossReasonId, PipelineId, StatusId, UserId};

use super::value::{self, Customs};
use super::{Effect, FieldOwner, MoveStage, Refusal, SetField};

/// Most fields of an account that are looked at.
const MOST_FIELDS: usize = 1_000;

/// A lead with what was read beside it.
pub(super) struct Card {
    pub(super) lead: Lead,
    /// Its main contact, where the effect is about it.
    pub(super) contact: Option<Contact>,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Lead(LeadUpdate),
    Contact(ContactId, ContactUpdate),
}

/// What comes of a look at the lead.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    /// It is so.
    Reached,
    Refused(Refusal),
    Write(Step),
}

fn refuse(reason: &'static str, detail: impl Into<String>) -> Plan {
    Plan::Refused(Refusal::new(reason, detail))
}

/// What the effect changes, as it is. `None` for effects that make something.
pub(super) fn state(effect: &Effect, card: &Card) -> Option<Value> {
    let lead = &card.lead;
    Some(match effect {
        Effect::MoveStage(_) => json!({
            "pipeline_id": lead.pipeline_id,
            "stage_id": lead.status_id,
            "loss_reason_id": lead.loss_reason_id,
        }),
        Effect::SetField(set) => {
            let field = field_of(card, set);
            let values = field.into_iter().flat_map(|field| &field.values);
            let values: Vec<_> = values.map(|value| value.display()).collect();
            json!({"field_id": set.field_id, "values": values})
        }
        Effect::AddTag { .. } | Effect::RemoveTag { .. } => {
            let tags = tags_of(card, effect.owner()).unwrap_or_default();
            let tags: Vec<_> = tags.iter().map(|tag| &tag.name).collect();
            json!({ "tags": tags })
        }
        Effect::Assign { .. } => json!({"responsible_user_id": lead.responsible_user_id}),
        Effect::CreateTask(_) | Effect::AddNote { .. } | Effect::RunSalesbot { .. } => return None,
    })
}

/// Looks whether the effect may be made.
pub(super) async fn plan(
    client: &Client,
    effect: &Effect,
    card: &Card,
    customs: &Customs,
) -> Result<Plan, KommoError> {
    match effect {
        Effect::MoveStage(to) => move_stage(client, to, &card.lead).await,
        Effect::SetField(set) => set_field(client, set, card, customs).await,
        Effect::AddTag { tag, owner } => Ok(add_tag(card, *owner, tag)),
        Effect::RemoveTag { tag, owner } => Ok(remove_tag(card, *owner, tag)),
        Effect::Assign { user_id } => assign(client, UserId(*user_id), &card.lead).await,
        // These make something; see `create`.
        Effect::CreateTask(_) | Effect::AddNote { .. } | Effect::RunSalesbot { .. } => {
            Ok(refuse(Refusal::REFUSED_BY_KOMMO, "this is not a change"))
        }
    }
}

async fn move_stage(client: &Client, to: &MoveStage, lead: &Lead) -> Result<Plan, KommoError> {
    let (pipeline, stage) = (PipelineId(to.pipeline_id), StatusId(to.stage_id));
    if (lead.pipeline_id, lead.status_id) == (pipeline, stage) {
        return Ok(Plan::Reached);
    }
    if has_left(to, lead) {
        return Ok(refuse(
            Refusal::STAGE_CHANGED,
            "the lead is in another stage by now",
        ));
    }
    let pipelines = client.pipelines().await?;
    let known = pipelines
        .iter()
        .find(|one| one.id == pipeline && !one.is_archive);
    let known = known.and_then(|one| one.stages().iter().find(|one| one.id == stage));
    if known.is_none_or(|stage| !stage.takes_leads()) {
        let detail = "there is no such stage, or leads cannot be moved there";
        return Ok(refuse(Refusal::STAGE_GONE, detail));
    }
    if stage == StatusId::LOST && to.loss_reason_id == 0 && !client.loss_reasons().await?.is_empty()
    {
        let detail = "the account asks why a lead is lost";
        return Ok(refuse(Refusal::LOSS_REASON_NEEDED, detail));
    }
    let fields = client.custom_fields(EntityKind::Leads)?;
    let missing = missing(&fields.collect(MOST_FIELDS).await?, to, lead);
    if !missing.is_empty() {
        let detail = format!("the stage needs values of: {}", missing.join(", "));
        return Ok(refuse(Refusal::FIELD_REQUIRED, detail));
    }
    Ok(Plan::Write(Step::Lead(LeadUpdate {
        pipeline_id: Some(pipeline),
        status_id: Some(stage),
        loss_reason_id: (to.loss_reason_id > 0).then_some(LossReasonId(to.loss_reason_id)),
        ..LeadUpdate::default()
    })))
}

/// Whether somebody has moved the lead from where it was thought to be.
fn has_left(to: &MoveStage, lead: &Lead) -> bool {
    let is_elsewhere = |thought: i64, is: i64| thought > 0 && thought != is;
    is_elsewhere(to.from_pipeline_id, lead.pipeline_id.0)
        || is_elsewhere(to.from_stage_id, lead.status_id.0)
}

/// The names of fields that the stage needs and the lead has no value of.
fn missing(fields: &[CustomField], to: &MoveStage, lead: &Lead) -> Vec<String> {
    let is_needed = |field: &&CustomField| {
        field
            .required_statuses
            .iter()
            .any(|needs| (needs.pipeline_id.0, needs.status_id.0) == (to.pipeline_id, to.stage_id))
    };
    let has_value = |id: FieldId| {
        let field = lead.fields.iter().find(|field| field.id == id);
        field.is_some_and(|field| !field.values.is_empty())
    };
    let missing = fields
        .iter()
        .filter(is_needed)
        .filter(|field| !has_value(field.id));
    missing.map(|field| field.name.clone()).collect()
}

fn field_of<'a>(card: &'a Card, set: &SetField) -> Option<&'a Field> {
    let fields = match set.owner {
        FieldOwner::Leads => &card.lead.fields,
        FieldOwner::Contacts => &card.contact.as_ref()?.fields,
    };
    fields.iter().find(|field| field.id.0 == set.field_id)
}

async fn set_field(
    client: &Client,
    set: &SetField,
    card: &Card,
    customs: &Customs,
) -> Result<Plan, KommoError> {
    if set.owner == FieldOwner::Contacts && card.contact.is_none() {
        return Ok(refuse(Refusal::FIELD_GONE, "the lead has no contact"));
    }
    let kind = match set.owner {
        FieldOwner::Leads => EntityKind::Leads,
        FieldOwner::Contacts => EntityKind::Contacts,
    };
    let field = match client.custom_field(kind, FieldId(set.field_id)).await {
        Ok(field) => field,
        Err(KommoError::NotFound(_)) => {
            return Ok(refuse(Refusal::FIELD_GONE, "there is no such field"));
        }
        Err(error) => return Err(error),
    };
    let current = field_of(card, set);
    let values = match value::values(&field, current, &set.value, customs) {
        Ok(values) => values,
        Err(refusal) => return Ok(Plan::Refused(refusal)),
    };
    let held = current.map_or(&[][..], |field| &field.values);
    if value::are_same(held, &values) {
        return Ok(Plan::Reached);
    }
    if !held.is_empty() && !set.overwrite {
        let detail = format!("`{}` has a value", field.name);
        return Ok(refuse(Refusal::FIELD_HAS_VALUE, detail));
    }
    let fields = vec![FieldUpdate {
        key: t11_kommo::field::FieldKey::Id(field.id),
        values,
    }];
    Ok(Plan::Write(match (&set.owner, &card.contact) {
        (FieldOwner::Contacts, Some(contact)) => {
            let update = ContactUpdate {
                fields,
                ..ContactUpdate::default()
            };
            Step::Contact(contact.id, update)
        }
        _ => Step::Lead(LeadUpdate {
            fields,
            ..LeadUpdate::default()
        }),
    }))
}

/// `None`: the lead has no contact.
fn tags_of(card: &Card, owner: FieldOwner) -> Option<&[Tag]> {
    match owner {
        FieldOwner::Leads => Some(card.lead.tags()),
        FieldOwner::Contacts => card.contact.as_ref().map(Contact::tags),
    }
}

fn no_contact() -> Plan {
    refuse(Refusal::CONTACT_GONE, "the lead has no contact")
}

fn add_tag(card: &Card, owner: FieldOwner, tag: &str) -> Plan {
    let tag = tag.trim();
    let Some(tags) = tags_of(card, owner) else {
        return no_contact();
    };
    if tags.iter().any(|one| one.name == tag) {
        return Plan::Reached;
    }
    write_tags(card, owner, vec![TagRef::name(tag)], Vec::new())
}

fn remove_tag(card: &Card, owner: FieldOwner, tag: &str) -> Plan {
    let tag = tag.trim();
    let Some(tags) = tags_of(card, owner) else {
        return no_contact();
    };
    let Some(known) = tags.iter().find(|one| one.name == tag) else {
        return Plan::Reached;
    };
    write_tags(card, owner, Vec::new(), vec![TagRef::Id(known.id)])
}

fn write_tags(card: &Card, owner: FieldOwner, add: Vec<TagRef>, delete: Vec<TagRef>) -> Plan {
    Plan::Write(match (owner, &card.contact) {
        (FieldOwner::Contacts, Some(contact)) => {
            let update = ContactUpdate {
                tags_to_add: add,
                tags_to_delete: delete,
                ..ContactUpdate::default()
            };
            Step::Contact(contact.id, update)
        }
        _ => Step::Lead(LeadUpdate {
            tags_to_add: add,
            tags_to_delete: delete,
            ..LeadUpdate::default()
        }),
    })
}

async fn assign(client: &Client, user: UserId, lead: &Lead) -> Result<Plan, KommoError> {
    if lead.responsible_user_id == Some(user) {
        return Ok(Plan::Reached);
    }
    match client.user(user).await {
        Ok(known) if known.is_active() => {}
        Ok(_) | Err(KommoError::NotFound(_)) => {
            let detail = "there is no such user, or they may not come in";
            return Ok(refuse(Refusal::USER_GONE, detail));
        }
        // Only administrators may look; Kommo checks it again.
        Err(KommoError::Forbidden(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(Plan::Write(Step::Lead(LeadUpdate {
        responsible_user_id: Some(user),
        ..LeadUpdate::default()
    })))
}
