//! A client who has not written before: contact, lead, chat and talk at once.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::Account;
use crate::cards::{Draft, Kind};
use crate::custom_fields::FieldValue;

/// What becomes of a newcomer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// A lead in the first stage of the main pipeline.
    #[default]
    Lead,
    /// A lead among the incoming ones, to be accepted first.
    Unsorted,
    /// A contact alone: messages name no lead.
    ContactOnly,
}

/// Somebody who writes for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Newcomer {
    pub name: String,
    /// `telegram`, `waba`, …
    pub origin: String,
    pub phone: Option<String>,
    pub arrival: Arrival,
}

impl Default for Newcomer {
    fn default() -> Self {
        Self {
            name: "Ana".to_owned(),
            origin: "telegram".to_owned(),
            phone: None,
            arrival: Arrival::Lead,
        }
    }
}

/// Where to find a newcomer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrived {
    pub contact_id: i64,
    pub lead_id: Option<i64>,
    pub chat_id: String,
    pub talk_id: i64,
}

impl Account {
    /// Makes what Kommo makes of a first message, without the message.
    pub(crate) fn welcome(&mut self, newcomer: &Newcomer) -> Arrived {
        let contact = Draft {
            name: Some(newcomer.name.clone()),
            first_name: Some(newcomer.name.clone()),
            values: self.phone(newcomer.phone.as_deref()),
            ..Draft::default()
        };
        let contact_id = self.add_card(Kind::Contact, contact, 0);
        let lead_id = self.lead_of(newcomer, contact_id);
        let chat_id = self.open_chat(contact_id, &newcomer.origin);
        let talk_id = self.open_talk(&chat_id, lead_id);
        Arrived {
            contact_id,
            lead_id,
            chat_id,
            talk_id,
        }
    }

    fn lead_of(&mut self, newcomer: &Newcomer, contact_id: i64) -> Option<i64> {
        if newcomer.arrival == Arrival::ContactOnly {
            return None;
        }
        let lead = Draft {
            name: Some(format!("{}: {}", newcomer.origin, newcomer.name)),
            contacts: vec![(contact_id, true)],
            ..Draft::default()
        };
        let lead_id = self.add_card(Kind::Lead, lead, 0);
        if newcomer.arrival == Arrival::Unsorted {
            let metadata = json!({
                "from": newcomer.name,
                "to": self.name,
                "received_at": self.now(),
                "service": newcomer.origin,
                "client": {"name": newcomer.name, "avatar": null},
                "source_name": newcomer.origin,
            });
            self.add_unsorted(lead_id, Some(contact_id), "chats", metadata);
        }
        Some(lead_id)
    }

    fn phone(&self, phone: Option<&str>) -> crate::custom_fields::Values {
        let field = self.field_by_code(Kind::Contact, "PHONE");
        let value = field.zip(phone).map(|(field, phone)| {
            let value = json!(phone);
            let enum_id = field.enums.first().map(|choice| choice.id);
            (field.id, vec![FieldValue { value, enum_id }])
        });
        value.into_iter().collect()
    }
}
