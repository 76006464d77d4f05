//! An own channel hears what the account's side wrote, once.

use serde_json::{Value, json};

use super::Channel;
use crate::account::Account;
use crate::delivery::{Parcel, Purpose};
use crate::signature;
use crate::talks::{Author, Chat, Message};

impl Account {
    /// Tells the channel of a message's chat, when it is an own one.
    pub(crate) fn tell_own_channel(&mut self, id: &str) {
        let mut messages = self.talks.messages.iter();
        let Some(message) = messages.find(|message| message.id == id) else {
            return;
        };
        let Some(chat) = self.talks.chat(&message.chat_id) else {
            return;
        };
        let mut channels = self.channels.iter();
        let channel = channels.find(|channel| channel.is_connected && channel.code == chat.origin);
        let Some(channel) = channel.filter(|_| chat.conversation_id.is_some()) else {
            return;
        };
        let parcel = self.chat_webhook(channel, message, chat);
        self.parcels.push(parcel);
    }

    fn chat_webhook(&self, channel: &Channel, message: &Message, chat: &Chat) -> Parcel {
        let body = self.chat_webhook_body(message, chat).to_string();
        let url = channel
            .hook_url
            .replace(":scope_id", &channel.scope_id(self));
        let mut parcel = Parcel::json(&url, &body, Purpose::ChatWebhook, message.visible_from);
        let signature = signature::amojo_body(&channel.secret, body.as_bytes());
        parcel.headers.push(("x-signature", signature));
        parcel
    }

    fn chat_webhook_body(&self, message: &Message, chat: &Chat) -> Value {
        let user = match message.author {
            Author::Person(id) => self.user(id),
            Author::Client | Author::Bot | Author::Internal => None,
        };
        json!({
            "account_id": self.amojo_id,
            "time": message.created_at,
            "message": {
                "receiver": {
                    "id": chat.client_id,
                    "client_id": chat.conversation_id,
                    "phone": self.contact_phone(chat.contact_id),
                },
                "sender": {
                    "id": user.map(|user| &user.amojo_id),
                    "name": user.map(|user| &user.name),
                },
                "conversation": {"id": chat.id, "client_id": chat.conversation_id},
                "timestamp": message.created_at,
                "msec_timestamp": message.visible_from,
                "message": {
                    "id": message.id,
                    "type": message.message_type,
                    "text": message.text,
                    "media": message.attachment.as_ref().map_or(json!(""), |one| one["link"].clone()),
                    "thumbnail": "",
                    "file_name": message.attachment.as_ref().map_or(json!(""), |one| one["file_name"].clone()),
                    "file_size": 0,
                },
            },
        })
    }
}
