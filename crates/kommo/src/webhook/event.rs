//! Events, typed. Everything but what makes them what they are may be missing.

use chrono::{DateTime, Utc};

use super::field::{self, Field};
use crate::client::{Author, AuthorKind, Entity, MessageAttachment};
use crate::form::Node;
use crate::id::{
    CatalogId, ChatId, CompanyId, ContactId, CustomerId, ElementId, LeadId, MessageId, NoteId,
    PipelineId, SourceId, StatusId, TalkId, TaskId, TaskTypeId, UnsortedUid, UserId,
};

/// What has happened to a thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// It was made.
    Add,
    /// It was changed.
    Update,
    /// It was deleted; of incoming leads: accepted or declined.
    Delete,
    /// It was taken out of the bin.
    Restore,
    /// It was moved to another stage.
    Status,
    /// It was given to another user; comes as [`Self::Update`] too.
    Responsible,
    /// Anything else.
    Other(String),
}

impl Action {
    fn of(word: &str) -> Self {
        match word {
            "add" => Self::Add,
            "update" => Self::Update,
            "delete" => Self::Delete,
            "restore" => Self::Restore,
            "status" => Self::Status,
            "responsible" => Self::Responsible,
            _ => Self::Other(word.to_owned()),
        }
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A client has written.
    Message(Message),
    /// The account has written.
    OutgoingMessage(Message),
    /// Of a talk.
    Talk(Action, Talk),
    /// Of a lead.
    Lead(Action, Lead),
    /// Of a contact.
    Contact(Action, Contact<ContactId>),
    /// Of a company, which Kommo sends among the contacts.
    Company(Action, Contact<CompanyId>),
    /// Of a task.
    Task(Action, Task),
    /// A note was written.
    Note(Note),
    /// Of an incoming lead.
    Unsorted(Action, Unsorted),
    /// Of an element of a list.
    Catalog(Action, CatalogElement),
    /// Of a customer.
    Customer(Action, Customer),
    /// Anything else, and what has not even an id.
    Unknown,
}

impl Event {
    pub(super) fn read(entity: &str, action: &str, item: &Node) -> Self {
        read(entity, action, item).unwrap_or(Self::Unknown)
    }
}

fn read(entity: &str, action: &str, item: &Node) -> Option<Event> {
    let is_entity = matches!(entity, "leads" | "contacts" | "companies" | "customers");
    if is_entity && action == "note" {
        return Note::read(item.get("note").unwrap_or(item)).map(Event::Note);
    }
    let what = Action::of(action);
    Some(match entity {
        "message" | "outgoing_message" => {
            let message = Message::read(item)?;
            let is_outgoing = match item.text("type") {
                Some(direction) => direction == "outgoing",
                None => entity == "outgoing_message",
            };
            // An edit or a deletion is not a message.
            match (what, is_outgoing || entity == "outgoing_message") {
                (Action::Add, true) => Event::OutgoingMessage(message),
                (Action::Add, false) => Event::Message(message),
                _ => return None,
            }
        }
        "talk" | "talks" => Event::Talk(what, Talk::read(item)?),
        "leads" => Event::Lead(what, Lead::read(item)?),
        "companies" => Event::Company(what, Contact::read(item, CompanyId)?),
        "contacts" if item.text("type") == Some("company") => {
            Event::Company(what, Contact::read(item, CompanyId)?)
        }
        "contacts" => Event::Contact(what, Contact::read(item, ContactId)?),
        "task" | "tasks" => Event::Task(what, Task::read(item)?),
        "unsorted" => Event::Unsorted(what, Unsorted::read(item)?),
        "catalogs" => Event::Catalog(what, CatalogElement::read(item)?),
        "customers" => Event::Customer(what, Customer::read(item)?),
        _ => return None,
    })
}

fn time(item: &Node, key: &str) -> Option<DateTime<Utc>> {
    let seconds = item.integer(key).filter(|seconds| *seconds != 0)?;
    DateTime::from_timestamp_secs(seconds)
}

fn owned(item: &Node, key: &str) -> String {
    item.text(key).unwrap_or_default().to_owned()
}

fn user(item: &Node, key: &str) -> Option<UserId> {
    item.integer(key).map(UserId)
}

/// Both pairs of names occur, and words as well as numbers.
fn entity(item: &Node) -> Option<Entity> {
    let id = item
        .integer("entity_id")
        .or_else(|| item.integer("element_id"))?;
    let kind = item
        .text("entity_type")
        .or_else(|| item.text("element_type"))?;
    Entity::of(kind, id)
}

/// A message of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is told apart by.
    pub id: MessageId,
    /// The lasting thread of one person in one channel.
    pub chat_id: Option<ChatId>,
    /// The session.
    pub talk_id: Option<TalkId>,
    /// Who it is about.
    pub contact_id: Option<ContactId>,
    /// What it is about; missing while the person has no lead.
    pub entity: Option<Entity>,
    /// What it says; empty for most that have an attachment.
    pub text: String,
    /// `text`, `picture`, `voice`, …: an open set, sent since July 2026.
    pub message_type: Option<String>,
    /// Who wrote it.
    pub author: Author,
    /// The channel: `waba`, `instagram_business`, `telegram`, …: an open set. Comments on Instagram
    /// come as messages too.
    pub origin: String,
    /// The inbox.
    pub source_id: Option<SourceId>,
    /// What came with it.
    pub attachment: Option<MessageAttachment>,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
}

impl Message {
    fn read(item: &Node) -> Option<Self> {
        let author = item.get("author").cloned().unwrap_or_default();
        let attachment = item.get("attachment").and_then(|node| {
            Some(MessageAttachment {
                kind: owned(node, "type"),
                link: node.text("link")?.to_owned(),
                file_name: owned(node, "file_name"),
            })
        });
        Some(Self {
            id: MessageId(item.text("id")?.to_owned()),
            chat_id: item.text("chat_id").map(|id| ChatId(id.to_owned())),
            talk_id: item.integer("talk_id").map(TalkId),
            contact_id: item.integer("contact_id").map(ContactId),
            entity: entity(item),
            text: owned(item, "text"),
            message_type: item.text("message_type").map(str::to_owned),
            author: Author {
                id: owned(&author, "id"),
                kind: AuthorKind::of(author.text("type").unwrap_or_default()),
                name: owned(&author, "name"),
                user_id: user(&author, "user_id"),
            },
            origin: owned(item, "origin"),
            source_id: item.integer("source_id").map(SourceId),
            attachment,
            created_at: time(item, "created_at"),
        })
    }
}

/// A talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// Its id.
    pub talk_id: TalkId,
    /// The lasting thread it is a session of.
    pub chat_id: Option<ChatId>,
    /// With whom.
    pub contact_id: Option<ContactId>,
    /// What it is about.
    pub entity: Option<Entity>,
    /// Whether it is open.
    pub is_in_work: Option<bool>,
    /// Whether it was read or answered.
    pub is_read: Option<bool>,
    /// The channel.
    pub origin: String,
    /// When it changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Talk {
    fn read(item: &Node) -> Option<Self> {
        Some(Self {
            talk_id: TalkId(item.integer("talk_id").or_else(|| item.integer("id"))?),
            chat_id: item.text("chat_id").map(|id| ChatId(id.to_owned())),
            contact_id: item.integer("contact_id").map(ContactId),
            entity: entity(item),
            is_in_work: item.flag("is_in_work"),
            is_read: item.flag("is_read"),
            origin: owned(item, "origin"),
            updated_at: time(item, "updated_at"),
        })
    }
}

/// A lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// What people call it.
    pub name: String,
    /// Its stage.
    pub status_id: Option<StatusId>,
    /// Its pipeline.
    pub pipeline_id: Option<PipelineId>,
    /// The stage it was in.
    pub old_status_id: Option<StatusId>,
    /// The pipeline it was in; that it is always sent is not verified.
    pub old_pipeline_id: Option<PipelineId>,
    /// Who sees to it.
    pub responsible_user_id: Option<UserId>,
    /// Who saw to it before.
    pub old_responsible_user_id: Option<UserId>,
    /// Whose doing; [`UserId::ROBOT`] for no person.
    pub modified_user_id: Option<UserId>,
    /// When it was changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// The fields that have values.
    pub fields: Vec<Field>,
}

impl Lead {
    fn read(item: &Node) -> Option<Self> {
        Some(Self {
            id: LeadId(item.integer("id")?),
            name: owned(item, "name"),
            status_id: item.integer("status_id").map(StatusId),
            pipeline_id: item.integer("pipeline_id").map(PipelineId),
            old_status_id: item.integer("old_status_id").map(StatusId),
            old_pipeline_id: item.integer("old_pipeline_id").map(PipelineId),
            responsible_user_id: user(item, "responsible_user_id"),
            old_responsible_user_id: user(item, "old_responsible_user_id"),
            modified_user_id: user(item, "modified_user_id"),
            updated_at: time(item, "updated_at").or_else(|| time(item, "last_modified")),
            fields: field::read(item),
        })
    }
}

/// A contact or a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact<Id> {
    /// Its id.
    pub id: Id,
    /// What people call it.
    pub name: String,
    /// Who sees to it.
    pub responsible_user_id: Option<UserId>,
    /// Who saw to it before.
    pub old_responsible_user_id: Option<UserId>,
    /// Its leads, as far as they are sent.
    pub linked_lead_ids: Vec<LeadId>,
    /// When it was changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// The fields that have values.
    pub fields: Vec<Field>,
}

impl<Id> Contact<Id> {
    fn read(item: &Node, id: impl FnOnce(i64) -> Id) -> Option<Self> {
        let linked = item
            .get("linked_leads_id")
            .into_iter()
            .flat_map(Node::items);
        Some(Self {
            id: id(item.integer("id")?),
            name: owned(item, "name"),
            responsible_user_id: user(item, "responsible_user_id"),
            old_responsible_user_id: user(item, "old_responsible_user_id"),
            linked_lead_ids: linked
                .filter_map(|link| link.integer("ID"))
                .map(LeadId)
                .collect(),
            updated_at: time(item, "updated_at").or_else(|| time(item, "last_modified")),
            fields: field::read(item),
        })
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What is to be done.
    pub text: String,
    /// What it hangs on.
    pub entity: Option<Entity>,
    /// Its kind.
    pub task_type_id: Option<TaskTypeId>,
    /// Who does it.
    pub responsible_user_id: Option<UserId>,
    /// Whether it is done.
    pub is_completed: bool,
    /// What came of it.
    pub result: Option<String>,
    /// Until when. The texts of times beside it are in the account's time zone and not read.
    pub complete_before: Option<DateTime<Utc>>,
    /// When it was changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Task {
    fn read(item: &Node) -> Option<Self> {
        let result = item.get("result").and_then(|result| result.text("text"));
        Some(Self {
            id: TaskId(item.integer("id")?),
            text: owned(item, "text"),
            entity: entity(item),
            task_type_id: item.integer("task_type").map(TaskTypeId),
            responsible_user_id: user(item, "responsible_user_id"),
            is_completed: item.flag("status").unwrap_or(false),
            result: result.map(str::to_owned),
            complete_before: time(item, "complete_before"),
            updated_at: time(item, "updated_at"),
        })
    }
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// 4 a text, 5 a file, 10 and 11 calls; others occur.
    pub note_type: Option<i64>,
    /// What it says.
    pub text: String,
    /// What it is on.
    pub entity: Option<Entity>,
    /// Who wrote it; [`UserId::ROBOT`] for no person.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
}

impl Note {
    fn read(note: &Node) -> Option<Self> {
        Some(Self {
            id: NoteId(note.integer("id")?),
            note_type: note.integer("note_type"),
            text: owned(note, "text"),
            entity: entity(note),
            created_by: user(note, "created_by"),
            created_at: time(note, "created_at"),
        })
    }
}

/// An incoming lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsorted {
    /// Its id.
    pub uid: UnsortedUid,
    /// `chats`, `forms`, `mail`, `sip`.
    pub category: String,
    /// Of one that is gone: `accept` or `decline`.
    pub decision: Option<String>,
    /// The leads it became or took with it.
    pub lead_ids: Vec<LeadId>,
    /// Whose doing.
    pub modified_user_id: Option<UserId>,
    /// When it came.
    pub created_at: Option<DateTime<Utc>>,
}

impl Unsorted {
    fn read(item: &Node) -> Option<Self> {
        let results = ["accept_result", "decline_result"];
        let leads = results
            .iter()
            .filter_map(|result| item.at(&[result, "leads"]));
        let ids = leads.flat_map(Node::items).filter_map(Node::value);
        Some(Self {
            uid: UnsortedUid(item.text("uid")?.to_owned()),
            category: owned(item, "category"),
            decision: item.text("action").map(str::to_owned),
            lead_ids: ids.filter_map(|id| id.parse().ok()).map(LeadId).collect(),
            modified_user_id: user(item, "modified_user_id"),
            created_at: time(item, "created_at"),
        })
    }
}

/// An element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogElement {
    /// Its id.
    pub id: ElementId,
    /// Of which list.
    pub catalog_id: Option<CatalogId>,
    /// What people call it.
    pub name: String,
}

impl CatalogElement {
    fn read(item: &Node) -> Option<Self> {
        Some(Self {
            id: ElementId(item.integer("id")?),
            catalog_id: item.integer("catalog_id").map(CatalogId),
            name: owned(item, "name"),
        })
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// What people call it.
    pub name: String,
    /// Who sees to it.
    pub responsible_user_id: Option<UserId>,
    /// When it was changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Customer {
    fn read(item: &Node) -> Option<Self> {
        Some(Self {
            id: CustomerId(item.integer("id")?),
            name: owned(item, "name"),
            responsible_user_id: user(item, "responsible_user_id"),
            updated_at: time(item, "updated_at"),
        })
    }
}
