//! `/api/openapi.json`, written from the descriptors: what is documented is what is served.

mod comments;
mod schema;

use anyhow::Result;
use http::Method;
use prost_reflect::{FieldDescriptor, Kind as FieldKind, MessageDescriptor};
use serde_json::{Map, Value, json};
use t11_proto::method::Auth;

use crate::descriptors;
use crate::openapi::comments::Comments;
use crate::openapi::schema::Schemas;
use crate::rest::route::{Body, Kind, Route, RouteTable};
use crate::rest::template::Segment;

/// The whole document, OpenAPI 3.1.
///
/// # Errors
/// Two routes that would be one operation.
pub(crate) fn document(routes: &RouteTable) -> Result<Value> {
    let comments = Comments::read();
    let mut schemas = Schemas::new(&comments);
    let mut paths: Map<String, Value> = Map::new();
    for route in routes.iter() {
        let operation = operation(route, &comments, &mut schemas);
        let (path, _) = path(route);
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        let method = route.method.as_str().to_ascii_lowercase();
        anyhow::ensure!(
            item.get(&method).is_none(),
            "{method} {path} is two operations"
        );
        item[method] = operation;
    }
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "T11 Platform",
            "version": env!("CARGO_PKG_VERSION"),
            "description": include_str!("openapi/description.md"),
        },
        "servers": [{"url": "/"}],
        "security": [{"session": []}, {"bearer": []}],
        "tags": tags(routes, &comments),
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "responses": {"Error": {
                "description": "What went wrong; match on `reason`, which is stable.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            }},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-t11_session",
                    "description": "Set by signing in; `t11_session` over plain HTTP. Changes need \
                        the header `x-t11-csrf` with the value of the cookie `t11_csrf`."},
                "bearer": {"type": "http", "scheme": "bearer",
                    "description": "An API key (`t11_…`), or a session token from signing in."},
            },
        },
    }))
}

fn tags(routes: &RouteTable, comments: &Comments) -> Vec<Value> {
    let mut tags: Vec<(String, Value)> = routes
        .iter()
        .map(|route| {
            let service = route.rpc.parent_service();
            let description = comments.of(&service.parent_file(), service.path());
            let name = service.name().to_owned();
            (
                name.clone(),
                json!({"name": name, "description": description}),
            )
        })
        .collect();
    tags.sort_by(|a, b| a.0.cmp(&b.0));
    tags.dedup_by(|a, b| a.0 == b.0);
    tags.into_iter().map(|(_, tag)| tag).collect()
}

fn operation(route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Value {
    let service = route.rpc.parent_service();
    let description = comments.of(&service.parent_file(), route.rpc.path());
    let mut operation = json!({
        "operationId": format!("{}_{}", service.name(), route.rpc.name()),
        "tags": [service.name()],
        "summary": title(route.rpc.name()),
        "description": description,
        "parameters": parameters(route, comments, schemas),
        "responses": {
            "200": success(route, schemas),
            "default": {"$ref": "#/components/responses/Error"},
        },
        "x-rpc": route.info.path.trim_start_matches('/'),
    });
    if let Some(body) = request_body(route, schemas) {
        operation["requestBody"] = body;
    }
    if route.info.auth == Auth::Public {
        operation["security"] = json!([]);
    } else {
        operation["x-permission"] = route.info.permission.into();
    }
    operation
}

/// `CreateWebPage` → `Create web page`.
fn title(name: &str) -> String {
    let mut title = String::new();
    for (index, c) in name.char_indices() {
        if index > 0 && c.is_ascii_uppercase() {
            title.push(' ');
            title.push(c.to_ascii_lowercase());
        } else {
            title.push(c);
        }
    }
    title
}

/// `/api/{name=agents/*}:copy` → `/api/agents/{agent}:copy` and its parameters.
fn path(route: &Route) -> (String, Vec<String>) {
    let shape = &route.template.shape;
    let (mut path, mut names, mut last) = (String::new(), Vec::new(), "");
    for segment in &shape.segments {
        path.push('/');
        match segment {
            Segment::Literal(literal) => {
                path.push_str(literal);
                last = literal;
            }
            Segment::One | Segment::Rest => {
                let name = singular(last);
                path.push_str(&format!("{{{name}}}"));
                names.push(name);
            }
        }
    }
    if let Some(verb) = &shape.verb {
        path.push(':');
        path.push_str(verb);
    }
    (path, names)
}

fn singular(collection: &str) -> String {
    match collection.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => collection
            .strip_suffix('s')
            .unwrap_or(collection)
            .to_owned(),
    }
}

fn parameters(route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Vec<Value> {
    let (_, names) = path(route);
    let in_path = names.into_iter().map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    );
    let mut parameters: Vec<Value> = in_path.collect();
    let bound: Vec<&str> = route
        .template
        .variables
        .iter()
        .filter_map(|v| v.fields.first())
        .map(String::as_str)
        .collect();
    let message = match &route.kind {
        Kind::Upload(upload) => upload.header_type.clone(),
        Kind::Unary | Kind::Events => route.rpc.input(),
    };
    let free = |field: &FieldDescriptor| match (&route.kind, &route.body) {
        (Kind::Upload(_), _) => true,
        (_, Body::Whole) => false,
        (_, Body::Field(body, _)) => field != body && !bound.contains(&field.name()),
        (_, Body::None) => !bound.contains(&field.name()),
    };
    for field in message.fields().filter(free) {
        parameters.push(query_parameter(&field, comments, schemas));
    }
    parameters
}

fn query_parameter(
    field: &FieldDescriptor,
    comments: &Comments,
    schemas: &mut Schemas<'_>,
) -> Value {
    json!({
        "name": field.name(),
        "in": "query",
        "required": descriptors::behavior(field).required,
        "description": comments.of(&field.parent_message().parent_file(), field.path()),
        "schema": schemas.of_field(field),
    })
}

fn request_body(route: &Route, schemas: &mut Schemas<'_>) -> Option<Value> {
    let file = json!({"type": "string", "format": "binary"});
    if matches!(route.kind, Kind::Upload(_)) {
        let form = json!({"type": "object", "properties": {"file": file}, "required": ["file"]});
        return Some(json!({"required": true, "content": {
            "application/octet-stream": {"schema": file},
            "multipart/form-data": {"schema": form},
        }}));
    }
    let (message, required) = match &route.body {
        Body::None => return None,
        Body::Whole => (route.rpc.input(), needs_body(route)),
        Body::Field(field, message) => (message.clone(), descriptors::behavior(field).required),
    };
    let schema = if route.method == Method::PATCH {
        schemas.of_patch(&message)
    } else {
        schemas.of_body(&message, &path_fields(route))
    };
    Some(json!({"required": required, "content": {"application/json": {"schema": schema}}}))
}

/// Fields of the request message itself that the path carries.
fn path_fields(route: &Route) -> Vec<String> {
    let variables = route.template.variables.iter();
    variables
        .filter(|v| v.fields.len() == 1)
        .map(|v| v.fields[0].clone())
        .collect()
}

fn needs_body(route: &Route) -> bool {
    let in_path = path_fields(route);
    let message: MessageDescriptor = route.rpc.input();
    message.fields().any(|field| {
        descriptors::behavior(&field).required && !in_path.iter().any(|name| name == field.name())
    })
}

fn success(route: &Route, schemas: &mut Schemas<'_>) -> Value {
    let output = route.rpc.output();
    let schema = schemas.of_kind(&FieldKind::Message(output.clone()));
    match route.kind {
        Kind::Events => json!({
            "description": format!("Events, each with one `{}` as JSON.", output.name()),
            "content": {"text/event-stream": {"schema": schema}},
        }),
        Kind::Unary | Kind::Upload(_) => {
            json!({"description": "Done.", "content": {"application/json": {"schema": schema}}})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Value {
        document(&RouteTable::read().unwrap()).unwrap()
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(object) => {
                    if let Some(Value::String(reference)) = object.get("$ref") {
                        found.push(reference.clone());
                    }
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = made();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn an_operation_says_what_the_proto_says() {
        let document = made();
        let get = &document["paths"]["/api/agents/{agent}"]["get"];
        assert_eq!(get["operationId"], "AgentService_GetAgent");
        assert_eq!(get["parameters"][0]["name"], "agent");
        assert_eq!(get["x-permission"], "agents.read");
        let list = &document["paths"]["/api/agents"]["get"];
        let size = list["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["name"] == "page_size");
        assert_eq!(size.unwrap()["description"], "At most 100; 0 = 25.");
        let sign_in = &document["paths"]["/api/auth/sign-in"]["post"];
        assert_eq!(sign_in["security"], json!([]));
        assert!(
            sign_in["description"]
                .as_str()
                .unwrap()
                .contains("CREDENTIALS_WRONG")
        );
        let agent = &document["components"]["schemas"]["agents.Agent"];
        assert_eq!(
            agent["properties"]["budget_day_micro_usd"]["type"],
            "string"
        );
        assert_eq!(agent["properties"]["create_time"]["readOnly"], true);
        assert_eq!(agent["required"], json!(["display_name"]));
        let patch = &document["components"]["schemas"]["agents.Agent.Patch"];
        assert_eq!(patch.get("required"), None);
    }

    #[test]
    fn every_path_parameter_is_declared() {
        for (path, item) in made()["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let parameters = operation["parameters"].as_array().unwrap();
                let declared = parameters.iter().filter(|p| p["in"] == "path").count();
                assert_eq!(path.matches('{').count(), declared, "{path}");
            }
        }
    }
}
