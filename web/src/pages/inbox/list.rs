use leptos::html;
use leptos::prelude::*;
use leptos_router::components::A;
use web_sys::KeyboardEvent;

use super::empty::NoConversations;
use super::state::{Inbox, KINDS, path_of};
use super::words::{channel_word, stage_of};
use crate::api::inbox::{Controller, Conversation, InboxFilter};
use crate::browser;
use crate::i18n::text;
use crate::ui::{
    Avatar, Badge, Button, Chip, Choice, Empty, FilterSelect, Glyph, Icon, NextPage, RelativeTime,
    SearchInput, Steady, Tone,
};
use crate::url_state::url_state;

/// The conversations, last active first, with their filters.
#[component]
pub(super) fn ConversationList(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let list = NodeRef::<html::Div>::new();
    let on_key = move |event: KeyboardEvent| {
        if let Some(list) = list.get_untracked() {
            browser::walk(&event, &list, ".conversation-row");
        }
    };
    let is_empty = Memo::new(move |_| {
        inbox
            .list
            .query
            .data
            .with(|page| page.as_ref().is_some_and(|page| page.items.is_empty()))
    });
    let content = move || {
        if !is_empty.get() {
            return view! { <Rows inbox /> }.into_any();
        }
        if inbox.filter.get() == InboxFilter::default() {
            return view! { <NoConversations /> }.into_any();
        }
        let t = text::common();
        view! {
            <Empty glyph=Glyph::Search title=t.nothing_found words=t.change_filters small=true />
        }
        .into_any()
    };
    view! {
        <Filters inbox />
        <A href="/conversations/drafts" attr:class="button button-ghost">
            <Icon glyph=Glyph::Edit small=true />
            {t.drafts_title}
        </A>
        <Show when=move || inbox.fresh.get() != 0>
            <Button glyph=Glyph::Refresh on_press=move |()| inbox.show_fresh()>
                {move || (text::common().fresh)(inbox.fresh.get().try_into().unwrap_or(u64::MAX))}
            </Button>
        </Show>
        <div node_ref=list on:keydown=on_key>
            <Steady query=inbox.list.query>{content}</Steady>
        </div>
        <NextPage more=inbox.list.more />
    }
    .into_any()
}

/// Rows keep their elements, and so the focus, while conversations change.
#[component]
fn Rows(inbox: Inbox) -> impl IntoView {
    let each = move || {
        let page = inbox.list.query.data.get().unwrap_or_default();
        page.items
    };
    view! {
        <ul class="conversations">
            <For
                each=each
                key=|conversation| (conversation.name.clone(), conversation.update_time, marks_key(conversation))
                let:conversation
            >
                <Row conversation inbox />
            </For>
        </ul>
    }
}

/// What is drawn of a row beside its name and its time.
fn marks_key(conversation: &Conversation) -> (bool, bool, bool, bool, i32, i64) {
    (
        conversation.has_draft,
        conversation.has_error,
        conversation.unanswered,
        conversation.opted_out,
        conversation.controller,
        conversation.stage_id,
    )
}

#[component]
fn Row(conversation: Conversation, inbox: Inbox) -> impl IntoView {
    let name = conversation.name.clone();
    let path = path_of(&name);
    let title = title_of(&conversation);
    let (connection, pipeline, stage) = (
        conversation.connection.clone(),
        conversation.pipeline_id,
        conversation.stage_id,
    );
    let place = move || {
        let accounts = inbox.accounts.data.get().unwrap_or_default();
        stage_of(&accounts, &connection, pipeline, stage).map(|(_, stage, color)| {
            view! {
                <span class="stage-dot" style:background=color aria-hidden="true"></span>
                <span class="clip">{stage}</span>
            }
        })
    };
    let is_present = move || (inbox.name.get() == name).then_some("true");
    view! {
        <li>
            <A href=path attr:class="conversation-row" attr:aria-current=is_present>
                <Avatar name=title.clone() />
                <span class="grow">
                    <span class="row">
                        <span class="clip grow name">{title}</span>
                        <span class="small muted">
                            <RelativeTime time=conversation.update_time />
                        </span>
                    </span>
                    <span class="row small muted">
                        <span class="nowrap">{channel_word(&conversation.channel)}</span>
                        {place}
                    </span>
                    {marks(&conversation)}
                </span>
            </A>
        </li>
    }
    .into_any()
}

pub(super) fn title_of(conversation: &Conversation) -> String {
    let names = [
        &conversation.client_display_name,
        &conversation.display_name,
    ];
    let name = names.into_iter().find(|name| !name.is_empty());
    name.map_or_else(|| text::inbox().no_name.to_owned(), ToOwned::to_owned)
}

/// What a person should know before opening it.
fn marks(conversation: &Conversation) -> Option<AnyView> {
    let t = text::inbox();
    let is_human = conversation.controller() == Controller::Human;
    let marks = [
        (conversation.has_draft, t.mark_draft, Tone::Bot),
        (conversation.has_error, t.mark_error, Tone::Danger),
        (conversation.unanswered, t.mark_waits, Tone::Warn),
        (is_human, t.mark_human, Tone::Neutral),
        (conversation.opted_out, t.mark_opted_out, Tone::Neutral),
    ];
    let shown: Vec<_> = marks
        .into_iter()
        .filter(|(is_set, ..)| *is_set)
        .map(|(_, label, tone)| view! { <Badge label tone /> })
        .collect();
    (!shown.is_empty()).then(|| view! { <span class="row row-wrap">{shown}</span> }.into_any())
}

#[component]
fn Filters(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let (kind, set_kind) = url_state("show");
    let (words, set_words) = url_state("q");
    let labels = [
        t.filter_all,
        t.filter_needs,
        t.filter_draft,
        t.filter_human,
        t.filter_bot,
        t.filter_error,
    ];
    let chips = KINDS
        .into_iter()
        .zip(labels)
        .map(|((slug, _), label)| {
            let pressed = Signal::derive(move || kind.get() == slug);
            view! { <Chip label pressed on_press=move || set_kind(slug.to_owned()) /> }
        })
        .collect_view();
    view! {
        <SearchInput label=t.search value=words on_search=set_words />
        <div class="chips">{chips}</div>
        <MoreFilters inbox />
    }
    .into_any()
}

/// Agent, channel and stage: folded until they are wanted.
#[component]
fn MoreFilters(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let (agent, set_agent) = url_state("agent");
    let (channel, set_channel) = url_state("channel");
    let (stage, set_stage) = url_state("stage");
    let all = |label: &str| Choice::new("", format!("{label}: {}", text::common().all));
    let agents = Signal::derive(move || {
        let agents = inbox.agents.data.get().unwrap_or_default();
        let known = agents
            .into_iter()
            .map(|agent| Choice::new(agent.name, agent.display_name));
        std::iter::once(all(t.filter_agent)).chain(known).collect()
    });
    let channels = Signal::derive(move || {
        let accounts = inbox.accounts.data.get().unwrap_or_default();
        let mut known: Vec<String> = accounts
            .into_iter()
            .flat_map(|account| account.channels)
            .map(|channel| channel.channel)
            .collect();
        known.sort();
        known.dedup();
        let known = known.into_iter().map(|channel| {
            let label = channel_word(&channel);
            Choice::new(channel, label)
        });
        std::iter::once(all(t.filter_channel))
            .chain(known)
            .collect()
    });
    let stages = Signal::derive(move || {
        let accounts = inbox.accounts.data.get().unwrap_or_default();
        let pipelines = accounts.into_iter().flat_map(|account| account.pipelines);
        let known = pipelines.flat_map(|pipeline| {
            let stages = pipeline.stages.into_iter().filter(|stage| !stage.gone);
            stages.map(move |stage| {
                let label = format!("{} · {}", pipeline.display_name, stage.display_name);
                Choice::new(stage.stage_id.to_string(), label)
            })
        });
        std::iter::once(all(t.filter_stage)).chain(known).collect()
    });
    let is_used = untrack(|| {
        let filter = inbox.filter.get();
        !filter.agent.is_empty() || !filter.channel.is_empty() || filter.stage_id != 0
    });
    view! {
        <details open=is_used>
            <summary class="small soft">{t.more_filters}</summary>
            <div class="stack-tight fold">
                <FilterSelect label=t.filter_agent value=agent choices=agents on_choose=set_agent />
                <FilterSelect
                    label=t.filter_channel
                    value=channel
                    choices=channels
                    on_choose=set_channel
                />
                <FilterSelect label=t.filter_stage value=stage choices=stages on_choose=set_stage />
            </div>
        </details>
    }
    .into_any()
}
