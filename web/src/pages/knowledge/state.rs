use leptos::prelude::*;

use crate::api::knowledge::{Source, SourceKind, SourceState};
use crate::i18n::text;
use crate::ingestion;
use crate::ui::{Badge, Progress, Tone};

#[component]
pub(super) fn StateBadge(state: SourceState) -> impl IntoView {
    let (label, tone) = (state_word(state), tone(state));
    view! { <Badge label tone live=state == SourceState::Processing /> }
}

pub(super) fn state_word(state: SourceState) -> &'static str {
    let t = text::knowledge();
    match state {
        SourceState::Unspecified | SourceState::Pending => t.state_pending,
        SourceState::Processing => t.state_processing,
        SourceState::Ready => t.state_ready,
        SourceState::Failed => t.state_failed,
    }
}

fn tone(state: SourceState) -> Tone {
    match state {
        SourceState::Unspecified | SourceState::Pending => Tone::Neutral,
        SourceState::Processing => Tone::Info,
        SourceState::Ready => Tone::Success,
        SourceState::Failed => Tone::Danger,
    }
}

pub(super) fn kind_word(kind: SourceKind) -> &'static str {
    let t = text::knowledge();
    match kind {
        SourceKind::Unspecified | SourceKind::File => t.kind_file,
        SourceKind::Article => t.kind_article,
        SourceKind::WebPage => t.kind_page,
    }
}

/// The state, and while the source is read the step with its percent.
#[component]
pub(super) fn Reading(source: Source, percent: Option<i32>) -> impl IntoView {
    let state = source.state();
    match state {
        SourceState::Processing => {
            let label = ingestion::step_word(&source.step);
            view! { <Progress percent label /> }.into_any()
        }
        SourceState::Failed => {
            let (what, _) = ingestion::error_words(&source.error_reason);
            view! {
                <StateBadge state />
                <div class="small soft">{what}</div>
            }
            .into_any()
        }
        SourceState::Unspecified | SourceState::Pending | SourceState::Ready => {
            view! { <StateBadge state /> }.into_any()
        }
    }
}
