//! Where an agent works in the CRM, and what it may read and change there.

use std::collections::HashSet;
use std::hash::Hash;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use t11_core::{Etag, Violations};
use uuid::Uuid;

use crate::agent::{Agent, AnswerMode, State};
use crate::catalog::Catalog;

/// Stages that every pipeline of Kommo has: won and lost.
pub const WON: i64 = 142;
/// See [`WON`].
pub const LOST: i64 = 143;

const MOST_PIPELINES: usize = 50;
const MOST_STAGES: usize = 200;
const MOST_CHANNELS: usize = 50;
const MOST_FIELDS: usize = 50;
const MOST_MOVES: usize = 200;
const MOST_NEEDED: usize = 20;
const MOST_SALESBOTS: usize = 100;
/// A year.
const MOST_RESUME_HOURS: i32 = 8_760;

/// What fields belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldEntity {
    Leads,
    Contacts,
}

impl FieldEntity {
    /// Kommo's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Contacts => "contacts",
        }
    }

    /// Reads [`FieldEntity::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Leads, Self::Contacts]
            .into_iter()
            .find(|entity| entity.as_str() == word)
    }
}

/// Whether the agent may move a lead from one stage to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveMode {
    #[default]
    Never,
    /// Noted at the turn; a person does it.
    Suggest,
    Auto,
}

/// A stage with settings of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StageSettings {
    pub stage_id: i64,
    /// `None` = the agent's.
    pub answer_mode: Option<AnswerMode>,
    pub instructions: String,
    /// What is to be reached here.
    pub goal: String,
    /// When it is reached.
    pub exit_criteria: String,
}

/// A pipeline the agent works in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PipelineSettings {
    pub pipeline_id: i64,
    /// Every stage but won and lost.
    pub all_stages: bool,
    pub stages: Vec<StageSettings>,
}

/// A field the agent may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRead {
    pub entity: FieldEntity,
    pub field_id: i64,
}

/// A field the agent may write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldWrite {
    pub entity: FieldEntity,
    pub field_id: i64,
    /// When, in words.
    pub condition: String,
    /// Whether a value that is there may be replaced.
    pub overwrite: bool,
}

/// A row of the stage-move matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageMove {
    pub pipeline_id: i64,
    pub from_stage_id: i64,
    pub to_stage_id: i64,
    pub mode: MoveMode,
    /// 0–1: of the model's own confidence.
    pub min_confidence: f64,
    /// Fields of the lead that must have values.
    pub needed_field_ids: Vec<i64>,
    /// When, in words.
    pub condition: String,
}

/// What a person has set; limits are those of the proto.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CrmRules {
    /// `None` = the agent works nowhere.
    pub connection: Option<Uuid>,
    pub pipelines: Vec<PipelineSettings>,
    pub all_channels: bool,
    /// The CRM's words; with `all_channels` none.
    pub channels: Vec<String>,
    pub read_fields: Vec<FieldRead>,
    pub write_fields: Vec<FieldWrite>,
    /// What is not listed never happens.
    pub stage_moves: Vec<StageMove>,
    /// Hours until the agent has the word again after a person; 0 = only by hand.
    pub resume_after_hours: i32,
    pub salesbot_ids: Vec<i64>,
}

/// An agent's settings for the CRM.
#[derive(Debug, Clone, PartialEq)]
pub struct CrmSettings {
    pub agent_id: Uuid,
    pub rules: CrmRules,
    /// What the rules name and the account has no longer: `pipelines/700`,
    /// `pipelines/700/stages/7001`, `leads/fields/31`.
    pub gone: Vec<String>,
    /// 0 = never set.
    pub revision: i64,
    pub update_time: Option<DateTime<Utc>>,
}

/// Who answers on a stage and channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Placement {
    Agent {
        agent: Box<Agent>,
        settings: Box<CrmSettings>,
        /// Never [`AnswerMode::Off`].
        answer_mode: AnswerMode,
        /// `None` where the pipeline's stages are all chosen and this one has no settings.
        stage: Option<StageSettings>,
    },
    /// Nobody, and why: a skip reason.
    Off(&'static str),
}

/// Why one agent does not answer at a place, the most telling last.
const OFF: [&str; 4] = ["stage_off", "agent_off", "channel_off", "stage_gone"];

impl CrmSettings {
    /// Those of an agent that was never given any.
    pub fn none(agent_id: Uuid) -> Self {
        Self {
            agent_id,
            rules: CrmRules::default(),
            gone: Vec::new(),
            revision: 0,
            update_time: None,
        }
    }

    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }

    /// The same without what is gone and other rules name.
    #[must_use]
    pub fn of_its_rules(mut self) -> Self {
        let named: Vec<_> = self.rules.named();
        let is_named = |gone: &String| named.iter().any(|(_, name)| name.to_string() == *gone);
        self.gone.retain(is_named);
        self
    }

    /// Whether the account has lost more than was known.
    pub fn has_lost_more(&self, catalog: &Catalog) -> bool {
        let gone = self.rules.gone(catalog);
        gone.iter().any(|name| !self.gone.contains(name))
    }

    /// Whether the account has the stage no longer.
    pub fn is_gone(&self, pipeline_id: i64, stage_id: i64) -> bool {
        let pipeline = pipeline_name(pipeline_id);
        let stage = stage_name(pipeline_id, stage_id);
        self.gone
            .iter()
            .any(|gone| *gone == pipeline || *gone == stage)
    }
}

/// A stage of a pipeline on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub pipeline_id: i64,
    pub stage_id: i64,
    pub channel: &'a str,
}

/// Who of the agents with settings for a connection answers at `place`: one that answers by
/// itself before one whose answers wait for a person.
pub fn placement(candidates: Vec<(Agent, CrmSettings)>, place: Place<'_>) -> Placement {
    let mut best = Placement::Off(OFF[0]);
    for (agent, settings) in candidates {
        let other = at(agent, settings, place);
        if rank(&other) > rank(&best) {
            best = other;
        }
    }
    best
}

fn rank(placement: &Placement) -> usize {
    match placement {
        Placement::Off(reason) => OFF.iter().position(|off| off == reason).unwrap_or(0),
        Placement::Agent { answer_mode, .. } if *answer_mode == AnswerMode::Auto => OFF.len() + 1,
        Placement::Agent { .. } => OFF.len(),
    }
}

/// One agent at a place. The agent's own `off` is its main switch; a stage's mode refines the rest.
fn at(agent: Agent, settings: CrmSettings, place: Place<'_>) -> Placement {
    let Some(stage) = settings.rules.stage(place.pipeline_id, place.stage_id) else {
        return Placement::Off("stage_off");
    };
    if agent.state != State::Active || agent.settings.answer_mode == AnswerMode::Off {
        return Placement::Off("agent_off");
    }
    if !settings.rules.has_channel(place.channel) {
        return Placement::Off("channel_off");
    }
    if settings.is_gone(place.pipeline_id, place.stage_id) {
        return Placement::Off("stage_gone");
    }
    let own = stage.and_then(|stage| stage.answer_mode);
    let answer_mode = own.unwrap_or(agent.settings.answer_mode);
    if answer_mode == AnswerMode::Off {
        return Placement::Off("stage_off");
    }
    Placement::Agent {
        stage: stage.cloned(),
        agent: Box::new(agent),
        settings: Box::new(settings),
        answer_mode,
    }
}

impl CrmRules {
    /// `None`: the agent does not work on this stage. `Some(None)`: it does, without settings of
    /// its own there.
    pub fn stage(&self, pipeline_id: i64, stage_id: i64) -> Option<Option<&StageSettings>> {
        let pipeline = self
            .pipelines
            .iter()
            .find(|pipeline| pipeline.pipeline_id == pipeline_id)?;
        let own = pipeline
            .stages
            .iter()
            .find(|stage| stage.stage_id == stage_id);
        let open = stage_id != WON && stage_id != LOST;
        (own.is_some() || (pipeline.all_stages && open)).then_some(own)
    }

    /// Whether the agent answers on this channel.
    pub fn has_channel(&self, channel: &str) -> bool {
        self.all_channels || self.channels.iter().any(|own| own == channel)
    }

    /// The first stage on which both answer by themselves, on a channel that both have.
    pub fn meets(&self, mode: AnswerMode, other: &Self, others: AnswerMode) -> Option<(i64, i64)> {
        if self.connection.is_none() || self.connection != other.connection {
            return None;
        }
        let shared = self.all_channels && (other.all_channels || !other.channels.is_empty())
            || self
                .channels
                .iter()
                .any(|channel| other.has_channel(channel));
        let named = self.pipelines.iter().chain(&other.pipelines);
        let mut stages = named.flat_map(|pipeline| {
            // Stages without settings of either are all alike: one stands for them.
            let unnamed = pipeline.all_stages.then_some(0);
            let named = pipeline.stages.iter().map(|stage| stage.stage_id);
            named
                .chain(unnamed)
                .map(|stage_id| (pipeline.pipeline_id, stage_id))
        });
        stages.find(|(pipeline_id, stage_id)| {
            shared
                && self.answers_alone(mode, *pipeline_id, *stage_id)
                && other.answers_alone(others, *pipeline_id, *stage_id)
        })
    }

    fn answers_alone(&self, mode: AnswerMode, pipeline_id: i64, stage_id: i64) -> bool {
        let stage = self.stage(pipeline_id, stage_id);
        let own = stage.map(|own| own.and_then(|stage| stage.answer_mode).unwrap_or(mode));
        mode != AnswerMode::Off && own == Some(AnswerMode::Auto)
    }

    /// Checks limits, and with a catalog that the account has what is named.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn check(mut self, catalog: Option<&Catalog>) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        self.check_pipelines(&mut violations);
        self.check_channels(&mut violations);
        self.check_fields(&mut violations);
        self.check_moves(&mut violations);
        let hours = self.resume_after_hours;
        violations.range(
            "crm_settings.resume_after_hours",
            hours,
            0,
            MOST_RESUME_HOURS,
        );
        let salesbots = "crm_settings.salesbot_ids";
        most(
            &mut violations,
            salesbots,
            self.salesbot_ids.len(),
            MOST_SALESBOTS,
        );
        once(&mut violations, salesbots, self.salesbot_ids.iter());
        if self.salesbot_ids.iter().any(|id| *id <= 0) {
            violations.add(salesbots, "OUT_OF_RANGE", "a Salesbot's id is above 0");
        }
        if let Some(catalog) = catalog {
            self.check_against(catalog, &mut violations);
        }
        violations.check().map(|()| self)
    }

    fn check_pipelines(&mut self, violations: &mut Violations) {
        if self.connection.is_none() && self.names_anything() {
            let words = "choose the connection that the rest belongs to";
            violations.add("crm_settings.connection", "REQUIRED", words);
        }
        let field = "crm_settings.pipelines";
        most(violations, field, self.pipelines.len(), MOST_PIPELINES);
        once(
            violations,
            field,
            self.pipelines.iter().map(|p| p.pipeline_id),
        );
        let stages = self.pipelines.iter().map(|p| p.stages.len()).sum();
        most(
            violations,
            "crm_settings.pipelines.stages",
            stages,
            MOST_STAGES,
        );
        for (index, pipeline) in self.pipelines.iter_mut().enumerate() {
            let field = format!("crm_settings.pipelines[{index}].stages");
            once(
                violations,
                &field,
                pipeline.stages.iter().map(|s| s.stage_id),
            );
            for (index, stage) in pipeline.stages.iter_mut().enumerate() {
                let text = |violations: &mut Violations, name: &str, text: &str, max| {
                    violations.text(&format!("{field}[{index}].{name}"), text, 0, max)
                };
                stage.instructions = text(violations, "instructions", &stage.instructions, 8_000);
                stage.goal = text(violations, "goal", &stage.goal, 1_000);
                stage.exit_criteria =
                    text(violations, "exit_criteria", &stage.exit_criteria, 1_000);
            }
        }
    }

    fn names_anything(&self) -> bool {
        !(self.pipelines.is_empty()
            && self.read_fields.is_empty()
            && self.write_fields.is_empty()
            && self.stage_moves.is_empty()
            && self.salesbot_ids.is_empty())
    }

    fn check_channels(&mut self, violations: &mut Violations) {
        let field = "crm_settings.channels";
        most(violations, field, self.channels.len(), MOST_CHANNELS);
        once(violations, field, self.channels.iter());
        for (index, channel) in self.channels.iter_mut().enumerate() {
            *channel = violations.text(&format!("{field}[{index}]"), channel, 1, 64);
        }
        if self.all_channels && !self.channels.is_empty() {
            violations.add(field, "CONFLICT", "with `all_channels` none is named");
        }
    }

    fn check_fields(&mut self, violations: &mut Violations) {
        let reads = "crm_settings.read_fields";
        most(violations, reads, self.read_fields.len(), MOST_FIELDS);
        once(
            violations,
            reads,
            self.read_fields.iter().map(|f| (f.entity, f.field_id)),
        );
        let writes = "crm_settings.write_fields";
        most(violations, writes, self.write_fields.len(), MOST_FIELDS);
        once(
            violations,
            writes,
            self.write_fields.iter().map(|f| (f.entity, f.field_id)),
        );
        for (index, rule) in self.write_fields.iter_mut().enumerate() {
            let field = format!("{writes}[{index}].condition");
            rule.condition = violations.text(&field, &rule.condition, 0, 500);
        }
    }

    fn check_moves(&mut self, violations: &mut Violations) {
        let moves = "crm_settings.stage_moves";
        most(violations, moves, self.stage_moves.len(), MOST_MOVES);
        let ways = self.stage_moves.iter();
        once(
            violations,
            moves,
            ways.map(|m| (m.pipeline_id, m.from_stage_id, m.to_stage_id)),
        );
        for (index, rule) in self.stage_moves.iter_mut().enumerate() {
            let field = |name: &str| format!("{moves}[{index}].{name}");
            if !(0.0..=1.0).contains(&rule.min_confidence) {
                let words = "a confidence is from 0 to 1";
                violations.add(field("min_confidence"), "OUT_OF_RANGE", words);
            }
            if rule.from_stage_id == rule.to_stage_id {
                let words = "a lead does not move to where it is";
                violations.add(field("to_stage_id"), "CONFLICT", words);
            }
            let needed = field("needed_field_ids");
            most(
                violations,
                &needed,
                rule.needed_field_ids.len(),
                MOST_NEEDED,
            );
            once(violations, &needed, rule.needed_field_ids.iter());
            rule.condition = violations.text(&field("condition"), &rule.condition, 0, 500);
        }
    }

    fn check_against(&self, catalog: &Catalog, violations: &mut Violations) {
        for (field, name) in self.named() {
            if !catalog.has(&name) {
                let words = "the account has it not, or has it no longer";
                violations.add(field, "NOT_FOUND", words);
            }
        }
    }

    /// What the rules name and the catalog has no longer.
    pub fn gone(&self, catalog: &Catalog) -> Vec<String> {
        let mut gone: Vec<_> = self
            .named()
            .into_iter()
            .filter(|(_, name)| !catalog.has(name))
            .map(|(_, name)| name.to_string())
            .collect();
        gone.sort();
        gone.dedup();
        gone
    }

    /// Stages (with their pipelines) that the agent works on by name, that are gone, and that are not
    /// among what was `known` to be.
    pub fn lost_stages(&self, catalog: &Catalog, known: &[String]) -> Vec<(i64, i64)> {
        let named = self.pipelines.iter().flat_map(|pipeline| {
            let stages = pipeline.stages.iter();
            stages.map(|stage| (pipeline.pipeline_id, stage.stage_id))
        });
        named
            .filter(|(pipeline, stage)| catalog.stage(*pipeline, *stage).is_none())
            .filter(|(pipeline, stage)| !known.contains(&stage_name(*pipeline, *stage)))
            .collect()
    }

    /// Everything of the account that the rules name, with the field that names it.
    fn named(&self) -> Vec<(String, Named)> {
        let mut named = Vec::new();
        for (index, pipeline) in self.pipelines.iter().enumerate() {
            let field = format!("crm_settings.pipelines[{index}]");
            let id = pipeline.pipeline_id;
            named.push((format!("{field}.pipeline_id"), Named::Pipeline(id)));
            for (index, stage) in pipeline.stages.iter().enumerate() {
                let field = format!("{field}.stages[{index}].stage_id");
                named.push((field, Named::Stage(id, stage.stage_id)));
            }
        }
        for (index, read) in self.read_fields.iter().enumerate() {
            let field = format!("crm_settings.read_fields[{index}].field_id");
            named.push((field, Named::Field(read.entity, read.field_id)));
        }
        for (index, write) in self.write_fields.iter().enumerate() {
            let field = format!("crm_settings.write_fields[{index}].field_id");
            named.push((field, Named::Field(write.entity, write.field_id)));
        }
        for (index, rule) in self.stage_moves.iter().enumerate() {
            let field = |name: &str| format!("crm_settings.stage_moves[{index}].{name}");
            let (id, from, to) = (rule.pipeline_id, rule.from_stage_id, rule.to_stage_id);
            named.push((field("from_stage_id"), Named::Stage(id, from)));
            named.push((field("to_stage_id"), Named::Stage(id, to)));
            for (index, needed) in rule.needed_field_ids.iter().enumerate() {
                let field = format!("{}[{index}]", field("needed_field_ids"));
                named.push((field, Named::Field(FieldEntity::Leads, *needed)));
            }
        }
        named
    }
}

/// Something of the account that settings name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Pipeline(i64),
    /// Pipeline and stage: won and lost have one id in all pipelines.
    Stage(i64, i64),
    Field(FieldEntity, i64),
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pipeline(id) => f.write_str(&pipeline_name(*id)),
            Self::Stage(pipeline, id) => f.write_str(&stage_name(*pipeline, *id)),
            Self::Field(entity, id) => write!(f, "{}/fields/{id}", entity.as_str()),
        }
    }
}

fn pipeline_name(pipeline_id: i64) -> String {
    format!("pipelines/{pipeline_id}")
}

fn stage_name(pipeline_id: i64, stage_id: i64) -> String {
    format!("pipelines/{pipeline_id}/stages/{stage_id}")
}

fn most(violations: &mut Violations, field: &str, count: usize, max: usize) {
    if count > max {
        violations.add(field, "TOO_MANY", format!("at most {max}"));
    }
}

fn once<T: Eq + Hash>(
    violations: &mut Violations,
    field: &str,
    mut items: impl Iterator<Item = T>,
) {
    let mut seen = HashSet::new();
    if !items.all(|item| seen.insert(item)) {
        violations.add(field, "DUPLICATE", "each may be named once");
    }
}

#[cfg(test)]
mod tests;
