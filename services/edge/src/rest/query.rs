//! Fields given as text: path variables and query parameters.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::percent_decode_str;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value,
};
use serde::de::value::{Error as TextError, StrDeserializer};
use t11_core::Violations;

use crate::rest::json;

/// The parameters of a query string, decoded, in their order.
pub(crate) fn pairs(query: &str, violations: &mut Violations) -> Vec<(String, String)> {
    if percent_decode_str(query).decode_utf8().is_err() {
        violations.add("", "FORMAT", "the query is not valid UTF-8");
        return Vec::new();
    }
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// Puts each parameter into the field it names; `at` is the path of `message` in the request.
/// A repeated field takes every occurrence, any other field one.
pub(crate) fn put_all(
    message: &mut DynamicMessage,
    pairs: &[(String, String)],
    at: &str,
    violations: &mut Violations,
) {
    let mut seen = Vec::new();
    for (name, text) in pairs {
        let path: Vec<&str> = name.split('.').collect();
        let once = match put(message, &path, text) {
            Ok(once) => once,
            Err(fault) => {
                let name = json::join(at, name);
                violations.add(&name, fault.reason(), fault.describe(&name));
                continue;
            }
        };
        if once && seen.contains(&path) {
            let name = json::join(at, name);
            violations.add(
                &name,
                "REPEATED",
                format!("`{name}` is given more than once"),
            );
        }
        seen.push(path);
    }
}

/// Why a text is not a value of its field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    UnknownField,
    UnknownValue,
    /// The field is a message or a map: no text stands for it.
    NotText,
    Format(String),
}

impl Fault {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::UnknownValue => "UNKNOWN_VALUE",
            Self::NotText => "TYPE",
            Self::Format(_) => "FORMAT",
        }
    }

    pub(crate) fn describe(&self, name: &str) -> String {
        match self {
            Self::UnknownField => format!("there is no field `{name}`"),
            Self::UnknownValue => format!("`{name}` has no such value"),
            Self::NotText => format!("`{name}` cannot be given as a parameter"),
            Self::Format(why) => format!("`{name}` is not valid: {why}"),
        }
    }
}

/// Sets the field at `path` from its text. Says whether the field holds only one value.
///
/// # Errors
/// [`Fault`] when there is no such field or the text is none of its values.
pub(crate) fn put<N: AsRef<str>>(
    message: &mut DynamicMessage,
    path: &[N],
    text: &str,
) -> Result<bool, Fault> {
    let (name, inner) = path.split_first().ok_or(Fault::UnknownField)?;
    let field = json::field(
        &prost_reflect::ReflectMessage::descriptor(message),
        name.as_ref(),
    )
    .ok_or(Fault::UnknownField)?;
    if inner.is_empty() {
        return set(message, &field, text);
    }
    if field.is_list() || field.is_map() || !matches!(field.kind(), Kind::Message(_)) {
        return Err(Fault::UnknownField);
    }
    match message.get_field_mut(&field) {
        Value::Message(child) => put(child, inner, text),
        _ => Err(Fault::UnknownField),
    }
}

fn set(message: &mut DynamicMessage, field: &FieldDescriptor, text: &str) -> Result<bool, Fault> {
    if field.is_map() {
        return Err(Fault::NotText);
    }
    let value = value(&field.kind(), text)?;
    if !field.is_list() {
        message.set_field(field, value);
        return Ok(true);
    }
    if let Value::List(items) = message.get_field_mut(field) {
        items.push(value);
    }
    Ok(false)
}

fn value(kind: &Kind, text: &str) -> Result<Value, Fault> {
    fn number<T: std::str::FromStr>(text: &str) -> Result<T, Fault>
    where
        T::Err: std::fmt::Display,
    {
        text.parse()
            .map_err(|error: T::Err| Fault::Format(error.to_string()))
    }
    Ok(match kind {
        Kind::Double => Value::F64(number(text)?),
        Kind::Float => Value::F32(number(text)?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number(text)?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number(text)?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number(text)?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number(text)?),
        Kind::Bool => Value::Bool(number(text)?),
        Kind::String => Value::String(text.to_owned()),
        Kind::Bytes => Value::Bytes(bytes(text)?),
        Kind::Enum(descriptor) => Value::EnumNumber(enumeration(descriptor, text)?),
        Kind::Message(descriptor) => match descriptor.full_name() {
            "google.protobuf.FieldMask" => Value::Message(field_mask(descriptor, text)?),
            name if name.starts_with("google.protobuf.") => {
                let read =
                    DynamicMessage::deserialize(descriptor.clone(), StrDeserializer::new(text))
                        .map_err(|error: TextError| Fault::Format(error.to_string()))?;
                Value::Message(read)
            }
            _ => return Err(Fault::NotText),
        },
    })
}

fn bytes(text: &str) -> Result<bytes::Bytes, Fault> {
    let read = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
    read.map(Into::into)
        .map_err(|error| Fault::Format(error.to_string()))
}

/// By name or by number; a number need not be known (proto3 enums are open).
fn enumeration(descriptor: &EnumDescriptor, text: &str) -> Result<i32, Fault> {
    match descriptor.get_value_by_name(text) {
        Some(value) => Ok(value.number()),
        None => text.parse().map_err(|_| Fault::UnknownValue),
    }
}

/// Paths separated by commas, in either spelling: `display_name,maxTokens`.
fn field_mask(descriptor: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Fault> {
    let paths = text
        .split(',')
        .map(str::trim)
        .filter(|path| !path.is_empty())
        .map(|path| Value::String(snake_case(path)))
        .collect();
    mask(descriptor, paths)
}

/// A field mask of these paths.
///
/// # Errors
/// [`Fault::NotText`] when `descriptor` is not that of a field mask.
pub(crate) fn mask(
    descriptor: &MessageDescriptor,
    paths: Vec<Value>,
) -> Result<DynamicMessage, Fault> {
    let mut mask = DynamicMessage::new(descriptor.clone());
    mask.try_set_field_by_name("paths", Value::List(paths))
        .map_err(|_| Fault::NotText)?;
    Ok(mask)
}

fn snake_case(path: &str) -> String {
    let mut snake = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::descriptors;

    fn request(name: &str) -> DynamicMessage {
        DynamicMessage::new(descriptors::pool().get_message_by_name(name).unwrap())
    }

    fn parse(message: &str, query: &str) -> Result<serde_json::Value, Vec<(String, String)>> {
        let mut message = request(message);
        let mut violations = Violations::default();
        let pairs = pairs(query, &mut violations);
        put_all(&mut message, &pairs, "", &mut violations);
        if violations.0.is_empty() {
            Ok(serde_json::to_value(&message).unwrap())
        } else {
            Err(violations
                .0
                .into_iter()
                .map(|v| (v.field, v.reason.to_string()))
                .collect())
        }
    }

    #[test]
    fn parameters_reach_their_fields() {
        let query = "page_size=5&pageToken=a%20b&states=AGENT_STATE_DRAFT&states=2&order_by=x+desc";
        assert_eq!(
            parse("t11.agents.v1.ListAgentsRequest", query).unwrap(),
            json!({"pageSize": 5, "pageToken": "a b", "orderBy": "x desc",
                "states": ["AGENT_STATE_DRAFT", "AGENT_STATE_ACTIVE"]})
        );
        let nested = "agent.display_name=A&agent.createTime=2026-11-21T10:00:00Z&updateMask=display_name,maxTokens";
        assert_eq!(
            parse("t11.agents.v1.UpdateAgentRequest", nested).unwrap(),
            json!({"agent": {"displayName": "A", "createTime": "2026-11-21T10:00:00Z"},
                "updateMask": "displayName,maxTokens"})
        );
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let query = "page_size=many&colour=red&states=MAYBE&query=a&query=b&page_size.x=1";
        let found = parse("t11.agents.v1.ListAgentsRequest", query).unwrap_err();
        let expected = [
            ("page_size", "FORMAT"),
            ("colour", "UNKNOWN_FIELD"),
            ("states", "UNKNOWN_VALUE"),
            ("query", "REPEATED"),
            ("page_size.x", "UNKNOWN_FIELD"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(
            parse("t11.agents.v1.UpdateAgentRequest", "agent=x").unwrap_err(),
            [("agent".to_owned(), "TYPE".to_owned())]
        );
        assert!(parse("t11.agents.v1.ListAgentsRequest", "query=%FF").is_err());
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,60}", name in "[a-z_.]{0,20}", text in "\\PC{0,12}") {
            for message in ["t11.agents.v1.ListAgentsRequest", "t11.agents.v1.UpdateAgentRequest"] {
                drop(parse(message, &query));
                drop(parse(message, &format!("agent.{name}={text}&{name}={text}&update_mask={text}")));
            }
        }
    }
}
