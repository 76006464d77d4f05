//! Messages and enums as JSON Schema, by the same mapping that answers are written with.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Comments;
use crate::descriptors;

/// The schemas that operations have asked for so far, and those that these refer to.
pub(super) struct Schemas<'c> {
    comments: &'c Comments,
    made: Map<String, Value>,
}

/// Which use of a message a schema is for.
#[derive(Clone, Copy)]
enum Use<'a> {
    /// As the proto has it.
    Full,
    /// An update names only the fields it changes.
    Patch,
    /// A body without the fields that the path carries.
    Without(&'a [String]),
}

impl<'c> Schemas<'c> {
    pub(super) fn new(comments: &'c Comments) -> Self {
        Self {
            comments,
            made: Map::from_iter([("Error".to_owned(), error())]),
        }
    }

    pub(super) fn finish(self) -> Map<String, Value> {
        self.made
    }

    /// The body of an update: nothing is required.
    pub(super) fn of_patch(&mut self, message: &MessageDescriptor) -> Value {
        self.refer(
            format!("{}.Patch", short(message.full_name())),
            message,
            Use::Patch,
        )
    }

    /// A body beside a path that carries some of the message's fields.
    pub(super) fn of_body(&mut self, message: &MessageDescriptor, in_path: &[String]) -> Value {
        if in_path.is_empty() {
            return self.refer(short(message.full_name()), message, Use::Full);
        }
        self.refer(
            format!("{}.Body", short(message.full_name())),
            message,
            Use::Without(in_path),
        )
    }

    pub(super) fn of_field(&mut self, field: &FieldDescriptor) -> Value {
        let kind = field.kind();
        if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
            let value = self.of_kind(&entry.map_entry_value_field().kind());
            return json!({"type": "object", "additionalProperties": value});
        }
        let one = self.of_kind(&kind);
        if field.is_list() {
            json!({"type": "array", "items": one})
        } else {
            one
        }
    }

    pub(super) fn of_kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Double => json!({"type": "number", "format": "double"}),
            Kind::Float => json!({"type": "number", "format": "float"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({"type": "integer", "format": "int32"})
            }
            Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer", "format": "uint32", "minimum": 0})
            }
            // Numbers of 64 bits do not fit into those of JavaScript.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "string", "format": "int64"})
            }
            Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64"}),
            Kind::Enum(descriptor) => self.refer_enum(descriptor),
            Kind::Message(message) => match well_known(message.full_name()) {
                Some(schema) => schema,
                None => self.refer(short(message.full_name()), message, Use::Full),
            },
        }
    }

    fn refer(&mut self, name: String, message: &MessageDescriptor, how: Use<'_>) -> Value {
        if !self.made.contains_key(&name) {
            // Noted first: messages may contain each other.
            self.made.insert(name.clone(), Value::Null);
            let schema = self.of_message(message, how);
            self.made.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn of_message(&mut self, message: &MessageDescriptor, how: Use<'_>) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        let file = message.parent_file();
        for field in message.fields() {
            if let Use::Without(in_path) = how
                && in_path.iter().any(|name| name == field.name())
            {
                continue;
            }
            let mut schema = self.of_field(&field);
            let behavior = descriptors::behavior(&field);
            let comment = self.comments.of(&file, field.path());
            if !comment.is_empty() {
                schema["description"] = comment.into();
            }
            if behavior.output_only {
                schema["readOnly"] = true.into();
            }
            if behavior.required && !matches!(how, Use::Patch) {
                required.push(field.name().to_owned());
            }
            properties.insert(field.name().to_owned(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties});
        let comment = self.comments.of(&file, message.path());
        if !comment.is_empty() {
            schema["description"] = comment.into();
        }
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }

    fn refer_enum(&mut self, descriptor: &EnumDescriptor) -> Value {
        let name = short(descriptor.full_name());
        if !self.made.contains_key(&name) {
            let file = descriptor.parent_file();
            let mut description = self.comments.of(&file, descriptor.path()).to_owned();
            let mut names = Vec::new();
            for value in descriptor.values() {
                names.push(value.name().to_owned());
                let comment = self.comments.of(&file, value.path());
                if !comment.is_empty() {
                    description.push_str(&format!("\n- `{}`: {comment}", value.name()));
                }
            }
            let schema =
                json!({"type": "string", "enum": names, "description": description.trim()});
            self.made.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }
}

/// `t11.agents.v1.Agent` → `agents.Agent`.
fn short(name: &str) -> String {
    name.trim_start_matches("t11.").replacen(".v1.", ".", 1)
}

fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => json!({"type": "string", "examples": ["1.5s"]}),
        "google.protobuf.FieldMask" => {
            json!({"type": "string", "examples": ["display_name,max_tokens"]})
        }
        "google.protobuf.Empty" | "google.protobuf.Struct" => json!({"type": "object"}),
        "google.protobuf.Value" => json!({}),
        _ => return None,
    })
}

fn error() -> Value {
    json!({"type": "object", "required": ["error"], "properties": {"error": {
        "type": "object",
        "required": ["code", "status", "message", "reason", "domain", "details", "request_id"],
        "properties": {
            "code": {"type": "integer", "description": "The HTTP status."},
            "status": {"type": "string", "description": "The gRPC code: `INVALID_ARGUMENT`."},
            "message": {"type": "string", "description": "For people, in English."},
            "reason": {"type": "string", "description": "Stable: what programs match on."},
            "domain": {"type": "string", "description": "Whose reason: `agents.t11.dev`."},
            "details": {"type": "array", "items": {"type": "object"},
                "description": "google.rpc details; `BadRequest` lists every broken field."},
            "request_id": {"type": "string", "description": "Quote it to find the call in logs."},
        },
    }}})
}
