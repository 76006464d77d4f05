//! Pipelines and their stages.
//!
//! Sources: Kommo docs, `pipelines-list`; the SDK `amocrm-api-php`.

use serde::{Deserialize, Deserializer};

use super::{Client, Query};
use crate::de;
use crate::error::Error;
use crate::id::{PipelineId, StatusId};

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pipeline {
    /// Its id.
    pub id: PipelineId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// Its place among the others.
    #[serde(default, deserialize_with = "de::maybe")]
    pub sort: Option<i64>,
    /// Whether leads without one go here.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_main: bool,
    /// Whether new conversations wait as incoming leads.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_unsorted_on: bool,
    /// Whether it is put away.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_archive: bool,
    #[serde(default, rename = "_embedded", deserialize_with = "de::object")]
    embedded: Embedded,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Embedded {
    #[serde(default, deserialize_with = "de::list")]
    statuses: Vec<Stage>,
}

impl Pipeline {
    /// Its stages, won and lost among them.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.embedded.statuses
    }
}

/// A stage. Its key is the pair of pipeline and id: see [`StatusId`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stage {
    /// Unique within the pipeline only.
    pub id: StatusId,
    /// Of which pipeline.
    pub pipeline_id: PipelineId,
    /// What people call it; Kommo drops emoji.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// Its place among the others.
    #[serde(default, deserialize_with = "de::maybe")]
    pub sort: Option<i64>,
    /// `#fffeb2`.
    #[serde(default, deserialize_with = "de::some_text")]
    pub color: Option<String>,
    /// What may be done with it.
    #[serde(default, rename = "type")]
    pub kind: StageKind,
}

impl Stage {
    /// Whether a lead may be moved here: Kommo refuses the stage of incoming leads.
    #[must_use]
    pub fn takes_leads(&self) -> bool {
        self.kind == StageKind::Normal
    }
}

/// A kind of stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum StageKind {
    /// Leads are moved here.
    #[default]
    Normal,
    /// Incoming leads wait here until they are accepted.
    Unsorted,
}

impl<'de> Deserialize<'de> for StageKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match de::integer(deserializer)? {
            1 => Self::Unsorted,
            _ => Self::Normal,
        })
    }
}

impl Client {
    /// All pipelines with their stages; they come whole.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn pipelines(&self) -> Result<Vec<Pipeline>, Error> {
        let path = "/leads/pipelines";
        self.get_list("pipelines.list", path, Query::default(), "pipelines")
            .await
    }

    /// One pipeline.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn pipeline(&self, id: PipelineId) -> Result<Pipeline, Error> {
        let path = format!("/leads/pipelines/{id}");
        self.get_one("pipelines.get", &path, Query::default()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_of_incoming_leads_takes_none() {
        let pipeline: Pipeline = serde_json::from_str(
            r#"{"id":700,"name":"Sales","is_main":true,"_embedded":{"statuses":[
                {"id":7000,"pipeline_id":700,"name":"Incoming leads","type":1},
                {"id":7001,"pipeline_id":700,"name":"New","type":"0"},
                {"id":142,"pipeline_id":700,"name":"Won"}]}}"#,
        )
        .unwrap();
        let takes: Vec<_> = pipeline.stages().iter().map(Stage::takes_leads).collect();
        assert_eq!(takes, [false, true, true]);
        assert_eq!(pipeline.stages()[2].id, StatusId::WON);
    }
}
