//! `CrmSettingsService`.

use t11_core::{Violations, format_name, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::crm_settings_service_server::CrmSettingsService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Handlers;
use super::convert::timestamp;
use crate::Error;
use crate::agent::AnswerMode;
use crate::crm_settings::{
    CrmRules, CrmSettings, FieldEntity, FieldRead, FieldWrite, MoveMode, PipelineSettings,
    StageMove, StageSettings,
};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl CrmSettingsService for Handlers {
    async fn get_crm_settings(
        &self,
        request: Request<pb::GetCrmSettingsRequest>,
    ) -> Answer<pb::CrmSettings> {
        let scope = t11_grpc::scope(&request)?;
        let agent = agent_of(&request.get_ref().name)?;
        let settings = self.briefing.crm_settings(&scope, agent).await?;
        Ok(Response::new(settings.into()))
    }

    async fn update_crm_settings(
        &self,
        request: Request<pb::UpdateCrmSettingsRequest>,
    ) -> Answer<pb::CrmSettings> {
        let scope = t11_grpc::scope(&request)?;
        let given = request.into_inner().crm_settings.unwrap_or_default();
        let agent = agent_of(&given.name)?;
        let etag = given.etag.clone();
        let rules = rules(given)?;
        let replaced = self
            .briefing
            .replace_crm_settings(&scope, agent, rules, etag);
        Ok(Response::new(replaced.await?.into()))
    }
}

/// Reads `agents/{agent}/crmSettings`.
fn agent_of(name: &str) -> Result<Uuid, Error> {
    let agent = name.strip_suffix("/crmSettings").unwrap_or(name);
    Ok(parse_name("agents", agent)?)
}

fn rules(given: pb::CrmSettings) -> Result<CrmRules, Error> {
    let mut violations = Violations::default();
    let connection = match given.connection.as_str() {
        "" => None,
        name => match parse_name("connections", name) {
            Ok(id) => Some(id),
            Err(error) => {
                let words = error.to_string();
                violations.add("crm_settings.connection", "NAME_INVALID", words);
                None
            }
        },
    };
    let rules = CrmRules {
        connection,
        pipelines: given.pipelines.into_iter().map(pipeline).collect(),
        all_channels: given.all_channels,
        channels: given.channels,
        read_fields: read_fields(&given.read_fields, &mut violations),
        write_fields: write_fields(given.write_fields, &mut violations),
        stage_moves: given.stage_moves.into_iter().map(stage_move).collect(),
        resume_after_hours: given.resume_after_hours,
        salesbot_ids: given.salesbot_ids,
    };
    violations.check()?;
    Ok(rules)
}

fn pipeline(given: pb::PipelineSettings) -> PipelineSettings {
    PipelineSettings {
        pipeline_id: given.pipeline_id,
        all_stages: given.all_stages,
        stages: given.stages.into_iter().map(stage).collect(),
    }
}

fn stage(given: pb::StageSettings) -> StageSettings {
    StageSettings {
        stage_id: given.stage_id,
        answer_mode: match given.answer_mode() {
            pb::AnswerMode::Unspecified => None,
            pb::AnswerMode::Off => Some(AnswerMode::Off),
            pb::AnswerMode::Draft => Some(AnswerMode::Draft),
            pb::AnswerMode::Auto => Some(AnswerMode::Auto),
        },
        instructions: given.instructions,
        goal: given.goal,
        exit_criteria: given.exit_criteria,
    }
}

fn entity(word: &str, field: String, violations: &mut Violations) -> Option<FieldEntity> {
    let entity = FieldEntity::parse(word);
    if entity.is_none() {
        violations.add(field, "UNKNOWN_VALUE", "one of `leads`, `contacts`");
    }
    entity
}

fn read_fields(given: &[pb::FieldRead], violations: &mut Violations) -> Vec<FieldRead> {
    let fields = given.iter().enumerate().filter_map(|(index, given)| {
        let field = format!("crm_settings.read_fields[{index}].entity");
        Some(FieldRead {
            entity: entity(&given.entity, field, violations)?,
            field_id: given.field_id,
        })
    });
    fields.collect()
}

fn write_fields(given: Vec<pb::FieldWrite>, violations: &mut Violations) -> Vec<FieldWrite> {
    let fields = given.into_iter().enumerate().filter_map(|(index, given)| {
        let field = format!("crm_settings.write_fields[{index}].entity");
        Some(FieldWrite {
            entity: entity(&given.entity, field, violations)?,
            field_id: given.field_id,
            condition: given.condition,
            overwrite: given.overwrite,
        })
    });
    fields.collect()
}

fn stage_move(given: pb::StageMove) -> StageMove {
    StageMove {
        pipeline_id: given.pipeline_id,
        from_stage_id: given.from_stage_id,
        to_stage_id: given.to_stage_id,
        mode: match given.mode() {
            pb::StageMoveMode::Unspecified | pb::StageMoveMode::Never => MoveMode::Never,
            pb::StageMoveMode::Suggest => MoveMode::Suggest,
            pb::StageMoveMode::Auto => MoveMode::Auto,
        },
        min_confidence: given.min_confidence,
        needed_field_ids: given.needed_field_ids,
        condition: given.condition,
    }
}

impl From<CrmSettings> for pb::CrmSettings {
    fn from(settings: CrmSettings) -> Self {
        let etag = settings.etag().into();
        let rules = settings.rules;
        Self {
            name: format!("{}/crmSettings", format_name("agents", settings.agent_id)),
            connection: rules
                .connection
                .map(|id| format_name("connections", id))
                .unwrap_or_default(),
            pipelines: rules.pipelines.into_iter().map(pb_pipeline).collect(),
            all_channels: rules.all_channels,
            channels: rules.channels,
            read_fields: rules.read_fields.into_iter().map(pb_read).collect(),
            write_fields: rules.write_fields.into_iter().map(pb_write).collect(),
            stage_moves: rules.stage_moves.into_iter().map(pb_move).collect(),
            resume_after_hours: rules.resume_after_hours,
            salesbot_ids: rules.salesbot_ids,
            update_time: settings.update_time.map(timestamp),
            gone: settings.gone,
            etag,
        }
    }
}

fn pb_pipeline(pipeline: PipelineSettings) -> pb::PipelineSettings {
    pb::PipelineSettings {
        pipeline_id: pipeline.pipeline_id,
        all_stages: pipeline.all_stages,
        stages: pipeline.stages.into_iter().map(pb_stage).collect(),
    }
}

fn pb_stage(stage: StageSettings) -> pb::StageSettings {
    pb::StageSettings {
        stage_id: stage.stage_id,
        answer_mode: match stage.answer_mode {
            None => pb::AnswerMode::Unspecified,
            Some(AnswerMode::Off) => pb::AnswerMode::Off,
            Some(AnswerMode::Draft) => pb::AnswerMode::Draft,
            Some(AnswerMode::Auto) => pb::AnswerMode::Auto,
        }
        .into(),
        instructions: stage.instructions,
        goal: stage.goal,
        exit_criteria: stage.exit_criteria,
    }
}

fn pb_read(field: FieldRead) -> pb::FieldRead {
    pb::FieldRead {
        entity: field.entity.as_str().to_owned(),
        field_id: field.field_id,
    }
}

fn pb_write(field: FieldWrite) -> pb::FieldWrite {
    pb::FieldWrite {
        entity: field.entity.as_str().to_owned(),
        field_id: field.field_id,
        condition: field.condition,
        overwrite: field.overwrite,
    }
}

fn pb_move(rule: StageMove) -> pb::StageMove {
    pb::StageMove {
        pipeline_id: rule.pipeline_id,
        from_stage_id: rule.from_stage_id,
        to_stage_id: rule.to_stage_id,
        mode: match rule.mode {
            MoveMode::Never => pb::StageMoveMode::Never,
            MoveMode::Suggest => pb::StageMoveMode::Suggest,
            MoveMode::Auto => pb::StageMoveMode::Auto,
        }
        .into(),
        min_confidence: rule.min_confidence,
        needed_field_ids: rule.needed_field_ids,
        condition: rule.condition,
    }
}
