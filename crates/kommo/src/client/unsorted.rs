//! Incoming leads: first messages and forms that wait until somebody accepts them.
//!
//! Sources: Kommo docs, `unsorted-leads`; the SDK `amocrm-api-php`.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Client, Query, segment};
use crate::de;
use crate::error::Error;
use crate::id::{ContactId, LeadId, PipelineId, StatusId, UnsortedUid, UserId};
use crate::page::Pages;

/// A card that waits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Unsorted {
    /// Its id.
    pub uid: UnsortedUid,
    /// How it came.
    #[serde(default)]
    pub category: UnsortedCategory,
    /// Where from, as people see it.
    #[serde(default, deserialize_with = "de::text")]
    pub source_name: String,
    /// Which pipeline it waits for.
    #[serde(default, deserialize_with = "de::maybe")]
    pub pipeline_id: Option<PipelineId>,
    /// When it came.
    #[serde(default, deserialize_with = "de::some_time")]
    pub created_at: Option<DateTime<Utc>>,
    /// Its shape depends on the category; of chats: `from`, `service`, `client`, `origin.chat_id`,
    /// `last_message_text`.
    #[serde(default)]
    pub metadata: Value,
    #[serde(default, rename = "_embedded", deserialize_with = "de::object")]
    embedded: Embedded,
}

/// How a card came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum UnsortedCategory {
    /// A message.
    #[default]
    Chats,
    /// A form.
    Forms,
    /// An e-mail.
    Mail,
    /// A call.
    Sip,
    /// Another way.
    Other(String),
}

impl<'de> Deserialize<'de> for UnsortedCategory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = de::text(deserializer)?;
        Ok(match word.as_str() {
            "chats" => Self::Chats,
            "forms" => Self::Forms,
            "mail" => Self::Mail,
            "sip" => Self::Sip,
            _ => Self::Other(word),
        })
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Embedded {
    #[serde(default, deserialize_with = "de::list")]
    leads: Vec<Linked<LeadId>>,
    #[serde(default, deserialize_with = "de::list")]
    contacts: Vec<Linked<ContactId>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Linked<T> {
    id: T,
}

impl Unsorted {
    /// Its lead, which cannot be moved before the card is accepted.
    #[must_use]
    pub fn lead_id(&self) -> Option<LeadId> {
        self.embedded.leads.first().map(|lead| lead.id)
    }

    /// Its contact.
    #[must_use]
    pub fn contact_id(&self) -> Option<ContactId> {
        self.embedded.contacts.first().map(|contact| contact.id)
    }
}

/// What became of a card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AcceptedUnsorted {
    #[serde(default, rename = "_embedded", deserialize_with = "de::object")]
    embedded: Embedded,
}

impl AcceptedUnsorted {
    /// The lead it became.
    #[must_use]
    pub fn lead_id(&self) -> Option<LeadId> {
        self.embedded.leads.first().map(|lead| lead.id)
    }
}

impl Client {
    /// The cards that wait.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn unsorted(&self, pipeline: Option<PipelineId>) -> Result<Pages<Unsorted>, Error> {
        let mut query = Query::default();
        query.add_some("filter[pipeline_id]", pipeline);
        self.pages("unsorted.list", "/leads/unsorted", query, "unsorted", None)
    }

    /// One card.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn unsorted_one(&self, uid: &UnsortedUid) -> Result<Unsorted, Error> {
        let path = format!("/leads/unsorted/{}", segment(uid.as_str()));
        self.get_one("unsorted.get", &path, Query::default()).await
    }

    /// Makes a lead of a card in the name of `user`, in `status` if given.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn accept_unsorted(
        &self,
        uid: &UnsortedUid,
        user: UserId,
        status: Option<StatusId>,
    ) -> Result<AcceptedUnsorted, Error> {
        #[derive(Serialize)]
        struct Accept {
            // Kommo refuses a body in which nothing is said.
            user_id: UserId,
            #[serde(skip_serializing_if = "Option::is_none")]
            status_id: Option<StatusId>,
        }
        let path = format!("/leads/unsorted/{}/accept", segment(uid.as_str()));
        let body = Accept {
            user_id: user,
            status_id: status,
        };
        let reply = self
            .write("unsorted.accept", Method::POST, &path, &body)
            .await?;
        reply.json()
    }

    /// Throws a card away, in the name of `user`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn decline_unsorted(&self, uid: &UnsortedUid, user: UserId) -> Result<(), Error> {
        let path = format!("/leads/unsorted/{}/decline", segment(uid.as_str()));
        let body = serde_json::json!({ "user_id": user });
        self.act("unsorted.decline", Method::DELETE, &path, &body)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_knows_its_lead() {
        let card: Unsorted = serde_json::from_str(
            r#"{"uid":"f575b754","category":"chats","source_name":"Telegram","created_at":1760000000,
                "metadata":{"origin":{"chat_id":"c-1"}},
                "_embedded":{"leads":[{"id":5001}],"contacts":[{"id":6001}],"companies":[]}}"#,
        )
        .unwrap();
        assert_eq!(
            (card.lead_id(), card.contact_id()),
            (Some(LeadId(5001)), Some(ContactId(6001)))
        );
        let other: Unsorted = serde_json::from_str(r#"{"uid":"x","category":"fax"}"#).unwrap();
        assert_eq!(other.category, UnsortedCategory::Other("fax".to_owned()));
    }
}
