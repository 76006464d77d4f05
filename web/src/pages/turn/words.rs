//! Words for the stable names of a turn.

use crate::api::conversations::TurnState;
use crate::i18n::text;
use crate::ui::Tone;

pub(crate) fn step_word(kind: &str) -> &'static str {
    let t = text::trace();
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
        _ => text::common().unknown,
    }
}

pub(crate) fn verdict(verdict: &str) -> (&'static str, Tone) {
    let t = text::trace();
    match verdict {
        "passed" => (t.verdict_passed, Tone::Success),
        "skipped" => (t.verdict_skipped, Tone::Neutral),
        "vetoed" => (t.verdict_vetoed, Tone::Danger),
        "hit" => (t.verdict_hit, Tone::Warn),
        "failed" => (t.verdict_failed, Tone::Danger),
        "not_connected" => (t.verdict_not_connected, Tone::Neutral),
        _ => (text::common().unknown, Tone::Neutral),
    }
}

pub(crate) fn outcome_word(outcome: &str) -> &'static str {
    let t = text::trace();
    match outcome {
        "answered" => t.outcome_answered,
        "no_answer" => t.outcome_no_answer,
        "handed_off" => t.outcome_handed_off,
        "silent" => t.outcome_silent,
        "fallback" => t.outcome_fallback,
        _ => "",
    }
}

/// Why a message is not answered.
pub(crate) fn skip_words(reason: &str) -> &'static str {
    known_skip(reason).unwrap_or(text::skips().other)
}

/// The same for a word that may be another kind of verdict.
pub(crate) fn known_skip(reason: &str) -> Option<&'static str> {
    let t = text::skips();
    Some(match reason {
        "small_talk_ack" => t.small_talk_ack,
        "agent_off" => t.agent_off,
        "opted_out" => t.opted_out,
        "outside_hours" => t.outside_hours,
        "limit_turns" => t.limit_turns,
        "limit_hour" => t.limit_hour,
        "budget_chat" => t.budget_chat,
        "budget" | "budget_day" | "budget_month" => t.budget,
        "human" | "taken_over" | "human_wrote" => t.human,
        "stage_off" => t.stage_off,
        "stage_gone" => t.stage_gone,
        "send_failed" => t.send_failed,
        "draft_rejected" => t.draft_rejected,
        "pipeline_off" => t.pipeline_off,
        "channel_off" => t.channel_off,
        "no_agent" => t.no_agent,
        "mode_off" => t.mode_off,
        "lead_closed" => t.lead_closed,
        "not_text" => t.not_text,
        "own_message" => t.own_message,
        "superseded" => t.superseded,
        _ => return None,
    })
}

/// What an action does.
pub(crate) fn action_word(kind: &str) -> &'static str {
    let t = text::trace();
    match kind {
        "move_stage" => t.action_move_stage,
        "set_field" => t.action_set_field,
        "create_task" => t.action_create_task,
        "add_note" => t.action_add_note,
        "add_tag" => t.action_add_tag,
        "remove_tag" => t.action_remove_tag,
        "assign" => t.action_assign,
        "run_salesbot" => t.action_run_salesbot,
        "hand_off" => t.action_hand_off,
        _ => text::common().unknown,
    }
}

pub(crate) fn action_state(state: &str) -> (&'static str, Tone) {
    let t = text::trace();
    match state {
        "refused" => (t.refused, Tone::Danger),
        "proposed" => (t.action_proposed, Tone::Info),
        "done" => (t.action_done, Tone::Success),
        "unchanged" => (t.action_unchanged, Tone::Neutral),
        "failed" => (t.action_failed, Tone::Danger),
        _ => (t.would_do, Tone::Bot),
    }
}

/// Why an action was refused or failed; a reason without words stands for itself.
pub(crate) fn action_reason(reason: &str) -> String {
    let t = text::trace();
    let words = match reason {
        "STAGE_CHANGED" => t.reason_stage_changed,
        "STAGE_GONE" => t.reason_stage_gone,
        "LOSS_REASON_NEEDED" => t.reason_loss_reason,
        "FIELD_REQUIRED" => t.reason_field_required,
        "FIELD_HAS_VALUE" => t.reason_has_value,
        "FIELD_VALUE" => t.reason_field_value,
        "FIELD_GONE" => t.reason_field_gone,
        "FIELD_READ_ONLY" => t.reason_read_only,
        "LEAD_GONE" => t.reason_lead_gone,
        "USER_GONE" => t.reason_user_gone,
        "REFUSED_BY_KOMMO" => t.reason_refused,
        other => other,
    };
    words.to_owned()
}

pub(crate) fn state(state: TurnState) -> (&'static str, Tone) {
    let t = text::trace();
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
