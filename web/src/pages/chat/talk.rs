//! The talk on the screen: messages that are stored, and the turn under way.

use futures::future::AbortHandle;
use futures::{StreamExt as _, pin_mut};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use crate::api::conversations::{self, ChatEvent, ChatMessage, Conversation, Sentence, TurnStep};
use crate::api::{Problem, inbox};
use crate::pages::turn::{Shown, Trace};
use crate::query::Query;
use crate::task;

/// Conversations listed at first, and with each press for more.
pub(super) const LISTED: usize = 30;

/// The turn that is being streamed.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    pub(super) conversation: String,
    /// What the client said, until it is stored.
    pub(super) said: Option<String>,
    pub(super) steps: Vec<TurnStep>,
    pub(super) sentences: Vec<Sentence>,
    /// A check refused the first wording.
    pub(super) retracted: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Talk {
    /// `conversations/{conversation}`; empty = a new one.
    pub(super) conversation: Signal<String>,
    /// The agent of a new conversation.
    pub(super) agent: RwSignal<String>,
    /// `agents/{agent}/versions/{version}` that answers next; empty = the draft.
    pub(super) version: RwSignal<String>,
    /// The conversation that is open.
    pub(super) open: Query<Option<Conversation>>,
    pub(super) messages: Query<Vec<ChatMessage>>,
    /// The latest ones, and whether there are more.
    pub(super) conversations: Query<(Vec<Conversation>, bool)>,
    /// How many of them are asked for.
    pub(super) listed: RwSignal<usize>,
    pub(super) running: RwSignal<Option<Running>>,
    pub(super) problem: RwSignal<Option<Problem>>,
    pub(super) stopped: RwSignal<bool>,
    pub(super) trace: Trace,
    stream: StoredValue<Option<AbortHandle>, LocalStorage>,
    go: Callback<String>,
}

impl Talk {
    pub(super) fn new(conversation: Signal<String>) -> Self {
        let messages = Query::keyed(
            move || conversation.get(),
            |name| async move {
                if name.is_empty() {
                    return Ok(Vec::new());
                }
                conversations::messages(name).await
            },
        );
        let listed = RwSignal::new(LISTED);
        let conversations = Query::keyed(move || listed.get(), conversations::list);
        let running = RwSignal::new(None);
        let navigate = use_navigate();
        let talk = Self {
            conversation,
            agent: RwSignal::new(String::new()),
            version: RwSignal::new(String::new()),
            open: Query::keyed(move || conversation.get(), opened),
            messages,
            conversations,
            listed,
            running,
            problem: RwSignal::new(None),
            stopped: RwSignal::new(false),
            trace: Trace::new(Signal::derive(move || {
                running.with(|running: &Option<Running>| {
                    running
                        .as_ref()
                        .map(|running| running.steps.clone())
                        .unwrap_or_default()
                })
            })),
            stream: StoredValue::new_local(None),
            go: Callback::new(move |name: String| {
                let options = NavigateOptions {
                    replace: true,
                    scroll: false,
                    ..NavigateOptions::default()
                };
                navigate(&path_of(&name), options);
            }),
        };
        talk.follow_conversation();
        let stream = talk.stream;
        on_cleanup(move || {
            if let Some(Some(handle)) = stream.try_get_value() {
                handle.abort();
            }
        });
        talk
    }

    /// Leaving a conversation ends its stream and clears what belonged to it.
    fn follow_conversation(self) {
        Effect::new(move |before: Option<String>| {
            let now = self.conversation.get();
            let running = self.running.with_untracked(|running| {
                running.as_ref().map(|running| running.conversation.clone())
            });
            let has_left = running.is_some_and(|running| running != now);
            if has_left {
                self.abort();
                self.running.set(None);
            }
            if before.is_some_and(|before| before != now) && !self.is_running() {
                self.messages.data.set(None);
                self.trace.shown.set(Shown::Nothing);
                self.problem.set(None);
                self.stopped.set(false);
            }
            now
        });
    }

    /// Whom the reader talks to.
    pub(super) fn present_agent(self) -> String {
        let open = self.open.data.get().flatten();
        open.map_or_else(|| self.agent.get(), |open| open.agent)
    }

    fn is_running(self) -> bool {
        self.running.with_untracked(Option::is_some)
    }

    fn abort(self) {
        if let Some(handle) = self.stream.get_value() {
            handle.abort();
        }
        self.stream.set_value(None);
    }

    /// Says something as the client; begins a conversation when there is none.
    pub(super) fn say(self, words: String) {
        if self.is_running() {
            return;
        }
        self.problem.set(None);
        self.stopped.set(false);
        self.trace.shown.set(Shown::Running);
        self.running.set(Some(Running {
            conversation: self.conversation.get_untracked(),
            said: Some(words.clone()),
            ..Running::default()
        }));
        let handle = task::spawn(async move {
            if let Err(problem) = self.turn(words).await {
                self.problem.set(Some(problem));
            }
            self.running.set(None);
            self.messages.reload();
            self.conversations.reload();
        });
        self.stream.set_value(Some(handle));
    }

    /// Ends the turn under way; the server stops it when the stream is gone.
    pub(super) fn stop(self) {
        self.abort();
        self.running.set(None);
        self.stopped.set(true);
        self.trace.shown.set(Shown::Nothing);
        self.messages.reload();
    }

    async fn turn(self, words: String) -> Result<(), Problem> {
        let mut name = self.conversation.get_untracked();
        if name.is_empty() {
            let agent = self.agent.get_untracked();
            name = conversations::create(agent).await?.name;
            self.update_running(|running| running.conversation.clone_from(&name));
            self.go.run(name.clone());
        }
        let events = conversations::chat(name, words, self.version.get_untracked()).await?;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            self.hear(event?);
        }
        Ok(())
    }

    fn hear(self, event: ChatEvent) {
        match event {
            ChatEvent::Started(started) => {
                self.update_running(|running| running.said = None);
                self.add(started.message);
            }
            ChatEvent::Step(step) => self.update_running(|running| running.steps.push(step)),
            ChatEvent::Sentence(sentence) => {
                self.update_running(|running| running.sentences.push(sentence));
            }
            ChatEvent::Retracted(_) => self.update_running(|running| {
                running.sentences.clear();
                running.retracted = true;
            }),
            ChatEvent::Finished(finished) => {
                self.update_running(|running| running.sentences.clear());
                self.add(finished.answer);
                if let Some(turn) = finished.turn {
                    self.trace.shown.set(Shown::Turn(Box::new(turn)));
                }
            }
        }
    }

    fn update_running(self, change: impl FnOnce(&mut Running)) {
        self.running.update(|running| {
            if let Some(running) = running {
                change(running);
            }
        });
    }

    /// Shows a stored message, once.
    fn add(self, message: Option<ChatMessage>) {
        let Some(message) = message.filter(|message| !message.name.is_empty()) else {
            return;
        };
        self.messages.data.update(|messages| {
            let messages = messages.get_or_insert_default();
            if !messages.iter().any(|shown| shown.name == message.name) {
                messages.push(message);
            }
        });
    }
}

async fn opened(name: String) -> Result<Option<Conversation>, Problem> {
    if name.is_empty() {
        return Ok(None);
    }
    inbox::get(name).await.map(Some)
}

/// The address of a conversation's page.
pub(super) fn path_of(name: &str) -> String {
    format!("/chat/{}", name.trim_start_matches("conversations/"))
}
