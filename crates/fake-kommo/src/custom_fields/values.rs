//! `custom_fields_values`: read from writes, shown in answers and in webhooks.

use serde_json::{Value, json};

use super::{Choice, Field, FieldType, FieldValue, Values};
use crate::account::Account;
use crate::cards::{Card, Kind};
use crate::item::Item;

/// Reads what a write says about fields. A field it names without values is cleared.
pub(crate) fn read(account: &Account, kind: Kind, item: &mut Item<'_>) -> Values {
    const KEY: &str = "custom_fields_values";
    let mut read = Values::new();
    for (index, entry) in item.list(KEY).iter().enumerate() {
        let path = format!("{KEY}.{index}");
        let Some(field) = field_of(account, kind, entry) else {
            let name = if entry["field_code"].is_string() {
                "field_code"
            } else {
                "field_id"
            };
            item.refuse_choice(&format!("{path}.{name}"));
            continue;
        };
        let given = entry["values"].as_array().map_or(&[][..], Vec::as_slice);
        let mut values = Vec::new();
        for (position, value) in given.iter().enumerate() {
            let path = format!("{path}.values.{position}");
            if let Some(value) = read_value(field, value, item, &path) {
                values.push(value);
            }
        }
        read.insert(field.id, values);
    }
    read
}

fn field_of<'a>(account: &'a Account, kind: Kind, entry: &Value) -> Option<&'a Field> {
    match entry["field_code"].as_str() {
        Some(code) => account.field_by_code(kind, code),
        None => account.field(kind, entry["field_id"].as_i64()?),
    }
}

fn read_value(field: &Field, given: &Value, item: &mut Item<'_>, path: &str) -> Option<FieldValue> {
    if field.field_type.has_choices() {
        let choice = choice_of(field, given);
        if choice.is_none() {
            let name = if given["enum_id"].is_null() {
                "value"
            } else {
                "enum_id"
            };
            item.refuse_choice(&format!("{path}.{name}"));
        }
        return choice.map(chosen);
    }
    let value = &given["value"];
    // A null value clears.
    if value.is_null() {
        return None;
    }
    let Some(value) = typed(field.field_type, value) else {
        item.refuse_type(&format!("{path}.value"), wanted(field.field_type));
        return None;
    };
    let enum_id = match field.field_type {
        FieldType::Multitext => Some(kind_of_contact(field, given, item, path)?),
        _ => None,
    };
    Some(FieldValue { value, enum_id })
}

fn choice_of<'a>(field: &'a Field, given: &Value) -> Option<&'a Choice> {
    let mut enums = field.enums.iter();
    match given["enum_id"].as_i64() {
        Some(id) => enums.find(|choice| choice.id == id),
        None => enums.find(|choice| Some(choice.value.as_str()) == given["value"].as_str()),
    }
}

fn chosen(choice: &Choice) -> FieldValue {
    FieldValue {
        value: json!(choice.value),
        enum_id: Some(choice.id),
    }
}

/// `WORK`, `MOB`, …; the first when a write names none.
fn kind_of_contact(field: &Field, given: &Value, item: &mut Item<'_>, path: &str) -> Option<i64> {
    let by_id = given["enum_id"].as_i64();
    let by_code = given["enum_code"].as_str();
    if by_id.is_none() && by_code.is_none() {
        return field.enums.first().map(|choice| choice.id);
    }
    let mut enums = field.enums.iter();
    let choice =
        enums.find(|choice| Some(choice.id) == by_id || Some(choice.value.as_str()) == by_code);
    if choice.is_none() {
        item.refuse_choice(&format!("{path}.enum_code"));
    }
    choice.map(|choice| choice.id)
}

/// The value as it is kept, when it is of the type of the field.
fn typed(field_type: FieldType, value: &Value) -> Option<Value> {
    if field_type.is_date() {
        return date(value).map(Value::from);
    }
    match field_type {
        FieldType::Checkbox => value.as_bool().map(Value::from),
        FieldType::Numeric | FieldType::Monetary => number(value).map(Value::from),
        _ => value.as_str().map(Value::from),
    }
}

fn wanted(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Checkbox => "bool",
        FieldType::Numeric | FieldType::Monetary => "numeric",
        field_type if field_type.is_date() => "int",
        _ => "string",
    }
}

/// Numeric fields are kept, and read, as strings.
fn number(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => text.parse::<f64>().ok().map(|_| text.clone()),
        _ => None,
    }
}

fn date(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.timestamp()),
        _ => None,
    }
}

/// As the API shows them: `null` when there are none.
pub(crate) fn render(account: &Account, card: &Card) -> Value {
    let shown: Vec<Value> = fields_of(account, card)
        .map(|(field, values)| {
            let values = values.iter();
            json!({
                "field_id": field.id,
                "field_name": field.name,
                "field_code": field.code,
                "field_type": field.field_type.name(),
                "values": values.map(|value| render_value(field, value)).collect::<Vec<_>>(),
            })
        })
        .collect();
    if shown.is_empty() {
        Value::Null
    } else {
        shown.into()
    }
}

fn render_value(field: &Field, value: &FieldValue) -> Value {
    let Some(enum_id) = value.enum_id else {
        return json!({"value": value.value});
    };
    let code = match field.field_type {
        FieldType::Multitext => field.enums.iter().find(|choice| choice.id == enum_id),
        _ => None,
    };
    json!({
        "value": value.value,
        "enum_id": enum_id,
        "enum_code": code.map(|choice| &choice.value),
    })
}

/// As webhooks show them, in three shapes: a list of objects, a plain list (dates), one object
/// (radio buttons, in some accounts).
pub(crate) fn webhook(account: &Account, card: &Card, radiobutton_is_object: bool) -> Value {
    fields_of(account, card)
        .map(|(field, values)| {
            let shown = values.iter().map(|value| webhook_value(field, value));
            let mut shown = shown.collect::<Vec<_>>();
            let is_object = radiobutton_is_object && field.field_type == FieldType::Radiobutton;
            let values = if is_object {
                shown.swap_remove(0)
            } else {
                shown.into()
            };
            json!({"id": field.id, "name": field.name, "code": field.code, "values": values})
        })
        .collect()
}

fn webhook_value(field: &Field, value: &FieldValue) -> Value {
    if field.field_type.is_date() {
        return value.value.clone();
    }
    json!({"value": value.value, "enum": value.enum_id})
}

fn fields_of<'a>(
    account: &'a Account,
    card: &'a Card,
) -> impl Iterator<Item = (&'a Field, &'a [FieldValue])> {
    card.values
        .iter()
        .filter(|(_, values)| !values.is_empty())
        .filter_map(|(id, values)| Some((account.field(card.kind, *id)?, values.as_slice())))
}
