use leptos::html;
use leptos::prelude::*;

use super::talk::{Running, Talk};
use crate::api::conversations::{Author, ChatMessage};
use crate::i18n::{format, text};
use crate::pages::turn::words::{skip_words, step_word};
use crate::pages::turn::{Shown, sentences};
use crate::ui::{Avatar, Button, Empty, Failure, Glyph, Look, Notice, Tone};

/// The talk as a list: author, time, words; with each sentence its sources.
#[component]
pub(super) fn Thread(talk: Talk) -> impl IntoView {
    let t = text::chat();
    let log = NodeRef::<html::Div>::new();
    keep_at_end(talk, log);
    let is_empty = move || {
        let has_messages = talk
            .messages
            .data
            .with(|messages| messages.as_ref().is_some_and(|it| !it.is_empty()));
        let is_new = talk.conversation.with(String::is_empty);
        let is_loaded = is_new || talk.messages.data.with(Option::is_some);
        is_loaded && !has_messages && talk.running.with(Option::is_none)
    };
    view! {
        <div class="log" node_ref=log tabindex="0" role="log" aria-label=t.messages_label>
            <Show when=is_empty>
                <Start talk />
            </Show>
            <ol class="messages">
                <For
                    each=move || talk.messages.data.get().unwrap_or_default()
                    key=|message| message.name.clone()
                    let:message
                >
                    <Message message talk />
                </For>
                <RunningTurn talk />
            </ol>
            {move || talk.messages.problem.get().map(|problem| view! { <Failure problem /> })}
            {move || talk.problem.get().map(|problem| view! { <Failure problem /> })}
            <Silence talk />
            <Show when=move || talk.stopped.get()>
                <Notice tone=Tone::Warn>{t.stopped}</Notice>
            </Show>
        </div>
    }
    .into_any()
}

/// Follows the newest words, unless the reader has scrolled up.
fn keep_at_end(talk: Talk, log: NodeRef<html::Div>) {
    /// As far from the end as still counts as being there, in pixels.
    const NEAR: i32 = 160;
    Effect::new(move |_| {
        talk.messages.data.track();
        talk.running.track();
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

/// Why there is no answer to the last message.
#[component]
fn Silence(talk: Talk) -> impl IntoView {
    move || match talk.trace.shown.get() {
        Shown::Turn(turn) if turn.outcome == "silent" => Some(view! {
            <Notice>
                <strong>{text::chat().silent}</strong>
                <p>{skip_words(&turn.skip_reason)}</p>
            </Notice>
        }),
        Shown::Turn(_) | Shown::Nothing | Shown::Running | Shown::Loading | Shown::Failed(_) => {
            None
        }
    }
}

#[component]
fn Start(talk: Talk) -> impl IntoView {
    let t = text::chat();
    let suggestions = [
        t.suggestion_one,
        t.suggestion_two,
        t.suggestion_three,
        t.suggestion_four,
    ];
    let buttons = suggestions
        .into_iter()
        .map(|words| {
            view! { <Button on_press=move |()| talk.say(words.to_owned())>{words}</Button> }
        })
        .collect_view();
    view! {
        <Empty glyph=Glyph::Chat title=t.empty_title words=t.empty_text>
            {buttons}
        </Empty>
    }
}

#[component]
fn Message(message: ChatMessage, talk: Talk) -> impl IntoView {
    let t = text::chat();
    let author = message.author();
    let (who, is_bot) = match author {
        Author::Client | Author::Unspecified => (t.you, false),
        Author::Agent => (t.bot, true),
        Author::Human => (t.human, false),
        Author::System => (t.system, false),
    };
    let time = message.create_time.as_ref().map(format::clock_time);
    let turn = StoredValue::new(message.turn.clone());
    let body = if message.sentences.is_empty() {
        view! { <p class="said">{message.content}</p> }.into_any()
    } else {
        sentences(&message.sentences, talk.trace, turn)
    };
    let show = Callback::new(move |()| talk.trace.show(turn.get_value(), String::new()));
    view! {
        <li class="message" class:from-bot=is_bot class:from-client=author == Author::Client>
            <div class="row small muted">
                <Avatar name=who bot=is_bot />
                <strong>{who}</strong>
                <span class="numeric">{time}</span>
            </div>
            <div class="bubble">{body}</div>
            {is_bot
                .then(|| {
                    view! {
                        <div>
                            <Button look=Look::Ghost glyph=Glyph::Sparkle on_press=show>
                                {t.show_trace}
                            </Button>
                        </div>
                    }
                })}
        </li>
    }
    .into_any()
}

/// What the client just said, and the answer as it comes.
#[component]
fn RunningTurn(talk: Talk) -> impl IntoView {
    move || {
        talk.running.get().map(|running| {
            view! {
                {running.said.clone().map(|words| view! { <Said words /> })}
                <Coming running talk />
            }
        })
    }
}

#[component]
fn Said(words: String) -> impl IntoView {
    let t = text::chat();
    view! {
        <li class="message from-client">
            <div class="row small muted">
                <Avatar name=t.you />
                <strong>{t.you}</strong>
            </div>
            <div class="bubble">
                <p class="said">{words}</p>
            </div>
        </li>
    }
}

#[component]
fn Coming(running: Running, talk: Talk) -> impl IntoView {
    let t = text::chat();
    let step = running
        .steps
        .last()
        .map_or(t.thinking, |step| step_word(&step.kind));
    let no_turn = StoredValue::new(String::new());
    let body = if running.sentences.is_empty() {
        ().into_any()
    } else {
        let words = sentences(&running.sentences, talk.trace, no_turn);
        view! { <div class="bubble">{words}</div> }.into_any()
    };
    view! {
        <li class="message from-bot" aria-busy="true">
            <div class="row small muted">
                <Avatar name=t.bot bot=true />
                <strong>{t.bot}</strong>
            </div>
            {running.retracted.then(|| view! { <p class="small muted">{t.retracted}</p> })}
            {body}
            <div class="row small muted">
                <span class="dots" aria-hidden="true">
                    <i></i>
                    <i></i>
                    <i></i>
                </span>
                {step}
            </div>
        </li>
    }
    .into_any()
}
