//! Words for kinds, states and reasons.

use crate::api::automation::{AutomationActionKind, AutomationOutcome, SequenceStart, TriggerKind};
use crate::i18n::text;

pub(super) const ACTS: [AutomationActionKind; 11] = [
    AutomationActionKind::MoveStage,
    AutomationActionKind::HandOff,
    AutomationActionKind::CreateTask,
    AutomationActionKind::RunSalesbot,
    AutomationActionKind::AddTag,
    AutomationActionKind::RemoveTag,
    AutomationActionKind::AddNote,
    AutomationActionKind::Assign,
    AutomationActionKind::SendWebhook,
    AutomationActionKind::StartSequence,
    AutomationActionKind::StopSequence,
];

pub(super) const KINDS: [TriggerKind; 4] = [
    TriggerKind::Condition,
    TriggerKind::Keyword,
    TriggerKind::Stage,
    TriggerKind::Silence,
];

pub(super) const STARTS: [SequenceStart; 3] = [
    SequenceStart::Silence,
    SequenceStart::Stage,
    SequenceStart::Manual,
];

pub(super) fn act_word(kind: AutomationActionKind) -> &'static str {
    use AutomationActionKind as Kind;
    let t = text::automation();
    match kind {
        Kind::Unspecified => "",
        Kind::HandOff => t.act_hand_off,
        Kind::StartSequence => t.act_start_sequence,
        Kind::StopSequence => t.act_stop_sequence,
        Kind::MoveStage => t.act_move_stage,
        Kind::CreateTask => t.act_create_task,
        Kind::AddNote => t.act_add_note,
        Kind::AddTag => t.act_add_tag,
        Kind::RemoveTag => t.act_remove_tag,
        Kind::Assign => t.act_assign,
        Kind::RunSalesbot => t.act_run_salesbot,
        Kind::SendWebhook => t.act_send_webhook,
    }
}

pub(super) fn kind_word(kind: TriggerKind) -> &'static str {
    let t = text::automation();
    match kind {
        TriggerKind::Unspecified | TriggerKind::Condition => t.kind_condition,
        TriggerKind::Keyword => t.kind_keyword,
        TriggerKind::Stage => t.kind_stage,
        TriggerKind::Silence => t.kind_silence,
    }
}

pub(super) fn start_word(start: SequenceStart) -> &'static str {
    let t = text::automation();
    match start {
        SequenceStart::Unspecified | SequenceStart::Manual => t.start_manual,
        SequenceStart::Silence => t.start_silence,
        SequenceStart::Stage => t.start_stage,
    }
}

/// Why a trigger fired, or does not.
pub(super) fn reason_word(reason: &str) -> String {
    let t = text::automation();
    let word = match reason {
        "keyword" => t.reason_keyword,
        "condition" => t.reason_condition,
        "stage" => t.reason_stage,
        "silence" => t.reason_silence,
        "off" => t.reason_off,
        "not_of_text" => t.reason_not_of_text,
        "no_match" => t.reason_no_match,
        "strict_mode" => t.reason_strict,
        other => other,
    };
    word.to_owned()
}

pub(super) fn outcome_word(outcome: &str) -> String {
    let t = text::automation();
    let word = match outcome {
        "fired" => t.outcome_fired,
        "limit_chat" => t.outcome_limit_chat,
        "limit_day" => t.outcome_limit_day,
        "limit_loop" => t.outcome_limit_loop,
        "strict_mode" => t.reason_strict,
        other => other,
    };
    word.to_owned()
}

/// What was done, or would be: «Create a task: done».
pub(super) fn done_words(outcome: &AutomationOutcome) -> String {
    let t = text::automation();
    let state = match outcome.state.as_str() {
        "would_do" => t.state_would_do,
        "suggested" => t.state_suggested,
        "refused" => t.state_refused,
        "proposed" => t.state_proposed,
        "done" => t.state_done,
        "unchanged" => t.state_unchanged,
        "failed" => t.state_failed,
        other => other,
    };
    let what = act_word(outcome.kind());
    if outcome.reason.is_empty() {
        format!("{what}: {state}")
    } else {
        format!("{what}: {state} ({})", outcome.reason)
    }
}

/// Why an execution has ended.
pub(crate) fn stop_word(reason: &str) -> String {
    let t = text::automation();
    let word = match reason {
        "client_replied" => t.stop_replied,
        "human" | "human_wrote" | "taken_over" | "control_changed" => t.stop_human,
        "handed_off" => t.stop_handed_off,
        "opted_out" => t.stop_opted_out,
        "won" => t.stop_won,
        "lost" => t.stop_lost,
        "agent_off" | "stage_off" | "channel_off" | "stage_gone" | "agent_changed" => t.stop_agent,
        "stage_left" => t.stop_stage,
        "sequence_off" | "step_gone" => t.stop_sequence_off,
        "condition" => t.stop_condition,
        "stopped_by_person" => t.stop_person,
        "stopped_by_trigger" => t.stop_trigger,
        "send_failed" => t.stop_send,
        "model_away" => t.stop_model,
        "nothing_to_say" => t.stop_nothing,
        "talk_closed" | "lead_deleted" => t.stop_talk,
        "never_open" => t.stop_hours,
        other => other,
    };
    word.to_owned()
}
