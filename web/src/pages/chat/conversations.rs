use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;

use super::talk::{LISTED, Talk, path_of};
use crate::api::agents::Agent;
use crate::api::conversations::{self, Conversation};
use crate::i18n::text;
use crate::task;
use crate::ui::{ConfirmDelete, Glyph, Icon, IconButton, LoadMore, RelativeTime, Screen, Toasts};

/// The conversations of the test chat, last active first.
#[component]
pub(super) fn Conversations(talk: Talk, agents: StoredValue<Vec<Agent>>) -> impl IntoView {
    let t = text::chat();
    let deleting = RwSignal::new(None::<String>);
    let list = move |(conversations, _): (Vec<Conversation>, bool)| {
        if conversations.is_empty() {
            return view! { <p class="small muted pad">{t.no_conversations}</p> }.into_any();
        }
        let rows = conversations
            .into_iter()
            .map(|conversation| view! { <Row conversation talk agents deleting /> })
            .collect_view();
        view! { <ul class="tree">{rows}</ul> }.into_any()
    };
    view! {
        <A href="/chat" exact=true attr:class="button button-wide">
            <Icon glyph=Glyph::Plus small=true />
            {t.new}
        </A>
        <Screen query=talk.conversations count=4 children=list />
        <More talk />
        <DeleteDialog talk deleting />
    }
    .into_any()
}

#[component]
fn More(talk: Talk) -> impl IntoView {
    let query = talk.conversations;
    let has_more = move || {
        query
            .data
            .with(|data| data.as_ref().is_some_and(|data| data.1))
    };
    let shown = move || {
        query
            .data
            .with(|data| data.as_ref().map_or(0, |data| data.0.len()))
    };
    let busy = move || shown() < talk.listed.get() && query.problem.with(Option::is_none);
    let more = Callback::new(move |()| talk.listed.set(untrack(shown) + LISTED));
    view! {
        <LoadMore
            available=Signal::derive(has_more)
            busy=Signal::derive(busy)
            on_more=more
        />
    }
}

#[component]
fn Row(
    conversation: Conversation,
    talk: Talk,
    agents: StoredValue<Vec<Agent>>,
    deleting: RwSignal<Option<String>>,
) -> impl IntoView {
    let t = text::chat();
    let name = conversation.name;
    let path = path_of(&name);
    let agent = agents.with_value(|agents| {
        let agent = agents.iter().find(|agent| agent.name == conversation.agent);
        agent.map(|agent| agent.display_name.clone())
    });
    let title = if conversation.display_name.is_empty() {
        t.new.to_owned()
    } else {
        conversation.display_name
    };
    let is_present = {
        let name = name.clone();
        move || (talk.conversation.get() == name).then_some("true")
    };
    view! {
        <li class="conversation">
            <A href=path attr:class="tree-row" attr:aria-current=is_present>
                <span class="grow">
                    <span class="clip block">{title}</span>
                    <span class="small muted clip block">
                        <RelativeTime time=conversation.update_time /> " · " {agent}
                    </span>
                </span>
            </A>
            <IconButton
                glyph=Glyph::Trash
                label=text::common().delete
                on_press=move || deleting.set(Some(name.clone()))
            />
        </li>
    }
}

#[component]
fn DeleteDialog(talk: Talk, deleting: RwSignal<Option<String>>) -> impl IntoView {
    let t = text::chat();
    let toasts = Toasts::get();
    let navigate = use_navigate();
    let delete = Callback::new(move |name: String| {
        let navigate = navigate.clone();
        task::spawn(async move {
            let is_present = talk.conversation.get_untracked() == name;
            match conversations::delete(name).await {
                Ok(()) if is_present => navigate("/chat", Default::default()),
                Ok(()) => {}
                Err(problem) => toasts.problem(&problem),
            }
            talk.conversations.reload();
        });
    });
    view! {
        <ConfirmDelete
            doomed=deleting
            title=t.delete_title
            words=t.delete_text
            on_confirm=delete
        />
    }
}
