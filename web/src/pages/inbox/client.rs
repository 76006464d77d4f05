use leptos::prelude::*;

use super::lead::LeadPart;
use super::memory::MemoryPart;
use super::sequence::SequencePart;
use super::state::{Inbox, Panel};
use crate::i18n::text;
use crate::pages::turn::TracePanel;
use crate::ui::Sheet;

/// Beside the thread: the client, or how an answer came about.
#[component]
pub(super) fn SidePanel(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let tab = move |panel: Panel, label: &'static str| {
        view! {
            <button
                type="button"
                aria-pressed=move || (inbox.panel.get() == panel).to_string()
                on:click=move |_| inbox.panel.set(panel)
            >
                {label}
            </button>
        }
    };
    view! {
        <div class="stack">
            <div class="segmented" role="group" aria-label=t.client_panel>
                {tab(Panel::Client, t.tab_client)}
                {tab(Panel::Trace, t.tab_trace)}
            </div>
            {move || match inbox.panel.get() {
                Panel::Client => view! { <Client inbox /> }.into_any(),
                Panel::Trace => view! { <TracePanel trace=inbox.trace /> }.into_any(),
            }}
        </div>
    }
    .into_any()
}

/// The same where there is no room beside the thread.
#[component]
pub(super) fn ClientSheet(inbox: Inbox) -> impl IntoView {
    move || {
        inbox.client_open.get().then(|| {
            view! {
                <Sheet
                    title=text::inbox().client_panel
                    on_close=move |()| inbox.client_open.set(false)
                >
                    <Client inbox />
                </Sheet>
            }
        })
    }
}

#[component]
fn Client(inbox: Inbox) -> impl IntoView {
    view! {
        <div class="stack">
            <LeadPart inbox />
            <SequencePart inbox />
            <MemoryPart inbox />
        </div>
    }
}
