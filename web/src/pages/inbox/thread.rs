use leptos::html;
use leptos::prelude::*;
use leptos_router::components::A;

use super::control::ControlBar;
use super::draft_card::DraftCard;
use super::list::title_of;
use super::message::Message;
use super::reply::Reply;
use super::state::{Inbox, Panel, path_of};
use super::words::{channel_word, handoff_words};
use crate::api::inbox::{Controller, Conversation, Draft};
use crate::i18n::text;
use crate::pages::turn::words::skip_words;
use crate::ui::{Failure, Glyph, Icon, IconButton, Notice, Skeleton, SkeletonKind};

/// One conversation: what was said, how it was delivered, and what a person can do.
#[component]
pub(super) fn Thread(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let log = NodeRef::<html::Div>::new();
    keep_at_end(inbox, log);
    view! {
        <Head inbox />
        <div class="log" node_ref=log tabindex="0" role="log" aria-label=t.messages_label>
            {move || inbox.open.problem.get().map(|problem| view! { <Failure problem /> })}
            {move || {
                let problem = inbox.messages.problem.get();
                let on_retry = Callback::new(move |()| inbox.messages.reload());
                problem.map(|problem| view! { <Failure problem on_retry /> })
            }}
            <Show when=move || {
                inbox.messages.data.with(Option::is_none)
                    && inbox.messages.problem.with(Option::is_none)
            }>
                <Skeleton kind=SkeletonKind::Text count=4 />
            </Show>
            <ol class="messages">
                <For
                    each=move || inbox.messages.data.get().unwrap_or_default()
                    key=|message| (message.name.clone(), message.delivery.clone())
                    let:message
                >
                    <Message message inbox />
                </For>
            </ol>
            {move || inbox.open.data.get().flatten().map(|conversation| why(&conversation))}
            <WaitingDraft inbox />
        </div>
        <ControlBar inbox />
        <Reply inbox />
    }
    .into_any()
}

/// Follows the newest words, unless the reader has scrolled up.
fn keep_at_end(inbox: Inbox, log: NodeRef<html::Div>) {
    /// As far from the end as still counts as being there, in pixels.
    const NEAR: i32 = 200;
    Effect::new(move |_| {
        inbox.messages.data.track();
        inbox.draft.data.track();
        let Some(log) = log.get() else {
            return;
        };
        let distance = log.scroll_height() - log.scroll_top() - log.client_height();
        request_animation_frame(move || {
            if distance < NEAR || log.scroll_top() == 0 {
                log.set_scroll_top(log.scroll_height());
            }
        });
    });
}

#[component]
fn Head(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let open = move || inbox.open.data.get().flatten().unwrap_or_default();
    let about = move || {
        let conversation = open();
        let agent = inbox.agent_name(&conversation.agent);
        let channel = channel_word(&conversation.channel);
        [Some(channel), agent]
            .into_iter()
            .flatten()
            .filter(|words| !words.is_empty())
            .collect::<Vec<_>>()
            .join(" · ")
    };
    view! {
        <header class="chat-head">
            <span class="phone-only">
                <A href=path_of("conversations") attr:class="button button-ghost button-icon" attr:aria-label=t.back>
                    <Icon glyph=Glyph::Back />
                </A>
            </span>
            <div class="grow">
                <h2 class="clip">{move || title_of(&open())}</h2>
                <div class="small muted clip">{about}</div>
            </div>
            <span class="narrow-only">
                <IconButton
                    glyph=Glyph::Info
                    label=t.client_panel
                    on_press=move || {
                        inbox.panel.set(Panel::Client);
                        inbox.client_open.set(true);
                    }
                />
            </span>
        </header>
    }
    .into_any()
}

/// Why the agent is silent, or why a person has the conversation.
fn why(conversation: &Conversation) -> AnyView {
    let t = text::inbox();
    let is_human = conversation.controller() == Controller::Human;
    let (label, words) = if is_human && !conversation.handoff_reason.is_empty() {
        (t.why_handed, handoff_words(&conversation.handoff_reason))
    } else if !conversation.silence_reason.is_empty() {
        (t.why_silent, skip_words(&conversation.silence_reason))
    } else {
        return ().into_any();
    };
    view! {
        <div class="messages">
            <Notice>
                <strong>{label}</strong>
                " "
                {words}
            </Notice>
        </div>
    }
    .into_any()
}

#[component]
fn WaitingDraft(inbox: Inbox) -> impl IntoView {
    let done = Callback::new(move |()| {
        inbox.draft.reload();
        inbox.messages.reload();
        inbox.open.reload();
    });
    move || {
        let draft: Option<Draft> = inbox.draft.data.get().flatten();
        draft.map(|draft| {
            view! {
                <div class="messages">
                    <DraftCard draft on_done=done />
                </div>
            }
        })
    }
}
