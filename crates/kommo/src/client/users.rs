//! The account's staff. Needs an admin's token.
//!
//! Source: Kommo docs, `users`.

use serde::Deserialize;

use super::{Client, Query};
use crate::de;
use crate::error::Error;
use crate::id::{AmojoId, GroupId, RoleId, UserId};
use crate::page::Pages;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Full name.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// Login.
    #[serde(default, deserialize_with = "de::text")]
    pub email: String,
    /// Language of the interface.
    #[serde(default, deserialize_with = "de::some_text")]
    pub lang: Option<String>,
    /// In the chat back end: who an own channel's outgoing messages come from.
    #[serde(default, deserialize_with = "de::maybe")]
    pub amojo_id: Option<AmojoId>,
    #[serde(default, deserialize_with = "de::object")]
    rights: Rights,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Rights {
    #[serde(default, deserialize_with = "de::flag")]
    is_admin: bool,
    #[serde(default, deserialize_with = "de::flag")]
    is_active: bool,
    #[serde(default, deserialize_with = "de::maybe")]
    group_id: Option<GroupId>,
    #[serde(default, deserialize_with = "de::maybe")]
    role_id: Option<RoleId>,
}

impl User {
    /// Whether it may do everything.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.rights.is_admin
    }

    /// Whether it may come in.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.rights.is_active
    }

    /// Its group.
    #[must_use]
    pub fn group_id(&self) -> Option<GroupId> {
        self.rights.group_id
    }

    /// Its role, if it has one.
    #[must_use]
    pub fn role_id(&self) -> Option<RoleId> {
        self.rights.role_id
    }
}

impl Client {
    /// All users.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn users(&self) -> Result<Pages<User>, Error> {
        let mut query = Query::default();
        query.add_joined("with", ["role", "group", "amojo_id"]);
        self.pages("users.list", "/users", query, "users", None)
    }

    /// One user.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn user(&self, id: UserId) -> Result<User, Error> {
        let mut query = Query::default();
        query.add_joined("with", ["role", "group", "amojo_id"]);
        self.get_one("users.get", &format!("/users/{id}"), query)
            .await
    }
}
