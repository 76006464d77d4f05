//! What Kommo has told of, and what became of it.

mod mask;

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use t11_kommo::form::FormError;
use t11_kommo::id::{AccountId, ChatId, TalkId};
use t11_kommo::webhook::{self, Action, Delivery, Received};
use uuid::Uuid;

pub(crate) use self::mask::masked;

/// Longest word that is stored of what Kommo sends: ids, kinds and keys.
const MAX_WORD: usize = 200;

/// The kind of the event that a bot's question is.
pub(crate) const BOT: &str = "bot";

/// An event, without what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) connection: Uuid,
    pub(crate) entity: String,
    pub(crate) action: String,
    /// Kommo's id of the thing.
    pub(crate) entity_id: String,
    pub(crate) state: State,
    /// Empty until it is known.
    pub(crate) verdict: String,
    pub(crate) source: Source,
    /// How often it came.
    pub(crate) deliveries: i32,
    /// Names, as agents gave them; may be empty.
    pub(crate) conversation: String,
    pub(crate) turn: String,
    pub(crate) error: Trouble,
    /// A copy of another, handled without effects.
    pub(crate) is_dry_run: bool,
    /// How often it was handled anew.
    pub(crate) replays: i32,
    pub(crate) receive_time: DateTime<Utc>,
    pub(crate) end_time: Option<DateTime<Utc>>,
    /// The thing as it came, in JSON.
    pub(crate) payload: String,
}

/// Why an event failed; empty of all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// Where an event is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Kept, not looked at yet.
    Received,
    /// Given to the agents.
    Dispatched,
    /// It has a verdict.
    Done,
    /// What should handle it is dead.
    Failed,
    /// Of another account than its address.
    Quarantined,
}

/// How we heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Webhook,
    Poll,
    Bot,
}

impl State {
    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Dispatched => "dispatched",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [
            Self::Received,
            Self::Dispatched,
            Self::Done,
            Self::Failed,
            Self::Quarantined,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

impl Source {
    /// As it is stored and shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Poll => "poll",
            Self::Bot => "bot",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Webhook, Self::Poll, Self::Bot]
            .into_iter()
            .find(|source| source.as_str() == word)
    }
}

/// The verdict of what no agent needs to hear of.
pub(crate) const IGNORED: &str = "ignored";
/// The verdict of what has come by another way too.
pub(crate) const DUPLICATE: &str = "duplicate";
/// The verdict of a message that we have sent ourselves, as agents say it too.
pub(crate) const OWN: &str = "own";

/// An event to be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filing {
    /// What a repeated one is known by.
    pub(crate) dedupe_key: String,
    pub(crate) entity: String,
    pub(crate) action: String,
    pub(crate) entity_id: String,
    /// In JSON.
    pub(crate) payload: String,
    pub(crate) fate: Fate,
    /// What it is about: events about one thing are handled one after the other. Empty = nothing that
    /// others are about.
    pub(crate) thing: String,
}

/// What becomes of an event as it is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Agents are to hear of it.
    Wanted,
    /// Nobody needs to hear of it.
    Ignored,
    /// It says that it is of another account than its address: nobody looks at it.
    Foreign,
    /// The body cannot be read: people see that it came.
    Unreadable(Trouble),
}

/// What a body holds that came to the address of `account`.
pub(crate) fn filings(delivery: &Delivery, account: Option<AccountId>) -> Vec<Filing> {
    let said = delivery.account.id;
    let owner = said.or(account).unwrap_or(AccountId(0));
    let is_foreign = said.is_some() && said != account;
    let filed = delivery.events.iter().map(|event| {
        let mut filing = Filing::of(event, owner);
        if is_foreign {
            filing.fate = Fate::Foreign;
        }
        filing
    });
    filed.collect()
}

impl Filing {
    /// `account` is whose event it says it is.
    pub(crate) fn of(received: &Received, account: AccountId) -> Self {
        Self {
            dedupe_key: word(&received.dedupe_key(account)),
            entity: word(&received.entity),
            action: word(&received.action),
            entity_id: word(&entity_id(&received.event)),
            // Texts in maps can always be written.
            payload: serde_json::to_string(&received.raw).unwrap_or_else(|_| "{}".to_owned()),
            fate: match is_wanted(&received.event) {
                true => Fate::Wanted,
                false => Fate::Ignored,
            },
            thing: word(&thing(&received.event)),
        }
    }
}

/// A body that cannot be read, as an event.
pub(crate) fn unreadable(body: &[u8], error: FormError) -> Filing {
    let trouble = Trouble {
        reason: "BODY_UNREADABLE".to_owned(),
        message: error.to_string(),
    };
    Filing {
        dedupe_key: format!("body:{}", hex(&Sha256::digest(body))),
        entity: "body".to_owned(),
        action: String::new(),
        entity_id: String::new(),
        payload: "{}".to_owned(),
        fate: Fate::Unreadable(trouble),
        thing: String::new(),
    }
}

/// The thing of an event, typed, from its payload.
///
/// # Errors
/// [`FormError`] when it cannot be read any more.
pub(crate) fn read(entity: &str, action: &str, payload: &str) -> Result<webhook::Event, FormError> {
    let mut item: Value = serde_json::from_str(payload).map_err(|_| FormError::Malformed)?;
    remove_nul(&mut item);
    let body = json!({ entity: { action: [item] } }).to_string();
    let delivery = Delivery::parse(body.as_bytes())?;
    let first = delivery.events.into_iter().next();
    Ok(first.map_or(webhook::Event::Unknown, |received| received.event))
}

/// PostgreSQL has no place for it in texts, and nobody has anything to say with it.
fn remove_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|letter| letter != '\0'),
        Value::Array(items) => items.iter_mut().for_each(remove_nul),
        Value::Object(entries) => entries.values_mut().for_each(remove_nul),
        _ => {}
    }
}

/// Agents hear of messages, of leads that move, change hands or are deleted, and of talks that end.
fn is_wanted(event: &webhook::Event) -> bool {
    use webhook::Event::{Lead, Message, OutgoingMessage, Talk};
    match event {
        Message(_) | OutgoingMessage(_) => true,
        Talk(_, talk) => talk.is_in_work == Some(false),
        Lead(Action::Status | Action::Responsible | Action::Delete, _) => true,
        // Changes of hands come as updates too.
        Lead(Action::Update, lead) => {
            lead.old_status_id.is_some() || lead.old_responsible_user_id.is_some()
        }
        _ => false,
    }
}

/// A chat lasts, a talk is one session of it.
fn thing(event: &webhook::Event) -> String {
    use webhook::Event::{Lead, Message, OutgoingMessage, Talk};
    let chat = |chat: &Option<ChatId>, talk: Option<TalkId>| match (chat, talk) {
        (Some(chat), _) if !chat.0.is_empty() => chat.0.clone(),
        (_, Some(talk)) => format!("talk:{talk}"),
        _ => String::new(),
    };
    match event {
        Message(message) | OutgoingMessage(message) => chat(&message.chat_id, message.talk_id),
        Talk(_, talk) => chat(&talk.chat_id, Some(talk.talk_id)),
        Lead(_, lead) => format!("lead:{}", lead.id),
        _ => String::new(),
    }
}

fn entity_id(event: &webhook::Event) -> String {
    use webhook::Event as E;
    match event {
        E::Message(message) | E::OutgoingMessage(message) => message.id.to_string(),
        E::Talk(_, talk) => talk.talk_id.to_string(),
        E::Lead(_, lead) => lead.id.to_string(),
        E::Contact(_, contact) => contact.id.to_string(),
        E::Company(_, company) => company.id.to_string(),
        E::Task(_, task) => task.id.to_string(),
        E::Note(note) => note.id.to_string(),
        E::Unsorted(_, unsorted) => unsorted.uid.to_string(),
        E::Catalog(_, element) => element.id.to_string(),
        E::Customer(_, customer) => customer.id.to_string(),
        E::Unknown => String::new(),
    }
}

/// The key of a message, however we hear of it: that of [`Received::dedupe_key`].
pub(crate) fn message_key(account: AccountId, message: &str) -> String {
    word(&format!("msg:{account}:{message}"))
}

/// A word from outside, fit to be stored and indexed.
fn word(text: &str) -> String {
    let plain = text.chars().filter(|letter| !letter.is_control());
    plain.take(MAX_WORD).collect()
}

/// The id of the job of a `kind` that handles the event the `replay`th time: the same whenever it
/// is made, so that the queue takes it once.
pub(crate) fn job_id(kind: &str, id: Uuid, replay: i32) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(id.as_bytes());
    hash.update(replay.to_be_bytes());
    hash.update(kind.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
