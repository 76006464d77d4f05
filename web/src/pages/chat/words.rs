//! Words for the stable names of a turn.

use crate::api::conversations::TurnState;
use crate::i18n::text;
use crate::ui::Tone;

pub(super) fn step_word(kind: &str) -> &'static str {
    let t = &text().trace;
    match kind {
        "own_or_human" => t.step_own_or_human,
        "skip_rules" => t.step_skip_rules,
        "quiet_window" => t.step_quiet_window,
        "hard_rules" => t.step_hard_rules,
        "guard_in" => t.step_guard_in,
        "context" => t.step_context,
        "classify" => t.step_classify,
        "retrieve" => t.step_retrieve,
        "plays" => t.step_plays,
        "generate" => t.step_generate,
        "tools" => t.step_tools,
        "gates" => t.step_gates,
        "pace" => t.step_pace,
        "write_back" => t.step_write_back,
        "next_step" => t.step_next_step,
        _ => text().common.unknown,
    }
}

pub(super) fn verdict(verdict: &str) -> (&'static str, Tone) {
    let t = &text().trace;
    match verdict {
        "passed" => (t.verdict_passed, Tone::Success),
        "skipped" => (t.verdict_skipped, Tone::Neutral),
        "vetoed" => (t.verdict_vetoed, Tone::Danger),
        "hit" => (t.verdict_hit, Tone::Warn),
        "failed" => (t.verdict_failed, Tone::Danger),
        "not_connected" => (t.verdict_not_connected, Tone::Neutral),
        _ => (text().common.unknown, Tone::Neutral),
    }
}

pub(super) fn outcome_word(outcome: &str) -> &'static str {
    let t = &text().trace;
    match outcome {
        "answered" => t.outcome_answered,
        "no_answer" => t.outcome_no_answer,
        "handed_off" => t.outcome_handed_off,
        "silent" => t.outcome_silent,
        "fallback" => t.outcome_fallback,
        _ => "",
    }
}

pub(super) fn skip_words(reason: &str) -> &'static str {
    let t = &text().trace;
    match reason {
        "small_talk_ack" => t.skip_small_talk_ack,
        "agent_off" => t.skip_agent_off,
        "limit_turns" => t.skip_limit_turns,
        _ => t.skip_other,
    }
}

pub(super) fn state(state: TurnState) -> (&'static str, Tone) {
    let t = &text().trace;
    match state {
        TurnState::Unspecified | TurnState::Running => (t.state_running, Tone::Info),
        TurnState::Sent => (t.state_sent, Tone::Success),
        TurnState::Draft => (t.state_draft, Tone::Info),
        TurnState::Skipped => (t.state_skipped, Tone::Neutral),
        TurnState::Superseded => (t.state_superseded, Tone::Neutral),
        TurnState::Failed => (t.state_failed, Tone::Danger),
        TurnState::Cancelled => (t.state_cancelled, Tone::Warn),
    }
}
