//! What is in an account, for tests and for the demonstration to look at.

use serde::Serialize;
use serde_json::Value;

use crate::account::Account;
use crate::cards::{Card, Deal, Kind, Ref};
use crate::notes::Note;
use crate::talks::{Author, Message};
use crate::tasks::Task;
use crate::webhooks::Subscription;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeadView {
    pub id: i64,
    pub name: String,
    pub price: i64,
    pub pipeline_id: i64,
    pub status_id: i64,
    /// The stage's name.
    pub status: String,
    pub responsible_user_id: i64,
    pub responsible_user: String,
    pub loss_reason_id: Option<i64>,
    pub is_deleted: bool,
    /// Waits among the incoming ones.
    pub is_unsorted: bool,
    pub tags: Vec<String>,
    /// Values of its fields by the field's id, the first of each.
    pub fields: std::collections::BTreeMap<i64, Value>,
    pub contact_id: Option<i64>,
    pub contact: Option<String>,
    /// The newest talk.
    pub talk_id: Option<i64>,
    pub updated_at: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageView {
    pub id: String,
    pub talk_id: i64,
    /// `client`, `person`, `bot`, or `internal` for what came through the API in some readings.
    pub author: &'static str,
    /// Who of the account wrote it.
    pub user_id: Option<i64>,
    pub author_name: String,
    pub text: String,
    pub message_type: String,
    /// `sent`, `delivered`, `read`, `error`.
    pub delivery_status: String,
    pub attachment: Option<Value>,
    pub created_at: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskView {
    pub id: i64,
    pub text: String,
    pub responsible_user_id: i64,
    pub responsible_user: String,
    pub complete_till: i64,
    pub is_completed: bool,
    pub result: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoteView {
    pub id: i64,
    pub note_type: String,
    pub text: String,
    pub params: Value,
    pub created_by: i64,
    pub created_at: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebhookView {
    pub id: i64,
    pub destination: String,
    pub settings: Vec<String>,
    pub is_disabled: bool,
    /// Deliveries of the last two hours that came to nothing.
    pub invalid: usize,
}

/// What the owner of a channel is told when it is registered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelView {
    pub channel_id: String,
    pub secret: String,
    pub bot_id: String,
    pub scope_id: String,
    pub amojo_id: String,
}

impl Account {
    fn name_of(&self, user_id: i64) -> String {
        self.user(user_id)
            .map(|user| user.name.clone())
            .unwrap_or_default()
    }

    pub(crate) fn lead_view(&self, id: i64) -> Option<LeadView> {
        let card = self.card(Kind::Lead, id)?;
        Some(self.view_of(card, card.deal.as_ref()?))
    }

    fn view_of(&self, card: &Card, deal: &Deal) -> LeadView {
        let stage = self.stage(deal.pipeline_id, deal.status_id);
        let tags = card.tags.iter().filter_map(|id| self.tag(*id));
        let first = |(id, values): (&i64, &Vec<crate::custom_fields::FieldValue>)| {
            Some((*id, values.first()?.value.clone()))
        };
        let contact = self.main_contact(card.reference());
        let contact = contact.and_then(|id| self.card(Kind::Contact, id));
        LeadView {
            id: card.id,
            name: card.name.clone(),
            price: deal.price,
            pipeline_id: deal.pipeline_id,
            status_id: deal.status_id,
            status: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
            responsible_user_id: card.responsible_user_id,
            responsible_user: self.name_of(card.responsible_user_id),
            loss_reason_id: deal.loss_reason_id,
            is_deleted: card.is_deleted,
            is_unsorted: stage.is_some_and(|stage| stage.is_unsorted),
            tags: tags.map(|tag| tag.name.clone()).collect(),
            fields: card.values.iter().filter_map(first).collect(),
            contact_id: contact.map(|contact| contact.id),
            contact: contact.map(|contact| contact.name.clone()),
            talk_id: self.talks.of_lead(card.id).map(|talk| talk.id),
            updated_at: card.updated_at,
        }
    }

    pub(crate) fn lead_views(&self) -> Vec<LeadView> {
        let cards = self.cards.values().filter(|card| !card.is_deleted);
        cards
            .filter_map(|card| Some(self.view_of(card, card.deal.as_ref()?)))
            .collect()
    }

    pub(crate) fn message_view(&self, message: &Message) -> MessageView {
        let contact = self
            .talks
            .chat_of(message.talk_id)
            .map(|chat| chat.contact_id);
        let contact = contact.and_then(|id| self.card(Kind::Contact, id));
        let (author, user_id, author_name) = match message.author {
            Author::Client => {
                let name = contact.map(|contact| contact.name.clone());
                ("client", None, name.unwrap_or_default())
            }
            Author::Person(id) => ("person", Some(id), self.name_of(id)),
            Author::Bot => ("bot", None, self.name.clone()),
            Author::Internal => ("internal", None, self.name.clone()),
        };
        MessageView {
            id: message.id.clone(),
            talk_id: message.talk_id,
            author,
            user_id,
            author_name,
            text: message.text.clone(),
            message_type: message.message_type.clone(),
            delivery_status: message.delivery_status.clone(),
            attachment: message.attachment.clone(),
            created_at: message.created_at,
        }
    }

    /// A chat as the client sees it: what has arrived, oldest first, over all its talks.
    pub(crate) fn thread(&self, talk_id: i64) -> Vec<MessageView> {
        let chat = self.talks.chat_of(talk_id).map(|chat| chat.id.as_str());
        self.talks
            .messages
            .iter()
            .filter(|message| Some(message.chat_id.as_str()) == chat)
            .filter(|message| message.visible_from <= self.now_millis)
            .filter(|message| message.delivery_status != "error")
            .map(|message| self.message_view(message))
            .collect()
    }

    pub(crate) fn task_views(&self, about: Ref) -> Vec<TaskView> {
        let tasks = self.tasks.values().filter(|task| task.about == Some(about));
        tasks.map(|task| self.task_view(task)).collect()
    }

    fn task_view(&self, task: &Task) -> TaskView {
        TaskView {
            id: task.id,
            text: task.text.clone(),
            responsible_user_id: task.responsible_user_id,
            responsible_user: self.name_of(task.responsible_user_id),
            complete_till: task.complete_till,
            is_completed: task.is_completed,
            result: task.result.clone(),
        }
    }

    pub(crate) fn note_views(&self, about: Ref) -> Vec<NoteView> {
        let notes = self.notes.values().filter(|note| note.about == about);
        notes.map(note_view).collect()
    }

    pub(crate) fn webhook_views(&self) -> Vec<WebhookView> {
        let subscriptions = self.webhooks.subscriptions.iter();
        subscriptions.map(webhook_view).collect()
    }
}

fn note_view(note: &Note) -> NoteView {
    NoteView {
        id: note.id,
        note_type: note.note_type.clone(),
        text: note.text().to_owned(),
        params: note.params.clone().into(),
        created_by: note.created_by,
        created_at: note.created_at,
    }
}

fn webhook_view(subscription: &Subscription) -> WebhookView {
    WebhookView {
        id: subscription.id,
        destination: subscription.destination.clone(),
        settings: subscription.settings.clone(),
        is_disabled: subscription.is_disabled,
        invalid: subscription.invalid.len(),
    }
}
