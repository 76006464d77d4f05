//! Bodies of webhooks: forms whose keys are PHP's brackets, `leads[add][0][id]=5001`.
//!
//! Digits are keys as any other and never places of a vector: Kommo sends
//! `linked_leads_id[15319601][ID]`, and room for fifteen million would be taken at once.
//!
//! Source: Kommo docs, `webhooks-general`.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use url::form_urlencoded;

/// Largest body, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Most values of a body.
const MAX_FIELDS: usize = 10_000;
/// Most brackets of a key, its beginning counted as one.
const MAX_DEPTH: usize = 16;
/// Longest key, in bytes, decoded.
const MAX_KEY: usize = 256;

/// The body is beyond what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`MAX_BYTES`].
    #[error("the body is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// More than 10,000 values.
    #[error("the body has more than {MAX_FIELDS} values")]
    TooMany,
    /// More than 16 brackets.
    #[error("a key has more than {MAX_DEPTH} parts")]
    TooDeep,
    /// A key of more than 256 bytes.
    #[error("a key is longer than {MAX_KEY} bytes")]
    KeyTooLong,
    /// It begins as JSON and is none.
    #[error("the body is neither a form nor JSON")]
    Malformed,
}

/// A part of a key. Numbers come first, in their order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Digits without a zero before them.
    Index(u64),
    /// Anything else.
    Name(Box<str>),
}

impl Key {
    fn of(text: &str) -> Self {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'));
        match text.parse() {
            Ok(index) if is_plain => Self::Index(index),
            _ => Self::Name(text.into()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => index.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A tree of values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    /// A value; all are texts.
    Leaf(String),
    /// What is below, by key.
    Map(BTreeMap<Key, Node>),
}

impl Default for Node {
    fn default() -> Self {
        Self::Map(BTreeMap::new())
    }
}

impl Node {
    /// Reads a form or, when it begins with a brace, JSON, which proxies and tests send. Of a key
    /// that comes twice the last value holds.
    ///
    /// # Errors
    /// [`FormError`], by size and depth alone for forms: any bytes are a form.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        if body.len() > MAX_BYTES {
            return Err(FormError::TooLarge);
        }
        if body.trim_ascii_start().starts_with(b"{") {
            let json = serde_json::from_slice(body).map_err(|_| FormError::Malformed)?;
            return from_json(&json, 0, &mut 0);
        }
        Self::parse_form(body)
    }

    fn parse_form(body: &[u8]) -> Result<Self, FormError> {
        let mut root = Self::default();
        for (count, (key, value)) in form_urlencoded::parse(body).enumerate() {
            if count >= MAX_FIELDS {
                return Err(FormError::TooMany);
            }
            if key.len() > MAX_KEY {
                return Err(FormError::KeyTooLong);
            }
            let parts = split(&key);
            if parts.len() > MAX_DEPTH {
                return Err(FormError::TooDeep);
            }
            *root.place(&parts) = Self::Leaf(value.into_owned());
        }
        Ok(root)
    }

    /// The node at the end of the path, made where it is not. What was a value becomes a map.
    fn place(&mut self, path: &[&str]) -> &mut Self {
        let mut node = self;
        for part in path {
            if let Self::Leaf(_) = node {
                *node = Self::default();
            }
            let Self::Map(children) = node else {
                return node;
            };
            let key = if part.is_empty() {
                Key::Index(next_index(children))
            } else {
                Key::of(part)
            };
            node = children.entry(key).or_default();
        }
        node
    }

    /// What is below `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(children) => children.get(&Key::of(key)),
            Self::Leaf(_) => None,
        }
    }

    /// What is at the end of `path`.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// What is below, in the order of the keys.
    pub fn children(&self) -> impl Iterator<Item = (&Key, &Self)> {
        let children = match self {
            Self::Map(children) => Some(children),
            Self::Leaf(_) => None,
        };
        children.into_iter().flatten()
    }

    /// What is below under numbers, in their order.
    pub fn items(&self) -> impl Iterator<Item = &Self> {
        self.children()
            .take_while(|(key, _)| matches!(key, Key::Index(_)))
            .map(|(_, node)| node)
    }

    /// The value, if it is one.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Leaf(text) => Some(text),
            Self::Map(_) => None,
        }
    }

    /// The value below `key`, unless it is empty, which is how Kommo sends none.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.value().filter(|text| !text.is_empty())
    }

    /// The whole number below `key`.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.text(key)?.trim().parse().ok()
    }

    /// The flag below `key`, if it is one.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.text(key)? {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Leaf(text) => serializer.serialize_str(text),
            Self::Map(children) => serializer.collect_map(children),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `a[b][]` → `a`, `b` and nothing. A key whose brackets do not match is taken as it is.
fn split(key: &str) -> Vec<&str> {
    let Some((first, rest)) = key.split_once('[') else {
        return vec![key];
    };
    let Some(inner) = rest.strip_suffix(']').filter(|_| !first.is_empty()) else {
        return vec![key];
    };
    let parts: Vec<&str> = inner.split("][").collect();
    if parts.iter().any(|part| part.contains(['[', ']'])) {
        return vec![key];
    }
    std::iter::once(first).chain(parts).collect()
}

fn next_index(children: &BTreeMap<Key, Node>) -> u64 {
    match children.range(..=Key::Index(u64::MAX)).next_back() {
        Some((Key::Index(last), _)) => last.saturating_add(1),
        _ => 0,
    }
}

/// JSON with the same caps: numbers become texts, flags 1 and 0, null nothing.
fn from_json(json: &Value, depth: usize, count: &mut usize) -> Result<Node, FormError> {
    if depth > MAX_DEPTH {
        return Err(FormError::TooDeep);
    }
    *count += 1;
    if *count > MAX_FIELDS {
        return Err(FormError::TooMany);
    }
    let mut child = |json| from_json(json, depth + 1, count);
    Ok(match json {
        Value::Null => Node::Leaf(String::new()),
        Value::Bool(flag) => Node::Leaf(u8::from(*flag).to_string()),
        Value::Number(number) => Node::Leaf(number.to_string()),
        Value::String(text) => Node::Leaf(text.clone()),
        Value::Array(items) => {
            let mut children = BTreeMap::new();
            for (index, item) in items.iter().enumerate() {
                children.insert(Key::Index(index as u64), child(item)?);
            }
            Node::Map(children)
        }
        Value::Object(entries) => {
            let mut children = BTreeMap::new();
            for (key, value) in entries {
                if key.len() > MAX_KEY {
                    return Err(FormError::KeyTooLong);
                }
                children.insert(Key::of(key), child(value)?);
            }
            Node::Map(children)
        }
    })
}

#[cfg(test)]
mod tests;
