//! What the agent would do in the CRM. The model proposes; only known kinds pass, and nothing is
//! ever addressed by the model: lead, channel and organization are bound by the conversation.

use serde_json::{Value, json};

use super::answer::Proposed;
use super::trace::{Action, ActionState};

/// Actions of one turn at most.
const MOST_ACTIONS: usize = 8;
/// Characters of an action's text at most.
const MOST_TEXT: usize = 1_000;

const KINDS: &[&str] = &[
    "create_task",
    "add_note",
    "add_tag",
    "move_stage",
    "set_field",
];

/// Judges what the model proposed.
pub fn judge(proposed: Vec<Proposed>, strict: bool) -> Vec<Action> {
    proposed
        .into_iter()
        .enumerate()
        .map(|(index, proposed)| {
            let reason = refusal(&proposed, index, strict);
            let state = if reason.is_empty() {
                ActionState::WouldDo
            } else {
                ActionState::Refused
            };
            Action {
                kind: proposed.kind.chars().take(64).collect(),
                detail: json!({"text": text_of(&proposed.detail)}),
                state,
                reason: reason.to_owned(),
            }
        })
        .collect()
}

fn refusal(proposed: &Proposed, index: usize, strict: bool) -> &'static str {
    let kind = proposed.kind.as_str();
    if strict {
        "strict_mode"
    } else if index >= MOST_ACTIONS {
        "too_many_actions"
    } else if !KINDS.contains(&kind) {
        "unknown_action"
    } else if matches!(kind, "move_stage" | "set_field") {
        // No row of the stage-move matrix or of the write rules means never.
        "no_rule_allows"
    } else if text_of(&proposed.detail).is_empty() {
        "empty"
    } else {
        ""
    }
}

fn text_of(detail: &Value) -> String {
    let text = match detail {
        Value::String(text) => text.as_str(),
        Value::Object(fields) => fields
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default(),
        _ => "",
    };
    text.trim().chars().take(MOST_TEXT).collect()
}

/// An action decided by us, not by the model.
pub fn own(kind: &str, text: &str) -> Action {
    let text: String = text.chars().take(MOST_TEXT).collect();
    Action {
        kind: kind.to_owned(),
        detail: json!({"text": text}),
        state: ActionState::WouldDo,
        reason: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(kind: &str, detail: Value) -> Proposed {
        Proposed {
            kind: kind.to_owned(),
            detail,
        }
    }

    #[test]
    fn only_known_actions_with_a_text_pass() {
        let actions = judge(
            vec![
                proposed("create_task", json!({"text": " перезвонить "})),
                proposed("delete_everything", json!({"text": "x"})),
                proposed("add_note", json!({})),
                proposed("move_stage", json!({"text": "won"})),
            ],
            false,
        );
        let seen: Vec<_> = actions
            .iter()
            .map(|action| action.reason.as_str())
            .collect();
        assert_eq!(seen, ["", "unknown_action", "empty", "no_rule_allows"]);
        assert_eq!(actions[0].detail, json!({"text": "перезвонить"}));
    }

    #[test]
    fn nothing_is_done_in_strict_mode_nor_beyond_the_cap() {
        let task = || proposed("create_task", json!({"text": "x"}));
        assert_eq!(judge(vec![task()], true)[0].reason, "strict_mode");
        let many = judge((0..20).map(|_| task()).collect(), false);
        assert_eq!(
            many.iter()
                .filter(|a| a.state == ActionState::WouldDo)
                .count(),
            MOST_ACTIONS
        );
    }

    #[test]
    fn ids_the_model_smuggles_in_are_dropped() {
        let actions = judge(
            vec![proposed("add_note", json!({"text": "hi", "lead_id": 7}))],
            false,
        );
        assert_eq!(actions[0].detail, json!({"text": "hi"}));
    }
}
