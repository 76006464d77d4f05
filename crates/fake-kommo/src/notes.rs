//! Notes on cards. A note is not a message to the customer.

use axum::routing::MethodFilter;
use serde_json::{Map, Value, json};

use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::{Kind, Ref, select::is_within};
use crate::item::{Item, read_all, read_one};
use crate::routes::Routes;

#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) id: i64,
    pub(crate) about: Ref,
    pub(crate) note_type: String,
    pub(crate) params: Map<String, Value>,
    pub(crate) is_pinned: bool,
    pub(crate) created_by: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// Types that may be written, with the parameters each must have and its number in webhooks.
const TYPES: [(&str, &[&str], i64); 11] = [
    ("common", &["text"], 4),
    (
        "call_in",
        &["uniq", "duration", "source", "link", "phone"],
        10,
    ),
    (
        "call_out",
        &["uniq", "duration", "source", "link", "phone"],
        11,
    ),
    ("service_message", &["service", "text"], 25),
    ("extended_service_message", &["service", "text"], 26),
    (
        "geolocation",
        &["text", "address", "longitude", "latitude"],
        27,
    ),
    ("sms_in", &["text", "phone"], 102),
    ("sms_out", &["text", "phone"], 103),
    ("attachment", &["file_uuid", "file_name"], 5),
    ("ai_result", &["text"], 28),
    ("message_cashier", &["status", "text"], 17),
];

struct Draft {
    /// In the list form the item names it.
    entity_id: Option<i64>,
    note_type: String,
    params: Map<String, Value>,
    created_by: Option<i64>,
}

impl Draft {
    fn read(item: &mut Item<'_>) -> Self {
        let note_type = item.required_text("note_type").to_owned();
        let params = item.value("params").and_then(Value::as_object).cloned();
        let params = params.unwrap_or_default();
        match TYPES.iter().find(|(name, _, _)| *name == note_type) {
            None => item.refuse_choice("note_type"),
            Some((_, required, _)) => {
                let missing = required.iter().filter(|name| !params.contains_key(**name));
                for name in missing {
                    item.refuse_missing(&format!("params.{name}"));
                }
            }
        }
        Self {
            entity_id: item.integer("entity_id"),
            note_type,
            params,
            created_by: item.integer("created_by"),
        }
    }
}

impl Note {
    fn render(&self, account: &Account, call: &Call) -> Value {
        let kind = self.about.kind.plural();
        json!({
            "id": self.id,
            "entity_id": self.about.id,
            "created_by": self.created_by,
            "updated_by": self.created_by,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "responsible_user_id": self.created_by,
            "group_id": 0,
            "note_type": self.note_type,
            "params": self.params,
            "is_pinned": self.is_pinned,
            "account_id": account.id,
            "_links": {"self": {"href": format!("{}/api/v4/{kind}/{}/notes/{}", call.base, self.about.id, self.id)}},
        })
    }

    pub(crate) fn text(&self) -> &str {
        self.params
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn number(&self) -> i64 {
        let mut types = TYPES.iter();
        let known = types.find(|(name, _, _)| *name == self.note_type);
        known.map_or(25, |(_, _, number)| *number)
    }
}

impl Account {
    pub(crate) fn add_note(
        &mut self,
        about: Ref,
        note_type: &str,
        params: Map<String, Value>,
        by: i64,
    ) -> i64 {
        let note = Note {
            id: self.ids.next("note"),
            about,
            note_type: note_type.to_owned(),
            params,
            is_pinned: false,
            created_by: by,
            created_at: self.now(),
            updated_at: self.now(),
        };
        let id = note.id;
        let after = json!([{"note": {"id": id}}]);
        let event = format!("{note_type}_note_added");
        self.record(&event, Some((about.kind, about.id)), by, json!([]), after);
        self.tell_of_note(&note);
        if note_type == "attachment" {
            // A note with a file gives two.
            self.tell_of_note(&note);
        }
        self.notes.insert(id, note);
        id
    }

    fn tell_of_note(&mut self, note: &Note) {
        let kind = note.about.kind;
        let entity = if kind == Kind::Lead {
            "leads"
        } else {
            "contacts"
        };
        let author = self.user(note.created_by).map(|user| user.name.clone());
        let metadata =
            json!({"event_source": {"id": note.created_by, "author_name": author, "type": 1}});
        let item = json!({
            "type": (kind != Kind::Lead).then(|| kind.singular()),
            "note": {
                "id": note.id,
                "note_type": note.number(),
                "text": note.text(),
                "element_type": kind.element_type(),
                "element_id": note.about.id,
                "attachement": "",
                "metadata": metadata.to_string(),
                "created_by": note.created_by,
                "main_user_id": note.created_by,
                "account_id": self.id,
                "timestamp_x": self.local_time(note.created_at),
                "created_at": note.created_at,
            },
        });
        self.tell(&format!("note_{}", kind.singular()), entity, "note", item);
    }
}

pub(crate) fn routes(mut routes: Routes) -> Routes {
    for kind in Kind::ALL {
        let of_all = format!("/api/v4/{}/notes", kind.plural());
        let of_one = format!("/api/v4/{}/{{id}}/notes", kind.plural());
        let by_kind = format!("{of_all}/{{note}}");
        let by_card = format!("{of_one}/{{note}}");
        for path in [&of_all, &of_one] {
            routes = routes
                .api(MethodFilter::GET, path, move |account, call| {
                    list(account, call, kind)
                })
                .api(MethodFilter::POST, path, move |account, call| {
                    create(account, call, kind)
                });
        }
        for path in [&by_kind, &by_card] {
            routes = routes
                .api(MethodFilter::GET, path, move |account, call| {
                    get(account, call, kind)
                })
                .api(MethodFilter::PATCH, path, move |account, call| {
                    patch(account, call, kind)
                })
                .api(
                    MethodFilter::POST,
                    &format!("{path}/pin"),
                    move |account, call| pin(account, call, kind, true),
                )
                .api(
                    MethodFilter::POST,
                    &format!("{path}/unpin"),
                    move |account, call| pin(account, call, kind, false),
                );
        }
    }
    routes
}

/// The card in the path, when the path has one.
fn card_in_path(account: &Account, call: &Call, kind: Kind) -> Result<Option<i64>, Refusal> {
    if call.param("id").is_empty() {
        return Ok(None);
    }
    let id = call.id("id")?;
    account.card(kind, id).ok_or_else(Refusal::not_found)?;
    Ok(Some(id))
}

fn list(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let card = card_in_path(account, call, kind)?;
    let query = &call.query;
    let ids = query.numbers(&["filter", "id"]);
    let of = query.numbers(&["filter", "entity_id"]);
    let types = query.list(&["filter", "note_type"]);
    let mut notes: Vec<&Note> = account
        .notes
        .values()
        .filter(|note| note.about.kind == kind && card.is_none_or(|id| note.about.id == id))
        .filter(|note| ids.is_empty() || ids.contains(&note.id))
        .filter(|note| of.is_empty() || of.contains(&note.about.id))
        .filter(|note| types.is_empty() || types.contains(&note.note_type.as_str()))
        .filter(|note| is_within(query, &["filter", "updated_at"], Some(note.updated_at)))
        .collect();
    let orders = [
        query.text(&["order", "id"]),
        query.text(&["order", "updated_at"]),
    ];
    if orders.contains(&Some("desc")) {
        notes.reverse();
    }
    Answer::page(call, "notes", &notes, |note| note.render(account, call))
}

fn create(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let card = card_in_path(account, call, kind)?;
    let drafts = read_all(call, |item| {
        let draft = Draft::read(item);
        let id = card.or(draft.entity_id);
        if id.and_then(|id| account.card(kind, id)).is_none() {
            item.refuse_choice("entity_id");
        }
        draft
    })?;
    let mut written = Vec::new();
    for (request_id, draft) in drafts {
        let id = card.or(draft.entity_id).ok_or_else(Refusal::not_found)?;
        let by = draft.created_by.unwrap_or(call.actor.user_id);
        let note = account.add_note(Ref { kind, id }, &draft.note_type, draft.params, by);
        written.push((note, request_id));
    }
    Ok(Answer::written(call, "notes", &written))
}

fn one_of(account: &mut Account, call: &Call, kind: Kind) -> Result<i64, Refusal> {
    let card = card_in_path(account, call, kind)?;
    let id = call.id("note")?;
    let note = account.notes.get(&id).ok_or_else(Refusal::not_found)?;
    if note.about.kind == kind && card.is_none_or(|card| note.about.id == card) {
        Ok(id)
    } else {
        Err(Refusal::not_found())
    }
}

fn get(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let id = one_of(account, call, kind)?;
    let note = account.notes.get(&id);
    found(note.map(|note| note.render(account, call)))
}

fn patch(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let id = one_of(account, call, kind)?;
    let params = read_one(call, |item| {
        item.value("params").and_then(Value::as_object).cloned()
    })?;
    let now = account.now();
    if let Some(note) = account.notes.get_mut(&id) {
        note.params.extend(params.unwrap_or_default());
        note.updated_at = now;
    }
    Ok(Answer::ok(json!({"id": id, "updated_at": now})))
}

fn pin(account: &mut Account, call: &Call, kind: Kind, is_pinned: bool) -> Answered {
    let id = one_of(account, call, kind)?;
    if let Some(note) = account.notes.get_mut(&id) {
        note.is_pinned = is_pinned;
    }
    Ok(Answer::Nothing)
}
