//! A channel tells of its messages and chats.

use serde_json::{Value, json};

use super::check;
use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::Kind;
use crate::talks::{Author, Said};

pub(super) fn create_chat(account: &mut Account, call: &Call) -> Answered {
    let index = check::connected_channel(account, call)?;
    let body = check::json(call)?;
    let conversation = text(body, "conversation_id")?;
    let talk_id = account.own_talk(index, conversation, &body["user"]);
    let chat = account
        .talks
        .chat_of(talk_id)
        .ok_or_else(Refusal::not_found)?;
    let mut user = body["user"].clone();
    user["client_id"] = user["id"].take();
    user["id"] = json!(chat.client_id);
    Ok(Answer::ok(json!({"id": chat.id, "user": user})))
}

pub(super) fn event(account: &mut Account, call: &Call) -> Answered {
    let index = check::connected_channel(account, call)?;
    let body = check::json(call)?;
    let payload = &body["payload"];
    let msgid = text(payload, "msgid")?;
    match body["event_type"].as_str() {
        Some("new_message") => new_message(account, index, payload, msgid),
        Some("edit_message") => edit_message(account, index, payload, msgid),
        _ => Err(check::wrong_body()),
    }
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    let text = body[name].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(check::wrong_body)
}

fn new_message(account: &mut Account, index: usize, payload: &Value, msgid: &str) -> Answered {
    if let Some(answer) = account.channels[index].answered.get(msgid) {
        return Ok(Answer::ok(answer.clone()));
    }
    let conversation = text(payload, "conversation_id")?;
    let said = said(&payload["message"])?;
    let sender = &payload["sender"];
    let author = author(account, index, sender)?;
    let client = if author == Author::Client {
        sender
    } else {
        &payload["receiver"]
    };
    let talk_id = account.own_talk(index, conversation, client);
    let id = match author {
        Author::Client => account.client_says(talk_id, said).map(|(_, id)| id),
        // What the channel itself has sent is not sent to it again.
        author => account.account_wrote_elsewhere(talk_id, author, said),
    };
    let chat = account.talks.chat_of(talk_id);
    let answer = json!({
        "new_message": {
            "conversation_id": chat.map(|chat| &chat.id),
            "sender_id": chat.map(|chat| &chat.client_id),
            "receiver_id": null,
            "msgid": id,
            "ref_id": msgid,
        },
    });
    let answered = &mut account.channels[index].answered;
    answered.insert(msgid.to_owned(), answer.clone());
    Ok(Answer::ok(answer))
}

fn edit_message(account: &mut Account, index: usize, payload: &Value, msgid: &str) -> Answered {
    let said = said(&payload["message"])?;
    let answered = account.channels[index].answered.get(msgid);
    let id = answered.and_then(|answer| answer["new_message"]["msgid"].as_str());
    let mut messages = account.talks.messages.iter_mut();
    match messages.find(|message| Some(message.id.as_str()) == id) {
        Some(message) => {
            message.text = said.text;
            Ok(Answer::ok(json!({})))
        }
        None => Err(check::wrong_body()),
    }
}

fn said(message: &Value) -> Result<Said, Refusal> {
    const TYPES: [&str; 9] = [
        "text", "contact", "file", "video", "picture", "voice", "audio", "sticker", "location",
    ];
    let message_type = text(message, "type")?;
    if !TYPES.contains(&message_type) {
        return Err(check::wrong_body());
    }
    let media = message["media"].as_str().filter(|media| !media.is_empty());
    Ok(Said {
        text: message["text"].as_str().unwrap_or_default().to_owned(),
        message_type: message_type.to_owned(),
        attachment: media.map(
            |link| json!({"type": message_type, "link": link, "file_name": message["file_name"]}),
        ),
    })
}

/// The client, or whom `ref_id` names: a person of the account, or the channel's bot.
fn author(account: &Account, index: usize, sender: &Value) -> Result<Author, Refusal> {
    let Some(ref_id) = sender["ref_id"].as_str() else {
        return Ok(Author::Client);
    };
    if ref_id == account.channels[index].bot_id {
        return Ok(Author::Bot);
    }
    let user = account.users.iter().find(|user| user.amojo_id == ref_id);
    user.map(|user| Author::Person(user.id))
        .ok_or_else(check::wrong_body)
}

impl Account {
    /// The talk of this conversation; the first message makes contact, lead and chat.
    fn own_talk(&mut self, channel: usize, conversation: &str, client: &Value) -> i64 {
        let code = self.channels[channel].code.clone();
        let mut chats = self.talks.chats.iter();
        let known = chats.find(|chat| {
            chat.origin == code && chat.conversation_id.as_deref() == Some(conversation)
        });
        if let Some(chat) = known {
            let mut talks = self.talks.talks.values().rev();
            let talk = talks.find(|talk| talk.chat_id == chat.id);
            if let Some(talk) = talk {
                return talk.id;
            }
        }
        let name = client["name"].as_str().unwrap_or("Client");
        let newcomer = crate::newcomer::Newcomer {
            name: name.to_owned(),
            origin: code,
            phone: client["profile"]["phone"].as_str().map(str::to_owned),
            ..Default::default()
        };
        let arrived = self.welcome(&newcomer);
        let chats = self.talks.chats.iter_mut();
        for chat in chats.filter(|chat| chat.id == arrived.chat_id) {
            chat.conversation_id = Some(conversation.to_owned());
        }
        arrived.talk_id
    }

    fn account_wrote_elsewhere(
        &mut self,
        talk_id: i64,
        author: Author,
        said: Said,
    ) -> Option<String> {
        let id = self.account_writes(talk_id, author, said, 0)?;
        self.tell_of_message(&id);
        Some(id)
    }

    pub(super) fn contact_phone(&self, contact_id: i64) -> Option<String> {
        let field = self.field_by_code(Kind::Contact, "PHONE")?.id;
        let card = self.card(Kind::Contact, contact_id)?;
        let value = card.values.get(&field)?.first()?;
        value.value.as_str().map(str::to_owned)
    }
}
