//! `POST /talks/{id}/send_message`: the add-on's way to answer a client.

use serde_json::{Value, json};

use super::{Author, Echo, Said};
use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::item::read_one;

pub(super) fn send_message(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_scope("send_external_messages")?;
    let id = call.id("id")?;
    let talk = account
        .talks
        .talks
        .get(&id)
        .ok_or_else(Refusal::not_found)?;
    let sending = &account.talks.sending;
    if !sending.is_in_plan {
        let detail = "Endpoint not available for current account tariff";
        return Err(Refusal::payment_required(detail));
    }
    if !talk.is_in_work {
        return Err(Refusal::unprocessable("Talk is closed"));
    }
    let said = read(account, call)?;
    if sending.used >= sending.quota {
        return Err(Refusal::payment_required("Over chat API limit"));
    }
    account.talks.sending.used += 1;
    let id = account.say_through_api(id, said, call.actor.user_id);
    Ok(Answer::accepted(json!({"id": id})))
}

fn read(account: &Account, call: &Call) -> Result<Said, Refusal> {
    read_one(call, |item| {
        let text = item.text("text").unwrap_or_default();
        let attachment = item.object("attachment").map(|mut attachment| {
            let read = Attachment {
                drive_uuid: attachment.required_text("drive_uuid"),
                attachment_type: attachment.required_text("type"),
            };
            if !matches!(read.attachment_type, "picture" | "file" | "") {
                attachment.refuse_choice("type");
            }
            if account.files.file(read.drive_uuid).is_none() {
                attachment.refuse_choice("drive_uuid");
            }
            item.absorb("attachment", attachment);
            read
        });
        if text.trim().is_empty() && attachment.is_none() {
            item.refuse_missing("text");
        }
        Said {
            text: text.to_owned(),
            message_type: attachment
                .as_ref()
                .map_or("text", |one| one.attachment_type)
                .to_owned(),
            attachment: attachment.map(|one| one.render(account)),
        }
    })
}

struct Attachment<'a> {
    drive_uuid: &'a str,
    attachment_type: &'a str,
}

impl Attachment<'_> {
    fn render(&self, account: &Account) -> Value {
        let file = account.files.file(self.drive_uuid);
        json!({
            "type": self.attachment_type,
            "link": format!("{}/v1.0/files/{}/download", account.base, self.drive_uuid),
            "file_name": file.map(|file| &file.name),
        })
    }
}

impl Account {
    fn say_through_api(&mut self, talk_id: i64, said: Said, user_id: i64) -> Option<String> {
        let delay = i64::from(self.talks.sending.delay_seconds) * 1000;
        let echo = self.talks.sending.echo;
        let author = match echo {
            Echo::Bot | Echo::Silent => Author::Bot,
            Echo::Internal => Author::Internal,
            Echo::Person => Author::Person(user_id),
        };
        let id = self.account_says(talk_id, author, said, delay)?;
        if self.talks.sending.fail_next > 0 {
            self.talks.sending.fail_next -= 1;
            self.set_delivery_status(&id, "error");
        }
        if echo != Echo::Silent {
            self.tell_of_message_in(&id, delay);
        }
        Some(id)
    }

    /// `sent`, `delivered`, `read` or `error`.
    pub(crate) fn set_delivery_status(&mut self, id: &str, status: &str) -> bool {
        let mut messages = self.talks.messages.iter_mut();
        let message = messages.find(|message| message.id == id);
        match message {
            Some(message) => {
                message.delivery_status = status.to_owned();
                true
            }
            None => false,
        }
    }
}
