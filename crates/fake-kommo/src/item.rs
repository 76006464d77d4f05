//! Reading the items of a write, with everything that is wrong with them at once.

use serde_json::{Map, Value};

use crate::answer::{MOST_ITEMS, Refusal, violation};
use crate::call::Call;

/// One object of a body, and what was found wrong with it.
pub(crate) struct Item<'a> {
    map: &'a Map<String, Value>,
    errors: Vec<Value>,
}

/// Reads every item of a body that is a list. `request_id` is echoed, by default the index.
pub(crate) fn read_all<'a, T>(
    call: &'a Call,
    mut read: impl FnMut(&mut Item<'a>) -> T,
) -> Result<Vec<(String, T)>, Refusal> {
    let items = call.json()?.as_array().ok_or_else(wrong_body)?;
    if items.is_empty() {
        return Err(Refusal::empty_body());
    }
    if items.len() > MOST_ITEMS {
        return Err(Refusal::too_many_items());
    }
    let mut drafts = Vec::new();
    let mut errors = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let map = item.as_object().ok_or_else(wrong_body)?;
        let request_id = request_id(map, index);
        let mut item = Item::new(map);
        let draft = read(&mut item);
        if !item.errors.is_empty() {
            errors.push((request_id.clone(), item.errors));
        }
        drafts.push((request_id, draft));
    }
    if errors.is_empty() {
        Ok(drafts)
    } else {
        Err(Refusal::validation(&errors))
    }
}

/// Reads a body that is one object.
pub(crate) fn read_one<'a, T>(
    call: &'a Call,
    read: impl FnOnce(&mut Item<'a>) -> T,
) -> Result<T, Refusal> {
    let map = call.json()?.as_object().ok_or_else(wrong_body)?;
    if map.is_empty() {
        return Err(Refusal::empty_body());
    }
    let mut item = Item::new(map);
    let draft = read(&mut item);
    if item.errors.is_empty() {
        Ok(draft)
    } else {
        Err(Refusal::validation(&[(request_id(map, 0), item.errors)]))
    }
}

fn wrong_body() -> Refusal {
    Refusal::bad_request("Request body has a wrong format")
}

fn request_id(map: &Map<String, Value>, index: usize) -> String {
    match map.get("request_id") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => index.to_string(),
    }
}

impl<'a> Item<'a> {
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self {
            map,
            errors: Vec::new(),
        }
    }

    pub(crate) fn refuse(&mut self, code: &str, path: &str, detail: &str) {
        let error = violation(code, path, detail);
        // A key may be read twice.
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    pub(crate) fn refuse_choice(&mut self, path: &str) {
        self.refuse(
            "NotSupportedChoice",
            path,
            "The value you selected is not a valid choice.",
        );
    }

    pub(crate) fn refuse_type(&mut self, path: &str, wanted: &str) {
        let detail = format!("This value should be of type {wanted}.");
        self.refuse("InvalidType", path, &detail);
    }

    pub(crate) fn refuse_missing(&mut self, path: &str) {
        self.refuse("FieldMissing", path, "This field is missing.");
    }

    /// The value of a key, when it is there and not null.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<&'a str> {
        let value = self.value(key)?;
        if value.as_str().is_none() {
            self.refuse_type(key, "string");
        }
        value.as_str()
    }

    pub(crate) fn integer(&mut self, key: &str) -> Option<i64> {
        let value = self.value(key)?;
        if value.as_i64().is_none() {
            self.refuse_type(key, "int");
        }
        value.as_i64()
    }

    pub(crate) fn boolean(&mut self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        if value.as_bool().is_none() {
            self.refuse_type(key, "bool");
        }
        value.as_bool()
    }

    pub(crate) fn list(&mut self, key: &str) -> &'a [Value] {
        match self.value(key) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.refuse_type(key, "array");
                &[]
            }
        }
    }

    /// The object at `key`, as an item of its own.
    pub(crate) fn object(&mut self, key: &str) -> Option<Item<'a>> {
        match self.value(key) {
            None => None,
            Some(Value::Object(map)) => Some(Item::new(map)),
            // An empty object of a PHP client.
            Some(Value::Array(items)) if items.is_empty() => None,
            Some(_) => {
                self.refuse_type(key, "object");
                None
            }
        }
    }

    pub(crate) fn required_text(&mut self, key: &str) -> &'a str {
        let text = self.text(key);
        if text.is_none_or(|text| text.trim().is_empty()) && self.errors.is_empty() {
            self.refuse_missing(key);
        }
        text.unwrap_or_default()
    }

    pub(crate) fn required_integer(&mut self, key: &str) -> i64 {
        if self.value(key).is_none() {
            self.refuse_missing(key);
        }
        self.integer(key).unwrap_or_default()
    }

    /// Takes over what was found wrong below `path`.
    pub(crate) fn absorb(&mut self, path: &str, inner: Item<'_>) {
        self.errors
            .extend(inner.errors.into_iter().map(|mut error| {
                let below = error["path"].as_str().unwrap_or_default();
                error["path"] = format!("{path}.{below}").into();
                error
            }));
    }
}
