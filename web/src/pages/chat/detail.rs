use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::composer::Composer;
use super::conversations::Conversations;
use super::talk::Talk;
use super::thread::Thread;
use super::version::VersionPicker;
use crate::api::agents::{self, Agent};
use crate::i18n::text;
use crate::pages::turn::{TracePanel, TraceSheet};
use crate::query::Query;
use crate::ui::{Choice, Empty, FilterSelect, Glyph, IconButton, Screen, Sheet};

/// Talking to an agent: conversations, the thread, and how each answer came about.
#[component]
pub(crate) fn TestChat() -> impl IntoView {
    let t = text::chat();
    Effect::new(move |_| document().set_title(&format!("{} · T11", t.title)));
    let agents = Query::once(agents::all);
    view! {
        <div class="page page-full">
            <h1 class="visually-hidden">{t.title}</h1>
            <Screen query=agents children=desk />
        </div>
    }
}

fn desk(agents: Vec<Agent>) -> AnyView {
    if !agents.is_empty() {
        return view! { <Desk agents /> }.into_any();
    }
    view! {
        <Empty glyph=Glyph::Agent title=text::chat().no_agents words=text::chat().no_agents_text>
            <A href="/agents?new=1" attr:class="button button-primary">
                {text::agents().create}
            </A>
        </Empty>
    }
    .into_any()
}

#[component]
fn Desk(agents: Vec<Agent>) -> impl IntoView {
    let t = text::chat();
    let params = use_params_map();
    let conversation = Memo::new(move |_| {
        let id = params
            .with(|params| params.get("conversation"))
            .unwrap_or_default();
        if id.is_empty() {
            id
        } else {
            format!("conversations/{id}")
        }
    });
    let talk = Talk::new(conversation.into());
    choose_agent(talk, &agents);
    let agents = StoredValue::new(agents);
    let list_open = RwSignal::new(false);
    view! {
        <div class="chat">
            <aside class="chat-list" aria-label=t.conversations>
                <Conversations talk agents />
            </aside>
            <section class="chat-thread">
                <header class="chat-head">
                    <span class="narrow-only">
                        <IconButton
                            glyph=Glyph::Chat
                            label=t.conversations
                            on_press=move || list_open.set(true)
                        />
                    </span>
                    <AgentPicker talk agents />
                    <VersionPicker talk />
                    <span class="narrow-only">
                        <IconButton
                            glyph=Glyph::Sparkle
                            label=text::trace().title
                            on_press=move || talk.trace.open.set(true)
                        />
                    </span>
                </header>
                <Thread talk />
                <Composer talk />
            </section>
            <aside class="chat-trace" aria-label=text::trace().title>
                <TracePanel trace=talk.trace />
            </aside>
        </div>
        <TraceSheet trace=talk.trace />
        <Show when=move || list_open.get()>
            <Sheet title=t.conversations left=true on_close=move |()| list_open.set(false)>
                <Conversations talk agents />
            </Sheet>
        </Show>
    }
    .into_any()
}

/// The agent of the address, or the first one.
fn choose_agent(talk: Talk, agents: &[Agent]) {
    let query = use_query_map();
    let names: Vec<String> = agents.iter().map(|agent| agent.name.clone()).collect();
    Effect::new(move |_| {
        let wanted = query.with(|query| query.get("agent")).unwrap_or_default();
        let chosen = names
            .iter()
            .find(|name| **name == wanted)
            .or_else(|| names.first());
        if let Some(chosen) = chosen {
            talk.agent.set(chosen.clone());
        }
    });
}

/// Whom the reader talks to: chosen for a new conversation, fixed in one that has begun.
#[component]
fn AgentPicker(talk: Talk, agents: StoredValue<Vec<Agent>>) -> impl IntoView {
    let t = text::chat();
    let choices: Vec<Choice> = agents.with_value(|agents| {
        agents
            .iter()
            .map(|agent| Choice::new(agent.name.clone(), agent.display_name.clone()))
            .collect()
    });
    move || {
        if talk.conversation.get().is_empty() {
            let choices = choices.clone();
            let choose = move |agent| talk.agent.set(agent);
            return view! {
                <span class="grow">
                    <FilterSelect label=t.choose_agent value=talk.agent choices on_choose=choose />
                </span>
            }
            .into_any();
        }
        let name = talk.present_agent();
        let label = agents.with_value(|agents| {
            let agent = agents.iter().find(|agent| agent.name == name);
            agent.map(|agent| agent.display_name.clone())
        });
        view! { <strong class="grow clip">{label.unwrap_or_else(|| t.agent.to_owned())}</strong> }
            .into_any()
    }
}
