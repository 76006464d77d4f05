//! Looking inside an account.

use serde_json::{Value, json};

use super::Account;
use crate::cards::Ref;
use crate::view::{LeadView, MessageView, NoteView, TaskView, WebhookView};

impl Account {
    pub fn lead(&self, id: i64) -> Option<LeadView> {
        self.look(|account| account.lead_view(id))
    }

    /// Every lead that is not deleted.
    pub fn leads(&self) -> Vec<LeadView> {
        self.look(|account| account.lead_views())
    }

    /// The chat of a talk as its client sees it: what has arrived, oldest first, over all talks of
    /// the chat.
    pub fn messages_of(&self, talk_id: i64) -> Vec<MessageView> {
        self.look(|account| account.thread(talk_id))
    }

    /// The chat of a lead's newest talk as the client sees it.
    pub fn messages_of_lead(&self, lead_id: i64) -> Vec<MessageView> {
        self.look(|account| {
            let talk = account.talks.of_lead(lead_id).map(|talk| talk.id);
            talk.map(|talk| account.thread(talk)).unwrap_or_default()
        })
    }

    /// Every message a talk was ever to have: those on their way and those that failed, too.
    pub fn all_messages_of(&self, talk_id: i64) -> Vec<MessageView> {
        self.look(|account| {
            let messages = account.talks.messages_of(talk_id);
            messages
                .map(|message| account.message_view(message))
                .collect()
        })
    }

    /// Whether a talk is open; `None` when there is none.
    pub fn is_in_work(&self, talk_id: i64) -> Option<bool> {
        self.look(|account| Some(account.talks.talks.get(&talk_id)?.is_in_work))
    }

    pub fn tasks_of(&self, lead_id: i64) -> Vec<TaskView> {
        self.look(|account| account.task_views(Ref::lead(lead_id)))
    }

    pub fn notes_of(&self, lead_id: i64) -> Vec<NoteView> {
        self.look(|account| account.note_views(Ref::lead(lead_id)))
    }

    pub fn webhooks(&self) -> Vec<WebhookView> {
        self.look(|account| account.webhook_views())
    }

    /// The uids of leads that wait to be accepted.
    pub fn unsorted(&self) -> Vec<String> {
        self.look(|account| {
            let unsorted = account.unsorted.iter();
            unsorted.map(|one| one.uid.clone()).collect()
        })
    }

    /// How many bots are at work.
    pub fn running_bots(&self) -> usize {
        self.look(|account| account.bots.runs.len())
    }

    /// The ids of its people, administrators first.
    pub fn users(&self) -> Vec<i64> {
        self.look(|account| account.users.iter().map(|user| user.id).collect())
    }

    /// The main pipeline, and its stages in order: "Incoming leads" first, won and lost last.
    pub fn stages(&self) -> (i64, Vec<i64>) {
        self.look(|account| {
            let pipeline = account.main_pipeline();
            let stages = pipeline.into_iter().flat_map(|pipeline| &pipeline.statuses);
            let ids = stages.map(|stage| stage.id).collect();
            (pipeline.map_or(0, |pipeline| pipeline.id), ids)
        })
    }

    /// Its name, people and main pipeline, for the demonstration.
    pub(crate) fn summary(&self) -> Value {
        self.look(|account| {
            let users = account.users.iter();
            let users = users.map(|user| json!({"id": user.id, "name": user.name}));
            let stages = account
                .main_pipeline()
                .into_iter()
                .flat_map(|one| &one.statuses);
            let stages = stages
                .map(|stage| json!({"id": stage.id, "name": stage.name, "color": stage.color}));
            json!({
                "id": account.id,
                "name": account.name,
                "subdomain": account.subdomain,
                "users": users.collect::<Vec<_>>(),
                "stages": stages.collect::<Vec<_>>(),
            })
        })
    }

    /// The id of a field of leads by its name.
    pub fn field(&self, name: &str) -> Option<i64> {
        self.look(|account| {
            let mut fields = account.fields.iter();
            let field =
                fields.find(|field| field.kind == crate::cards::Kind::Lead && field.name == name);
            field.map(|field| field.id)
        })
    }
}
