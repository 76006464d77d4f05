//! Answers in the shape of a JSON Schema.

use serde_json::{Map, Value, json};

/// Schemas that nest deeper get nulls.
const MAX_DEPTH: usize = 16;

/// The smallest value of the schema, with the sentences and `no_answer` where it has a place for
/// them.
pub(super) fn answer(
    schema: &Value,
    sentences: &[(String, Vec<String>)],
    no_answer: bool,
) -> Value {
    let mut value = smallest(schema, schema, MAX_DEPTH);
    let Value::Object(fields) = &mut value else {
        return value;
    };
    let properties = &schema["properties"];
    if properties.get("sentences").is_some() {
        let sentences: Value = sentences
            .iter()
            .map(|(text, sources)| json!({"text": text, "sources": sources}))
            .collect();
        fields.insert("sentences".to_owned(), sentences);
    }
    if properties.get("no_answer").is_some() {
        fields.insert("no_answer".to_owned(), no_answer.into());
    }
    value
}

fn smallest(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(target) = schema["$ref"]
        .as_str()
        .and_then(|target| target.strip_prefix('#'))
    {
        return smallest(
            root.pointer(target).unwrap_or(&Value::Null),
            root,
            depth - 1,
        );
    }
    if let Some(choices) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let null = choices.iter().any(|choice| choice["type"] == "null");
        return match choices.first() {
            Some(first) if !null => smallest(first, root, depth - 1),
            _ => Value::Null,
        };
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    match &schema["type"] {
        Value::String(kind) if kind == "object" => {
            let names = schema["required"].as_array().into_iter().flatten();
            let field = |name: &Value| {
                let name = name.as_str()?;
                let value = smallest(&schema["properties"][name], root, depth - 1);
                Some((name.to_owned(), value))
            };
            Value::Object(names.filter_map(field).collect::<Map<_, _>>())
        }
        Value::String(kind) => match kind.as_str() {
            "array" => json!([]),
            "string" => json!(""),
            "boolean" => json!(false),
            "integer" | "number" => json!(0),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}
