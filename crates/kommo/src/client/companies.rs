//! Companies.
//!
//! Source: Kommo docs, `companies-list`.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Client, Query, TagRef, Written};
use crate::de;
use crate::error::Error;
use crate::field::{Field, FieldUpdate};
use crate::id::{CompanyId, UserId};

/// A company.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Company {
    /// Its id.
    pub id: CompanyId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// Who sees to it.
    #[serde(default, deserialize_with = "de::maybe")]
    pub responsible_user_id: Option<UserId>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "de::some_time")]
    pub updated_at: Option<DateTime<Utc>>,
    /// Whether it is in the bin.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_deleted: bool,
    /// The fields that have values.
    #[serde(
        default,
        rename = "custom_fields_values",
        deserialize_with = "de::list"
    )]
    pub fields: Vec<Field>,
}

/// What to write of a company; what is not given stays, or is empty in a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CompanyUpdate {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who sees to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsible_user_id: Option<UserId>,
    /// Put on; others stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_to_add: Vec<TagRef>,
    /// The fields to write; others stay. At most 40.
    #[serde(rename = "custom_fields_values", skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldUpdate>,
}

impl Client {
    /// One company.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn company(&self, id: CompanyId) -> Result<Company, Error> {
        let path = format!("/companies/{id}");
        self.get_one("companies.get", &path, Query::default()).await
    }

    /// Makes companies, at most 250 and better 50.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_companies(
        &self,
        companies: &[CompanyUpdate],
    ) -> Result<Vec<Written>, Error> {
        let operation = "companies.create";
        self.write_batch(
            operation,
            Method::POST,
            "/companies",
            companies,
            "companies",
        )
        .await
    }

    /// Changes a company.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn update_company(&self, id: CompanyId, update: &CompanyUpdate) -> Result<(), Error> {
        let path = format!("/companies/{id}");
        self.act("companies.update", Method::PATCH, &path, update)
            .await
    }
}
