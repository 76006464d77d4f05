//! Subscriptions to webhooks. Needs an admin's token.
//!
//! Sources: Kommo docs, `webhooks-general`, `add-webhooks`; names of events also from the client
//! `amo` (TypeScript).

use std::borrow::Cow;

use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Client, Query};
use crate::de;
use crate::error::Error;
use crate::id::WebhookId;
use crate::page::embedded;

/// The name of an event that is told of: an open set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EventName(Cow<'static, str>);

impl EventName {
    /// A client has written.
    pub const ADD_MESSAGE: Self = Self(Cow::Borrowed("add_message"));
    /// The account has written: a person, a bot, an integration. Since July 2026.
    pub const ADD_OUTGOING_MESSAGE: Self = Self(Cow::Borrowed("add_outgoing_message"));
    /// What an agent must hear of.
    pub const OF_AGENTS: [Self; 7] = [
        Self::ADD_MESSAGE,
        Self::ADD_OUTGOING_MESSAGE,
        Self(Cow::Borrowed("add_talk")),
        Self(Cow::Borrowed("update_talk")),
        Self(Cow::Borrowed("status_lead")),
        Self(Cow::Borrowed("responsible_lead")),
        Self(Cow::Borrowed("delete_lead")),
    ];
    /// What a mirror of the account must hear of besides.
    pub const OF_MIRRORS: [Self; 10] = [
        Self(Cow::Borrowed("add_lead")),
        Self(Cow::Borrowed("update_lead")),
        Self(Cow::Borrowed("restore_lead")),
        Self(Cow::Borrowed("add_contact")),
        Self(Cow::Borrowed("update_contact")),
        Self(Cow::Borrowed("delete_contact")),
        Self(Cow::Borrowed("add_task")),
        Self(Cow::Borrowed("update_task")),
        Self(Cow::Borrowed("delete_task")),
        Self(Cow::Borrowed("note_lead")),
    ];

    /// `add_message`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for EventName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl<'de> Deserialize<'de> for EventName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        de::text(deserializer).map(Self::from)
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Webhook {
    /// Its id.
    #[serde(default, deserialize_with = "de::maybe")]
    pub id: Option<WebhookId>,
    /// Where Kommo posts.
    #[serde(deserialize_with = "de::text")]
    pub destination: String,
    /// Of what.
    #[serde(default, deserialize_with = "de::list")]
    pub settings: Vec<EventName>,
    /// Whether Kommo has given up: after 100 bad answers within 2 h, or on a block.
    #[serde(default, rename = "disabled", deserialize_with = "de::flag")]
    pub is_disabled: bool,
}

impl Client {
    /// The account's subscriptions, or those to one address.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn webhooks(&self, destination: Option<&str>) -> Result<Vec<Webhook>, Error> {
        let mut query = Query::default();
        query.add_some("filter[destination]", destination);
        let reply = self.get("webhooks.list", "/webhooks", query).await?;
        Ok(embedded(&reply, "webhooks")?.0)
    }

    /// Subscribes. The address must answer GET and HEAD with 200, and its path end with a slash.
    /// Whether a second subscription to an address replaces its events is not verified: read what
    /// became of it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn subscribe(&self, destination: &str, events: &[EventName]) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Subscription<'a> {
            destination: &'a str,
            settings: &'a [EventName],
        }
        let subscription = Subscription {
            destination,
            settings: events,
        };
        self.act(
            "webhooks.subscribe",
            Method::POST,
            "/webhooks",
            &subscription,
        )
        .await
    }

    /// Ends every subscription to an address. One that is not there is ended.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn unsubscribe(&self, destination: &str) -> Result<(), Error> {
        let body = serde_json::json!({ "destination": destination });
        let done = self.act("webhooks.unsubscribe", Method::DELETE, "/webhooks", &body);
        match done.await {
            Ok(()) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_read() {
        let webhook: Webhook = serde_json::from_str(
            r#"{"id":7,"destination":"https://e.com/h/","disabled":false,"sort":10,
                "settings":["add_message","something_new"]}"#,
        )
        .unwrap();
        assert_eq!(webhook.settings[0], EventName::ADD_MESSAGE);
        assert_eq!(webhook.settings[1].as_str(), "something_new");
    }
}
