//! `TriggerService` and `SequenceService`: what they share.

mod sequences;
mod triggers;

use t11_core::{Violations, parse_name};
use t11_proto::agents::v1 as pb;
use uuid::Uuid;

use crate::Error;
use crate::automation::Act;
use crate::turn::Action;

/// Reads `agents/{agent}`.
fn agent(name: &str) -> Result<Uuid, Error> {
    Ok(parse_name("agents", name)?)
}

/// An act as it was asked for, of `agent`; `None` for one that cannot be read, which is noted.
fn act(
    given: &pb::AutomationAction,
    agent: Uuid,
    field: &str,
    violations: &mut Violations,
) -> Option<Act> {
    use pb::AutomationActionKind as Kind;
    let on_contact = given.on_contact;
    Some(match given.kind() {
        Kind::Unspecified => {
            violations.add(format!("{field}.kind"), "REQUIRED", "what is to be done");
            return None;
        }
        Kind::HandOff => Act::HandOff {
            silent: given.silent,
        },
        Kind::StartSequence => Act::StartSequence {
            sequence: sequence(&given.sequence, agent, field, violations)?,
        },
        Kind::StopSequence => Act::StopSequence {
            sequence: sequence(&given.sequence, agent, field, violations)?,
        },
        Kind::MoveStage => Act::MoveStage {
            pipeline_id: given.pipeline_id,
            stage_id: given.stage_id,
            loss_reason_id: given.loss_reason_id,
        },
        Kind::CreateTask => Act::CreateTask {
            text: given.text.clone(),
            due_hours: given.due_hours,
        },
        Kind::AddNote => Act::AddNote {
            text: given.text.clone(),
            on_contact,
        },
        Kind::AddTag => Act::AddTag {
            tag: given.text.clone(),
            on_contact,
        },
        Kind::RemoveTag => Act::RemoveTag {
            tag: given.text.clone(),
            on_contact,
        },
        Kind::Assign => Act::Assign {
            user_id: given.user_id,
        },
        Kind::RunSalesbot => Act::RunSalesbot {
            bot_id: given.bot_id,
        },
        Kind::SendWebhook => Act::SendWebhook {
            url: given.url.clone(),
        },
    })
}

fn acts(
    given: &[pb::AutomationAction],
    agent: Uuid,
    field: &str,
    violations: &mut Violations,
) -> Vec<Act> {
    let given = given.iter().enumerate();
    given
        .filter_map(|(index, one)| act(one, agent, &format!("{field}[{index}]"), violations))
        .collect()
}

/// Reads `agents/{agent}/sequences/{sequence}` of this agent.
fn sequence(name: &str, agent: Uuid, field: &str, violations: &mut Violations) -> Option<Uuid> {
    let field = format!("{field}.sequence");
    match t11_core::parse_child_name("agents", "sequences", name) {
        Ok((of, id)) if of == agent => Some(id),
        Ok(_) => {
            violations.add(field, "NOT_FOUND", "the agent has no such sequence");
            None
        }
        Err(error) => {
            violations.add(field, "NAME_INVALID", error.to_string());
            None
        }
    }
}

fn pb_act(act: Act, agent: Uuid) -> pb::AutomationAction {
    use pb::AutomationActionKind as Kind;
    let kind = kind_of(act.kind());
    let empty = pb::AutomationAction {
        kind: kind.into(),
        ..pb::AutomationAction::default()
    };
    let named = |sequence| format!("agents/{agent}/sequences/{sequence}");
    match act {
        Act::HandOff { silent } => pb::AutomationAction { silent, ..empty },
        Act::StartSequence { sequence } | Act::StopSequence { sequence } => pb::AutomationAction {
            sequence: named(sequence),
            ..empty
        },
        Act::MoveStage {
            pipeline_id,
            stage_id,
            loss_reason_id,
        } => pb::AutomationAction {
            pipeline_id,
            stage_id,
            loss_reason_id,
            ..empty
        },
        Act::CreateTask { text, due_hours } => pb::AutomationAction {
            text,
            due_hours,
            ..empty
        },
        Act::AddNote { text, on_contact }
        | Act::AddTag {
            tag: text,
            on_contact,
        }
        | Act::RemoveTag {
            tag: text,
            on_contact,
        } => pb::AutomationAction {
            text,
            on_contact,
            ..empty
        },
        Act::Assign { user_id } => pb::AutomationAction { user_id, ..empty },
        Act::RunSalesbot { bot_id } => pb::AutomationAction { bot_id, ..empty },
        Act::SendWebhook { url } => pb::AutomationAction {
            kind: Kind::SendWebhook.into(),
            url,
            ..empty
        },
    }
}

fn kind_of(word: &str) -> pb::AutomationActionKind {
    use pb::AutomationActionKind as Kind;
    match word {
        "hand_off" => Kind::HandOff,
        "start_sequence" => Kind::StartSequence,
        "stop_sequence" => Kind::StopSequence,
        "move_stage" => Kind::MoveStage,
        "create_task" => Kind::CreateTask,
        "add_note" => Kind::AddNote,
        "add_tag" => Kind::AddTag,
        "remove_tag" => Kind::RemoveTag,
        "assign" => Kind::Assign,
        "run_salesbot" => Kind::RunSalesbot,
        "send_webhook" => Kind::SendWebhook,
        _ => Kind::Unspecified,
    }
}

fn outcome(action: Action) -> pb::AutomationOutcome {
    pb::AutomationOutcome {
        kind: kind_of(&action.kind).into(),
        state: action.state.as_str().to_owned(),
        reason: action.reason,
    }
}

/// The checked value, with the violations found before among its own.
fn checked<T>(outcome: Result<T, Violations>, mut violations: Violations) -> Result<T, Error> {
    match outcome {
        Ok(checked) => violations.check().map(|()| checked).map_err(Error::from),
        Err(more) => {
            violations.0.extend(more.0);
            Err(violations.into())
        }
    }
}
