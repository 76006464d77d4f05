//! Leads and contacts as they were last read: what is known when Kommo cannot be reached.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use t11_kommo::client;
use t11_kommo::field::Field;

/// A lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MirroredLead {
    pub(crate) lead_id: i64,
    pub(crate) display_name: String,
    pub(crate) pipeline_id: i64,
    pub(crate) stage_id: i64,
    /// In whole units of the account's currency.
    pub(crate) price: i64,
    pub(crate) responsible_user_id: i64,
    pub(crate) loss_reason_id: i64,
    /// The first one to call.
    pub(crate) contact_id: Option<i64>,
    pub(crate) fields: Vec<MirroredField>,
    pub(crate) tags: Vec<String>,
    pub(crate) is_closed: bool,
    pub(crate) is_deleted: bool,
    /// When it was changed at Kommo.
    pub(crate) update_time: Option<DateTime<Utc>>,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MirroredContact {
    pub(crate) contact_id: i64,
    pub(crate) display_name: String,
    pub(crate) responsible_user_id: i64,
    pub(crate) fields: Vec<MirroredField>,
    pub(crate) is_deleted: bool,
    pub(crate) update_time: Option<DateTime<Utc>>,
}

/// A field with its values as people read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MirroredField {
    pub(crate) field_id: i64,
    /// `PHONE`; empty for most.
    pub(crate) code: String,
    pub(crate) display_name: String,
    pub(crate) values: Vec<String>,
}

impl From<&client::Lead> for MirroredLead {
    fn from(lead: &client::Lead) -> Self {
        let contacts = lead.contacts();
        let main = contacts.iter().find(|contact| contact.is_main);
        Self {
            lead_id: lead.id.0,
            display_name: lead.name.clone(),
            pipeline_id: lead.pipeline_id.0,
            stage_id: lead.status_id.0,
            price: lead
                .price
                .as_ref()
                .and_then(|price| price.whole())
                .unwrap_or(0),
            responsible_user_id: lead.responsible_user_id.map_or(0, |user| user.0),
            loss_reason_id: lead.loss_reason_id.map_or(0, |reason| reason.0),
            contact_id: main.or(contacts.first()).map(|contact| contact.id.0),
            fields: lead.fields.iter().map(MirroredField::from).collect(),
            tags: lead.tags().iter().map(|tag| tag.name.clone()).collect(),
            is_closed: lead.closed_at.is_some(),
            is_deleted: lead.is_deleted,
            update_time: lead.updated_at,
        }
    }
}

impl From<&client::Contact> for MirroredContact {
    fn from(contact: &client::Contact) -> Self {
        Self {
            contact_id: contact.id.0,
            display_name: contact.name.clone(),
            responsible_user_id: contact.responsible_user_id.map_or(0, |user| user.0),
            fields: contact.fields.iter().map(MirroredField::from).collect(),
            is_deleted: contact.is_deleted,
            update_time: contact.updated_at,
        }
    }
}

impl From<&Field> for MirroredField {
    fn from(field: &Field) -> Self {
        Self {
            field_id: field.id.0,
            code: field.code.clone().unwrap_or_default(),
            display_name: field.name.clone(),
            values: field.values.iter().map(|value| value.display()).collect(),
        }
    }
}
