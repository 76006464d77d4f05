//! Contacts: people.
//!
//! Sources: Kommo docs, `contacts-list`; the SDK `amocrm-api-php`.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Client, Query, Tag, TagRef, TimeRange, Written};
use crate::de;
use crate::error::Error;
use crate::field::{Field, FieldUpdate};
use crate::id::{ChatId, CompanyId, ContactId, LeadId, UserId};
use crate::page::Pages;

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Full name.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// First name.
    #[serde(default, deserialize_with = "de::some_text")]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(default, deserialize_with = "de::some_text")]
    pub last_name: Option<String>,
    /// Who sees to it.
    #[serde(default, deserialize_with = "de::maybe")]
    pub responsible_user_id: Option<UserId>,
    /// When it was made.
    #[serde(default, deserialize_with = "de::some_time")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "de::some_time")]
    pub updated_at: Option<DateTime<Utc>>,
    /// Whether it is in the bin.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_deleted: bool,
    /// Whether it waits among the incoming leads.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_unsorted: bool,
    /// The fields that have values; phones and addresses are `PHONE` and `EMAIL`.
    #[serde(
        default,
        rename = "custom_fields_values",
        deserialize_with = "de::list"
    )]
    pub fields: Vec<Field>,
    #[serde(default, rename = "_embedded", deserialize_with = "de::object")]
    embedded: Embedded,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Embedded {
    #[serde(default, deserialize_with = "de::list")]
    tags: Vec<Tag>,
    #[serde(default, deserialize_with = "de::list")]
    leads: Vec<Linked<LeadId>>,
    #[serde(default, deserialize_with = "de::list")]
    companies: Vec<Linked<CompanyId>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Linked<T> {
    id: T,
}

impl Contact {
    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.embedded.tags
    }

    /// Its leads; asked for by [`ContactWith::Leads`].
    pub fn lead_ids(&self) -> impl Iterator<Item = LeadId> {
        self.embedded.leads.iter().map(|lead| lead.id)
    }

    /// Its companies.
    pub fn company_ids(&self) -> impl Iterator<Item = CompanyId> {
        self.embedded.companies.iter().map(|company| company.id)
    }
}

/// What else is read with a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContactWith {
    /// Its leads.
    Leads,
    /// Its customers.
    Customers,
    /// Elements of lists.
    CatalogElements,
}

impl ContactWith {
    fn as_str(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Customers => "customers",
            Self::CatalogElements => "catalog_elements",
        }
    }
}

/// Which contacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactQuery {
    /// What else is read.
    pub with: Vec<ContactWith>,
    /// Found in any filled field: a phone, an e-mail address.
    pub text: Option<String>,
    /// These.
    pub ids: Vec<ContactId>,
    /// Changed then.
    pub updated_at: TimeRange,
    /// The oldest change first; else in Kommo's order.
    pub is_oldest_change_first: bool,
    /// Contacts a page, at most 250, which is also the default.
    pub limit: Option<u16>,
}

impl ContactQuery {
    fn parameters(&self) -> Query {
        let mut query = Query::default();
        query.add_joined("with", self.with.iter().map(|with| with.as_str()));
        query.add_some("query", self.text.as_ref());
        query.add_list("filter[id]", &self.ids);
        query.add_range("filter[updated_at]", &self.updated_at);
        if self.is_oldest_change_first {
            query.add("order[updated_at]", "asc");
        }
        query
    }
}

/// What to write of a contact; what is not given stays, or is empty in a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ContactUpdate {
    /// Full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Who sees to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsible_user_id: Option<UserId>,
    /// Put on; others stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_to_add: Vec<TagRef>,
    /// Taken off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_to_delete: Vec<TagRef>,
    /// The fields to write; others stay. At most 40.
    #[serde(rename = "custom_fields_values", skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldUpdate>,
}

/// A chat of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLink {
    /// The chat.
    pub chat_id: ChatId,
    /// Whose.
    pub contact_id: ContactId,
}

impl Client {
    /// Contacts.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn contacts(&self, query: &ContactQuery) -> Result<Pages<Contact>, Error> {
        let parameters = query.parameters();
        self.pages(
            "contacts.list",
            "/contacts",
            parameters,
            "contacts",
            query.limit,
        )
    }

    /// One contact. Kommo may answer nothing for one that its list has, so the list is asked then.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn contact(&self, id: ContactId, with: &[ContactWith]) -> Result<Contact, Error> {
        let mut query = Query::default();
        query.add_joined("with", with.iter().map(|with| with.as_str()));
        let reply = self
            .get("contacts.get", &format!("/contacts/{id}"), query)
            .await?;
        if !reply.is_empty() {
            return reply.json();
        }
        let query = ContactQuery {
            with: with.to_vec(),
            ids: vec![id],
            ..ContactQuery::default()
        };
        let page = self.contacts(&query)?.next_page().await?;
        page.unwrap_or_default()
            .into_iter()
            .find(|contact| contact.id == id)
            .ok_or_else(|| Error::NotFound(crate::problem::Problem::of("no such contact")))
    }

    /// Makes contacts, at most 250 and better 50.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_contacts(&self, contacts: &[ContactUpdate]) -> Result<Vec<Written>, Error> {
        self.write_batch(
            "contacts.create",
            Method::POST,
            "/contacts",
            contacts,
            "contacts",
        )
        .await
    }

    /// Changes a contact.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn update_contact(&self, id: ContactId, update: &ContactUpdate) -> Result<(), Error> {
        let path = format!("/contacts/{id}");
        self.act("contacts.update", Method::PATCH, &path, update)
            .await
    }

    /// The chats of a contact.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn contact_chats(&self, id: ContactId) -> Result<Vec<ChatLink>, Error> {
        let mut query = Query::default();
        query.add("contact_id", id);
        self.get_list("contacts.chats", "/contacts/chats", query, "chats")
            .await
    }

    /// Gives a chat of an own channel to a contact.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn link_chat(&self, link: &ChatLink) -> Result<(), Error> {
        let path = "/contacts/chats";
        let links = std::slice::from_ref(link);
        self.act("contacts.link_chat", Method::POST, path, &links)
            .await
    }
}
