//! What clients and people of the account do in Kommo's own pages and in their messengers.
//!
//! Methods give `None` or `false` when what they name does not exist.

use serde_json::{Map, Value, json};

use super::Account;
use crate::cards::{Draft, Kind, Ref};
use crate::custom_fields::FieldValue;
use crate::newcomer::{Arrived, Newcomer};
use crate::talks::{Author, Said};
use crate::tasks::TaskDraft;

impl Account {
    /// Somebody writes for the first time.
    pub fn newcomer(&self, newcomer: &Newcomer, text: &str) -> Arrived {
        self.act(|account| {
            let arrived = account.welcome(newcomer);
            account.client_says(arrived.talk_id, Said::text(text));
            arrived
        })
    }

    /// The client of a talk writes; in a closed one that opens another. Gives the talk and the
    /// message.
    pub fn client_writes(&self, talk_id: i64, text: &str) -> Option<(i64, String)> {
        self.act(|account| account.client_says(talk_id, Said::text(text)))
    }

    /// The client of a talk sends a file: `voice`, `picture`, `location`, ….
    pub fn client_sends(
        &self,
        talk_id: i64,
        message_type: &str,
        link: &str,
        file_name: &str,
    ) -> Option<(i64, String)> {
        let said = Said {
            text: String::new(),
            message_type: message_type.to_owned(),
            attachment: Some(json!({"type": message_type, "link": link, "file_name": file_name})),
        };
        self.act(|account| account.client_says(talk_id, said))
    }

    /// A person of the account answers the client by hand. Gives the message.
    pub fn person_writes(&self, talk_id: i64, user_id: i64, text: &str) -> Option<String> {
        self.act(|account| {
            account.user(user_id)?;
            let author = Author::Person(user_id);
            let id = account.account_says(talk_id, author, Said::text(text), 0)?;
            account.tell_of_message(&id);
            Some(id)
        })
    }

    /// A bot of somebody else answers the client. Gives the message.
    pub fn foreign_bot_writes(&self, talk_id: i64, text: &str) -> Option<String> {
        self.act(|account| {
            let id = account.account_says(talk_id, Author::Bot, Said::text(text), 0)?;
            account.tell_of_message(&id);
            Some(id)
        })
    }

    /// A person closes a talk.
    pub fn close_talk(&self, talk_id: i64, user_id: i64) {
        self.act(|account| account.close_talk(talk_id, user_id));
    }

    /// A person makes a lead by hand.
    pub fn add_lead(&self, name: &str, user_id: i64) -> i64 {
        let draft = Draft {
            name: Some(name.to_owned()),
            ..Draft::default()
        };
        self.act(|account| account.add_card(Kind::Lead, draft, user_id))
    }

    /// A person drags a lead to another stage, of another pipeline when it is given.
    pub fn move_stage_by_person(
        &self,
        lead_id: i64,
        pipeline_id: Option<i64>,
        status_id: i64,
        user_id: i64,
    ) -> bool {
        self.act(|account| {
            let deal = account
                .card(Kind::Lead, lead_id)
                .and_then(|card| card.deal.clone());
            let pipeline_id = pipeline_id.or(deal.map(|deal| deal.pipeline_id));
            let stage = pipeline_id.and_then(|id| account.stage(id, status_id));
            if stage.is_none() {
                return false;
            }
            let draft = Draft {
                pipeline_id,
                status_id: Some(status_id),
                ..Draft::default()
            };
            account.change_card(Ref::lead(lead_id), draft, user_id);
            true
        })
    }

    /// A person hands a lead to another person.
    pub fn assign(&self, lead_id: i64, to_user_id: i64, user_id: i64) {
        let draft = Draft {
            responsible_user_id: Some(to_user_id),
            ..Draft::default()
        };
        self.act(|account| account.change_card(Ref::lead(lead_id), draft, user_id));
    }

    /// A person fills in a field of a lead: with a text, a number, or the words of a choice.
    pub fn set_field(&self, lead_id: i64, field_id: i64, value: Value, user_id: i64) -> bool {
        self.act(|account| {
            let Some(field) = account.field(Kind::Lead, field_id) else {
                return false;
            };
            let mut enums = field.enums.iter();
            let choice = enums.find(|choice| value == choice.value.as_str());
            let enum_id = choice.map(|choice| choice.id);
            let values = [(field_id, vec![FieldValue { value, enum_id }])];
            let draft = Draft {
                values: values.into_iter().collect(),
                ..Draft::default()
            };
            account.change_card(Ref::lead(lead_id), draft, user_id);
            true
        })
    }

    /// A person deletes a lead, which only people can.
    pub fn delete_lead(&self, lead_id: i64, user_id: i64) {
        self.act(|account| account.delete_card(Ref::lead(lead_id), user_id));
    }

    pub fn restore_lead(&self, lead_id: i64, user_id: i64) {
        self.act(|account| account.restore_card(Ref::lead(lead_id), user_id));
    }

    /// A person accepts an incoming lead, by its uid, into the first stage.
    pub fn accept(&self, uid: &str, user_id: i64) -> Option<i64> {
        self.act(|account| account.accept_unsorted(uid, user_id, None, user_id).ok())
    }

    /// A person writes a note on a lead.
    pub fn add_note(&self, lead_id: i64, text: &str, user_id: i64) -> i64 {
        let params = Map::from_iter([("text".to_owned(), json!(text))]);
        self.act(|account| account.add_note(Ref::lead(lead_id), "common", params, user_id))
    }

    /// A person sets a task on a lead.
    pub fn add_task(&self, lead_id: i64, text: &str, complete_till: i64, user_id: i64) -> i64 {
        let draft = TaskDraft {
            text: Some(text.to_owned()),
            about: Some(Ref::lead(lead_id)),
            complete_till: Some(complete_till),
            ..TaskDraft::default()
        };
        self.act(|account| account.add_task(draft, user_id))
    }

    /// A person completes a task.
    pub fn complete_task(&self, task_id: i64, result: &str, user_id: i64) {
        let draft = TaskDraft {
            is_completed: Some(true),
            result: Some(result.to_owned()),
            ..TaskDraft::default()
        };
        self.act(|account| account.change_task(task_id, draft, user_id));
    }

    /// The channel reports on a message: `sent`, `delivered`, `read` or `error`.
    pub fn set_delivery_status(&self, message_id: &str, status: &str) -> bool {
        self.act(|account| account.set_delivery_status(message_id, status))
    }
}
