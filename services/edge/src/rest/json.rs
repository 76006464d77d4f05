//! Messages as JSON, by the mapping of proto3, with two choices it leaves open: answers use the
//! names of the proto files, and fields without presence are written even when zero.

use bytes::Bytes;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions};
use serde_json::{Map, Value, json};
use t11_core::Violations;

use crate::error::Error;

/// Longest part of a parser's message that is shown.
const SHOWN: usize = 200;

/// The field of `message` with this name, in either spelling: `page_size` or `pageSize`.
pub(crate) fn field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message
        .get_field_by_name(name)
        .or_else(|| message.get_field_by_json_name(name))
}

/// Reads `json` as `descriptor`; `at` is the path of the message in the request (`agent`), empty
/// for the request itself.
///
/// # Errors
/// Every field that is unknown or of the wrong type.
pub(crate) fn read(
    descriptor: &MessageDescriptor,
    json: &[u8],
    at: &str,
) -> Result<DynamicMessage, Violations> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    DynamicMessage::deserialize(descriptor.clone(), &mut deserializer)
        .and_then(|message| deserializer.end().map(|()| message))
        .map_err(|error| diagnose(descriptor, json, at, &error))
}

/// Writes an encoded message as JSON.
///
/// # Errors
/// [`Error::AnswerUnreadable`] when the bytes are not such a message.
pub(crate) fn write(descriptor: &MessageDescriptor, bytes: Bytes) -> Result<Vec<u8>, Error> {
    let message =
        DynamicMessage::decode(descriptor.clone(), bytes).map_err(Error::AnswerUnreadable)?;
    write_message(&message)
}

/// Writes a message as JSON.
///
/// # Errors
/// [`Error::AnswerUnwritable`], for times outside of the years 1–9999.
pub(crate) fn write_message(message: &DynamicMessage) -> Result<Vec<u8>, Error> {
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .skip_default_fields(false);
    let mut json = Vec::with_capacity(256);
    message.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options)?;
    Ok(json)
}

/// The first reading stops at the first fault; this one walks on and finds them all.
fn diagnose(
    descriptor: &MessageDescriptor,
    json: &[u8],
    at: &str,
    first: &serde_json::Error,
) -> Violations {
    let mut violations = Violations::default();
    match serde_json::from_slice::<Value>(json) {
        Ok(value) => walk(descriptor, &value, at, &mut violations),
        Err(error) => {
            violations.add(
                at,
                "JSON_INVALID",
                format!("the body is not valid JSON: {error}"),
            );
        }
    }
    if violations.0.is_empty() {
        violations.add(at, "FORMAT", shown(&first.to_string()));
    }
    violations
}

fn walk(descriptor: &MessageDescriptor, value: &Value, at: &str, violations: &mut Violations) {
    if descriptor.full_name().starts_with("google.protobuf.") {
        if let Err(error) = DynamicMessage::deserialize(descriptor.clone(), value) {
            violations.add(at, "FORMAT", wrong(at, &error));
        }
        return;
    }
    let Some(object) = value.as_object() else {
        let what = if at.is_empty() {
            "the body".to_owned()
        } else {
            format!("`{at}`")
        };
        return violations.add(at, "TYPE", format!("{what} must be an object"));
    };
    for (name, value) in object {
        match field(descriptor, name) {
            Some(field) => walk_field(descriptor, &field, value, at, violations),
            None => {
                let path = join(at, name);
                violations.add(
                    &path,
                    "UNKNOWN_FIELD",
                    format!("there is no field `{path}`"),
                );
            }
        }
    }
    check_oneofs(descriptor, object, at, violations);
}

fn walk_field(
    parent: &MessageDescriptor,
    field: &FieldDescriptor,
    value: &Value,
    at: &str,
    violations: &mut Violations,
) {
    let path = join(at, field.name());
    let kind = field.kind();
    match (&kind, value) {
        (_, Value::Null) => {}
        (Kind::Message(inner), Value::Array(items)) if field.is_list() => {
            for (index, item) in items.iter().enumerate() {
                walk(inner, item, &format!("{path}[{index}]"), violations);
            }
        }
        (_, Value::Array(items)) if field.is_list() => {
            for (index, item) in items.iter().enumerate() {
                leaf(
                    parent,
                    field,
                    &json!([item]),
                    &format!("{path}[{index}]"),
                    violations,
                );
            }
        }
        (Kind::Message(inner), value) if !field.is_list() && !field.is_map() => {
            walk(inner, value, &path, violations);
        }
        (_, value) => leaf(parent, field, value, &path, violations),
    }
}

/// Reads the field alone, by the very rules that the whole is read by.
fn leaf(
    parent: &MessageDescriptor,
    field: &FieldDescriptor,
    value: &Value,
    at: &str,
    violations: &mut Violations,
) {
    let alone = Value::Object(Map::from_iter([(field.name().to_owned(), value.clone())]));
    if let Err(error) = DynamicMessage::deserialize(parent.clone(), &alone) {
        let known_type = matches!(field.kind(), Kind::Enum(_)) && value_is_text(value);
        let reason = if known_type { "UNKNOWN_VALUE" } else { "TYPE" };
        violations.add(at, reason, wrong(at, &error));
    }
}

fn value_is_text(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(items) => items.iter().all(Value::is_string),
        _ => false,
    }
}

fn check_oneofs(
    descriptor: &MessageDescriptor,
    object: &Map<String, Value>,
    at: &str,
    violations: &mut Violations,
) {
    for oneof in descriptor.oneofs() {
        let given = object
            .iter()
            .filter(|(_, value)| !value.is_null())
            .filter_map(|(name, _)| field(descriptor, name))
            .filter(|field| field.containing_oneof().as_ref() == Some(&oneof))
            .count();
        if given > 1 {
            let path = join(at, oneof.name());
            violations.add(
                &path,
                "ONE_OF",
                format!("only one field of `{path}` may be given"),
            );
        }
    }
}

/// `agent` and `display_name` → `agent.display_name`.
pub(crate) fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

fn wrong(at: &str, error: &serde_json::Error) -> String {
    format!("`{at}` is not valid: {}", shown(&error.to_string()))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::descriptors;

    fn agent() -> MessageDescriptor {
        descriptors::pool()
            .get_message_by_name("t11.agents.v1.Agent")
            .unwrap()
    }

    fn faults(json: &str) -> Vec<(String, String)> {
        let violations = read(&agent(), json.as_bytes(), "agent").unwrap_err();
        violations
            .0
            .into_iter()
            .map(|v| (v.field, v.reason.to_string()))
            .collect()
    }

    #[test]
    fn both_spellings_are_read_and_one_is_written() {
        let json = br#"{"displayName": "A", "max_tokens": 5, "budgetDayMicroUsd": "12"}"#;
        let message = read(&agent(), json, "").unwrap();
        let written: Value = serde_json::from_slice(&write_message(&message).unwrap()).unwrap();
        assert_eq!(written["display_name"], "A");
        assert_eq!(written["max_tokens"], 5);
        assert_eq!(written["budget_day_micro_usd"], "12");
        assert_eq!(written["all_categories"], false, "zero values are written");
        assert_eq!(written["categories"], json!([]));
        assert_eq!(written.get("create_time"), None, "absent messages are not");
        assert_eq!(written["state"], "AGENT_STATE_UNSPECIFIED");
    }

    #[test]
    fn every_fault_is_named_with_its_path() {
        let json = r#"{"display_name": 5, "colour": "red", "max_tokens": "many",
            "answer_mode": "ANSWER_MODE_MAYBE", "schedule": [{}, {"weekday": true, "day": 1}],
            "categories": ["a", 7], "create_time": "yesterday"}"#;
        let mut found = faults(json);
        found.sort();
        let expected = [
            ("agent.answer_mode", "UNKNOWN_VALUE"),
            ("agent.categories[1]", "TYPE"),
            ("agent.colour", "UNKNOWN_FIELD"),
            ("agent.create_time", "FORMAT"),
            ("agent.display_name", "TYPE"),
            ("agent.max_tokens", "TYPE"),
            ("agent.schedule[1].day", "UNKNOWN_FIELD"),
            ("agent.schedule[1].weekday", "TYPE"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn broken_json_is_said_to_be_broken() {
        assert_eq!(
            faults("{\"display_name\": "),
            [("agent".into(), "JSON_INVALID".into())]
        );
        assert_eq!(faults("{} {}"), [("agent".into(), "JSON_INVALID".into())]);
        assert_eq!(faults("[]"), [("agent".into(), "TYPE".into())]);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(faults(&deep), [("agent".into(), "JSON_INVALID".into())]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for message in descriptors::pool().all_messages().take(40) {
                drop(read(&message, &bytes, ""));
            }
        }

        #[test]
        fn no_value_of_a_field_panics(name in "[a-zA-Z_]{1,12}", text in "\\PC{0,12}", number: f64) {
            let values = [json!(text), json!(number), json!([text]), json!({&text: number}), json!(null)];
            let fields: Vec<FieldDescriptor> = agent().fields().collect();
            for value in values {
                let mut object = Map::from_iter([(name.clone(), value.clone())]);
                for field in &fields {
                    object.insert(field.name().to_owned(), value.clone());
                }
                drop(read(&agent(), Value::Object(object).to_string().as_bytes(), "agent"));
            }
        }
    }
}
