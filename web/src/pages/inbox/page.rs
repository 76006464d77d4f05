use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::client::{ClientSheet, SidePanel};
use super::list::ConversationList;
use super::state::Inbox;
use super::thread::Thread;
use crate::i18n::text;
use crate::pages::turn::TraceSheet;
use crate::ui::{Empty, Glyph};

/// Live conversations: the list, the thread, the client.
#[component]
pub(crate) fn InboxPage() -> impl IntoView {
    let t = text::inbox();
    Effect::new(move |_| document().set_title(&format!("{} · T11", t.title)));
    let params = use_params_map();
    let name = Memo::new(move |_| {
        let id = params
            .with(|params| params.get("conversation"))
            .unwrap_or_default();
        if id.is_empty() {
            id
        } else {
            format!("conversations/{id}")
        }
    });
    let inbox = Inbox::new(name.into());
    let is_open = Memo::new(move |_| !name.with(String::is_empty));
    view! {
        <div class="page page-full">
            <h1 class="visually-hidden">{t.title}</h1>
            <div class="chat inbox" class:has-open=is_open>
                <aside class="chat-list" aria-label=t.list>
                    <ConversationList inbox />
                </aside>
                <section class="chat-thread">
                    <Show when=move || is_open.get() fallback=nothing_open>
                        <Thread inbox />
                    </Show>
                </section>
                <aside class="chat-trace" aria-label=t.client_panel>
                    <Show when=move || is_open.get()>
                        <SidePanel inbox />
                    </Show>
                </aside>
            </div>
            <TraceSheet trace=inbox.trace />
            <ClientSheet inbox />
        </div>
    }
    .into_any()
}

fn nothing_open() -> impl IntoView {
    let t = text::inbox();
    view! { <Empty glyph=Glyph::Chat title=t.choose words=t.choose_text /> }
}
