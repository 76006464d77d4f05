//! What webhooks say of talks and messages.

use serde_json::{Value, json};

use super::{Author, Chat, Message, Talk};
use crate::account::Account;
use crate::cards::Kind;

impl Account {
    pub(super) fn tell_of_talk(&mut self, talk_id: i64, action: &'static str) {
        let Some(talk) = self.talks.talks.get(&talk_id) else {
            return;
        };
        let Some(chat) = self.talks.chat(&talk.chat_id) else {
            return;
        };
        let item = json!({
            "talk_id": talk.id,
            "created_at": talk.created_at,
            "updated_at": talk.updated_at,
            "rate": 0,
            "contact_id": chat.contact_id,
            "chat_id": talk.chat_id,
            "entity_id": talk.lead_id,
            "entity_type": talk.lead_id.map(|_| "lead"),
            "is_in_work": talk.is_in_work,
            "is_read": talk.is_read,
            "origin": chat.origin,
        });
        self.tell(&format!("{action}_talk"), "talk", action, item);
    }

    /// Tells of a message at once: one of the client, or one a person or bot wrote.
    pub(crate) fn tell_of_message(&mut self, id: &str) {
        self.tell_of_message_in(id, 0);
    }

    /// Tells of a message when it is seen, this much later.
    pub(crate) fn tell_of_message_in(&mut self, id: &str, delay_millis: i64) {
        let message = self.talks.messages.iter().find(|message| message.id == id);
        let Some(message) = message else {
            return;
        };
        let talk = self.talks.talks.get(&message.talk_id);
        let chat = self.talks.chat(&message.chat_id);
        let (Some(talk), Some(chat)) = (talk, chat) else {
            return;
        };
        let item = self.message_hook(message, talk, chat);
        let (setting, entity) = if message.is_incoming() {
            ("add_message", "message")
        } else {
            ("add_outgoing_message", "outgoing_message")
        };
        self.tell_in(setting, entity, "add", item, delay_millis);
    }

    fn message_hook(&self, message: &Message, talk: &Talk, chat: &Chat) -> Value {
        // A client without a lead, and some channels, name none.
        let lead = talk
            .lead_id
            .filter(|_| !self.webhooks.manners.missing_entity);
        let client = json!({"id": chat.client_id, "type": "external"});
        json!({
            "id": message.id,
            "chat_id": message.chat_id,
            "talk_id": message.talk_id,
            "contact_id": chat.contact_id,
            "text": message.text,
            "created_at": message.created_at,
            "element_type": lead.map(|_| Kind::Lead.element_type()),
            "entity_type": lead.map(|_| "lead"),
            "element_id": lead,
            "entity_id": lead,
            "type": message.direction(),
            "message_type": message.message_type,
            "author": self.author(message, chat),
            "recipient": (!message.is_incoming()).then_some(client),
            "origin": chat.origin,
            "source_id": chat.source_id,
            "attachment": message.attachment,
        })
    }

    /// `author` of a message.
    pub(super) fn author(&self, message: &Message, chat: &Chat) -> Value {
        match message.author {
            Author::Client => {
                let contact = self.card(Kind::Contact, chat.contact_id);
                let name = contact.map(|contact| contact.name.as_str());
                json!({"id": chat.client_id, "type": "external", "name": name, "avatar_url": null})
            }
            Author::Person(id) => {
                let user = self.user(id);
                json!({
                    "id": user.map(|user| &user.amojo_id),
                    "type": "internal",
                    "user_id": id,
                    "name": user.map(|user| &user.name),
                    "avatar_url": null,
                })
            }
            Author::Bot => {
                json!({"id": bot_id(self), "type": "bot", "name": "Salesbot", "avatar_url": null})
            }
            Author::Internal => {
                json!({"id": bot_id(self), "type": "internal", "name": self.name, "avatar_url": null})
            }
        }
    }
}

fn bot_id(account: &Account) -> String {
    format!("0b6d0f0e-b07a-4000-8000-{:012x}", account.id)
}
