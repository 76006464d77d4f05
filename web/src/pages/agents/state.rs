use leptos::prelude::*;

use crate::api::agents::AgentState;
use crate::i18n::text;
use crate::ui::{Badge, Tone};

/// The word for a state.
pub(super) fn state_word(state: AgentState) -> &'static str {
    let t = text::agents();
    match state {
        AgentState::Unspecified | AgentState::Draft => t.state_draft,
        AgentState::Active => t.state_active,
        AgentState::Paused => t.state_paused,
        AgentState::Archived => t.state_archived,
    }
}

#[component]
pub(super) fn StateBadge(state: AgentState) -> impl IntoView {
    let tone = match state {
        AgentState::Active => Tone::Success,
        AgentState::Paused => Tone::Warn,
        AgentState::Unspecified | AgentState::Draft | AgentState::Archived => Tone::Neutral,
    };
    view! { <Badge label=state_word(state) tone /> }
}
