//! The account: who it is, and what its times and amounts mean.
//!
//! Sources: Kommo docs, `account-info`; the SDK `amocrm-api-php`.

use serde::Deserialize;

use super::{Client, Query};
use crate::de;
use crate::error::Error;
use crate::id::{AccountId, AmojoId, GroupId, TaskTypeId, UserId};

const WITH: [&str; 9] = [
    "amojo_id",
    "uuid",
    "users_groups",
    "task_types",
    "version",
    "datetime_settings",
    "drive_url",
    "is_api_filter_enabled",
    "amojo_rights",
];

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// The identity of a connection: a reconnect that finds another id is to be refused.
    pub id: AccountId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// The first label of its host; may be changed by its owner.
    #[serde(default, deserialize_with = "de::text")]
    pub subdomain: String,
    /// Whose token this is.
    #[serde(default, deserialize_with = "de::maybe")]
    pub current_user_id: Option<UserId>,
    /// Two letters.
    #[serde(default, deserialize_with = "de::some_text")]
    pub country: Option<String>,
    /// Of all amounts, ISO 4217.
    #[serde(default, deserialize_with = "de::some_text")]
    pub currency: Option<String>,
    /// Whether a first message makes a card among the incoming leads, which must be accepted before
    /// its lead can be moved.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_unsorted_on: bool,
    /// Whether losing a lead may ask for a reason.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_loss_reason_enabled: bool,
    /// Of developers: other quotas.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_technical_account: bool,
    /// Whether filters beyond the plain ones work; that they need it is not verified.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_api_filter_enabled: bool,
    /// Its name in the chat back end.
    #[serde(default, deserialize_with = "de::maybe")]
    pub amojo_id: Option<AmojoId>,
    /// Where its files are; to be checked with [`crate::Hosts::url`].
    #[serde(default, deserialize_with = "de::some_text")]
    pub drive_url: Option<String>,
    #[serde(default, rename = "_embedded", deserialize_with = "de::object")]
    embedded: Embedded,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Embedded {
    #[serde(default, deserialize_with = "de::list")]
    users_groups: Vec<UserGroup>,
    #[serde(default, deserialize_with = "de::list")]
    task_types: Vec<TaskType>,
    #[serde(default, deserialize_with = "de::object")]
    datetime_settings: DatetimeSettings,
}

/// How the account writes times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DatetimeSettings {
    /// IANA, `America/Sao_Paulo`: what days and texts of time mean.
    #[serde(default, deserialize_with = "de::some_text")]
    pub timezone: Option<String>,
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserGroup {
    /// 0 is the group every account has.
    pub id: GroupId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
}

/// A kind of task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskType {
    /// Its id.
    pub id: TaskTypeId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
}

impl Account {
    /// The account's time zone, if Kommo says.
    #[must_use]
    pub fn timezone(&self) -> Option<&str> {
        self.embedded.datetime_settings.timezone.as_deref()
    }

    /// Its groups of users.
    #[must_use]
    pub fn user_groups(&self) -> &[UserGroup] {
        &self.embedded.users_groups
    }

    /// Its kinds of tasks.
    #[must_use]
    pub fn task_types(&self) -> &[TaskType] {
        &self.embedded.task_types
    }
}

impl Client {
    /// The account of the token: also the check whether the token works.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn account(&self) -> Result<Account, Error> {
        let mut query = Query::default();
        query.add_joined("with", WITH);
        self.get_one("account.get", "/account", query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read() {
        let account: Account = serde_json::from_str(
            r#"{"id":30000001,"name":"Acme","subdomain":"acme","current_user_id":900,
                "currency":"USD","is_unsorted_on":true,"drive_url":"https://drive-c.kommo.com",
                "amojo_id":"bbbbbbbb-0000-4000-8000-000000000002",
                "_embedded":{"users_groups":[{"id":0,"name":"Sales"}],"task_types":[],
                "datetime_settings":{"timezone":"America/Sao_Paulo"}}}"#,
        )
        .unwrap();
        assert_eq!(account.timezone(), Some("America/Sao_Paulo"));
        assert_eq!(account.user_groups()[0].id, GroupId(0));
        assert!(account.is_unsorted_on && !account.is_technical_account);
    }

    #[test]
    fn an_account_of_php_is_read() {
        let account: Account =
            serde_json::from_str(r#"{"id":"1","country":null,"_embedded":[]}"#).unwrap();
        assert_eq!((account.id, account.timezone()), (AccountId(1), None));
    }
}
