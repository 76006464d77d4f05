//! Placeholders in the texts of bots. What is not known stays as it is written.

use serde_json::Value;

use super::Run;
use crate::account::Account;
use crate::cards::{Card, Kind, Ref};

/// Fills in a text.
pub(super) fn fill(account: &Account, run: &Run, text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        filled.push_str(before);
        match value(account, run, name.trim()) {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&format!("{{{{{name}}}}}")),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Fills in every text of a value.
pub(super) fn fill_all(account: &Account, run: &Run, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(fill(account, run, text)),
        Value::Array(items) => items
            .iter()
            .map(|item| fill_all(account, run, item))
            .collect(),
        Value::Object(map) => {
            let pairs = map.iter();
            let filled = pairs.map(|(key, item)| (key.clone(), fill_all(account, run, item)));
            Value::Object(filled.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn value(account: &Account, run: &Run, name: &str) -> Option<String> {
    if name == "message_text" {
        return Some(run.message_text.clone());
    }
    if let Some(key) = name.strip_prefix("json.") {
        return run.json.get(key).map(text_of);
    }
    let (kind, field) = name.split_once('.')?;
    let card = match kind {
        "lead" => account.cards.get(&run.about)?,
        "contact" => contact(account, run)?,
        _ => return None,
    };
    card_value(card, field)
}

fn contact<'a>(account: &'a Account, run: &Run) -> Option<&'a Card> {
    let id = match run.about.kind {
        Kind::Contact => run.about.id,
        Kind::Lead | Kind::Company => account.main_contact(run.about)?,
    };
    account.cards.get(&Ref::contact(id))
}

fn card_value(card: &Card, field: &str) -> Option<String> {
    match field {
        "id" => Some(card.id.to_string()),
        "name" => Some(card.name.clone()),
        "price" => card.deal.as_ref().map(|deal| deal.price.to_string()),
        field => {
            let id: i64 = field.strip_prefix("cf.")?.parse().ok()?;
            let values = card.values.get(&id)?;
            values.first().map(|value| text_of(&value.value))
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
