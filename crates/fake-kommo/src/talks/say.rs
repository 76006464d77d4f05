//! Somebody writes in a chat: the client, a person of the account, a bot.

use serde_json::{Value, json};

use super::{Chat, Message, Talk};
use crate::account::Account;
use crate::cards::Kind;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Author {
    Client,
    /// A person of the account.
    Person(i64),
    Bot,
    /// Internal, and no person: what came through the API, in some readings.
    Internal,
}

/// What is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    /// `text` when empty.
    pub(crate) message_type: String,
    pub(crate) attachment: Option<Value>,
}

impl Said {
    pub(crate) fn text(text: &str) -> Self {
        let text = text.to_owned();
        Self {
            text,
            ..Self::default()
        }
    }
}

impl Account {
    pub(crate) fn open_chat(&mut self, contact_id: i64, origin: &str) -> String {
        let chat = Chat {
            id: self.ids.next_uuid(),
            contact_id,
            origin: origin.to_owned(),
            source_id: None,
            client_id: self.ids.next_uuid(),
            conversation_id: None,
        };
        let id = chat.id.clone();
        self.talks.chats.push(chat);
        id
    }

    pub(crate) fn open_talk(&mut self, chat_id: &str, lead_id: Option<i64>) -> i64 {
        let talk = Talk {
            id: self.ids.next("talk"),
            chat_id: chat_id.to_owned(),
            lead_id,
            is_in_work: true,
            is_read: false,
            created_at: self.now(),
            updated_at: self.now(),
        };
        let id = talk.id;
        self.talks.talks.insert(id, talk);
        let after = json!([{"talk": {"id": id}}]);
        let about = lead_id.map(|id| (Kind::Lead, id));
        self.record("talk_created", about, 0, json!([]), after);
        self.tell_of_talk(id, "add");
        id
    }

    /// The client writes. In a closed talk that opens a new one. Gives the talk and the message.
    pub(crate) fn client_says(&mut self, talk_id: i64, said: Said) -> Option<(i64, String)> {
        let talk = self.talks.talks.get(&talk_id)?.clone();
        let talk_id = if talk.is_in_work {
            talk_id
        } else {
            self.open_talk(&talk.chat_id, talk.lead_id)
        };
        let text = said.text.clone();
        let id = self.add_message(talk_id, Author::Client, said, 0)?;
        self.record_message("incoming_chat_message", talk_id, &id, 0);
        self.tell_of_message(&id);
        self.mark_read(talk_id, false);
        self.bots_hear(talk_id, &text);
        Some((talk_id, id))
    }

    /// The account's side writes; seen `delay_millis` later. Gives the message.
    pub(crate) fn account_says(
        &mut self,
        talk_id: i64,
        author: Author,
        said: Said,
        delay_millis: i64,
    ) -> Option<String> {
        let id = self.account_writes(talk_id, author, said, delay_millis)?;
        self.tell_own_channel(&id);
        Some(id)
    }

    /// The account's side writes what an own channel knows already.
    pub(crate) fn account_writes(
        &mut self,
        talk_id: i64,
        author: Author,
        said: Said,
        delay_millis: i64,
    ) -> Option<String> {
        let by = match author {
            Author::Person(id) => id,
            Author::Client | Author::Bot | Author::Internal => 0,
        };
        let id = self.add_message(talk_id, author, said, delay_millis)?;
        self.record_message("outgoing_chat_message", talk_id, &id, by);
        self.mark_read(talk_id, true);
        Some(id)
    }

    fn add_message(
        &mut self,
        talk_id: i64,
        author: Author,
        said: Said,
        delay_millis: i64,
    ) -> Option<String> {
        let chat_id = self.talks.talks.get(&talk_id)?.chat_id.clone();
        let message_type = match said.message_type.as_str() {
            "" => "text",
            given => given,
        };
        let message = Message {
            id: self.ids.next_uuid(),
            talk_id,
            chat_id,
            author,
            message_type: message_type.to_owned(),
            text: said.text,
            attachment: said.attachment,
            delivery_status: "delivered".to_owned(),
            created_at: self.now(),
            visible_from: self.now_millis + delay_millis,
        };
        let id = message.id.clone();
        self.talks.messages.push(message);
        Some(id)
    }

    fn record_message(&mut self, event: &str, talk_id: i64, id: &str, by: i64) {
        let talk = self.talks.talks.get(&talk_id);
        let lead = talk
            .and_then(|talk| talk.lead_id)
            .map(|id| (Kind::Lead, id));
        let origin = self.talks.chat_of(talk_id).map(|chat| chat.origin.clone());
        let after = json!([{"message": {"id": id, "talk_id": talk_id, "origin": origin}}]);
        self.record(event, lead, by, json!([]), after);
    }

    fn mark_read(&mut self, talk_id: i64, is_read: bool) {
        let now = self.now();
        let Some(talk) = self.talks.talks.get_mut(&talk_id) else {
            return;
        };
        talk.updated_at = now;
        if talk.is_read != is_read {
            talk.is_read = is_read;
            self.tell_of_talk(talk_id, "update");
        }
    }

    pub(crate) fn close_talk(&mut self, talk_id: i64, by: i64) {
        let now = self.now();
        let Some(talk) = self.talks.talks.get_mut(&talk_id) else {
            return;
        };
        talk.is_in_work = false;
        talk.is_read = true;
        talk.updated_at = now;
        let about = talk.lead_id.map(|id| (Kind::Lead, id));
        let after = json!([{"talk": {"id": talk_id}}]);
        self.record("talk_closed", about, by, json!([]), after);
        self.tell_of_talk(talk_id, "update");
    }
}
