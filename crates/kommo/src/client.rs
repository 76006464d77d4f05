//! The REST API, one room a resource. Every call passes the [`Pace`]; none is repeated here: what
//! may be, and when, is said by [`Error::repeat`], and the jobs do it.
//!
//! Sources: Kommo docs, `leads-list`, `http-codes`, `limitations`; the SDK `amocrm-api-php`.

mod account;
mod bots;
mod companies;
mod contacts;
mod custom_fields;
mod events;
mod files;
mod leads;
mod links;
mod loss_reasons;
mod notes;
mod pipelines;
mod query;
mod sources;
mod tags;
mod talks;
mod tasks;
mod unsorted;
mod users;
mod webhooks;

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::de;
use crate::error::Error;
use crate::host::AccountHost;
use crate::http::{Call, Http, Reply};
use crate::id::{CompanyId, ContactId, CustomerId, LeadId};
use crate::pace::{Lane, Pace};
use crate::page::{MAX_PAGE, Pages, embedded};
use crate::problem::Problem;

pub use self::account::{Account, DatetimeSettings, TaskType, UserGroup};
pub use self::bots::{
    Bot, BotKind, BotRun, BotTarget, Continuation, ContinueHandler, MAX_SHOWN, WidgetRequest,
};
pub use self::companies::{Company, CompanyUpdate};
pub use self::contacts::{ChatLink, Contact, ContactQuery, ContactUpdate, ContactWith};
pub use self::custom_fields::{CustomField, CustomFieldChoice, RequiredStatus};
pub use self::events::{Event, EventQuery, EventType};
pub use self::files::{FileBytes, UploadedFile};
pub use self::leads::{
    ComplexLead, CreatedComplexLead, Lead, LeadOrder, LeadQuery, LeadUpdate, LeadWith,
    LinkedContact, NewLead,
};
pub use self::links::{Link, LinkTarget};
pub use self::loss_reasons::LossReason;
pub use self::notes::{NewNote, Note, NoteParams};
pub use self::pipelines::{Pipeline, Stage, StageKind};
pub use self::query::{Query, TimeRange};
pub use self::sources::Source;
pub use self::tags::{Tag, TagRef};
pub use self::talks::{
    Author, AuthorKind, Message, MessageAttachment, OutgoingAttachment, OutgoingMessage,
    SentMessage, Talk, TalkQuery, TalkStatus,
};
pub use self::tasks::{NewTask, Task, TaskQuery, TaskUpdate};
pub use self::unsorted::{AcceptedUnsorted, Unsorted, UnsortedCategory};
pub use self::users::User;
pub use self::webhooks::{EventName, Webhook};

/// Most items of one write. Kommo recommends 50, and answers 422 beyond 250 and 504 when they weigh
/// too much.
pub const MAX_WRITE: usize = 250;

/// The API of one account, for one token. Clones share everything.
#[derive(Clone)]
pub struct Client {
    http: Http,
    pace: Pace,
    host: AccountHost,
    token: SecretString,
    lane: Lane,
}

impl Client {
    /// Calls in the name of whoever granted `token`, as [`Lane::Person`].
    #[must_use]
    pub fn new(http: &Http, pace: &Pace, host: AccountHost, token: SecretString) -> Self {
        Self {
            http: http.clone(),
            pace: pace.clone(),
            host,
            token,
            lane: Lane::Person,
        }
    }

    /// The same with another urgency.
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self {
            lane,
            ..self.clone()
        }
    }

    /// The account's host.
    #[must_use]
    pub fn host(&self) -> &AccountHost {
        &self.host
    }

    pub(crate) fn url(&self, path: &str, query: Query) -> Result<Url, Error> {
        let mut url = self.host.join(&format!("/api/v4{path}"))?;
        query.append_to(&mut url);
        Ok(url)
    }

    /// Any request that carries the token.
    async fn call(
        &self,
        operation: &'static str,
        method: Method,
        url: Url,
        body: Option<Vec<u8>>,
    ) -> Result<Reply, Error> {
        // Two equal PATCHes leave the same; of two POSTs each makes something.
        let is_repeatable = method != Method::POST;
        let mut request = self.http.client().request(method, url);
        request = request.bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            let json = "application/json";
            request = request
                .header(reqwest::header::CONTENT_TYPE, json)
                .body(body);
        }
        self.paced(self.http.call(operation, request, is_repeatable))
            .await
    }

    async fn paced(&self, call: Call) -> Result<Reply, Error> {
        let admission = self.pace.admit(&self.host, self.lane).await?;
        let outcome = call.send().await;
        admission.settle(&outcome);
        outcome
    }

    pub(crate) async fn get_url(&self, operation: &'static str, url: Url) -> Result<Reply, Error> {
        self.call(operation, Method::GET, url, None).await
    }

    async fn get(&self, operation: &'static str, path: &str, query: Query) -> Result<Reply, Error> {
        self.get_url(operation, self.url(path, query)?).await
    }

    /// One thing; [`Error::NotFound`] also for 204.
    async fn get_one<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        query: Query,
    ) -> Result<T, Error> {
        let reply = self.get(operation, path, query).await?;
        if reply.is_empty() {
            return Err(Error::NotFound(Problem::of("the answer is empty")));
        }
        reply.json()
    }

    /// A list that comes whole.
    async fn get_list<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        query: Query,
        key: &str,
    ) -> Result<Vec<T>, Error> {
        let reply = self.get(operation, path, query).await?;
        Ok(embedded(&reply, key)?.0)
    }

    /// A list in pages of `limit`, at most [`MAX_PAGE`].
    fn pages<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        mut query: Query,
        key: &'static str,
        limit: Option<u16>,
    ) -> Result<Pages<T>, Error> {
        query.add("limit", limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE));
        Pages::new(self, operation, path, query, key)
    }

    async fn write(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Reply, Error> {
        let url = self.url(path, Query::default())?;
        let body = serde_json::to_vec(body)
            .map_err(|_| Error::malformed("the request cannot be written as JSON"))?;
        self.call(operation, method, url, Some(body)).await
    }

    /// Writes something whose answer says no more than that it was done.
    async fn act(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<(), Error> {
        self.write(operation, method, path, body).await.map(drop)
    }

    /// Writes a batch; what was written, in Kommo's order.
    async fn write_batch(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        items: &[impl Serialize + Sync],
        key: &str,
    ) -> Result<Vec<Written>, Error> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        if items.len() > MAX_WRITE {
            return Err(Error::Invalid(Problem::of("more than 250 items at once")));
        }
        let reply = self.write(operation, method, path, &items).await?;
        Ok(embedded(&reply, key)?.0)
    }

    /// Writes a batch of one.
    async fn write_one(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        item: &(impl Serialize + Sync),
        key: &str,
    ) -> Result<Written, Error> {
        let is_repeatable = method != Method::POST;
        let items = std::slice::from_ref(item);
        let written = self
            .write_batch(operation, method, path, items, key)
            .await?;
        written.into_iter().next().ok_or_else(|| {
            if is_repeatable {
                Error::malformed("nothing was written")
            } else {
                Error::OutcomeUnknown
            }
        })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.host)
            .field("lane", &self.lane)
            .finish_non_exhaustive()
    }
}

/// What Kommo echoes of a write.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Written {
    /// The id of what was made or changed.
    #[serde(deserialize_with = "de::integer")]
    pub id: i64,
    /// What was given with the item, else its place in the batch.
    #[serde(default, deserialize_with = "de::some_text")]
    pub request_id: Option<String>,
}

/// Something that notes, tasks, tags, files and links hang on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entity {
    /// A deal.
    Lead(LeadId),
    /// A person.
    Contact(ContactId),
    /// A company.
    Company(CompanyId),
    /// A buyer.
    Customer(CustomerId),
}

/// A kind of [`Entity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// Deals.
    Leads,
    /// People.
    Contacts,
    /// Companies.
    Companies,
    /// Buyers.
    Customers,
}

impl Entity {
    /// Its kind.
    #[must_use]
    pub fn kind(self) -> EntityKind {
        match self {
            Self::Lead(_) => EntityKind::Leads,
            Self::Contact(_) => EntityKind::Contacts,
            Self::Company(_) => EntityKind::Companies,
            Self::Customer(_) => EntityKind::Customers,
        }
    }

    /// Its id, which means nothing without its kind.
    #[must_use]
    pub fn id(self) -> i64 {
        match self {
            Self::Lead(id) => id.0,
            Self::Contact(id) => id.0,
            Self::Company(id) => id.0,
            Self::Customer(id) => id.0,
        }
    }

    /// From a word of the wire in singular, plural or as the number of older methods: `lead`,
    /// `leads`, `2`.
    #[must_use]
    pub fn of(kind: &str, id: i64) -> Option<Self> {
        Some(match kind {
            "lead" | "leads" | "2" => Self::Lead(LeadId(id)),
            "contact" | "contacts" | "1" => Self::Contact(ContactId(id)),
            "company" | "companies" | "3" => Self::Company(CompanyId(id)),
            "customer" | "customers" | "12" => Self::Customer(CustomerId(id)),
            _ => return None,
        })
    }

    /// `/leads/5001`.
    fn path(self) -> String {
        format!("/{}/{}", self.kind().as_str(), self.id())
    }
}

impl EntityKind {
    /// `leads`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Contacts => "contacts",
            Self::Companies => "companies",
            Self::Customers => "customers",
        }
    }
}

/// A text as a part of a path.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The words of `with`, joined.
fn joined<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for word in words {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{word}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_leave_its_place_in_a_path() {
        assert_eq!(segment("../a?b#c%/d"), "%2E%2E%2Fa%3Fb%23c%25%2Fd");
    }

    #[test]
    fn entities_have_several_names() {
        for (kind, entity) in [
            ("lead", Entity::Lead(LeadId(7))),
            ("2", Entity::Lead(LeadId(7))),
            ("contacts", Entity::Contact(ContactId(7))),
            ("3", Entity::Company(CompanyId(7))),
            ("12", Entity::Customer(CustomerId(7))),
        ] {
            assert_eq!(Entity::of(kind, 7), Some(entity));
            assert_eq!(
                Entity::of(entity.kind().as_str(), entity.id()),
                Some(entity)
            );
        }
        assert_eq!(Entity::of("catalog", 7), None);
    }
}
