//! How webhooks may misbehave. All of it was seen in the wild.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Happened;
use crate::php;

/// The manners of an account's webhooks; the default are good ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manners {
    /// Incoming messages come as `add[0]…` instead of `message[add][0]…`.
    pub unwrapped_messages: bool,
    /// This many events share a body; fewer wait until the webhooks are flushed.
    pub items_per_body: usize,
    /// Each body is sent this many times more.
    pub duplicates: usize,
    /// Of two bodies the second comes first.
    pub reorder: bool,
    /// This many of the next events are never told.
    pub drop_next: usize,
    /// Keys no document names, at the top and in each item.
    pub unknown_keys: bool,
    /// A list in each item with an index near a billion.
    pub huge_numeric_keys: bool,
    /// Bodies are filled up to this many bytes.
    pub body_bytes: usize,
    /// Values of radio buttons are an object, not a list.
    pub radiobutton_object: bool,
    /// Messages do not name their lead.
    pub missing_entity: bool,
    /// Texts carry a placeholder nobody filled in: `{{contact.phone}}`.
    pub literal_placeholders: bool,
}

impl Manners {
    pub(super) fn drops_one(&mut self) -> bool {
        let drops = self.drop_next > 0;
        self.drop_next = self.drop_next.saturating_sub(1);
        drops
    }

    /// The form of one delivery.
    pub(super) fn body(&self, envelope: Value, happened: &[Happened]) -> String {
        let mut tree = Map::new();
        for one in happened {
            self.insert(&mut tree, one);
        }
        tree.insert("account".to_owned(), envelope);
        if self.unknown_keys {
            let unknown = json!({"arrived": [{"in": "a later version", "is_new": true}]});
            tree.insert("something".to_owned(), unknown);
        }
        self.filled_up(php::build_query(&tree))
    }

    fn insert(&self, tree: &mut Map<String, Value>, one: &Happened) {
        let is_unwrapped = self.unwrapped_messages && one.entity == "message";
        let actions = if is_unwrapped {
            tree
        } else {
            let actions = tree.entry(one.entity).or_insert_with(|| json!({}));
            let Value::Object(actions) = actions else {
                return;
            };
            actions
        };
        let items = actions.entry(one.action).or_insert_with(|| json!([]));
        if let Value::Array(items) = items {
            items.push(self.item(one.item.clone()));
        }
    }

    fn item(&self, mut item: Value) -> Value {
        if self.unknown_keys {
            item["brand_new_field"] = json!({"depth": {"of": ["two"]}});
        }
        if self.huge_numeric_keys {
            item["linked_leads_id"] = json!({"999999999": {"ID": 999_999_999}});
        }
        if self.literal_placeholders {
            let text = item["text"]
                .as_str()
                .map(|text| format!("{text} {{{{contact.phone}}}}"));
            item["text"] = json!(text);
        }
        item
    }

    fn filled_up(&self, body: String) -> String {
        const KEY: &str = "&filler=";
        let missing = self.body_bytes.saturating_sub(body.len() + KEY.len());
        if missing == 0 {
            return body;
        }
        format!("{body}{KEY}{}", "x".repeat(missing))
    }
}
