//! Chats with clients, in whatever channel, and the add-on that answers in them.

mod hooks;
mod routes;
mod say;
mod send;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::routes::routes;
pub(crate) use self::say::{Author, Said};

#[derive(Debug, Default)]
pub(crate) struct Talks {
    pub(crate) chats: Vec<Chat>,
    pub(crate) talks: BTreeMap<i64, Talk>,
    pub(crate) messages: Vec<Message>,
    pub(crate) sending: Sending,
}

/// A person in a channel. It stays; talks in it come and go.
#[derive(Debug, Clone)]
pub(crate) struct Chat {
    pub(crate) id: String,
    pub(crate) contact_id: i64,
    /// `telegram`, `waba`, …
    pub(crate) origin: String,
    pub(crate) source_id: Option<i64>,
    /// The person's id in the chat back end.
    pub(crate) client_id: String,
    /// The id of an own channel's conversation.
    pub(crate) conversation_id: Option<String>,
}

/// One working session in a chat.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) id: i64,
    pub(crate) chat_id: String,
    pub(crate) lead_id: Option<i64>,
    pub(crate) is_in_work: bool,
    pub(crate) is_read: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) talk_id: i64,
    pub(crate) chat_id: String,
    pub(crate) author: Author,
    /// `text`, `picture`, `voice`, …
    pub(crate) message_type: String,
    pub(crate) text: String,
    pub(crate) attachment: Option<Value>,
    /// `sent`, `delivered`, `read`, `error`.
    pub(crate) delivery_status: String,
    pub(crate) created_at: i64,
    /// Unix milliseconds from which lists show it.
    pub(crate) visible_from: i64,
}

/// How sending through the add-on behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sending {
    /// Whether the account's plan has the add-on.
    pub is_in_plan: bool,
    /// Messages a month; each accepted one counts.
    pub quota: u32,
    pub used: u32,
    /// As whom a sent message comes back in webhooks and lists.
    pub echo: Echo,
    /// From the acceptance of a message until it is seen, on the fake's clock.
    pub delay_seconds: u32,
    /// How lists of messages are ordered.
    pub newest_first: bool,
    /// This many of the next messages are accepted and then not delivered.
    pub fail_next: u32,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            is_in_plan: true,
            quota: 500,
            used: 0,
            echo: Echo::Bot,
            delay_seconds: 0,
            newest_first: true,
            fail_next: 0,
        }
    }
}

/// No document says how the account shows a message that was sent through the add-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Echo {
    /// Its author is a bot; it comes as an outgoing webhook.
    Bot,
    /// Its author is internal, and is no person.
    Internal,
    /// Its author is the person who granted the access: it looks as if they wrote it.
    Person,
    /// It is only in the list.
    Silent,
}

impl Talks {
    pub(crate) fn chat(&self, id: &str) -> Option<&Chat> {
        self.chats.iter().find(|chat| chat.id == id)
    }

    pub(crate) fn chat_of(&self, talk_id: i64) -> Option<&Chat> {
        self.chat(&self.talks.get(&talk_id)?.chat_id)
    }

    /// The newest talk of a lead.
    pub(crate) fn of_lead(&self, lead_id: i64) -> Option<&Talk> {
        let mut talks = self.talks.values().rev();
        talks.find(|talk| talk.lead_id == Some(lead_id))
    }

    pub(crate) fn move_to_lead(&mut self, from: i64, to: i64) {
        let talks = self.talks.values_mut();
        for talk in talks.filter(|talk| talk.lead_id == Some(from)) {
            talk.lead_id = Some(to);
        }
    }

    /// The messages of a whole chat, or of one talk in it, oldest first.
    pub(crate) fn messages_of(&self, talk_id: i64) -> impl Iterator<Item = &Message> {
        let messages = self.messages.iter();
        messages.filter(move |message| message.talk_id == talk_id)
    }
}

impl Message {
    pub(crate) fn is_incoming(&self) -> bool {
        matches!(self.author, Author::Client)
    }

    pub(crate) fn direction(&self) -> &'static str {
        if self.is_incoming() {
            "incoming"
        } else {
            "outgoing"
        }
    }
}

impl Talk {
    pub(crate) fn status(&self) -> &'static str {
        if self.is_in_work { "in_work" } else { "closed" }
    }

    fn render(&self, account: &crate::account::Account, chat: &Chat, base: &str) -> Value {
        let href = format!("{base}/api/v4/talks/{}", self.id);
        let leads: Vec<Value> = self
            .lead_id
            .map(|id| json!({"id": id}))
            .into_iter()
            .collect();
        json!({
            "talk_id": self.id,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "rate": 0,
            "contact_id": chat.contact_id,
            "chat_id": self.chat_id,
            "entity_id": self.lead_id,
            "entity_type": self.lead_id.map(|_| "lead"),
            "status": self.status(),
            "is_in_work": self.is_in_work,
            "is_read": self.is_read,
            "origin": chat.origin,
            "source_id": chat.source_id,
            "missed_at": null,
            "account_id": account.id,
            "_links": {"self": {"href": href}},
            "_embedded": {"contacts": [{"id": chat.contact_id}], "leads": leads, "customers": []},
        })
    }
}
