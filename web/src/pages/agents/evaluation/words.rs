//! Words for states and expectations.

use leptos::prelude::*;

use crate::api::evaluation::{EvalAssert, EvalAssertKind, EvalRunState};
use crate::i18n::text;
use crate::pages::turn::words::{action_word, outcome_word};
use crate::ui::{Badge, Choice, Tone};

/// What can be expected.
pub(super) const KINDS: [EvalAssertKind; 7] = [
    EvalAssertKind::Contains,
    EvalAssertKind::NotContains,
    EvalAssertKind::Outcome,
    EvalAssertKind::Tool,
    EvalAssertKind::NoTool,
    EvalAssertKind::NumbersSourced,
    EvalAssertKind::MaxCost,
];

/// How a turn ends.
const OUTCOMES: [&str; 5] = ["answered", "no_answer", "handed_off", "silent", "fallback"];
/// What an agent does in the CRM.
const ACTIONS: [&str; 9] = [
    "move_stage",
    "set_field",
    "create_task",
    "add_note",
    "add_tag",
    "remove_tag",
    "assign",
    "run_salesbot",
    "hand_off",
];

pub(super) fn kind_word(kind: EvalAssertKind) -> &'static str {
    let t = text::evaluation();
    match kind {
        EvalAssertKind::Unspecified | EvalAssertKind::Contains => t.assert_contains,
        EvalAssertKind::NotContains => t.assert_not_contains,
        EvalAssertKind::Outcome => t.assert_outcome,
        EvalAssertKind::Tool => t.assert_tool,
        EvalAssertKind::NoTool => t.assert_no_tool,
        EvalAssertKind::NumbersSourced => t.assert_numbers,
        EvalAssertKind::MaxCost => t.assert_cost,
    }
}

/// What an expectation is chosen from; nothing where it is typed.
pub(super) fn value_choices(kind: EvalAssertKind) -> Vec<Choice> {
    let choice = |value: &'static str, word| Choice::new(value, word);
    match kind {
        EvalAssertKind::Outcome => OUTCOMES
            .map(|outcome| choice(outcome, outcome_word(outcome)))
            .into(),
        EvalAssertKind::Tool | EvalAssertKind::NoTool => {
            ACTIONS.map(|kind| choice(kind, action_word(kind))).into()
        }
        _ => Vec::new(),
    }
}

/// A value as people read it.
pub(super) fn value_word(kind: EvalAssertKind, value: String) -> String {
    let mut known = value_choices(kind).into_iter();
    let known = known.find(|choice| choice.value == value);
    known.map_or(value, |choice| choice.label)
}

/// An expectation as a sentence.
pub(super) fn assert_words(assert: &EvalAssert) -> String {
    let kind = assert.kind();
    let value = match kind {
        EvalAssertKind::MaxCost => assert.amount.to_string(),
        _ => value_word(kind, assert.value.clone()),
    };
    if value.is_empty() {
        return kind_word(kind).to_owned();
    }
    format!("{}: {value}", kind_word(kind))
}

/// Whether nothing more is tried.
pub(super) fn has_ended(state: EvalRunState) -> bool {
    !matches!(state, EvalRunState::Queued | EvalRunState::Running)
}

#[component]
pub(super) fn RunBadge(state: EvalRunState) -> impl IntoView {
    let t = text::evaluation();
    let (label, tone) = match state {
        EvalRunState::Unspecified | EvalRunState::Queued => (t.state_queued, Tone::Neutral),
        EvalRunState::Running => (t.state_running, Tone::Info),
        EvalRunState::Passed => (t.state_passed, Tone::Success),
        EvalRunState::Failed => (t.state_failed, Tone::Danger),
        EvalRunState::Cancelled => (t.state_cancelled, Tone::Neutral),
    };
    view! { <Badge label tone live=state == EvalRunState::Running /> }
}
