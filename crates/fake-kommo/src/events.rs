//! What happened in an account. Of messages it has ids, never texts.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::{Kind, select::is_within};
use crate::routes::Routes;

/// Most ids, and most authors, of one filter.
const MOST_IDS: usize = 10;

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) event_type: String,
    pub(crate) about: Option<(Kind, i64)>,
    pub(crate) created_by: i64,
    pub(crate) created_at: i64,
    pub(crate) before: Value,
    pub(crate) after: Value,
}

impl Event {
    fn render(&self, account: &Account, call: &Call) -> Value {
        json!({
            "id": self.id,
            "type": self.event_type,
            "entity_id": self.about.map(|(_, id)| id),
            "entity_type": self.about.map(|(kind, _)| kind.singular()),
            "created_by": self.created_by,
            "created_at": self.created_at,
            "value_after": self.after,
            "value_before": self.before,
            "account_id": account.id,
            "_links": {"self": {"href": format!("{}/api/v4/events/{}", call.base, self.id)}},
            "_embedded": {"entity": self.about.map(|(_, id)| json!({"id": id}))},
        })
    }
}

impl Account {
    /// Writes down what happened, and to which card.
    pub(crate) fn record(
        &mut self,
        event_type: &str,
        about: Option<(Kind, i64)>,
        by: i64,
        before: Value,
        after: Value,
    ) {
        let number = self.ids.next("event");
        self.events.push(Event {
            // The form of a ULID.
            id: format!("01K{number:023}"),
            event_type: event_type.to_owned(),
            about,
            created_by: by,
            created_at: self.now(),
            before,
            after,
        });
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .api(MethodFilter::GET, "/api/v4/events", list)
        .api(MethodFilter::GET, "/api/v4/events/types", types)
        .api(MethodFilter::GET, "/api/v4/events/{id}", |account, call| {
            let id = call.param("id");
            let event = account.events.iter().find(|event| event.id == id);
            found(event.map(|event| event.render(account, call)))
        })
}

fn list(account: &mut Account, call: &Call) -> Answered {
    let query = &call.query;
    let types = query.list(&["filter", "type"]);
    let kinds = query.list(&["filter", "entity"]);
    let ids = query.numbers(&["filter", "entity_id"]);
    let authors = query.numbers(&["filter", "created_by"]);
    if !ids.is_empty() && kinds.len() != 1 {
        return Err(Refusal::bad_request(
            "filter[entity_id] needs exactly one filter[entity]",
        ));
    }
    if ids.len() > MOST_IDS || authors.len() > MOST_IDS {
        return Err(Refusal::bad_request("Too many values in the filter"));
    }
    let is_about = |event: &Event| match event.about {
        Some((kind, id)) => {
            (kinds.is_empty() || kinds.contains(&kind.singular()))
                && (ids.is_empty() || ids.contains(&id))
        }
        None => kinds.is_empty() && ids.is_empty(),
    };
    let events: Vec<&Event> = account
        .events
        .iter()
        .rev()
        .filter(|event| types.is_empty() || types.contains(&event.event_type.as_str()))
        .filter(|event| authors.is_empty() || authors.contains(&event.created_by))
        .filter(|event| is_within(query, &["filter", "created_at"], Some(event.created_at)))
        .filter(|event| is_about(event))
        .collect();
    Answer::page(call, "events", &events, |event| event.render(account, call))
}

/// The types the fake writes.
const TYPES: [&str; 22] = [
    "lead_added",
    "lead_deleted",
    "lead_restored",
    "lead_status_changed",
    "contact_added",
    "contact_deleted",
    "company_added",
    "company_deleted",
    "task_added",
    "task_completed",
    "incoming_chat_message",
    "outgoing_chat_message",
    "talk_created",
    "talk_closed",
    "entity_tag_added",
    "entity_tag_deleted",
    "entity_linked",
    "entity_unlinked",
    "entity_responsible_changed",
    "name_field_changed",
    "sale_field_changed",
    "common_note_added",
];

fn types(_account: &mut Account, call: &Call) -> Answered {
    let types = TYPES.iter().zip(1..);
    let types: Vec<Value> = types
        .map(|(key, number)| json!({"key": key, "type": number, "lang": key.replace('_', " ")}))
        .collect();
    Ok(Answer::whole(call, "events_types", &types))
}
