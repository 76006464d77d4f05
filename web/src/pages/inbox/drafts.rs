use leptos::prelude::*;
use leptos_router::components::A;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, KeyboardEvent};

use super::draft_card::{Review, ReviewCard};
use super::list::title_of;
use super::words::channel_word;
use crate::api::Problem;
use crate::api::conversations::{self, Author, ChatMessage};
use crate::api::inbox::{self, Conversation, Draft};
use crate::api::live::LiveConversations;
use crate::i18n::{format, text};
use crate::query::{Page, Paged, Query};
use crate::ui::{
    Avatar, Button, Empty, Glyph, Icon, NextPage, Page as Frame, RelativeTime, Screen,
};

/// How many messages before the draft are shown.
const CONTEXT: usize = 4;

/// Drafts one after the other: j and k move, Enter sends, e edits, x rejects.
#[component]
pub(crate) fn DraftReview() -> impl IntoView {
    let t = text::inbox();
    let live = expect_context::<LiveConversations>();
    live.subscribe();
    let drafts = Paged::keyed(
        move || live.epoch.get(),
        |_, token| inbox::drafts(String::new(), token),
    );
    let place = RwSignal::new(0_usize);
    follow(live, drafts);
    view! {
        <Frame title=t.drafts_title narrow=true>
            <p class="soft wide-only">{t.drafts_lead}</p>
            <Screen
                query=drafts.query
                count=3
                children=move |page| review_desk(page, place, drafts)
            />
            <NextPage more=drafts.more />
        </Frame>
    }
    .into_any()
}

/// A conversation that gained or lost its draft changes the list.
fn follow(live: LiveConversations, drafts: Paged<Draft>) {
    Effect::new(move |_| {
        let Some(changed) = live.last.get() else {
            return;
        };
        let prefix = format!("{}/drafts/", changed.name);
        let is_listed = drafts.query.data.with_untracked(|page| {
            page.as_ref().is_some_and(|page| {
                page.items
                    .iter()
                    .any(|draft| draft.name.starts_with(&prefix))
            })
        });
        if changed.has_draft != is_listed {
            drafts.query.reload();
        }
    });
}

fn review_desk(page: Page<Draft>, place: RwSignal<usize>, drafts: Paged<Draft>) -> AnyView {
    let t = text::inbox();
    let total = page.items.len();
    let Some(last) = total.checked_sub(1) else {
        return view! { <Empty glyph=Glyph::Check title=t.drafts_empty words=t.drafts_empty_text /> }
            .into_any();
    };
    if place.get_untracked() > last {
        place.set(last);
    }
    let items = StoredValue::new(page.items);
    let done = Callback::new(move |()| drafts.query.reload());
    (move || {
        let draft = items.with_value(|items| items.get(place.get()).cloned())?;
        Some(view! { <OneDraft draft place total on_done=done /> })
    })
    .into_any()
}

#[component]
fn OneDraft(
    draft: Draft,
    place: RwSignal<usize>,
    total: usize,
    on_done: Callback<()>,
) -> impl IntoView {
    let t = text::inbox();
    let conversation = draft
        .name
        .split("/drafts/")
        .next()
        .unwrap_or_default()
        .to_owned();
    let time = draft.create_time;
    let review = Review::of(draft, on_done);
    let last = total.saturating_sub(1);
    let next = move || place.update(|place| *place = (*place + 1).min(last));
    let back = move || place.update(|place| *place = place.saturating_sub(1));
    listen(review, next, back);
    let context = {
        let name = conversation.clone();
        Query::once(move || context_of(name.clone()))
    };
    let shown = move || {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        (t.place_of)(number(place.get() + 1), number(total))
    };
    let path = format!("/{conversation}");
    view! {
        <div class="row row-wrap between">
            <span class="soft numeric" role="status">
                {shown}
                " · "
                <RelativeTime time />
            </span>
            <div class="row">
                <Button disabled=Signal::derive(move || place.get() == 0) on_press=move |()| back()>
                    "K ↑"
                </Button>
                <Button
                    disabled=Signal::derive(move || place.get() >= last)
                    on_press=move |()| next()
                >
                    "J ↓"
                </Button>
            </div>
        </div>
        <Screen query=context count=2 children=context_view />
        <ReviewCard review />
        <div class="row">
            <A href=path attr:class="button">
                <Icon glyph=Glyph::Chat small=true />
                {t.open_conversation}
            </A>
        </div>
    }
    .into_any()
}

/// Keys work wherever the focus is, except in a field or in a dialog.
fn listen(review: Review, next: impl Fn() + 'static, back: impl Fn() + 'static) {
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        if is_elsewhere(&event) || review.rejecting.get_untracked() {
            return;
        }
        // The physical keys: letters differ on a Russian layout.
        match (event.code().as_str(), event.key().as_str()) {
            ("KeyJ", _) | (_, "ArrowDown") => next(),
            ("KeyK", _) | (_, "ArrowUp") => back(),
            ("KeyE", _) => review.edit(),
            ("KeyX", _) => review.rejecting.set(true),
            (_, "Enter") => review.approve(),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || listener.remove());
}

fn is_elsewhere(event: &KeyboardEvent) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let is_control = target.is_some_and(|target| {
        matches!(
            target.tag_name().as_str(),
            "INPUT" | "TEXTAREA" | "SELECT" | "BUTTON" | "A"
        )
    });
    is_control || event.ctrl_key() || event.meta_key() || event.alt_key()
}

type Context = (Conversation, Vec<ChatMessage>);

/// The conversation and what was said last in it.
async fn context_of(name: String) -> Result<Context, Problem> {
    let conversation = inbox::get(name.clone()).await?;
    let mut messages = conversations::messages(name).await?;
    let older = messages.len().saturating_sub(CONTEXT);
    messages.drain(..older);
    Ok((conversation, messages))
}

fn context_view((conversation, messages): Context) -> AnyView {
    let t = text::inbox();
    let rows = messages
        .into_iter()
        .map(|message| {
            let author = message.author();
            let is_bot = author == Author::Agent;
            let who = match author {
                Author::Client | Author::Unspecified => t.client,
                Author::Agent => t.bot,
                Author::Human => t.person,
                Author::System => t.system,
            };
            let is_ours = matches!(author, Author::Agent | Author::Human);
            view! {
                <li class="message" class:from-bot=is_bot class:ours=is_ours>
                    <div class="row small muted">
                        <Avatar name=who bot=is_bot />
                        <strong>{who}</strong>
                        <span class="numeric">
                            {message.create_time.as_ref().map(format::clock_time)}
                        </span>
                    </div>
                    <div class="bubble">
                        <p class="said">{message.content}</p>
                    </div>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="stack-tight">
            <h2>
                {title_of(&conversation)} " " <span class="small muted">{channel_word(&conversation.channel)}</span>
            </h2>
            <ol class="messages">{rows}</ol>
        </section>
    }
    .into_any()
}
