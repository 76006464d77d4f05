//! What Kommo posts to us: several events a body, of several kinds.
//!
//! Nothing of it is signed. A body is a hint: whose it is, is known by the secret in its address and
//! by its account; what matters is read again by the API.
//!
//! Sources: Kommo docs, `webhooks-general`, and its changelog of July 2026; the Python client
//! `aioamocrm` for shapes.

mod event;
mod field;

use ring::digest::{Context, SHA256};

use crate::form::{FormError, Key, Node};
use crate::id::AccountId;
use crate::sign::hex;

pub use self::event::{
    Action, CatalogElement, Contact, Customer, Event, Lead, Message, Note, Talk, Task, Unsorted,
};
pub use self::field::{Field, FieldEntry};

/// A body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whose it says it is.
    pub account: Sender,
    /// What has happened, in the body's order of kinds. No order of time is promised.
    pub events: Vec<Received>,
}

/// Whose a body says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// To be compared with the connection's.
    pub id: Option<AccountId>,
    /// The first label of its host.
    pub subdomain: Option<String>,
}

/// An event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The kind by its word: `leads`, `message`.
    pub entity: String,
    /// The action by its word: `add`.
    pub action: String,
    /// What it is.
    pub event: Event,
    /// All that came of it.
    pub raw: Node,
}

impl Delivery {
    /// Reads a body, form or JSON. What is not known is [`Event::Unknown`].
    ///
    /// # Errors
    /// [`FormError`], when the body is beyond what is read.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let root = Node::parse(body)?;
        let mut events = Vec::new();
        for (key, node) in root.children() {
            let name = key.to_string();
            match name.as_str() {
                "account" => {}
                // Messages come with and without their kind.
                "add" | "update" | "delete" => read_action("message", &name, node, &mut events),
                entity => {
                    for (action, items) in node.children() {
                        read_action(entity, &action.to_string(), items, &mut events);
                    }
                }
            }
        }
        let account = root.get("account");
        Ok(Self {
            account: Sender {
                id: account.and_then(|node| node.integer("id")).map(AccountId),
                subdomain: account
                    .and_then(|node| node.text("subdomain"))
                    .map(str::to_owned),
            },
            events,
        })
    }
}

fn read_action(entity: &str, action: &str, node: &Node, events: &mut Vec<Received>) {
    let is_list = node.children().all(|(key, _)| matches!(key, Key::Index(_)));
    let items: Vec<&Node> = if is_list && node.value().is_none() {
        node.items().collect()
    } else {
        vec![node]
    };
    events.extend(items.into_iter().map(|item| Received {
        entity: entity.to_owned(),
        action: action.to_owned(),
        event: Event::read(entity, action, item),
        raw: item.clone(),
    }));
}

impl Received {
    /// What a delivery of the same event is known by, whatever body it comes in. To be kept for 48 h;
    /// Kommo repeats itself for an hour and a half.
    #[must_use]
    pub fn dedupe_key(&self, account: AccountId) -> String {
        match &self.event {
            Event::Message(message) | Event::OutgoingMessage(message) => {
                format!("msg:{account}:{}", message.id)
            }
            _ => format!("evt:{account}:{}", self.digest()),
        }
    }

    /// Over the kind, the action and everything that came, in the order of its keys.
    fn digest(&self) -> String {
        let mut context = Context::new(&SHA256);
        for part in [self.entity.as_str(), self.action.as_str()] {
            context.update(part.as_bytes());
            context.update(b"|");
        }
        update(&mut context, &self.raw);
        hex(context.finish().as_ref())
    }
}

/// Each text with its length, so that no two trees read alike.
fn update(context: &mut Context, node: &Node) {
    let mut text = |mark: u8, text: &str| {
        context.update(&[mark]);
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    match node.value() {
        Some(value) => text(b'=', value),
        None => text(b'{', ""),
    }
    for (key, child) in node.children() {
        let key = key.to_string();
        context.update(b"k");
        context.update(&(key.len() as u64).to_be_bytes());
        context.update(key.as_bytes());
        update(context, child);
    }
    context.update(b"}");
}

#[cfg(test)]
mod tests;
