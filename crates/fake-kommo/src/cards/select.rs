//! Lists of cards: filters, order, search.

use super::{Card, Deal, Kind, render};
use crate::account::Account;
use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::query::Query;

pub(super) fn list(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let wants_deleted = call.query.is_with("only_deleted");
    let mut cards: Vec<&Card> = account
        .cards
        .values()
        .filter(|card| card.kind == kind && card.is_deleted == wants_deleted)
        .filter(|card| matches(account, card, &call.query))
        .collect();
    sort(&mut cards, &call.query);
    Answer::page(call, kind.plural(), &cards, |card| {
        render::card(account, card, call)
    })
}

fn sort(cards: &mut [&Card], query: &Query) {
    for (name, key) in [
        ("created_at", (|card| card.created_at) as fn(&Card) -> i64),
        ("updated_at", |card| card.updated_at),
        ("id", |card| card.id),
    ] {
        match query.text(&["order", name]) {
            Some("desc") => cards.sort_by_key(|card| std::cmp::Reverse(key(card))),
            Some(_) => cards.sort_by_key(|card| key(card)),
            None => {}
        }
    }
}

fn matches(account: &Account, card: &Card, query: &Query) -> bool {
    let closest_task = account.closest_task(card.reference());
    is_among(query, "id", card.id)
        && is_among(query, "created_by", card.created_by)
        && is_among(query, "updated_by", card.updated_by)
        && is_among(query, "responsible_user_id", card.responsible_user_id)
        && is_named(query, card)
        && is_within(query, &["filter", "created_at"], Some(card.created_at))
        && is_within(query, &["filter", "updated_at"], Some(card.updated_at))
        && is_within(query, &["filter", "closest_task_at"], closest_task)
        && card
            .deal
            .as_ref()
            .is_none_or(|deal| deal_matches(deal, query))
        && values_match(card, query)
        && is_found(card, query)
}

fn deal_matches(deal: &Deal, query: &Query) -> bool {
    let stages = query.groups(&["filter", "statuses"]);
    let is_stage = stages.iter().any(|stage| {
        let is = |name: &str, id: i64| stage.get(name).is_none_or(|text| *text == id.to_string());
        is("pipeline_id", deal.pipeline_id) && is("status_id", deal.status_id)
    });
    (stages.is_empty() || is_stage)
        && is_among(query, "pipeline_id", deal.pipeline_id)
        && is_within(query, &["filter", "price"], Some(deal.price))
        && is_within(query, &["filter", "closed_at"], deal.closed_at)
}

fn is_among(query: &Query, name: &str, id: i64) -> bool {
    let wanted = query.numbers(&["filter", name]);
    wanted.is_empty() || wanted.contains(&id)
}

fn is_named(query: &Query, card: &Card) -> bool {
    let wanted = query.list(&["filter", "name"]);
    wanted.is_empty() || wanted.contains(&card.name.as_str())
}

/// Whether a number lies in `[from]` … `[to]`, both included.
pub(crate) fn is_within(query: &Query, path: &[&str], value: Option<i64>) -> bool {
    let bound = |name: &'static str| query.number(&[path, &[name]].concat());
    let (from, to) = (bound("from"), bound("to"));
    match value {
        Some(value) => from.is_none_or(|from| value >= from) && to.is_none_or(|to| value <= to),
        None => from.is_none() && to.is_none(),
    }
}

fn values_match(card: &Card, query: &Query) -> bool {
    const PATH: [&str; 2] = ["filter", "custom_fields_values"];
    query.names(&PATH).into_iter().all(|name| {
        let path = [PATH[0], PATH[1], name];
        let values = name.parse().ok().and_then(|id: i64| card.values.get(&id));
        let mut values = values.into_iter().flatten();
        let wanted = query.list(&path);
        values.any(|value| {
            let number = value.value.as_i64();
            let number = number.or_else(|| value.value.as_str()?.parse().ok());
            let enum_id = value.enum_id.map(|id| id.to_string());
            let is_wanted = wanted.iter().any(|wanted| {
                Some(*wanted) == value.value.as_str() || Some(*wanted) == enum_id.as_deref()
            });
            (wanted.is_empty() || is_wanted) && is_within(query, &path, number)
        })
    })
}

/// `query=`: the text is in the name or in a filled field.
fn is_found(card: &Card, query: &Query) -> bool {
    let Some(text) = query.text(&["query"]) else {
        return true;
    };
    let text = text.to_lowercase();
    let holds = |value: &str| value.to_lowercase().contains(&text);
    let mut values = card.values.values().flatten();
    holds(&card.name) || values.any(|value| value.value.as_str().is_some_and(holds))
}
