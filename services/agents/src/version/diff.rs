//! What differs between two versions, as people read it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Pin, Snapshot};

/// Characters of a value that are shown.
const MOST: usize = 4_000;

/// A place where two versions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub path: String,
    /// Empty where it was not there.
    pub before: String,
    pub after: String,
}

/// Something with a name of its own within a version: a script, a response, a source.
struct Item {
    label: String,
    fields: BTreeMap<String, Value>,
}

/// What an agent answers from.
type Side<'a> = (&'a Snapshot, &'a [Pin]);

/// The differences between two sides, in the order of their paths. No base is an empty one; where
/// the pins of a side are no longer kept, knowledge is not compared.
pub fn changes(
    base: Option<(&Snapshot, Option<&[Pin]>)>,
    other: (&Snapshot, Option<&[Pin]>),
) -> Vec<Change> {
    let knowledge = base.is_none_or(|base| base.1.is_some()) && other.1.is_some();
    let pins = |pins: Option<&[Pin]>| pins.filter(|_| knowledge).unwrap_or_default().to_vec();
    let (own, others) = (base.map(|base| pins(base.1)), pins(other.1));
    let own = own.unwrap_or_default();
    let base: Option<Side<'_>> = base.map(|base| (base.0, own.as_slice()));
    let sides = [base, Some((other.0, others.as_slice()))];
    let mut changes = fields(sides);
    for section in [scripts, responses, sources] {
        let [before, after] = sides.map(|side| side.map(section).unwrap_or_default());
        changes.extend(items(&before, &after));
    }
    changes
}

/// Name, settings, settings for the CRM, price list.
fn fields(sides: [Option<Side<'_>>; 2]) -> Vec<Change> {
    let [before, after] = sides.map(|side| side.map(|side| plain(side.0)).unwrap_or_default());
    compared("", &before, &after)
}

fn plain(snapshot: &Snapshot) -> BTreeMap<String, Value> {
    let mut plain = BTreeMap::new();
    let name = Value::String(snapshot.display_name.clone());
    plain.insert("display_name".to_owned(), name);
    for (field, value) in object(&snapshot.settings) {
        plain.insert(format!("settings.{field}"), value);
    }
    for (field, value) in object(&snapshot.crm) {
        plain.insert(format!("crm.{field}"), value);
    }
    if let Some((_, number)) = snapshot.prices {
        plain.insert("prices.version".to_owned(), number.into());
    }
    plain
}

fn scripts((snapshot, _): Side<'_>) -> BTreeMap<Uuid, Item> {
    let scripts = snapshot.scripts.iter().map(|(id, script)| {
        let label = format!("scripts.{}", script.display_name);
        (*id, item(label, script))
    });
    scripts.collect()
}

fn responses((snapshot, _): Side<'_>) -> BTreeMap<Uuid, Item> {
    let responses = snapshot.responses.iter().map(|(id, response)| {
        let label = format!("objection_responses.{}", response.objection_type);
        (*id, item(label, response))
    });
    responses.collect()
}

fn sources((_, pins): Side<'_>) -> BTreeMap<Uuid, Item> {
    let sources = pins.iter().map(|pin| {
        let fields = [
            ("reading", Value::from(pin.reading)),
            ("category", optional(pin.category)),
            ("valid_until", optional(pin.valid_until)),
        ];
        let fields = fields.map(|(field, value)| (field.to_owned(), value));
        let item = Item {
            label: format!("knowledge.{}", pin.display_name),
            fields: fields.into(),
        };
        (pin.source, item)
    });
    sources.collect()
}

fn optional<T: ToString>(value: Option<T>) -> Value {
    value.map_or(Value::Null, |value| Value::String(value.to_string()))
}

fn item<T: Serialize>(label: String, of: &T) -> Item {
    Item {
        label,
        fields: object(of),
    }
}

/// The fields of a struct. Everything that is compared was read from JSON or goes into it.
fn object<T: Serialize>(of: &T) -> BTreeMap<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => fields.into_iter().collect(),
        Ok(_) | Err(_) => BTreeMap::new(),
    }
}

fn items(before: &BTreeMap<Uuid, Item>, after: &BTreeMap<Uuid, Item>) -> Vec<Change> {
    let ids: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut changes: Vec<_> = ids
        .into_iter()
        .flat_map(|id| match (before.get(id), after.get(id)) {
            (Some(old), Some(new)) => {
                compared(&format!("{}.", new.label), &old.fields, &new.fields)
            }
            (Some(gone), None) => vec![whole(gone, true)],
            (None, Some(new)) => vec![whole(new, false)],
            (None, None) => Vec::new(),
        })
        .collect();
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

/// One that is there on one side only.
fn whole(item: &Item, was: bool) -> Change {
    let said = ["content", "response"];
    let text = said.iter().find_map(|field| item.fields.get(*field));
    let text = match text {
        Some(text) => shown(text),
        None => shown(&Value::Object(item.fields.clone().into_iter().collect())),
    };
    let (before, after) = if was {
        (text, String::new())
    } else {
        (String::new(), text)
    };
    Change {
        path: item.label.clone(),
        before,
        after,
    }
}

fn compared(
    prefix: &str,
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) -> Vec<Change> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name));
    let changes = differing.map(|name| Change {
        path: format!("{prefix}{name}"),
        before: before.get(name).map(shown).unwrap_or_default(),
        after: after.get(name).map(shown).unwrap_or_default(),
    });
    changes.collect()
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(MOST).collect()
}
