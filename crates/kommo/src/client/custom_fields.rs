//! Custom fields: their ids and choices, which differ from account to account.
//!
//! Sources: Kommo docs, `custom-fields`; the SDK `amocrm-api-php`.

use serde::Deserialize;

use super::{Client, EntityKind, Query};
use crate::de;
use crate::error::Error;
use crate::field::FieldType;
use crate::id::{EnumId, FieldId, PipelineId, StatusId};
use crate::page::Pages;

/// A custom field.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CustomField {
    /// Its id.
    pub id: FieldId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Of the predefined ones, `PHONE`.
    #[serde(default, deserialize_with = "de::some_text")]
    pub code: Option<String>,
    /// Its place among the others.
    #[serde(default, deserialize_with = "de::maybe")]
    pub sort: Option<i64>,
    /// Whether people cannot change it.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_api_only: bool,
    /// Its choices, and the kinds of a multitext.
    #[serde(default, rename = "enums", deserialize_with = "de::list")]
    pub choices: Vec<CustomFieldChoice>,
    /// Of leads: stages that are entered with a value only.
    #[serde(default, deserialize_with = "de::list")]
    pub required_statuses: Vec<RequiredStatus>,
}

/// A stage that a field must have a value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct RequiredStatus {
    /// Of which pipeline.
    pub pipeline_id: PipelineId,
    /// The stage.
    pub status_id: StatusId,
}

/// A choice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CustomFieldChoice {
    /// Its id.
    pub id: EnumId,
    /// What people see; of a multitext the kind, `WORK`.
    #[serde(default, deserialize_with = "de::text")]
    pub value: String,
    /// Its place among the others.
    #[serde(default, deserialize_with = "de::maybe")]
    pub sort: Option<i64>,
    /// Of those with one.
    #[serde(default, deserialize_with = "de::some_text")]
    pub code: Option<String>,
}

impl Client {
    /// The fields of a kind of entity.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn custom_fields(&self, kind: EntityKind) -> Result<Pages<CustomField>, Error> {
        let path = format!("/{}/custom_fields", kind.as_str());
        let query = Query::default();
        self.pages("custom_fields.list", &path, query, "custom_fields", None)
    }

    /// One field.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn custom_field(&self, kind: EntityKind, id: FieldId) -> Result<CustomField, Error> {
        let path = format!("/{}/custom_fields/{id}", kind.as_str());
        self.get_one("custom_fields.get", &path, Query::default())
            .await
    }
}
