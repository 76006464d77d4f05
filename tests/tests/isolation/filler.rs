//! Requests that are well made in all but the field under test, so that its id is what decides.

use std::sync::atomic::{AtomicUsize, Ordering};

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};

use crate::fields::{self, IdField};
use crate::tenant::Tenant;

static MADE: AtomicUsize = AtomicUsize::new(0);

/// Fields that a good request has although they are not marked as required.
const ALSO_FILLED: &[&str] = &[
    "Message.role",
    "Message.content",
    "UploadFileHeader.display_name",
    "ImportPricesHeader.display_name",
    // Of a condition, which is what a trigger of the filler's kind has.
    "Trigger.condition",
    "Trigger.reply",
    "Sequence.steps",
    "SequenceStep.text",
    "ProviderKey.secret",
];

/// The message of a request of `own`, as good as can be; `field` has `value` where it is given.
pub(crate) fn request(
    input: &MessageDescriptor,
    ids: &[IdField],
    own: &Tenant,
    tested: Option<(&IdField, &str)>,
) -> DynamicMessage {
    let mut message = filled(input, ids, own, &mut Vec::new());
    if let Some((field, value)) = tested {
        set(&mut message, &field.path, ids, own, &mut Vec::new(), value);
        mask(&mut message, field);
    }
    message
}

/// An update is of the field under test.
fn mask(message: &mut DynamicMessage, field: &IdField) {
    let [_, .., tested] = &field.path[..] else {
        return;
    };
    let Some(mask) = message.descriptor().get_field_by_name("update_mask") else {
        return;
    };
    if tested.name() == "name" || field.is_output {
        return;
    }
    let mut paths = DynamicMessage::new(mask.kind().as_message().cloned().unwrap());
    let tested = Value::String(tested.name().to_owned());
    paths.set_field_by_name("paths", Value::List(vec![tested]));
    message.set_field(&mask, Value::Message(paths));
}

fn filled(
    descriptor: &MessageDescriptor,
    ids: &[IdField],
    own: &Tenant,
    at: &mut Vec<FieldDescriptor>,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        at.push(field.clone());
        if is_wanted(&field, ids, at) {
            let value = good_value(&field, ids, own, at);
            message.set_field(&field, as_many(&field, value));
        }
        at.pop();
    }
    message
}

/// Whether a good request has the field.
fn is_wanted(field: &FieldDescriptor, ids: &[IdField], at: &[FieldDescriptor]) -> bool {
    let here = fields::dotted(at);
    let is_in_path = ids.iter().any(|id| id.is_in_path && id.name() == here);
    let also = ALSO_FILLED.contains(&fields::of_message(field).as_str());
    is_in_path || also || fields::is_required(field) || is_first_part(field)
}

/// The header of what is streamed in parts.
fn is_first_part(field: &FieldDescriptor) -> bool {
    field
        .containing_oneof()
        .is_some_and(|one| one.name() == "part")
        && field.number() == 1
}

fn as_many(field: &FieldDescriptor, value: Value) -> Value {
    if field.is_list() {
        Value::List(vec![value])
    } else {
        value
    }
}

fn good_value(
    field: &FieldDescriptor,
    ids: &[IdField],
    own: &Tenant,
    at: &mut Vec<FieldDescriptor>,
) -> Value {
    let here = fields::dotted(at);
    if let Some(known) = ids.iter().find(|known| known.name() == here) {
        return Value::String(own.name_of(&known.id));
    }
    match field.kind() {
        Kind::Message(inner) => Value::Message(filled(&inner, ids, own, at)),
        Kind::Enum(_) => Value::EnumNumber(2),
        Kind::String => Value::String(match fields::of_message(field).as_str() {
            "Script.type" => "greeting".to_owned(),
            "ObjectionResponse.type" => "price".to_owned(),
            _ => good_text(field.name()),
        }),
        other => panic!("no good value for {here} ({other:?})"),
    }
}

/// A text that a field of this name takes; names for people are new each time.
fn good_text(name: &str) -> String {
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    match name {
        "display_name" => format!("ours {number}.txt"),
        "alias" => "ours".to_owned(),
        "model" => "demo/quote".to_owned(),
        "email" => format!("ours{number}@example.com"),
        "role" => "viewer".to_owned(),
        "scopes" => "agents.read".to_owned(),
        "host" => format!("ours{number}.kommo.com"),
        "secret" => "sk-correct-horse-battery".to_owned(),
        "client_id" | "idempotency_key" => uuid::Uuid::from_u128(7).to_string(),
        "client_secret" | "password" => "correct horse battery 42".to_owned(),
        "redirect_uri" | "uri" => "https://example.com/callback".to_owned(),
        "query" | "text" | "texts" | "content" | "response" | "condition" | "reply"
        | "client_texts" => "What does a sofa cost?".to_owned(),
        other => panic!("no good text for a required `{other}`"),
    }
}

/// Puts `value` at the end of `path`; messages on the way are filled.
fn set(
    message: &mut DynamicMessage,
    path: &[FieldDescriptor],
    ids: &[IdField],
    own: &Tenant,
    at: &mut Vec<FieldDescriptor>,
    value: &str,
) {
    let (field, rest) = path.split_first().unwrap();
    at.push(field.clone());
    if rest.is_empty() {
        let value = Value::String(value.to_owned());
        message.set_field(field, as_many(field, value));
        return;
    }
    if !message.has_field(field) {
        let inner = field.kind().as_message().cloned().unwrap();
        let inner = Value::Message(filled(&inner, ids, own, at));
        message.set_field(field, as_many(field, inner));
    }
    let inner = match message.get_field_mut(field) {
        Value::List(items) => items.first_mut().unwrap(),
        single => single,
    };
    let Value::Message(inner) = inner else {
        panic!("{} leads into a message", fields::dotted(path));
    };
    set(inner, rest, ids, own, at, value);
}

/// What follows the header of a stream of parts.
pub(crate) fn second_part(input: &MessageDescriptor) -> Option<DynamicMessage> {
    let chunk = input.fields().find(|field| field.kind() == Kind::Bytes)?;
    let text: &[u8] = if input.name().contains("Prices") {
        b"sku,name,price\nOURS,Our sofa,100\n"
    } else {
        b"What we tell our clients."
    };
    let mut message = DynamicMessage::new(input.clone());
    message.set_field(&chunk, Value::Bytes(text.into()));
    Some(message)
}
