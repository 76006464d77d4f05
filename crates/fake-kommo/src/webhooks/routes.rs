//! Subscribing. Kommo first looks whether the address answers (`gate.rs`).

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::Subscription;
use super::names;
use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::item::{Item, read_one};
use crate::routes::Routes;

pub(crate) const PATH: &str = "/api/v4/webhooks";
const MOST_WEBHOOKS: usize = 100;

impl Subscription {
    fn render(&self, account: &Account) -> Value {
        json!({
            "id": self.id,
            "destination": self.destination,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "account_id": account.id,
            "created_by": self.created_by,
            "sort": self.sort,
            "disabled": self.is_disabled,
            "settings": self.settings,
        })
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .api(MethodFilter::GET, PATH, list)
        .api(MethodFilter::POST, PATH, subscribe)
        .api(MethodFilter::DELETE, PATH, unsubscribe)
}

fn list(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let wanted = call.query.text(&["filter", "destination"]);
    let webhooks: Vec<Value> = account
        .webhooks
        .subscriptions
        .iter()
        .filter(|one| wanted.is_none_or(|wanted| one.destination == wanted))
        .map(|one| one.render(account))
        .collect();
    Ok(Answer::whole(call, "webhooks", &webhooks))
}

fn subscribe(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let (destination, settings, sort) = read_one(call, |item| {
        let destination = item.required_text("destination").to_owned();
        let answers = call.probed.unwrap_or(true);
        let is_url = url::Url::parse(&destination)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.path().ends_with('/'));
        if !(is_url && answers) && item.has("destination") {
            item.refuse("InvalidUrl", "destination", "Invalid URL");
        }
        (
            destination,
            settings(item),
            item.integer("sort").unwrap_or(10),
        )
    })?;
    let now = account.now();
    let subscriptions = &mut account.webhooks.subscriptions;
    let known = subscriptions
        .iter()
        .position(|one| one.destination == destination);
    if known.is_none() && subscriptions.len() >= MOST_WEBHOOKS {
        return Err(Refusal::bad_request("Limit of webhooks is exceeded"));
    }
    // One for an address: a second write replaces its settings, and enables it again.
    let position = known.unwrap_or_else(|| {
        subscriptions.push(Subscription {
            id: account.ids.next("webhook"),
            destination,
            settings: Vec::new(),
            sort,
            is_disabled: false,
            created_by: call.actor.user_id,
            created_at: now,
            updated_at: now,
            invalid: Vec::new(),
            gathered: Vec::new(),
            held: None,
        });
        subscriptions.len() - 1
    });
    let subscription = &mut subscriptions[position];
    subscription.settings = settings;
    subscription.sort = sort;
    subscription.updated_at = now;
    subscription.enable();
    let body = subscription.clone().render(account);
    let status = match known {
        None => http::StatusCode::CREATED,
        Some(_) => http::StatusCode::OK,
    };
    Ok(Answer::Json(status, body))
}

fn settings(item: &mut Item<'_>) -> Vec<String> {
    let given = item.list("settings");
    if given.is_empty() {
        item.refuse_missing("settings");
    }
    for (index, name) in given.iter().enumerate() {
        if !name.as_str().is_some_and(names::is_known) {
            item.refuse_choice(&format!("settings.{index}"));
        }
    }
    given
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn unsubscribe(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let destination = read_one(call, |item| item.required_text("destination").to_owned())?;
    let subscriptions = &mut account.webhooks.subscriptions;
    let before = subscriptions.len();
    subscriptions.retain(|one| one.destination != destination);
    if subscriptions.len() == before {
        return Err(Refusal::not_found());
    }
    Ok(Answer::Nothing)
}
