//! What the inbox shows: the list, the open conversation, and what changes while it is looked at.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::api::agents::{self, Agent};
use crate::api::conversations::{self, ChatMessage};
use crate::api::crm::{self, Account};
use crate::api::inbox::{self, Conversation, ConversationFilter, Draft, InboxFilter};
use crate::api::live::LiveConversations;
use crate::pages::turn::Trace;
use crate::query::{Paged, Query};
use crate::session::Session;
use crate::ui::Toasts;
use crate::url_state::url_state;

/// The kinds of conversations, by their words in the address.
pub(super) const KINDS: [(&str, ConversationFilter); 6] = [
    ("", ConversationFilter::Unspecified),
    ("needs", ConversationFilter::NeedsPerson),
    ("drafts", ConversationFilter::HasDraft),
    ("human", ConversationFilter::Human),
    ("bot", ConversationFilter::Bot),
    ("errors", ConversationFilter::HasError),
];

/// What stands beside the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    Client,
    Trace,
}

#[derive(Clone, Copy)]
pub(super) struct Inbox {
    /// `conversations/{conversation}`; empty = none is open.
    pub(super) name: Signal<String>,
    pub(super) filter: Signal<InboxFilter>,
    pub(super) list: Paged<Conversation>,
    /// Conversations that changed and are not on the list yet.
    pub(super) fresh: RwSignal<usize>,
    pub(super) open: Query<Option<Conversation>>,
    pub(super) messages: Query<Vec<ChatMessage>>,
    pub(super) draft: Query<Option<Draft>>,
    pub(super) agents: Query<Vec<Agent>>,
    pub(super) accounts: Query<Vec<Account>>,
    pub(super) trace: Trace,
    pub(super) panel: RwSignal<Panel>,
    /// On a narrow screen the client is a sheet.
    pub(super) client_open: RwSignal<bool>,
    /// One thing at a time is done to a conversation.
    pub(super) busy: RwSignal<bool>,
    pub(super) toasts: Toasts,
    pub(super) may_write: bool,
}

impl Inbox {
    pub(super) fn new(name: Signal<String>) -> Self {
        let live = expect_context::<LiveConversations>();
        live.subscribe();
        let filter = Signal::derive(filter_of_address());
        let inbox = Self {
            name,
            filter,
            list: Paged::keyed(
                move || (filter.get(), live.epoch.get()),
                |(filter, _), token| inbox::list(filter, token),
            ),
            fresh: RwSignal::new(0),
            open: Query::keyed(
                move || (name.get(), live.epoch.get()),
                |(name, _)| opened(name),
            ),
            messages: Query::keyed(
                move || (name.get(), live.epoch.get()),
                |(name, _)| messages(name),
            ),
            draft: Query::keyed(move || name.get(), waiting_draft),
            agents: Query::once(agents::all),
            accounts: Query::once(crm::accounts),
            trace: Trace::new(Signal::derive(Vec::new)),
            panel: RwSignal::new(Panel::Client),
            client_open: RwSignal::new(false),
            busy: RwSignal::new(false),
            toasts: Toasts::get(),
            may_write: Session::get().may("conversations.write"),
        };
        inbox.forget_the_last_one();
        inbox.follow(live);
        inbox
    }

    /// Another conversation was opened: nothing of the one before stays on the screen.
    fn forget_the_last_one(self) {
        Effect::new(move |before: Option<String>| {
            let now = self.name.get();
            if before.is_some_and(|before| before != now) {
                self.open.data.set(None);
                self.messages.data.set(None);
                self.draft.data.set(None);
                self.trace.shown.set(Default::default());
                self.panel.set(Panel::Client);
            }
            now
        });
    }

    /// Changes rows in their places; new ones wait for a press, so that nothing jumps.
    fn follow(self, live: LiveConversations) {
        Effect::new(move |_| {
            let Some(newer) = live.last.get() else {
                return;
            };
            if newer.name == self.name.get_untracked() {
                self.messages.reload();
                self.draft.reload();
            }
            self.take(newer);
        });
    }

    /// Shows a conversation as it is now.
    pub(super) fn take(self, newer: Conversation) {
        if newer.name == self.name.get_untracked() {
            self.open.data.set(Some(Some(newer.clone())));
        }
        let listed = self.list.query.data.with_untracked(|page| {
            let page = page.as_ref()?;
            let place = page.items.iter().position(|one| one.name == newer.name);
            Some((place, page.items.is_empty()))
        });
        match listed {
            Some((Some(place), _)) => self.list.query.patch(|page| page.items[place] = newer),
            Some((None, true)) => self.list.query.reload(),
            Some((None, false)) => self.fresh.update(|fresh| *fresh += 1),
            None => {}
        }
    }

    pub(super) fn show_fresh(self) {
        self.fresh.set(0);
        self.list.query.reload();
    }

    pub(super) fn take_over(self) {
        let asked = inbox::take_over(self.name.get_untracked());
        self.toasts
            .attempt(self.busy, asked, move |newer| self.take(newer));
    }

    pub(super) fn hand_back(self) {
        let asked = inbox::hand_back(self.name.get_untracked());
        self.toasts
            .attempt(self.busy, asked, move |newer| self.take(newer));
    }

    /// Opens the trace of a turn.
    pub(super) fn show_turn(self, turn: String) {
        self.panel.set(Panel::Trace);
        self.trace.show(turn, String::new());
    }

    pub(super) fn agent_name(self, agent: &str) -> Option<String> {
        self.agents.data.with(|agents| {
            let agent = agents.as_ref()?.iter().find(|one| one.name == agent)?;
            Some(agent.display_name.clone())
        })
    }
}

fn filter_of_address() -> impl Fn() -> InboxFilter + Send + Sync + 'static {
    let (kind, _) = url_state("show");
    let (agent, _) = url_state("agent");
    let (channel, _) = url_state("channel");
    let (stage, _) = url_state("stage");
    let (words, _) = url_state("q");
    move || InboxFilter {
        kind: kind_of(&kind.get()),
        agent: agent.get(),
        channel: channel.get(),
        stage_id: stage.get().parse().unwrap_or_default(),
        query: words.get(),
    }
}

fn kind_of(slug: &str) -> ConversationFilter {
    let found = KINDS.into_iter().find(|(known, _)| *known == slug);
    found.map_or(ConversationFilter::Unspecified, |(_, kind)| kind)
}

async fn opened(name: String) -> Result<Option<Conversation>, crate::api::Problem> {
    if name.is_empty() {
        return Ok(None);
    }
    inbox::get(name).await.map(Some)
}

async fn messages(name: String) -> Result<Vec<ChatMessage>, crate::api::Problem> {
    if name.is_empty() {
        return Ok(Vec::new());
    }
    conversations::messages(name).await
}

async fn waiting_draft(name: String) -> Result<Option<Draft>, crate::api::Problem> {
    if name.is_empty() {
        return Ok(None);
    }
    let drafts = inbox::drafts(name, String::new()).await?;
    Ok(drafts.items.into_iter().next())
}

/// The address of a conversation, with the filters of the list kept.
pub(super) fn path_of(name: &str) -> impl Fn() -> String + Clone + Send + Sync + 'static {
    let location = use_location();
    let path = format!("/{name}");
    move || {
        let search = location.search.get();
        if search.is_empty() {
            path.clone()
        } else {
            format!("{path}?{search}")
        }
    }
}
