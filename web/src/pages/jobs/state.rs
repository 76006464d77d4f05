use leptos::prelude::*;

use crate::api::jobs::{Job, JobState};
use crate::i18n::text;
use crate::ui::{Badge, Tone};

#[component]
pub(super) fn StateBadge(state: JobState) -> impl IntoView {
    let t = text::jobs();
    let (label, tone) = match state {
        JobState::Unspecified | JobState::Scheduled => (t.state_scheduled, Tone::Neutral),
        JobState::Ready => (t.state_ready, Tone::Neutral),
        JobState::Running => (t.state_running, Tone::Info),
        JobState::Retrying => (t.state_retrying, Tone::Warn),
        JobState::Succeeded => (t.state_succeeded, Tone::Success),
        JobState::Dead => (t.state_dead, Tone::Danger),
        JobState::Cancelled => (t.state_cancelled, Tone::Neutral),
    };
    view! { <Badge label tone live=state == JobState::Running /> }
}

/// Whether the job will still change by itself.
pub(super) fn is_open(state: JobState) -> bool {
    matches!(
        state,
        JobState::Scheduled | JobState::Ready | JobState::Running | JobState::Retrying
    )
}

/// The word for what a job does.
pub(super) fn kind_word(job: &Job) -> String {
    let t = text::jobs();
    match job.kind.as_str() {
        "agents.ingest_source" => t.kind_ingest.to_owned(),
        "crm.sync_connection" => t.kind_sync.to_owned(),
        "crm.dispatch_event" | "agents.handle_crm_event" => t.kind_event.to_owned(),
        "agents.run_turn" => t.kind_turn.to_owned(),
        "agents.send_reply" => t.kind_send.to_owned(),
        "agents.apply_effect" => t.kind_effect.to_owned(),
        "accounts.append_audit" => t.kind_audit.to_owned(),
        other => other.to_owned(),
    }
}
