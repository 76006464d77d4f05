use leptos::prelude::*;
use leptos_router::components::A;

use super::words::{done_words, outcome_word, reason_word};
use crate::api::automation::{self, Trigger, TriggerHit};
use crate::i18n::text;
use crate::query::{Page, Paged};
use crate::ui::{Badge, NextPage, RelativeTime, Screen, Sheet, Tone};

/// When a trigger fired, and what came of it.
#[component]
pub(super) fn HitsSheet(trigger: Trigger, on_close: Callback<()>) -> impl IntoView {
    let t = text::automation();
    let name = trigger.name;
    let list = Paged::keyed(move || name.clone(), automation::hits);
    view! {
        <Sheet title=format!("{}: {}", t.history, trigger.display_name) on_close>
            <Screen query=list.query count=4 children=move |page| hits(page) />
            <NextPage more=list.more />
        </Sheet>
    }
    .into_any()
}

fn hits(page: Page<TriggerHit>) -> AnyView {
    let t = text::automation();
    if page.items.is_empty() {
        return view! { <p class="soft">{t.hits_empty}</p> }.into_any();
    }
    let rows = page.items.into_iter().map(hit).collect_view();
    view! {
        <ul class="stack-tight" aria-label=t.hits_caption>
            {rows}
        </ul>
    }
    .into_any()
}

fn hit(hit: TriggerHit) -> AnyView {
    let t = text::automation();
    let tone = if hit.outcome == "fired" {
        Tone::Success
    } else {
        Tone::Neutral
    };
    let done = hit
        .actions
        .iter()
        .map(|action| view! { <li class="small">{done_words(action)}</li> })
        .collect_view();
    let evidence =
        (!hit.evidence.is_empty()).then(|| view! { <q class="soft">{hit.evidence.clone()}</q> });
    view! {
        <li class="card card-body stack-tight">
            <div class="row between row-wrap">
                <Badge label=outcome_word(&hit.outcome) tone />
                <RelativeTime time=hit.create_time />
            </div>
            <span>{reason_word(&hit.reason)} " " {evidence}</span>
            <ul>{done}</ul>
            <A href=format!("/{}", hit.conversation)>{t.open_chat}</A>
        </li>
    }
    .into_any()
}
