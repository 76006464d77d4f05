//! What a CRM account is set up with: what settings and turns may name.

use crate::crm_settings::Named;

/// A pipeline with its stages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pipeline {
    pub pipeline_id: i64,
    pub display_name: String,
    pub stages: Vec<Stage>,
    pub gone: bool,
}

/// A stage of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    pub stage_id: i64,
    pub display_name: String,
    pub gone: bool,
}

/// A person of the account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    pub user_id: i64,
    pub display_name: String,
    /// By which a member of the organization is known.
    pub email: String,
    pub gone: bool,
}

/// A custom field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    pub field_id: i64,
    /// `leads`, `contacts`, `companies`.
    pub entity: String,
    pub display_name: String,
    /// `PHONE`, `EMAIL`; empty for most.
    pub code: String,
    /// As Kommo names it.
    pub kind: String,
    /// Names of a list's options.
    pub options: Vec<String>,
    /// Pipeline and stage: entering it needs a value.
    pub required_stages: Vec<(i64, i64)>,
    pub read_only: bool,
    pub gone: bool,
}

/// Why a lead was lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LossReason {
    pub loss_reason_id: i64,
    pub display_name: String,
}

/// The account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    pub pipelines: Vec<Pipeline>,
    pub users: Vec<User>,
    pub fields: Vec<Field>,
    pub loss_reasons: Vec<LossReason>,
}

impl Catalog {
    /// Whether the account has it, still.
    pub fn has(&self, named: &Named) -> bool {
        match *named {
            Named::Pipeline(pipeline) => self.pipeline(pipeline).is_some(),
            Named::Stage(pipeline, stage) => self.stage(pipeline, stage).is_some(),
            Named::Field(entity, id) => self.field(entity.as_str(), id).is_some(),
        }
    }

    /// A pipeline that is there.
    pub fn pipeline(&self, pipeline_id: i64) -> Option<&Pipeline> {
        self.pipelines
            .iter()
            .find(|pipeline| pipeline.pipeline_id == pipeline_id && !pipeline.gone)
    }

    /// A stage that is there.
    pub fn stage(&self, pipeline_id: i64, stage_id: i64) -> Option<&Stage> {
        let stages = &self.pipeline(pipeline_id)?.stages;
        stages
            .iter()
            .find(|stage| stage.stage_id == stage_id && !stage.gone)
    }

    /// What a stage is called, or was.
    pub fn stage_name(&self, pipeline_id: i64, stage_id: i64) -> String {
        let pipelines = self.pipelines.iter();
        let mut of = pipelines.filter(|pipeline| pipeline.pipeline_id == pipeline_id);
        let stages = of.next().map_or(&[][..], |pipeline| &pipeline.stages);
        let known = stages.iter().find(|stage| stage.stage_id == stage_id);
        known.map_or_else(String::new, |stage| stage.display_name.clone())
    }

    /// A person who is there.
    pub fn user(&self, user_id: i64) -> Option<&User> {
        let mut users = self.users.iter();
        users.find(|user| user.user_id == user_id && !user.gone)
    }

    /// A field that is there.
    pub fn field(&self, entity: &str, field_id: i64) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.entity == entity && field.field_id == field_id && !field.gone)
    }
}
