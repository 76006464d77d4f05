//! What is done to a lead.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::crm_settings::FieldEntity;

/// One change of the CRM; which lead it is done to, the conversation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    MoveStage {
        pipeline_id: i64,
        stage_id: i64,
        from_pipeline_id: i64,
        from_stage_id: i64,
        /// 0 = none.
        loss_reason_id: i64,
        /// Fields of the lead that the same turn writes: without them it does not move.
        needs_fields: Vec<i64>,
    },
    SetField {
        entity: FieldEntity,
        field_id: i64,
        value: String,
        overwrite: bool,
    },
    CreateTask {
        text: String,
        due: DateTime<Utc>,
    },
    AddNote {
        text: String,
        /// At the lead's main contact instead.
        #[serde(default)]
        on_contact: bool,
    },
    AddTag {
        tag: String,
        #[serde(default)]
        on_contact: bool,
    },
    RemoveTag {
        tag: String,
        #[serde(default)]
        on_contact: bool,
    },
    Assign {
        user_id: i64,
    },
    RunSalesbot {
        bot_id: i64,
    },
    /// Tells an address of the company; the CRM has no part in it.
    SendWebhook {
        url: String,
        /// What has asked for it: `triggers/{trigger}`, `sequences/{sequence}`.
        origin: String,
        /// The client's message that it is about; may be empty.
        text: String,
    },
}

impl Effect {
    /// Whether it writes this field of the lead.
    pub fn sets(&self, lead_field_id: i64) -> bool {
        matches!(
            self,
            Self::SetField { entity: FieldEntity::Leads, field_id, .. } if *field_id == lead_field_id
        )
    }

    /// Whether both cannot be meant: a lead goes to one stage and has one responsible person, a
    /// field one value, and the same thing is not done twice.
    pub(in crate::turn) fn contradicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::MoveStage { .. }, Self::MoveStage { .. })
            | (Self::Assign { .. }, Self::Assign { .. }) => true,
            (
                Self::SetField {
                    entity, field_id, ..
                },
                Self::SetField {
                    entity: entities,
                    field_id: id,
                    ..
                },
            ) => entity == entities && field_id == id,
            (
                Self::AddTag { tag, on_contact } | Self::RemoveTag { tag, on_contact },
                Self::AddTag {
                    tag: other,
                    on_contact: others,
                }
                | Self::RemoveTag {
                    tag: other,
                    on_contact: others,
                },
            ) => on_contact == others && tag.to_lowercase() == other.to_lowercase(),
            _ => self == other,
        }
    }
}
