use leptos::prelude::*;

use crate::api::versions::{self, DiffAgentVersionsResponse, VersionChange};
use crate::i18n::text;
use crate::query::Query;
use crate::ui::Screen;

/// What differs between two versions; an empty `base` is the live one, an empty `other` the draft.
#[component]
pub(super) fn Changes(agent: String, base: String, other: String) -> impl IntoView {
    let query = Query::once(move || versions::diff(agent.clone(), base.clone(), other.clone()));
    view! { <Screen query count=3 children=rows /> }
}

fn rows(diff: DiffAgentVersionsResponse) -> AnyView {
    let t = text::versions();
    if diff.changes.is_empty() {
        return view! { <p class="soft">{t.no_changes}</p> }.into_any();
    }
    let rows = diff
        .changes
        .into_iter()
        .map(|change| view! { <Row change /> })
        .collect_view();
    view! {
        <ul class="stack-tight" aria-label=t.changes>
            {rows}
        </ul>
    }
    .into_any()
}

#[component]
fn Row(change: VersionChange) -> impl IntoView {
    let t = text::versions();
    let side = |label: &'static str, text: String| {
        (!text.is_empty()).then(|| {
            view! {
                <div>
                    <span class="small muted">{label}</span>
                    <p class="small">{text}</p>
                </div>
            }
        })
    };
    view! {
        <li class="card card-body stack-tight">
            <span class="mono small">{change.path}</span>
            {side(t.before, change.before)}
            {side(t.after, change.after)}
        </li>
    }
    .into_any()
}
