//! A reply in the shape that a JSON Schema asks for.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::reply::Reply;

/// Schemas that nest deeper get nulls.
const MAX_DEPTH: usize = 16;
/// Where a text goes when the schema has no `sentences`.
const TEXT_FIELDS: &[&str] = &["reply", "answer", "text", "message", "content", "summary"];

/// The reply as JSON: the smallest value that follows the schema, with the reply in it.
pub(super) fn shaped(reply: &Reply, schema: &RawValue) -> String {
    let schema: Value = serde_json::from_str(schema.get()).unwrap_or_default();
    let mut value = smallest(&schema, &schema, MAX_DEPTH);
    if let Value::Object(fields) = &mut value {
        fill(fields, reply, &schema);
    }
    value.to_string()
}

fn fill(fields: &mut Map<String, Value>, reply: &Reply, schema: &Value) {
    let has = |field: &str| schema["properties"].get(field).is_some();
    if has("sentences") {
        let sentences: Vec<_> = reply
            .sentences
            .iter()
            .map(|sentence| json!({"text": sentence.text, "sources": sentence.sources}))
            .collect();
        fields.insert("sentences".to_owned(), sentences.into());
    } else if let Some(field) = TEXT_FIELDS.iter().find(|field| has(field)) {
        fields.insert((*field).to_owned(), reply.text().into());
    }
    if has("no_answer") {
        fields.insert("no_answer".to_owned(), reply.no_answer.into());
    }
}

/// The smallest value that follows `schema`, whose references point into `root`.
fn smallest(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(target) = schema["$ref"]
        .as_str()
        .and_then(|target| target.strip_prefix('#'))
    {
        let target = root.pointer(target).unwrap_or(&Value::Null);
        return smallest(target, root, depth - 1);
    }
    for fixed in [&schema["const"], &schema["enum"][0], &schema["default"]] {
        if !fixed.is_null() {
            return fixed.clone();
        }
    }
    for choices in [&schema["anyOf"], &schema["oneOf"]] {
        if let Some(choices) = choices.as_array() {
            let null = choices.iter().any(|choice| choice["type"] == "null");
            return match choices.first() {
                Some(first) if !null => smallest(first, root, depth - 1),
                _ => Value::Null,
            };
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) if kinds.iter().any(|kind| kind == "null") => "null",
        Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or("null"),
        kind => kind.as_str().unwrap_or("null"),
    };
    match kind {
        "object" => required(schema, root, depth),
        "array" => {
            let count = schema["minItems"].as_u64().unwrap_or(0).min(16);
            (0..count)
                .map(|_| smallest(&schema["items"], root, depth - 1))
                .collect()
        }
        "string" => "".into(),
        "boolean" => false.into(),
        "integer" | "number" => match &schema["minimum"] {
            Value::Null => 0.into(),
            minimum => minimum.clone(),
        },
        _ => Value::Null,
    }
}

fn required(schema: &Value, root: &Value, depth: usize) -> Value {
    let names = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let fields = names.map(|name| {
        let field = smallest(&schema["properties"][name], root, depth - 1);
        (name.to_owned(), field)
    });
    Value::Object(fields.collect())
}

#[cfg(test)]
mod tests {
    use super::super::reply::Sentence;
    use super::*;

    fn shape(schema: &Value) -> Value {
        let sentence = Sentence {
            text: "Цена 5".to_owned(),
            sources: vec!["p1".to_owned()],
        };
        let reply = Reply {
            sentences: vec![sentence],
            no_answer: false,
        };
        let schema = serde_json::value::to_raw_value(schema).unwrap();
        serde_json::from_str(&shaped(&reply, &schema)).unwrap()
    }

    #[test]
    fn the_answer_of_an_agent() {
        let schema = json!({
            "type": "object",
            "required": ["sentences", "actions", "memory", "handoff", "no_answer"],
            "properties": {
                "sentences": {"type": "array", "items": {"type": "object"}},
                "actions": {"type": "array"},
                "memory": {"type": "array"},
                "handoff": {"anyOf": [{"$ref": "#/$defs/handoff"}, {"type": "null"}]},
                "no_answer": {"type": "boolean"},
            },
        });
        let expected = json!({
            "sentences": [{"text": "Цена 5", "sources": ["p1"]}],
            "actions": [], "memory": [], "handoff": null, "no_answer": false,
        });
        assert_eq!(shape(&schema), expected);
    }

    #[test]
    fn any_other_shape_is_followed_too() {
        let schema = json!({
            "type": "object",
            "required": ["intent", "score", "items", "who", "reply"],
            "properties": {
                "intent": {"enum": ["other", "buy"]},
                "score": {"type": "integer", "minimum": 1},
                "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}},
                "who": {"type": ["string", "null"]},
                "reply": {"type": "string"},
                "optional": {"type": "string"},
            },
            "$defs": {"item": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/$defs/item"}}}},
        });
        let value = shape(&schema);
        assert_eq!(value["intent"], "other");
        assert_eq!(value["score"], 1);
        assert_eq!(value["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            (&value["who"], &value["reply"]),
            (&Value::Null, &json!("Цена 5"))
        );
        assert!(value.get("optional").is_none());
    }

    #[test]
    fn a_schema_that_says_nothing_gives_null() {
        assert_eq!(shape(&json!({})), Value::Null);
        assert_eq!(shape(&json!(true)), Value::Null);
    }
}
