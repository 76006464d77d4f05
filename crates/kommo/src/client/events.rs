//! The account's history. Of messages it has the ids and not the texts, and no order is promised.
//!
//! Sources: Kommo docs, `events-list`; the SDK `amocrm-api-php`.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::{Client, Entity, Query, TimeRange, segment};
use crate::de;
use crate::error::Error;
use crate::id::{EventId, UserId};
use crate::page::Pages;

/// Notes differ: 100 or 250.
const MAX_EVENTS: u16 = 100;

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// `incoming_chat_message`, `lead_status_changed`, `custom_field_{id}_value_changed`, …: an open
    /// set.
    #[serde(rename = "type", deserialize_with = "de::text")]
    pub kind: String,
    /// Whose doing; [`UserId::ROBOT`] for no person.
    #[serde(default, deserialize_with = "de::maybe")]
    pub created_by: Option<UserId>,
    /// When.
    #[serde(default, deserialize_with = "de::some_time")]
    pub created_at: Option<DateTime<Utc>>,
    /// How it was; the shape depends on the type.
    #[serde(default, deserialize_with = "de::list")]
    pub value_before: Vec<Value>,
    /// How it became; the shape depends on the type.
    #[serde(default, deserialize_with = "de::list")]
    pub value_after: Vec<Value>,
    #[serde(default, deserialize_with = "de::text")]
    entity_type: String,
    #[serde(default, deserialize_with = "de::maybe")]
    entity_id: Option<de::Integer>,
}

impl Event {
    /// What it happened to.
    #[must_use]
    pub fn entity(&self) -> Option<Entity> {
        Entity::of(&self.entity_type, self.entity_id?.0)
    }
}

/// A type of event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EventType {
    /// Its word.
    #[serde(deserialize_with = "de::text")]
    pub key: String,
    /// What people read.
    #[serde(default, rename = "lang", deserialize_with = "de::text")]
    pub name: String,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Of these types.
    pub kinds: Vec<String>,
    /// Of this entity.
    pub entity: Option<Entity>,
    /// Then.
    pub created_at: TimeRange,
    /// By these users, at most 10.
    pub created_by: Vec<UserId>,
    /// Events a page, at most 100, which is also the default.
    pub limit: Option<u16>,
}

impl EventQuery {
    /// Lists are joined by commas here, as nowhere else.
    fn parameters(&self) -> Query {
        let mut query = Query::default();
        query.add_joined("filter[type]", self.kinds.iter().map(String::as_str));
        if let Some(entity) = self.entity {
            let kind = match entity {
                Entity::Lead(_) => "lead",
                Entity::Contact(_) => "contact",
                Entity::Company(_) => "company",
                Entity::Customer(_) => "customer",
            };
            query.add("filter[entity]", kind);
            query.add("filter[entity_id]", entity.id());
        }
        query.add_range("filter[created_at]", &self.created_at);
        let users: Vec<_> = self.created_by.iter().map(UserId::to_string).collect();
        query.add_joined("filter[created_by]", users.iter().map(String::as_str));
        query
    }
}

impl Client {
    /// Events.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn events(&self, query: &EventQuery) -> Result<Pages<Event>, Error> {
        let limit = query.limit.unwrap_or(MAX_EVENTS).min(MAX_EVENTS);
        self.pages(
            "events.list",
            "/events",
            query.parameters(),
            "events",
            Some(limit),
        )
    }

    /// One event.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn event(&self, id: &EventId) -> Result<Event, Error> {
        let path = format!("/events/{}", segment(id.as_str()));
        self.get_one("events.get", &path, Query::default()).await
    }

    /// The types of events, named in `language`, `en`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn event_types(&self, language: &str) -> Result<Vec<EventType>, Error> {
        let mut query = Query::default();
        query.add("language_code", language);
        self.get_list("events.types", "/events/types", query, "events_types")
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::LeadId;

    #[test]
    fn lists_are_joined() {
        let query = EventQuery {
            kinds: vec![
                "incoming_chat_message".into(),
                "outgoing_chat_message".into(),
            ],
            entity: Some(Entity::Lead(LeadId(5001))),
            created_by: vec![UserId(0), UserId(900)],
            ..EventQuery::default()
        };
        let mut expected = Query::default();
        expected.add(
            "filter[type]",
            "incoming_chat_message,outgoing_chat_message",
        );
        expected.add("filter[entity]", "lead");
        expected.add("filter[entity_id]", 5001);
        expected.add("filter[created_by]", "0,900");
        assert_eq!(query.parameters(), expected);
    }

    #[test]
    fn an_event_is_read() {
        let event: Event = serde_json::from_str(
            r#"{"id":"01k0","type":"incoming_chat_message","entity_id":5001,"entity_type":"lead",
                "created_by":0,"created_at":1760000200,"value_before":[],
                "value_after":[{"message":{"id":"m-1","talk_id":77,"origin":"waba"}}]}"#,
        )
        .unwrap();
        assert_eq!(event.entity(), Some(Entity::Lead(LeadId(5001))));
        assert_eq!(event.value_after[0]["message"]["talk_id"], 77);
    }
}
