//! Sources: the inboxes of the own integration.
//!
//! Sources: Kommo docs, `sources`; the SDK `amocrm-api-php`.

use serde::Deserialize;

use super::{Client, Query};
use crate::de;
use crate::error::Error;
use crate::id::{PipelineId, SourceId};

/// An inbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// Our own id of it.
    #[serde(default, deserialize_with = "de::some_text")]
    pub external_id: Option<String>,
    /// Where its leads go.
    #[serde(default, deserialize_with = "de::maybe")]
    pub pipeline_id: Option<PipelineId>,
    /// Whether messages without a source are its own.
    #[serde(default, rename = "default", deserialize_with = "de::flag")]
    pub is_default: bool,
    /// The channel.
    #[serde(default, deserialize_with = "de::some_text")]
    pub origin_code: Option<String>,
}

impl Client {
    /// The inboxes of the own integration.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sources(&self) -> Result<Vec<Source>, Error> {
        self.get_list("sources.list", "/sources", Query::default(), "sources")
            .await
    }
}
