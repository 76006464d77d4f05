//! The REST twin of an RPC's request, by its `google.api.http` rule.

use prost_reflect::{DynamicMessage, MethodDescriptor, SerializeOptions, Value as Field};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use t11_tests::Client;

use crate::fields;

/// The request, not yet sent; `None` for an RPC that has no REST twin.
pub(crate) fn request(
    client: &Client,
    rpc: &MethodDescriptor,
    messages: &[DynamicMessage],
) -> Option<RequestBuilder> {
    let (method, template, body) = fields::http_rule(rpc)?;
    let method: Method = method.to_uppercase().parse().unwrap();
    if rpc.is_client_streaming() {
        return Some(upload(client, method, &template, messages));
    }
    let mut message = json(&messages[0]);
    let path = path(&template, &mut message);
    let request = |query: &Value| {
        let mut pairs = Vec::new();
        flatten("", query, &mut pairs);
        client.request(method.clone(), &path).query(&pairs)
    };
    Some(match body.as_str() {
        "" => request(&message),
        "*" => request(&Value::Null).json(&message),
        field => {
            let body = message.as_object_mut().unwrap().remove(field);
            request(&message).json(&body.unwrap_or_default())
        }
    })
}

/// The header's fields are the query, the bytes the body.
fn upload(
    client: &Client,
    method: Method,
    path: &str,
    messages: &[DynamicMessage],
) -> RequestBuilder {
    let mut pairs = Vec::new();
    flatten("", &json(&messages[0])["header"], &mut pairs);
    let bytes = messages[1].fields().find_map(|(_, value)| match value {
        Field::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    });
    let request = client.request(method, path).query(&pairs);
    request.body(bytes.unwrap())
}

fn json(message: &DynamicMessage) -> Value {
    let options = SerializeOptions::new().use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .unwrap()
}

/// The path with the values of its variables, which are taken out of the message.
fn path(template: &str, message: &mut Value) -> String {
    let mut path = template.to_owned();
    for (field, pattern) in fields::variables(template) {
        let value = take(message, &field);
        path = path.replace(&format!("{{{field}={pattern}}}"), &value);
    }
    path
}

fn take(message: &mut Value, field: &str) -> String {
    let mut at = message;
    let (parents, last) = field.rsplit_once('.').unwrap_or(("", field));
    for name in parents.split('.').filter(|name| !name.is_empty()) {
        at = &mut at[name];
    }
    let taken = at.as_object_mut().and_then(|object| object.remove(last));
    let taken = taken.unwrap_or_default();
    taken.as_str().unwrap_or_default().to_owned()
}

/// Query parameters: `agent.name=…`.
fn flatten(at: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let dot = if at.is_empty() { "" } else { "." };
                flatten(&format!("{at}{dot}{name}"), value, pairs);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(at, item, pairs)),
        Value::Null => {}
        Value::String(text) => pairs.push((at.to_owned(), text.clone())),
        other => pairs.push((at.to_owned(), other.to_string())),
    }
}
