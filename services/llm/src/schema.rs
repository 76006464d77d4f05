//! Whether an answer follows its JSON Schema, as far as models are asked for schemas: types, enums,
//! properties, items, bounds, choices and references. Keywords that are not known say nothing.

use serde_json::{Map, Value};

/// Schemas may refer to themselves; answers that nest deeper are refused.
const MAX_DEPTH: usize = 64;

/// Where an answer breaks its schema, in words that a model can act on; `None` = it does not.
pub(crate) fn breach(schema: &Value, answer: &str) -> Option<String> {
    let value: Value = match serde_json::from_str(answer) {
        Ok(value) => value,
        Err(error) => return Some(format!("it is not JSON: {error}")),
    };
    let check = Check { root: schema };
    check.value(schema, &value, "$", MAX_DEPTH).err()
}

struct Check<'a> {
    root: &'a Value,
}

type Checked = Result<(), String>;

impl Check<'_> {
    fn value(&self, schema: &Value, value: &Value, at: &str, depth: usize) -> Checked {
        let Value::Object(schema) = schema else {
            // `true` allows all, `false` nothing.
            return match schema {
                Value::Bool(false) => Err(format!("`{at}` must not be there")),
                _ => Ok(()),
            };
        };
        let Some(depth) = depth.checked_sub(1) else {
            return Err(format!("`{at}` is nested too deep"));
        };
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            self.value(self.referred(target), value, at, depth)?;
        }
        kind(schema, value, at)?;
        one_of_values(schema, value, at)?;
        self.choices(schema, value, at, depth)?;
        match value {
            Value::Object(fields) => self.object(schema, fields, at, depth),
            Value::Array(items) => self.array(schema, items, at, depth),
            Value::String(text) => {
                within(schema, text.chars().count(), ["minLength", "maxLength"], at)
            }
            Value::Number(number) => bounds(schema, number.as_f64().unwrap_or(f64::NAN), at),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn referred(&self, target: &str) -> &Value {
        let pointer = target.strip_prefix('#');
        let found = pointer.and_then(|pointer| self.root.pointer(pointer));
        found.unwrap_or(&Value::Bool(true))
    }

    fn choices(
        &self,
        schema: &Map<String, Value>,
        value: &Value,
        at: &str,
        depth: usize,
    ) -> Checked {
        let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
        for part in list("allOf").into_iter().flatten() {
            self.value(part, value, at, depth)?;
        }
        for keyword in ["anyOf", "oneOf"] {
            let Some(parts) = list(keyword) else { continue };
            let fits = |part: &&Value| self.value(part, value, at, depth).is_ok();
            let fitting = parts.iter().filter(fits).count();
            if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                return Err(format!(
                    "`{at}` fits {fitting} of its {} forms",
                    parts.len()
                ));
            }
        }
        Ok(())
    }

    fn object(
        &self,
        schema: &Map<String, Value>,
        fields: &Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Checked {
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                return Err(format!("`{at}` lacks `{name}`"));
            }
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (name, value) in fields {
            let at = format!("{at}.{name}");
            match (known.and_then(|known| known.get(name)), others) {
                (Some(schema), _) | (None, Some(schema)) => {
                    self.value(schema, value, &at, depth)?;
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn array(
        &self,
        schema: &Map<String, Value>,
        items: &[Value],
        at: &str,
        depth: usize,
    ) -> Checked {
        within(schema, items.len(), ["minItems", "maxItems"], at)?;
        let Some(schema) = schema.get("items") else {
            return Ok(());
        };
        for (place, item) in items.iter().enumerate() {
            self.value(schema, item, &format!("{at}[{place}]"), depth)?;
        }
        Ok(())
    }
}

fn kind(schema: &Map<String, Value>, value: &Value, at: &str) -> Checked {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    };
    let fits = match schema.get("type") {
        Some(Value::String(kind)) => is(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    match fits {
        true => Ok(()),
        false => Err(format!("`{at}` must be {}", schema["type"])),
    }
}

fn one_of_values(schema: &Map<String, Value>, value: &Value, at: &str) -> Checked {
    let listed = schema.get("enum").and_then(Value::as_array);
    let fits = listed.is_none_or(|listed| listed.contains(value))
        && schema.get("const").is_none_or(|only| only == value);
    match fits {
        true => Ok(()),
        false => Err(format!("`{at}` is none of the values allowed")),
    }
}

fn within(schema: &Map<String, Value>, length: usize, names: [&str; 2], at: &str) -> Checked {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let length = length as u64;
    let [least, most] = names;
    if bound(least).is_some_and(|least| length < least) {
        return Err(format!("`{at}` is too short"));
    }
    if bound(most).is_some_and(|most| length > most) {
        return Err(format!("`{at}` is too long"));
    }
    Ok(())
}

fn bounds(schema: &Map<String, Value>, number: f64, at: &str) -> Checked {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let fits = bound("minimum").is_none_or(|least| number >= least)
        && bound("maximum").is_none_or(|most| number <= most)
        && bound("exclusiveMinimum").is_none_or(|least| number > least)
        && bound("exclusiveMaximum").is_none_or(|most| number < most);
    match fits {
        true => Ok(()),
        false => Err(format!("`{at}` is out of its bounds")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["name", "tags"],
            "additionalProperties": false,
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 5},
                "tags": {"type": "array", "maxItems": 2, "items": {"enum": ["a", "b"]}},
                "age": {"type": ["integer", "null"], "minimum": 0},
                "next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
                "size": {"$ref": "#/$defs/size"},
            },
            "$defs": {"size": {"oneOf": [{"const": 1}, {"type": "string"}]}},
        })
    }

    #[test]
    fn answers_that_follow_their_schema_pass() {
        for answer in [
            r#"{"name":"x","tags":[]}"#,
            r#"{"name":"домик","tags":["a","b"],"age":3,"size":1}"#,
            r#"{"name":"x","tags":[],"age":null,"next":{"name":"y","tags":[]}}"#,
        ] {
            assert_eq!(breach(&schema(), answer), None, "{answer}");
        }
        assert_eq!(breach(&json!(true), "1"), None);
    }

    #[test]
    fn a_breach_is_named_by_its_place() {
        for (answer, words) in [
            ("nothing", "not JSON"),
            ("[]", "`$` must be \"object\""),
            (r#"{"name":"x"}"#, "`$` lacks `tags`"),
            (r#"{"name":"","tags":[]}"#, "`$.name` is too short"),
            (r#"{"name":"xxxxxx","tags":[]}"#, "`$.name` is too long"),
            (r#"{"name":"x","tags":["a","c"]}"#, "`$.tags[1]`"),
            (
                r#"{"name":"x","tags":["a","a","a"]}"#,
                "`$.tags` is too long",
            ),
            (r#"{"name":"x","tags":[],"age":1.5}"#, "`$.age` must be"),
            (r#"{"name":"x","tags":[],"age":-1}"#, "`$.age` is out"),
            (r#"{"name":"x","tags":[],"new":1}"#, "`$.new` must not"),
            (r#"{"name":"x","tags":[],"size":2}"#, "`$.size` fits 0"),
            (r#"{"name":"x","tags":[],"next":{}}"#, "`$.next` fits 0"),
        ] {
            let found = breach(&schema(), answer).unwrap_or_default();
            assert!(found.contains(words), "{answer}: {found}");
        }
    }

    #[test]
    fn a_schema_without_end_ends() {
        let endless = json!({"$ref": "#"});
        assert!(breach(&endless, "1").is_some());
    }
}
