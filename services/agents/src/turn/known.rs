//! What a turn knows beyond the conversation: the lead and what may be done to it, the company's
//! plays, what is remembered of the client, which knowledge and prices it answers from.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::automation::Armed;
use crate::catalog::Catalog;
use crate::crm_settings::{CrmRules, FieldEntity, StageSettings};
use crate::knowledge::index::Pinned;
use crate::memory::Memory;
use crate::playbook::{ObjectionResponse, Script};

/// All of it; nothing of it by default.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// `None`: no account is connected.
    pub crm: Option<Crm>,
    /// Of the client, those of the CRM not among them.
    pub memories: Vec<Memory>,
    /// Published ones that the agent may use, of all stages.
    pub scripts: Vec<Script>,
    /// Published ones that the agent may use, of all stages.
    pub responses: Vec<ObjectionResponse>,
    /// Triggers of the agent that a client's message may fire, in their order.
    pub triggers: Vec<Armed>,
    /// Of knowledge and prices.
    pub editions: Editions,
}

/// Which knowledge and which prices a turn answers from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Editions {
    /// The number that the organization's index should be at; 0 before anything was indexed.
    pub knowledge: i64,
    /// The readings that the agent's version searches. `None`: all, as they are.
    pub pinned: Option<HashMap<Uuid, Pinned>>,
    /// The version of the price book. `None`: there are no prices.
    pub prices: Option<Uuid>,
}

/// The client's lead, and what the agent may do with it.
#[derive(Debug, Clone)]
pub struct Crm {
    pub connection: Uuid,
    pub rules: CrmRules,
    /// Settings of the stage the lead is on.
    pub stage: Option<StageSettings>,
    pub catalog: Arc<Catalog>,
    pub lead: Lead,
}

/// A lead as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lead {
    /// 0 = none.
    pub lead_id: i64,
    pub display_name: String,
    pub pipeline_id: i64,
    pub stage_id: i64,
    /// In whole units of the account's currency; 0 = none.
    pub price: i64,
    pub responsible_user_id: i64,
    pub fields: Vec<FieldValue>,
    pub tags: Vec<String>,
    pub contact_display_name: String,
    /// The CRM could not be reached: as it was last known.
    pub stale: bool,
}

/// A field with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue {
    pub entity: FieldEntity,
    pub field_id: i64,
    /// `PHONE`, `EMAIL`; empty for most.
    pub code: String,
    pub display_name: String,
    /// As people read them.
    pub values: Vec<String>,
}

impl FieldValue {
    /// The values as one text; empty when there is none.
    pub fn text(&self) -> String {
        self.values.join(", ")
    }
}

impl Crm {
    /// Puts an imagined lead on a stage, with its settings; 0 leaves it where it is.
    pub fn stand_at(&mut self, pipeline_id: i64, stage_id: i64) {
        if stage_id == 0 {
            return;
        }
        (self.lead.pipeline_id, self.lead.stage_id) = (pipeline_id, stage_id);
        self.stage = self.rules.stage(pipeline_id, stage_id).flatten().cloned();
    }

    /// The value of a field; empty when it has none.
    pub fn value(&self, entity: FieldEntity, field_id: i64) -> String {
        let mut fields = self.lead.fields.iter();
        let field = fields.find(|field| field.entity == entity && field.field_id == field_id);
        field.map(FieldValue::text).unwrap_or_default()
    }

    /// Fields that the agent may see, with values.
    pub fn readable(&self) -> impl Iterator<Item = &FieldValue> {
        let may_see = |field: &FieldValue| {
            let mut reads = self.rules.read_fields.iter();
            reads.any(|read| read.entity == field.entity && read.field_id == field.field_id)
        };
        self.lead
            .fields
            .iter()
            .filter(move |field| may_see(field) && !field.text().trim().is_empty())
    }

    /// Whether the agent writes the field itself: then the field is no source of facts.
    pub fn is_writable(&self, field: &FieldValue) -> bool {
        let mut writes = self.rules.write_fields.iter();
        writes.any(|write| write.entity == field.entity && write.field_id == field.field_id)
    }

    /// The name of the stage the lead is on; empty when the account does not know it.
    pub fn stage_name(&self) -> &str {
        let stage = self
            .catalog
            .stage(self.lead.pipeline_id, self.lead.stage_id);
        stage.map_or("", |stage| stage.display_name.as_str())
    }
}
