//! One Kommo account: what it holds, its `GET /account`, its ids.

use std::collections::BTreeMap;

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::amojo::Channel;
use crate::answer::{Answer, Answered};
use crate::bots::Bots;
use crate::call::Call;
use crate::cards::{Card, Kind, Ref};
use crate::custom_fields::Field;
use crate::delivery::Parcel;
use crate::events::Event;
use crate::files::Files;
use crate::links::Link;
use crate::loss_reasons::LossReason;
use crate::notes::Note;
use crate::php::Quirks;
use crate::pipelines::Pipeline;
use crate::routes::Routes;
use crate::sources::Source;
use crate::tags::Tag;
use crate::talks::Talks;
use crate::tasks::Task;
use crate::unsorted::Unsorted;
use crate::users::User;
use crate::webhooks::Webhooks;

pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) subdomain: String,
    /// `http://127.0.0.1:9400`: where it lives now.
    pub(crate) base: String,
    pub(crate) amojo_id: String,
    pub(crate) country: &'static str,
    pub(crate) currency: &'static str,
    pub(crate) currency_symbol: &'static str,
    pub(crate) timezone: chrono::FixedOffset,
    pub(crate) timezone_name: &'static str,
    pub(crate) created_at: i64,
    pub(crate) ids: Ids,
    pub(crate) users: Vec<User>,
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) fields: Vec<Field>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) loss_reasons: Vec<LossReason>,
    pub(crate) sources: Vec<Source>,
    pub(crate) cards: BTreeMap<Ref, Card>,
    pub(crate) links: Vec<Link>,
    pub(crate) tasks: BTreeMap<i64, Task>,
    pub(crate) notes: BTreeMap<i64, Note>,
    pub(crate) unsorted: Vec<Unsorted>,
    pub(crate) events: Vec<Event>,
    pub(crate) talks: Talks,
    pub(crate) bots: Bots,
    pub(crate) webhooks: Webhooks,
    pub(crate) channels: Vec<Channel>,
    pub(crate) files: Files,
    pub(crate) quirks: Quirks,
    /// What is to be sent out after the request that is being answered.
    pub(crate) parcels: Vec<Parcel>,
    /// Unix milliseconds, set from the clock before each use.
    pub(crate) now_millis: i64,
}

/// Ids of one account: counted, so that a run repeats itself.
#[derive(Debug)]
pub(crate) struct Ids {
    account_index: i64,
    skipped: i64,
    next: BTreeMap<&'static str, i64>,
}

impl Ids {
    /// Ids of the account with this number, after those that are `skipped`.
    pub(crate) fn new(account_index: usize, skipped: i64) -> Self {
        Self {
            account_index: i64::try_from(account_index).unwrap_or_default(),
            skipped,
            next: BTreeMap::new(),
        }
    }

    /// The next number of this kind. The first account counts leads from 5001, contacts from 6001;
    /// each further account a million later, so that a mistaken account is seen.
    pub(crate) fn next(&mut self, kind: &'static str) -> i64 {
        let first = match kind {
            "talk" => 77,
            "task" => 4001,
            "lead" => 5001,
            "contact" => 6001,
            "company" => 6501,
            "pipeline" => 700,
            "status" => 7001,
            "field" => 8001,
            "enum" => 81,
            "note" => 9001,
            "user" => 900,
            _ => 1,
        };
        let next = self.next.entry(kind).or_insert(first);
        let id = *next + self.skipped + self.account_index * 1_000_000;
        *next += 1;
        id
    }

    /// The next UUID.
    pub(crate) fn next_uuid(&mut self) -> String {
        let number = self.next("uuid");
        format!(
            "0b6d0f0e-{:04x}-4000-8000-{number:012x}",
            self.account_index
        )
    }
}

impl Account {
    /// Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        self.now_millis / 1000
    }

    /// `host:port`, as `referer` and the current subdomain give it.
    pub(crate) fn host(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub(crate) fn card(&self, kind: Kind, id: i64) -> Option<&Card> {
        self.cards.get(&Ref { kind, id })
    }

    pub(crate) fn user(&self, id: i64) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// A time of webhooks that is written for people.
    pub(crate) fn local_time(&self, seconds: i64) -> String {
        chrono::DateTime::from_timestamp(seconds, 0)
            .map(|time| time.with_timezone(&self.timezone))
            .map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string())
            .unwrap_or_default()
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.api(MethodFilter::GET, "/api/v4/account", |account, call| {
        Ok(show(account, call))
    })
}

fn show(account: &Account, call: &Call) -> Answer {
    let mut body = json!({
        "id": account.id,
        "name": account.name,
        "subdomain": account.subdomain,
        "created_at": account.created_at,
        "created_by": 0,
        "updated_at": account.created_at,
        "updated_by": 0,
        "current_user_id": call.actor.user_id,
        "country": account.country,
        "currency": account.currency,
        "currency_symbol": account.currency_symbol,
        "customers_mode": "unavailable",
        "is_unsorted_on": account.pipelines.iter().any(|pipeline| pipeline.is_unsorted_on),
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": true,
        "is_helpbot_enabled": false,
        "is_technical_account": false,
        "contact_name_display_order": 1,
        "_links": {"self": {"href": call.url()}},
        "_embedded": embedded(account, call),
    });
    let extras = [
        ("amojo_id", json!(account.amojo_id)),
        ("uuid", json!(account.amojo_id)),
        ("version", json!(11)),
        ("drive_url", json!(account.base)),
        ("is_api_filter_enabled", json!(true)),
    ];
    for (name, value) in extras {
        if call.query.is_with(name) {
            body[name] = value;
        }
    }
    Answer::ok(body)
}

fn embedded(account: &Account, call: &Call) -> Value {
    let extras = [
        (
            "amojo_rights",
            json!({"can_direct": true, "can_create_groups": true}),
        ),
        (
            "users_groups",
            json!([{"id": 0, "name": "Sales", "uuid": null}]),
        ),
        ("task_types", task_types()),
        (
            "datetime_settings",
            json!({
                "date_pattern": "d.m.Y H:i",
                "short_date_pattern": "d.m.Y",
                "date_format": "d.m.Y",
                "time_format": "H:i:s",
                "timezone": account.timezone_name,
                "timezone_offset": account.timezone.to_string(),
            }),
        ),
    ];
    let wanted = extras
        .into_iter()
        .filter(|(name, _)| call.query.is_with(name));
    Value::Object(
        wanted
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn task_types() -> Value {
    json!([
        {"id": 1, "name": "Follow-up", "color": null, "icon_id": null, "code": "FOLLOW_UP"},
        {"id": 2, "name": "Meeting", "color": null, "icon_id": null, "code": "MEETING"},
    ])
}

/// Whether this is a type of task of the account.
pub(crate) fn is_task_type(id: i64) -> bool {
    matches!(id, 1 | 2)
}

/// One item by its id, or 404.
pub(crate) fn found(item: Option<Value>) -> Answered {
    item.map(Answer::ok)
        .ok_or_else(crate::answer::Refusal::not_found)
}
