//! Talks: sessions of conversations, and answers to clients in any channel.
//!
//! Messages need the scopes of external chats and a plan that has them; each answer counts against
//! the month's quota, reading does not.
//!
//! Sources: Kommo docs, `chats-api-add-on`, `send-message-to-conversation`, and its changelog of
//! July 2026; the SDK `amocrm-api-php`.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Client, Entity, Query, TimeRange};
use crate::de;
use crate::error::Error;
use crate::id::{
    ChatId, ContactId, FileId, FileVersionId, LeadId, MessageId, SourceId, TalkId, UserId,
};
use crate::page::Pages;
use crate::problem::Problem;

/// A talk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Talk {
    /// Its id; a new talk of the same chat has another.
    pub talk_id: TalkId,
    /// The lasting thread it is a session of.
    #[serde(default, deserialize_with = "de::maybe")]
    pub chat_id: Option<ChatId>,
    /// With whom.
    #[serde(default, deserialize_with = "de::maybe")]
    pub contact_id: Option<ContactId>,
    /// How it is.
    #[serde(default)]
    pub status: TalkStatus,
    /// Whether it is open.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_in_work: bool,
    /// Whether it was read or answered.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_read: bool,
    /// The channel: `waba`, `instagram_business`, `telegram`, …: an open set.
    #[serde(default, deserialize_with = "de::text")]
    pub origin: String,
    /// The inbox.
    #[serde(default, deserialize_with = "de::maybe")]
    pub source_id: Option<SourceId>,
    /// When it began.
    #[serde(default, deserialize_with = "de::some_time")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it changed last.
    #[serde(default, deserialize_with = "de::some_time")]
    pub updated_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "de::some_text")]
    entity_type: Option<String>,
    #[serde(default, deserialize_with = "de::maybe")]
    entity_id: Option<de::Integer>,
}

impl Talk {
    /// The lead or customer it is about.
    #[must_use]
    pub fn entity(&self) -> Option<Entity> {
        Entity::of(self.entity_type.as_deref()?, self.entity_id?.0)
    }

    /// The lead it is about.
    #[must_use]
    pub fn lead_id(&self) -> Option<LeadId> {
        match self.entity() {
            Some(Entity::Lead(id)) => Some(id),
            _ => None,
        }
    }
}

/// How a talk is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TalkStatus {
    /// Open.
    InWork,
    /// Closed: nothing can be sent.
    Closed,
    /// The client is being asked how it was.
    Rated(String),
    /// Any other, and none.
    #[default]
    Unknown,
}

impl<'de> Deserialize<'de> for TalkStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = de::text(deserializer)?;
        Ok(match word.as_str() {
            "in_work" => Self::InWork,
            "closed" => Self::Closed,
            _ if word.starts_with("nps_") => Self::Rated(word),
            _ => Self::Unknown,
        })
    }
}

/// Which talks; the newest come first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TalkQuery {
    /// These.
    pub talk_ids: Vec<TalkId>,
    /// With these people.
    pub contact_ids: Vec<ContactId>,
    /// About these leads.
    pub lead_ids: Vec<LeadId>,
    /// The open ones.
    pub only_in_work: bool,
    /// Talks a page, at most 250, which is also the default.
    pub limit: Option<u16>,
}

impl TalkQuery {
    fn parameters(&self) -> Query {
        let mut query = Query::default();
        query.add_list("filter[talk_id]", &self.talk_ids);
        query.add_list("filter[contact_id]", &self.contact_ids);
        if !self.lead_ids.is_empty() {
            query.add("filter[entity_type]", "lead");
            query.add_list("filter[entity_id]", &self.lead_ids);
        }
        if self.only_in_work {
            query.add("filter[only_in_work]", 1);
        }
        query
    }
}

/// A message of a talk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Its id, the same as in webhooks.
    pub id: MessageId,
    /// `incoming` or `outgoing`.
    #[serde(default, rename = "type", deserialize_with = "de::text")]
    pub direction: String,
    /// `text`, `picture`, `voice`, …: an open set.
    #[serde(default, deserialize_with = "de::some_text")]
    pub message_type: Option<String>,
    /// The channel.
    #[serde(default, deserialize_with = "de::text")]
    pub origin: String,
    /// What it says.
    #[serde(default, deserialize_with = "de::text")]
    pub text: String,
    /// Who wrote it.
    #[serde(default, deserialize_with = "de::object")]
    pub author: Author,
    /// Of outgoing ones: `sent`, `delivered`, `read`, `error`, …: an open set.
    #[serde(default, deserialize_with = "de::some_text")]
    pub delivery_status: Option<String>,
    /// What came with it.
    #[serde(default, deserialize_with = "de::maybe")]
    pub attachment: Option<MessageAttachment>,
    /// When.
    #[serde(default, deserialize_with = "de::some_time")]
    pub created_at: Option<DateTime<Utc>>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Author {
    /// In the chat back end.
    #[serde(default, deserialize_with = "de::text")]
    pub id: String,
    /// What kind.
    #[serde(default, rename = "type")]
    pub kind: AuthorKind,
    /// As people see it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// Of staff.
    #[serde(default, deserialize_with = "de::maybe")]
    pub user_id: Option<UserId>,
}

impl Author {
    /// Whether a member of the staff wrote it with their own hands: the agent is to be silent then.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.kind == AuthorKind::Internal && self.user_id.is_some_and(|id| id != UserId::ROBOT)
    }
}

/// A kind of author.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AuthorKind {
    /// The client.
    External,
    /// The account: a person if there is a user, else a robot or an integration.
    Internal,
    /// A robot.
    Bot,
    /// Any other, and none.
    #[default]
    Unknown,
}

impl AuthorKind {
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "external" => Self::External,
            "internal" => Self::Internal,
            "bot" => Self::Bot,
            _ => Self::Unknown,
        }
    }
}

impl<'de> Deserialize<'de> for AuthorKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        de::text(deserializer).map(|word| Self::of(&word))
    }
}

/// What came with a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MessageAttachment {
    /// `picture`, `file`, `voice`, …; a voice called `.ogg` may be another format.
    #[serde(default, rename = "type", deserialize_with = "de::text")]
    pub kind: String,
    /// To be fetched with [`Client::download`]; needs no token as a rule.
    #[serde(deserialize_with = "de::text")]
    pub link: String,
    /// Its name.
    #[serde(default, deserialize_with = "de::text")]
    pub file_name: String,
}

/// An answer to a client: a text, a file of the drive, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OutgoingMessage {
    /// How long it may be is the channel's matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// One a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment: Option<OutgoingAttachment>,
}

impl OutgoingMessage {
    /// A text alone.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            attachment: None,
        }
    }
}

/// A file of the drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutgoingAttachment {
    /// The file.
    pub drive_uuid: FileId,
    /// Its version.
    pub drive_version_uuid: FileVersionId,
    /// `picture` or `file`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// A message that was accepted, which is not yet delivered: see [`Message::delivery_status`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentMessage {
    /// What the message is known by in lists and webhooks. That those have the same id is not
    /// verified: compare text and time too.
    pub id: MessageId,
}

impl Client {
    /// Talks.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn talks(&self, query: &TalkQuery) -> Result<Pages<Talk>, Error> {
        self.pages(
            "talks.list",
            "/talks",
            query.parameters(),
            "talks",
            query.limit,
        )
    }

    /// One talk.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn talk(&self, id: TalkId) -> Result<Talk, Error> {
        self.get_one("talks.get", &format!("/talks/{id}"), Query::default())
            .await
    }

    /// The messages of a talk.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn messages(&self, id: TalkId, created_at: &TimeRange) -> Result<Pages<Message>, Error> {
        let mut query = Query::default();
        query.add_range("filter[created_at]", created_at);
        let path = format!("/talks/{id}/messages");
        self.pages("talks.messages", &path, query, "messages", None)
    }

    /// Sends a message to the client. Counts against the month's quota.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`]: look among [`Self::messages`] before it is sent again.
    /// [`Error::PaymentRequired`] when the quota is used up or the plan has no such thing,
    /// [`Error::is_scope`] when the grant has not, [`Error::Conflict`] when the talk is closed,
    /// [`Error::NotFound`] when there is none; and others of [`Error`].
    pub async fn send_message(
        &self,
        id: TalkId,
        message: &OutgoingMessage,
    ) -> Result<SentMessage, Error> {
        if message
            .text
            .as_ref()
            .is_none_or(|text| text.trim().is_empty())
            && message.attachment.is_none()
        {
            return Err(Error::Invalid(Problem::of("the message is empty")));
        }
        let path = format!("/talks/{id}/send_message");
        let reply = self.write("talks.send_message", Method::POST, &path, message);
        reply.await?.json()
    }

    /// Closes a talk: at once, or after the bot has asked the client how it was.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn close_talk(&self, id: TalkId, at_once: bool) -> Result<(), Error> {
        let path = format!("/talks/{id}/close");
        let body = serde_json::json!({ "force_close": at_once });
        self.act("talks.close", Method::POST, &path, &body).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_talk_is_read() {
        let talk: Talk = serde_json::from_value(json!({
            "talk_id": 77, "chat_id": "c-1", "contact_id": 6001, "entity_id": 5001,
            "entity_type": "lead", "status": "in_work", "is_in_work": true, "origin": "waba",
            "rate": 0, "source_id": null, "missed_at": 0
        }))
        .unwrap();
        assert_eq!(
            (talk.lead_id(), talk.status),
            (Some(LeadId(5001)), TalkStatus::InWork)
        );
        let bare: Talk = serde_json::from_value(json!({
            "talk_id": "78", "entity_id": null, "entity_type": null, "status": "nps_scheduled"
        }))
        .unwrap();
        assert_eq!(bare.entity(), None);
        assert_eq!(bare.status, TalkStatus::Rated("nps_scheduled".to_owned()));
    }

    #[test]
    fn staff_is_told_from_robots() {
        let author = |json| serde_json::from_value::<Author>(json).unwrap().is_staff();
        assert!(author(json!({"type": "internal", "user_id": 900})));
        assert!(!author(json!({"type": "internal"})));
        assert!(!author(json!({"type": "internal", "user_id": 0})));
        assert!(!author(json!({"type": "bot", "user_id": 900})));
        assert!(!author(json!({"type": "external"})));
    }

    #[test]
    fn a_message_is_read_and_written() {
        let message: Message = serde_json::from_value(json!({
            "id": "m-1", "type": "incoming", "message_type": "text", "origin": "waba",
            "text": "Hi", "author": {"id": "a", "type": "external", "name": "Ana", "avatar_url": null},
            "delivery_status": "delivered", "attachment": null, "created_at": 1_760_000_200
        }))
        .unwrap();
        assert_eq!(message.author.kind, AuthorKind::External);
        assert_eq!(message.attachment, None);
        let odd: Message =
            serde_json::from_value(json!({"id": "m", "author": [], "attachment": []})).unwrap();
        assert_eq!(odd.author.kind, AuthorKind::Unknown);
        let picture = OutgoingMessage {
            text: None,
            attachment: Some(OutgoingAttachment {
                drive_uuid: FileId("f".into()),
                drive_version_uuid: FileVersionId("v".into()),
                kind: "picture",
            }),
        };
        assert_eq!(
            serde_json::to_value(picture).unwrap(),
            json!({"attachment": {"drive_uuid": "f", "drive_version_uuid": "v", "type": "picture"}})
        );
    }
}
