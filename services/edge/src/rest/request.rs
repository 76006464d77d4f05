//! From an HTTP request to the request message of its RPC.

use std::collections::BTreeMap;

use http::{HeaderMap, Method, header};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value};
use serde::de::IgnoredAny;
use t11_core::Violations;

use crate::descriptors;
use crate::error::Error;
use crate::rest::route::{Body, Route};
use crate::rest::{json, query};

/// The field that says which fields an update touches.
const UPDATE_MASK: &str = "update_mask";

/// Whether the body may be read as what the route takes.
///
/// # Errors
/// [`Error::BodyUnexpected`] or [`Error::MediaType`].
pub(crate) fn check_headers(route: &Route, headers: &HeaderMap) -> Result<(), Error> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let has_body =
        headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|n| n != "0");
    if matches!(route.body, Body::None) {
        return if has_body {
            Err(Error::BodyUnexpected)
        } else {
            Ok(())
        };
    }
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity");
    if has_body && (encoded || !is_json(headers)) {
        return Err(Error::MediaType {
            expected: "application/json",
        });
    }
    Ok(())
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|essence| essence.trim().to_ascii_lowercase());
    essence.is_some_and(|essence| essence == "application/json" || essence.ends_with("+json"))
}

/// Builds the message: the body first, then the query, then the path, which wins.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong with body and query.
pub(crate) fn message(
    route: &Route,
    captured: &[(&[String], String)],
    query: &str,
    body: &[u8],
) -> Result<DynamicMessage, Error> {
    let mut violations = Violations::default();
    let mut message = read_body(route, body, &mut violations);
    let pairs = query::pairs(query, &mut violations);
    let pairs = keep_allowed(route, pairs, &mut violations);
    query::put_all(&mut message, &pairs, "", &mut violations);
    if let Body::Field(_, inner) = &route.body
        && route.method == Method::PATCH
        && !message.has_field_by_name(UPDATE_MASK)
    {
        put_mask(&mut message, inner, body);
    }
    for (fields, text) in captured {
        if let Err(fault) = query::put(&mut message, fields, text) {
            let name = fields.join(".");
            violations.add(&name, fault.reason(), fault.describe(&name));
        }
    }
    violations.check().map_err(Error::Invalid)?;
    Ok(message)
}

fn read_body(route: &Route, body: &[u8], violations: &mut Violations) -> DynamicMessage {
    let input = route.rpc.input();
    let mut message = DynamicMessage::new(input.clone());
    if body.iter().all(u8::is_ascii_whitespace) {
        return message;
    }
    match &route.body {
        Body::None => {}
        Body::Whole => match json::read(&input, body, "") {
            Ok(read) => message = read,
            Err(found) => violations.0.extend(found.0),
        },
        Body::Field(field, inner) => match json::read(inner, body, field.name()) {
            Ok(read) => message.set_field(field, Value::Message(read)),
            Err(found) => violations.0.extend(found.0),
        },
    }
    message
}

/// Fields that the body covers are not given in the query as well.
fn keep_allowed(
    route: &Route,
    pairs: Vec<(String, String)>,
    violations: &mut Violations,
) -> Vec<(String, String)> {
    let covered = |name: &str| match &route.body {
        Body::None => false,
        Body::Whole => true,
        Body::Field(field, _) => {
            let first = name.split('.').next().unwrap_or_default();
            first == field.name() || first == field.json_name()
        }
    };
    let (refused, kept): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| covered(name));
    for (name, _) in refused {
        violations.add(
            &name,
            "UNKNOWN_FIELD",
            format!("`{name}` belongs into the body"),
        );
    }
    kept
}

/// A PATCH without a mask updates the fields its body names, zero values included, which a message
/// alone cannot tell (AIP-134, "populated fields"). Fields that clients cannot set stay out.
fn put_mask(message: &mut DynamicMessage, inner: &MessageDescriptor, body: &[u8]) {
    let descriptor = prost_reflect::ReflectMessage::descriptor(message);
    let Some(field) = descriptor.get_field_by_name(UPDATE_MASK) else {
        return;
    };
    let Kind::Message(mask_type) = field.kind() else {
        return;
    };
    let named: BTreeMap<String, IgnoredAny> = serde_json::from_slice(body).unwrap_or_default();
    let paths: Vec<Value> = named
        .keys()
        .filter_map(|name| json::field(inner, name))
        .filter(|field| field.name() != "etag")
        .filter(|field| {
            let behavior = descriptors::behavior(field);
            !behavior.output_only && !behavior.identifier
        })
        .map(|field| Value::String(field.name().to_owned()))
        .collect();
    if let Ok(mask) = query::mask(&mask_type, paths) {
        message.set_field(&field, Value::Message(mask));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::rest::route::RouteTable;
    use crate::rest::template::{Path, Segment};

    proptest! {
        /// Any route, path, query and body make a message or a fault, and what they make encodes.
        #[test]
        fn no_request_panics(
            route: Index,
            id in "\\PC{1,12}",
            query in "([a-z_.]{1,16}=\\PC{0,8}&?){0,3}",
            body in prop_oneof![
                "\\PC{0,40}",
                "\\{(\"[a-z_]{1,12}\": ?(1|\"x\"|null|\\[\\]|\\{\\}|true),?){0,3}\\}",
            ],
        ) {
            let table = RouteTable::read().unwrap();
            let routes: Vec<&Route> = table.iter().collect();
            let route = routes[route.index(routes.len())];
            let id = id.replace(['/', ':'], "-");
            let shape = &route.template.shape;
            let segments = shape.segments.iter().map(|segment| match segment {
                Segment::Literal(literal) => literal,
                Segment::One | Segment::Rest => &id,
            });
            let verb = shape.verb.as_ref().map_or_else(String::new, |verb| format!(":{verb}"));
            let path: String = segments.flat_map(|segment| ["/", segment]).collect();
            let path = path + &verb;
            let split = Path::split(&path);
            prop_assert!(split.as_ref().is_some_and(|path| shape.matches(path)), "{path}");
            if let Some(path) = split
                && let Ok(captured) = route.template.capture(&path)
                && let Ok(message) = message(route, &captured, &query, body.as_bytes())
            {
                drop(prost::Message::encode_to_vec(&message));
            }
        }
    }
}
