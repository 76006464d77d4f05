//! PHP's manners on the wire: how it writes a form, and what it does to JSON.

use serde_json::{Map, Value};

/// What a PHP back end may do to its answers. Each is seen in the wild, none always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// A list without items answers 204 without a body; otherwise 200 with an empty list.
    pub empty_list_is_no_content: bool,
    /// `{}` is written `[]`.
    pub empty_object_is_list: bool,
    /// `[]` is written `null`.
    pub empty_list_is_null: bool,
    /// Numbers among the values of fields, and prices, are written as strings.
    pub numbers_as_strings: bool,
    /// Digits in the text of a field are written as a number.
    pub digits_as_numbers: bool,
    /// One contact by its id answers 204, although lists have it.
    pub one_contact_is_no_content: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            empty_list_is_no_content: true,
            empty_object_is_list: true,
            empty_list_is_null: false,
            numbers_as_strings: false,
            digits_as_numbers: false,
            one_contact_is_no_content: false,
        }
    }
}

impl Quirks {
    pub(crate) fn apply(&self, value: Value) -> Value {
        self.apply_at("", value)
    }

    fn apply_at(&self, key: &str, value: Value) -> Value {
        let is_loose = matches!(key, "value" | "price");
        match value {
            Value::Object(map) if map.is_empty() && self.empty_object_is_list => {
                Value::Array(Vec::new())
            }
            Value::Object(map) => {
                let pairs = map.into_iter();
                Value::Object(pairs.map(|(key, value)| self.pair(key, value)).collect())
            }
            Value::Array(items) if items.is_empty() && self.empty_list_is_null => Value::Null,
            Value::Array(items) => {
                let items = items.into_iter();
                items.map(|item| self.apply_at(key, item)).collect()
            }
            Value::Number(number) if is_loose && self.numbers_as_strings => {
                Value::String(number.to_string())
            }
            Value::String(text) if is_loose && self.digits_as_numbers => {
                text.parse::<i64>().map_or(Value::String(text), Value::from)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }

    fn pair(&self, key: String, value: Value) -> (String, Value) {
        let value = self.apply_at(&key, value);
        (key, value)
    }
}

/// `http_build_query`: `a[b][0]=c`, spaces as `+`, booleans as `1` and `0`, nulls left out.
pub(crate) fn build_query(value: &Map<String, Value>) -> String {
    let mut pairs = Vec::new();
    for (key, value) in value {
        flatten(key, value, &mut pairs);
    }
    pairs
        .iter()
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn flatten(key: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    let mut pair = |text: String| pairs.push((key.to_owned(), text));
    match value {
        Value::Null => {}
        Value::Bool(true) => pair("1".to_owned()),
        Value::Bool(false) => pair("0".to_owned()),
        Value::Number(number) => pair(number.to_string()),
        Value::String(text) => pair(text.clone()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{key}[{index}]"), item, pairs);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                flatten(&format!("{key}[{name}]"), item, pairs);
            }
        }
    }
}

/// PHP's `urlencode`.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_is_written_as_php_writes_it() {
        let body = json!({
            "account": {"id": 30_000_001, "subdomain": "acme", "_links": {"self": "https://acme.kommo.com"}},
            "message": {"add": [{
                "id": "0b6d0f0e-0000-4000-8000-000000000001",
                "text": "Hi & bye = ok? Ünïcode",
                "left_out": null,
            }]},
        });
        let expected = "account%5B_links%5D%5Bself%5D=https%3A%2F%2Facme.kommo.com&account%5Bid%5D=30000001&account%5Bsubdomain%5D=acme&message%5Badd%5D%5B0%5D%5Bid%5D=0b6d0f0e-0000-4000-8000-000000000001&message%5Badd%5D%5B0%5D%5Btext%5D=Hi+%26+bye+%3D+ok%3F+%C3%9Cn%C3%AFcode";
        assert_eq!(build_query(body.as_object().unwrap()), expected);
    }

    #[test]
    fn booleans_are_digits_and_empty_things_are_left_out() {
        let body = json!({"a": true, "b": false, "c": {}, "d": [], "e": "", "f": "~*"});
        assert_eq!(
            build_query(body.as_object().unwrap()),
            "a=1&b=0&e=&f=%7E%2A"
        );
    }

    #[test]
    fn quirks_touch_only_what_they_name() {
        let body =
            json!({"id": 1, "price": 5, "result": {}, "tags": [], "values": [{"value": "12"}]});
        let quirks = Quirks {
            empty_list_is_null: true,
            numbers_as_strings: true,
            digits_as_numbers: true,
            ..Quirks::default()
        };
        let expected =
            json!({"id": 1, "price": "5", "result": [], "tags": null, "values": [{"value": 12}]});
        assert_eq!(quirks.apply(body), expected);
    }
}
