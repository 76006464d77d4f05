//! What the agent does in the CRM. The model proposes; plain code disposes. Nothing is ever
//! addressed by the model: lead, connection and organization are the conversation's, and stages,
//! fields and people are chosen by their labels from lists that the model was given.

mod company;
mod effect;
mod labels;
mod value;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

pub use effect::Effect;

use super::Mode;
use super::answer::{Proposed, Remembered};
use super::known::Crm;
use super::trace::{Action, ActionState};
use crate::catalog::{Field, LossReason, User};
use crate::crm_settings::{FieldEntity, FieldWrite, LOST, MoveMode, StageMove};
use labels::{Labels, plain};

/// Actions of one turn at most.
const MOST_ACTIONS: usize = 8;
/// Refused proposals that a trace keeps.
const MOST_KEPT: usize = 24;
/// Characters of an action's text at most.
const MOST_TEXT: usize = 1_000;
/// Characters of a tag at most: Kommo's limit.
const MOST_TAG: usize = 255;
/// People that the model may choose among.
const MOST_PEOPLE: usize = 30;
/// When a task is due that nobody gave a time, and the latest time that may be given.
const TASK_HOURS: f64 = 24.0;
const MOST_TASK_HOURS: f64 = 720.0;
/// When a person is to look at what the agent could not answer.
const OWN_TASK: TimeDelta = TimeDelta::hours(1);

const KINDS: &[&str] = &[
    "create_task",
    "add_note",
    "add_tag",
    "remove_tag",
    "move_stage",
    "set_field",
    "assign",
    "run_salesbot",
    "hand_off",
];
/// Kinds that need no account to be shown in a test.
const FREE: &[&str] = &[
    "create_task",
    "add_note",
    "add_tag",
    "remove_tag",
    "hand_off",
];

/// What the model may propose in a turn, and how that is judged.
#[derive(Debug)]
pub struct Tools<'a> {
    pub crm: Option<&'a Crm>,
    pub mode: Mode,
    /// The guard saw an attempt to command the agent: nothing is done.
    pub strict: bool,
    pub now: DateTime<Utc>,
    /// What the client has written, unmasked, newest last.
    pub client_texts: &'a [String],
}

/// Why a proposal is refused.
type Refusal = &'static str;

/// A proposal that is allowed.
struct Allowed {
    effect: Option<Effect>,
    detail: Value,
    /// A person is to do it.
    suggested: bool,
}

/// What of a proposal's detail is read; everything else in it is dropped.
struct Detail {
    text: String,
    name: String,
    value: String,
    confidence: f64,
    due_hours: f64,
}

impl Detail {
    fn read(detail: &Value) -> Self {
        let word = |name: &str| detail.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| detail.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        let cut = |text: &str| text.trim().chars().take(MOST_TEXT).collect();
        Self {
            text: cut(detail.as_str().unwrap_or_else(|| word("text"))),
            name: cut(word("name")),
            value: cut(word("value")),
            confidence: number("confidence"),
            due_hours: number("due_hours"),
        }
    }
}

impl Tools<'_> {
    /// Judges what the model proposed: the allowed first, in the order in which they are to be done.
    pub fn judge(&self, proposed: &[Proposed]) -> Vec<Action> {
        let mut judged: Vec<Action> = Vec::new();
        let (mut moves, mut others) = (Vec::new(), Vec::new());
        for (index, proposed) in proposed.iter().enumerate().take(MOST_KEPT) {
            let is_move = proposed.kind == "move_stage";
            let list = if is_move { &mut moves } else { &mut others };
            list.push((index, proposed));
        }
        // What is written first may be what a move needs.
        for (index, proposed) in others.into_iter().chain(moves) {
            let outcome = if index >= MOST_ACTIONS {
                Err("too_many_actions")
            } else {
                self.judge_one(proposed, &judged)
            };
            judged.push(self.action(proposed, outcome));
        }
        judged
    }

    fn action(&self, proposed: &Proposed, outcome: Result<Allowed, Refusal>) -> Action {
        let kind = proposed.kind.chars().take(64).collect();
        match outcome {
            Ok(allowed) => Action {
                kind,
                detail: allowed.detail,
                state: match (allowed.suggested, self.mode) {
                    (true, _) => ActionState::Suggested,
                    (false, Mode::Test | Mode::Eval) => ActionState::WouldDo,
                    (false, Mode::Live) => ActionState::Proposed,
                },
                reason: String::new(),
                effect: allowed.effect.filter(|_| !allowed.suggested),
                ..Action::default()
            },
            Err(reason) => {
                let detail = Detail::read(&proposed.detail);
                let Detail {
                    text, name, value, ..
                } = detail;
                Action {
                    kind,
                    detail: json!({"text": text, "name": name, "value": value}),
                    state: ActionState::Refused,
                    reason: reason.to_owned(),
                    ..Action::default()
                }
            }
        }
    }

    fn judge_one(&self, proposed: &Proposed, before: &[Action]) -> Result<Allowed, Refusal> {
        let kind = proposed.kind.as_str();
        if self.strict {
            return Err("strict_mode");
        }
        if !KINDS.contains(&kind) {
            return Err("unknown_action");
        }
        let detail = Detail::read(&proposed.detail);
        self.check_lead(kind)?;
        let allowed = match kind {
            "create_task" => self.create_task(detail),
            "add_note" => add_note(detail),
            "add_tag" | "remove_tag" => tag(kind, &detail),
            "hand_off" => hand_off(detail),
            _ => match self.crm {
                None => Err("no_rule_allows"),
                Some(crm) => self.judge_bound(crm, kind, &detail, before),
            },
        }?;
        if contradicts(&allowed, before) {
            return Err("contradicts");
        }
        Ok(allowed)
    }

    /// Whether there is a lead to which something of this kind can be done.
    fn check_lead(&self, kind: &str) -> Result<(), Refusal> {
        match self.crm {
            Some(crm) if crm.lead.lead_id == 0 && self.mode == Mode::Live => Err("no_lead"),
            Some(crm) if crm.lead.stale => Err("crm_unreachable"),
            None if !FREE.contains(&kind) => Err("no_rule_allows"),
            _ => Ok(()),
        }
    }

    fn judge_bound(
        &self,
        crm: &Crm,
        kind: &str,
        detail: &Detail,
        before: &[Action],
    ) -> Result<Allowed, Refusal> {
        match kind {
            "move_stage" => move_stage(crm, detail, before),
            "set_field" => self.set_field(crm, detail),
            "assign" => assign(crm, detail),
            _ => run_salesbot(crm, detail),
        }
    }

    fn create_task(&self, detail: Detail) -> Result<Allowed, Refusal> {
        let text = written(detail.text)?;
        let hours = if detail.due_hours.is_finite() && detail.due_hours >= 1.0 {
            detail.due_hours.min(MOST_TASK_HOURS)
        } else {
            TASK_HOURS
        };
        #[expect(clippy::cast_possible_truncation, reason = "at most 720")]
        let due = self.now + TimeDelta::hours(hours as i64);
        Ok(Allowed {
            detail: json!({"text": text, "due": due}),
            effect: Some(Effect::CreateTask { text, due }),
            suggested: false,
        })
    }

    fn set_field(&self, crm: &Crm, detail: &Detail) -> Result<Allowed, Refusal> {
        let rules = writable(crm);
        let labels = Labels::of(rules.iter().map(|(_, field)| field.display_name.as_str()));
        let (rule, field) = rules
            .get(labels.find(&detail.name).ok_or("no_rule_allows")?)
            .ok_or("no_rule_allows")?;
        let given = value::checked(field, &detail.value, self.client_texts)?;
        let old = crm.value(rule.entity, rule.field_id);
        if old == given.value {
            return Err("unchanged");
        }
        if !old.is_empty() && !rule.overwrite {
            return Err("field_has_value");
        }
        Ok(Allowed {
            detail: json!({
                "field": field.display_name, "value": given.value, "evidence": given.evidence,
            }),
            effect: Some(Effect::SetField {
                entity: rule.entity,
                field_id: rule.field_id,
                value: given.value,
                overwrite: rule.overwrite,
            }),
            suggested: false,
        })
    }

    /// What the model is told it may propose; empty when nothing.
    pub fn menu(&self) -> String {
        let Some(crm) = self.crm.filter(|_| !self.strict) else {
            return String::new();
        };
        if crm.lead.stale {
            return String::new();
        }
        let mut lines = Vec::new();
        let moves = moves(crm);
        let stages = Labels::of(moves.iter().map(|(_, name)| *name));
        for (label, (rule, _)) in stages.iter().zip(&moves) {
            lines.push(condition(
                format!("move_stage name=\"{label}\""),
                &rule.condition,
            ));
        }
        if moves.iter().any(|(rule, _)| rule.to_stage_id == LOST) {
            let reasons = Labels::of(crm.catalog.loss_reasons.iter().map(loss_name));
            let listed: Vec<_> = reasons.iter().map(|label| format!("\"{label}\"")).collect();
            lines.push(format!(
                "  for a lost lead `value` is one of {}",
                listed.join(", ")
            ));
        }
        let rules = writable(crm);
        let fields = Labels::of(rules.iter().map(|(_, field)| field.display_name.as_str()));
        for (label, (rule, field)) in fields.iter().zip(&rules) {
            let line = format!("set_field name=\"{label}\"{}", value::form(field));
            lines.push(condition(line, &rule.condition));
        }
        let users = crm.catalog.users.iter().filter(|user| !user.gone);
        let names = users
            .take(MOST_PEOPLE)
            .map(|user| user.display_name.as_str());
        for label in Labels::of(names).iter() {
            lines.push(format!("assign name=\"{label}\""));
        }
        for label in Labels::of(crm.rules.salesbot_ids.iter().map(|_| "bot")).iter() {
            lines.push(format!("run_salesbot name=\"{label}\""));
        }
        lines.join("\n")
    }
}

fn condition(line: String, condition: &str) -> String {
    if condition.is_empty() {
        line
    } else {
        format!("{line} when: {}", plain(condition, 500))
    }
}

fn loss_name(reason: &LossReason) -> &str {
    &reason.display_name
}

/// Moves from where the lead is that a rule allows or suggests, with the names of their stages.
fn moves(crm: &Crm) -> Vec<(&StageMove, &str)> {
    let lead = &crm.lead;
    let from_here = crm.rules.stage_moves.iter().filter(|rule| {
        rule.mode != MoveMode::Never
            && rule.pipeline_id == lead.pipeline_id
            && rule.from_stage_id == lead.stage_id
    });
    let named = from_here.filter_map(|rule| {
        let stage = crm.catalog.stage(rule.pipeline_id, rule.to_stage_id)?;
        Some((rule, stage.display_name.as_str()))
    });
    named.collect()
}

/// Fields that may be written and are there, with their rules.
fn writable(crm: &Crm) -> Vec<(&FieldWrite, &Field)> {
    let known = crm.rules.write_fields.iter().filter_map(|rule| {
        let field = crm.catalog.field(rule.entity.as_str(), rule.field_id)?;
        (!field.read_only).then_some((rule, field))
    });
    known.collect()
}

fn move_stage(crm: &Crm, detail: &Detail, before: &[Action]) -> Result<Allowed, Refusal> {
    let moves = moves(crm);
    let labels = Labels::of(moves.iter().map(|(_, name)| *name));
    let (rule, name) = moves
        .get(labels.find(&detail.name).ok_or("no_rule_allows")?)
        .ok_or("no_rule_allows")?;
    check_confidence(rule, detail.confidence)?;
    let loss_reason_id = loss_reason(crm, rule, detail)?;
    let moved = moved(crm, rule, loss_reason_id, before)?;
    Ok(Allowed {
        detail: json!({
            "stage": name, "from": crm.stage_name(), "confidence": detail.confidence,
            "text": detail.text,
        }),
        effect: Some(moved),
        suggested: rule.mode == MoveMode::Suggest,
    })
}

fn check_confidence(rule: &StageMove, confidence: f64) -> Result<(), Refusal> {
    // What is no number is no confidence.
    if confidence >= rule.min_confidence && confidence <= 1.0 {
        Ok(())
    } else {
        Err("confidence_too_low")
    }
}

/// The move that a rule allows, when what it needs is there.
fn moved(
    crm: &Crm,
    rule: &StageMove,
    loss_reason_id: i64,
    before: &[Action],
) -> Result<Effect, Refusal> {
    Ok(Effect::MoveStage {
        pipeline_id: rule.pipeline_id,
        stage_id: rule.to_stage_id,
        from_pipeline_id: crm.lead.pipeline_id,
        from_stage_id: crm.lead.stage_id,
        loss_reason_id,
        needs_fields: written_now(crm, rule, before)?,
    })
}

fn loss_reason(crm: &Crm, rule: &StageMove, detail: &Detail) -> Result<i64, Refusal> {
    let reasons = &crm.catalog.loss_reasons;
    if rule.to_stage_id != LOST || reasons.is_empty() {
        return Ok(0);
    }
    let labels = Labels::of(reasons.iter().map(loss_name));
    let chosen = labels.find(&detail.value).and_then(|at| reasons.get(at));
    chosen
        .map(|reason| reason.loss_reason_id)
        .ok_or("loss_reason_needed")
}

/// The needed fields that this very turn writes; the others must have values.
fn written_now(crm: &Crm, rule: &StageMove, before: &[Action]) -> Result<Vec<i64>, Refusal> {
    let place = (rule.pipeline_id, rule.to_stage_id);
    let required = crm.catalog.fields.iter().filter(|field| {
        !field.gone && field.entity == "leads" && field.required_stages.contains(&place)
    });
    let required = required.map(|field| field.field_id);
    let needed = rule.needed_field_ids.iter().copied().chain(required);
    let mut written = Vec::new();
    for id in needed {
        if !crm.value(FieldEntity::Leads, id).is_empty() {
            continue;
        }
        let sets = |action: &Action| action.effect.as_ref().is_some_and(|e| e.sets(id));
        if !before.iter().any(sets) {
            return Err("field_needed");
        }
        if !written.contains(&id) {
            written.push(id);
        }
    }
    Ok(written)
}

fn add_note(detail: Detail) -> Result<Allowed, Refusal> {
    let text = written(detail.text)?;
    Ok(Allowed {
        detail: json!({"text": text}),
        effect: Some(Effect::AddNote {
            text,
            on_contact: false,
        }),
        suggested: false,
    })
}

fn hand_off(detail: Detail) -> Result<Allowed, Refusal> {
    Ok(Allowed {
        detail: json!({"text": detail.text}),
        effect: None,
        suggested: false,
    })
}

fn tag(kind: &str, detail: &Detail) -> Result<Allowed, Refusal> {
    let name = if detail.name.is_empty() {
        &detail.text
    } else {
        &detail.name
    };
    let tag = written(plain(name, MOST_TAG))?;
    Ok(Allowed {
        detail: json!({"text": tag}),
        effect: Some(if kind == "add_tag" {
            Effect::AddTag {
                tag,
                on_contact: false,
            }
        } else {
            Effect::RemoveTag {
                tag,
                on_contact: false,
            }
        }),
        suggested: false,
    })
}

fn assign(crm: &Crm, detail: &Detail) -> Result<Allowed, Refusal> {
    let users: Vec<&User> = crm.catalog.users.iter().filter(|user| !user.gone).collect();
    let labels = Labels::of(users.iter().map(|user| user.display_name.as_str()));
    let chosen = labels.find(&detail.name).and_then(|at| users.get(at));
    let user = chosen.ok_or("no_rule_allows")?;
    Ok(Allowed {
        detail: json!({"user": user.display_name}),
        effect: Some(Effect::Assign {
            user_id: user.user_id,
        }),
        suggested: false,
    })
}

fn run_salesbot(crm: &Crm, detail: &Detail) -> Result<Allowed, Refusal> {
    let bots = &crm.rules.salesbot_ids;
    let labels = Labels::of(bots.iter().map(|_| "bot"));
    let chosen = labels.find(&detail.name).and_then(|at| bots.get(at));
    let bot_id = *chosen.ok_or("no_rule_allows")?;
    Ok(Allowed {
        detail: json!({"bot_id": bot_id}),
        effect: Some(Effect::RunSalesbot { bot_id }),
        suggested: false,
    })
}

fn written(text: String) -> Result<String, Refusal> {
    if text.is_empty() {
        Err("empty")
    } else {
        Ok(text)
    }
}

/// Whether something of this turn says otherwise, or the same.
fn contradicts(allowed: &Allowed, before: &[Action]) -> bool {
    let Some(effect) = &allowed.effect else {
        return false;
    };
    let mut accepted = before.iter().filter_map(|action| action.effect.as_ref());
    accepted.any(|other| effect.contradicts(other))
}

/// What the model is told of refusals that other words may mend, once; `None` when there are none.
pub fn teaching(actions: &[Action]) -> Option<String> {
    let told = actions.iter().filter_map(|action| {
        let name = action.detail.get("name").and_then(Value::as_str);
        let what = match action.reason.as_str() {
            "field_needed" => "a field that it needs has no value: ask the client for it",
            "loss_reason_needed" => "a lost lead needs one of the listed reasons as `value`",
            "value_invalid" => "the value does not fit the field: ask the client for it",
            "no_evidence" => "the client has not given this value: ask for it",
            _ => return None,
        };
        Some(format!(
            "`{}` \"{}\" was not done: {what}.",
            action.kind,
            name.unwrap_or_default()
        ))
    });
    let told: Vec<_> = told.collect();
    (!told.is_empty()).then(|| format!("{} Do not say that it was.", told.join(" ")))
}

/// What the client says of a field that already has a value, and so was not written.
pub fn claim_of(action: &Action) -> Option<Remembered> {
    let word = |name: &str| action.detail.get(name).and_then(Value::as_str);
    (action.reason == "field_has_value").then_some(())?;
    Some(Remembered {
        key: word("name")?.to_owned(),
        content: word("value")?.to_owned(),
        kind: "fact".to_owned(),
    })
}

/// An action decided by us, not by the model.
pub fn own(kind: &str, text: &str, mode: Mode, now: DateTime<Utc>) -> Action {
    let text: String = text.chars().take(MOST_TEXT).collect();
    let due = now + OWN_TASK;
    Action {
        kind: kind.to_owned(),
        detail: json!({"text": text}),
        state: match mode {
            Mode::Test | Mode::Eval => ActionState::WouldDo,
            Mode::Live => ActionState::Proposed,
        },
        effect: (kind == "create_task").then_some(Effect::CreateTask { text, due }),
        ..Action::default()
    }
}

#[cfg(test)]
mod tests;
