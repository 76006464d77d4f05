//! Custom fields as webhooks have them: three shapes, and texts only. For anything but a first look
//! read the entity.

use crate::form::Node;
use crate::id::{EnumId, FieldId};

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its id.
    pub id: FieldId,
    /// What people call it.
    pub name: String,
    /// Of the predefined ones, `PHONE`.
    pub code: Option<String>,
    /// Its values.
    pub values: Vec<FieldEntry>,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldEntry {
    /// As it is written; of dates unix seconds.
    pub text: String,
    /// The choice, or the kind of a phone.
    pub enum_id: Option<EnumId>,
}

pub(super) fn read(item: &Node) -> Vec<Field> {
    let fields = item.get("custom_fields").into_iter().flat_map(Node::items);
    fields.filter_map(read_one).collect()
}

fn read_one(node: &Node) -> Option<Field> {
    let values = node.get("values");
    // One value, without a list around it.
    let single = values.filter(|values| values.get("value").is_some());
    let listed = values.into_iter().flat_map(Node::items);
    Some(Field {
        id: FieldId(node.integer("id")?),
        name: node.text("name").unwrap_or_default().to_owned(),
        code: node.text("code").map(str::to_owned),
        values: single
            .into_iter()
            .chain(listed)
            .filter_map(read_value)
            .collect(),
    })
}

fn read_value(node: &Node) -> Option<FieldEntry> {
    let text = match node.value() {
        Some(plain) => plain,
        None => node.get("value")?.value()?,
    };
    Some(FieldEntry {
        text: text.to_owned(),
        enum_id: node.integer("enum").map(EnumId),
    })
}
