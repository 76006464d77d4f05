use leptos::prelude::*;
use leptos_router::components::A;

use super::events::{action_word, entity_word, state_word, verdict_word, what_became};
use crate::api::events::{self, Event, EventState};
use crate::browser;
use crate::i18n::text;
use crate::query::{Page, Paged, Query};
use crate::session::Session;
use crate::ui::{
    Badge, Button, CodeBlock, CopyId, Glyph, Look, Notice, RelativeTime, Screen, Sheet, Toasts,
    Tone,
};

/// One event beside the log: what came, what became of it, and handling it once more.
#[component]
pub(super) fn EventSheet(
    name: Signal<String>,
    log: Paged<Event>,
    #[prop(into)] on_close: Callback<()>,
) -> impl IntoView {
    let name = Memo::new(move |_| name.get());
    move || {
        let name = name.get();
        (!name.is_empty()).then(|| {
            let query = Query::once(move || events::get(name.clone()));
            view! {
                <Sheet title=text::events().event on_close>
                    <Screen
                        query
                        count=4
                        children=move |event: Event| view! { <EventView event query log /> }
                    />
                </Sheet>
            }
        })
    }
}

#[component]
fn EventView(event: Event, query: Query<Event>, log: Paged<Event>) -> impl IntoView {
    let t = text::events();
    let (label, tone) = state_word(event.state());
    let payload = browser::pretty_json(&event.payload_json);
    let became = what_became(&event);
    let is_failed = event.state() == EventState::Failed;
    let verdict_tone = if is_failed { Tone::Danger } else { Tone::Info };
    view! {
        <div class="stack-tight">
            <h3>{entity_word(&event.entity)} ": " {action_word(&event.action)}</h3>
            <div class="row">
                <Badge label tone />
            </div>
        </div>
        <Notice tone=verdict_tone>{became}</Notice>
        {conversation_link(&event)}
        <Replay name=event.name.clone() query log />
        {facts(&event)}
        {(!payload.is_empty())
            .then(|| {
                view! {
                    <section class="stack-tight">
                        <h3>{t.payload}</h3>
                        <p class="small muted">{t.masked}</p>
                        <CodeBlock content=payload />
                    </section>
                }
            })}
    }
    .into_any()
}

fn conversation_link(event: &Event) -> Option<AnyView> {
    let path = format!("/{}", event.conversation);
    (!event.conversation.is_empty()).then(|| {
        view! {
            <A href=path attr:class="button">
                {text::events().open_conversation}
            </A>
        }
        .into_any()
    })
}

fn facts(event: &Event) -> AnyView {
    let t = text::events();
    let source = match event.source.as_str() {
        "webhook" => t.source_webhook,
        "poll" => t.source_poll,
        "bot" => t.source_bot,
        _ => text::common().unknown,
    };
    view! {
        <dl class="facts">
            <dt>{t.received}</dt>
            <dd>
                <RelativeTime time=event.receive_time />
            </dd>
            <dt>{t.ended}</dt>
            <dd>
                <RelativeTime time=event.end_time />
            </dd>
            <dt>{t.source}</dt>
            <dd>{source}</dd>
            <dt>{t.deliveries}</dt>
            <dd class="numeric">{event.deliveries}</dd>
            <dt>{t.entity_id}</dt>
            <dd>
                <CopyId id=event.entity_id.clone() />
            </dd>
            <dt>{text::settings().identifier}</dt>
            <dd>
                <CopyId id=event.name.clone() />
            </dd>
        </dl>
    }
    .into_any()
}

/// Handles the event once more: for real, or only to see what would be done.
#[component]
fn Replay(name: String, query: Query<Event>, log: Paged<Event>) -> impl IntoView {
    let t = text::events();
    let toasts = Toasts::get();
    let busy = RwSignal::new(false);
    let would = RwSignal::new(String::new());
    let name = StoredValue::new(name);
    let may_write = Session::get().may("crm.write");
    let dry = Callback::new(move |()| {
        let asked = events::replay(name.get_value(), true);
        toasts.attempt(busy, asked, move |event| {
            let _ = would.try_set(verdict_word(&event.verdict));
        });
    });
    let live = Callback::new(move |()| {
        let asked = events::replay(name.get_value(), false);
        toasts.attempt(busy, asked, move |newer: Event| {
            toasts.say(t.replayed);
            log.query.patch(|page: &mut Page<Event>| {
                if let Some(event) = page.items.iter_mut().find(|event| event.name == newer.name) {
                    *event = newer;
                }
            });
            query.reload();
        });
    });
    may_write.then(|| {
        view! {
            <section class="stack-tight">
                <div class="row row-wrap">
                    <Button glyph=Glyph::Eye busy on_press=dry>
                        {t.would_do}
                    </Button>
                    <Button look=Look::Plain glyph=Glyph::Refresh busy on_press=live>
                        {t.replay}
                    </Button>
                </div>
                <p class="small muted">{t.replay_text}</p>
                <div role="status">
                    {move || {
                        let words = would.get();
                        (!words.is_empty())
                            .then(|| {
                                view! {
                                    <Notice>
                                        <strong>{t.would}</strong>
                                        " "
                                        {words}
                                    </Notice>
                                }
                            })
                    }}
                </div>
            </section>
        }
    })
}
