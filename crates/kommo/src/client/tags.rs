//! Tags. They are put on an entity by writing the entity.
//!
//! Source: Kommo docs, `tags`.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Client, EntityKind, Query, Written};
use crate::de;
use crate::error::Error;
use crate::id::TagId;
use crate::page::Pages;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    /// Its id.
    pub id: TagId,
    /// What people see.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// `B9DBE8`, if it has one.
    #[serde(default, deserialize_with = "de::some_text")]
    pub color: Option<String>,
}

/// A tag to put on or take off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TagRef {
    /// One that exists.
    Id(TagId),
    /// Made when there is none.
    Name(String),
}

impl TagRef {
    /// By name.
    #[must_use]
    pub fn name(name: impl Into<String>) -> Self {
        Self::Name(name.into())
    }
}

impl Client {
    /// The tags of a kind of entity.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn tags(&self, kind: EntityKind) -> Result<Pages<Tag>, Error> {
        let path = format!("/{}/tags", kind.as_str());
        self.pages("tags.list", &path, Query::default(), "tags", None)
    }

    /// Makes tags, at most 250.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_tags(
        &self,
        kind: EntityKind,
        names: &[String],
    ) -> Result<Vec<Written>, Error> {
        #[derive(Serialize)]
        struct NewTag<'a> {
            name: &'a str,
        }
        let path = format!("/{}/tags", kind.as_str());
        let tags: Vec<_> = names.iter().map(|name| NewTag { name }).collect();
        self.write_batch("tags.create", Method::POST, &path, &tags, "tags")
            .await
    }
}
