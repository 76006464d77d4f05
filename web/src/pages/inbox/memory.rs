use leptos::prelude::*;

use super::state::Inbox;
use crate::api::inbox::{self, Memory};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Badge, Button, Confirm, Glyph, IconButton, Look, Screen, Tone};

/// What the agents remember of the client, and how to make them forget.
#[component]
pub(super) fn MemoryPart(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let query = Query::keyed(
        move || (inbox.name.get(), turns(inbox)),
        |(name, _)| inbox::memories(name),
    );
    let forgetting_all = RwSignal::new(false);
    let forget = move |name: String| {
        let asked = inbox::forget(name);
        inbox.toasts.attempt(inbox.busy, asked, move |()| {
            inbox.toasts.say(t.forgotten);
            query.reload();
        });
    };
    let forget_all = Callback::new(move |()| {
        forget(format!("{}/memories/-", inbox.name.get_untracked()));
    });
    let draw = move |memories| memory_list(memories, inbox, forget, forgetting_all);
    view! {
        <section class="stack-tight">
            <h2>{t.memory}</h2>
            <Screen query count=2 children=draw />
            <Show when=move || forgetting_all.get()>
                <Confirm
                    title=t.forget_title
                    words=t.forget_text
                    verb=t.forget_all
                    on_confirm=forget_all
                    on_close=move |()| forgetting_all.set(false)
                />
            </Show>
        </section>
    }
    .into_any()
}

/// Each turn may have taught something new.
fn turns(inbox: Inbox) -> i32 {
    inbox.open.data.with(|open| {
        let open = open.as_ref().and_then(Option::as_ref);
        open.map_or(0, |open| open.turn_count)
    })
}

fn memory_list(
    memories: Vec<Memory>,
    inbox: Inbox,
    forget: impl Fn(String) + Copy + 'static,
    forgetting_all: RwSignal<bool>,
) -> AnyView {
    let t = text::inbox();
    if memories.is_empty() {
        return view! { <p class="small muted">{t.no_memory}</p> }.into_any();
    }
    let rows = memories
        .into_iter()
        .map(|memory| memory_row(memory, inbox.may_write, forget))
        .collect_view();
    view! {
        <ul class="stack-tight">{rows}</ul>
        {inbox
            .may_write
            .then(|| {
                view! {
                    <div class="row">
                        <Button
                            look=Look::Danger
                            glyph=Glyph::Trash
                            on_press=move |()| forgetting_all.set(true)
                        >
                            {t.forget_all}
                        </Button>
                    </div>
                }
            })}
    }
    .into_any()
}

fn memory_row(memory: Memory, may_write: bool, forget: impl Fn(String) + 'static) -> AnyView {
    let t = text::inbox();
    let source = match memory.source.as_str() {
        "manual" => t.source_manual,
        "crm" => t.source_crm,
        "inferred" => t.source_inferred,
        _ => t.source_conversation,
    };
    let until = memory
        .expire_time
        .as_ref()
        .map(|time| format!(" · {} {}", t.until, format::date(time)));
    let name = memory.name;
    view! {
        <li class="row memory">
            <div class="grow">
                <div>
                    {(!memory.key.is_empty())
                        .then(|| view! { <span class="muted">{memory.key} ": "</span> })}
                    {memory.content}
                </div>
                <div class="small muted">{source} {until}</div>
                {memory.conflict.then(|| view! { <Badge label=t.conflict tone=Tone::Warn /> })}
            </div>
            {may_write
                .then(|| {
                    view! {
                        <IconButton
                            glyph=Glyph::Close
                            label=t.forget
                            on_press=move || forget(name.clone())
                        />
                    }
                })}
        </li>
    }
    .into_any()
}
