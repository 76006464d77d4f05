use leptos::html;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::state::Inbox;
use crate::api::inbox::{self, Controller};
use crate::api::{Problem, request_id};
use crate::i18n::text;
use crate::task;
use crate::ui::{Failure, Glyph, Icon};

/// The server's limit, in characters.
const LIMIT: usize = 4_000;

/// Writing to the client as a person.
#[component]
pub(super) fn Reply(inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let words = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<Problem>);
    let sending = RwSignal::new(false);
    // A repeated attempt with the same words is the same message.
    let attempt = StoredValue::new((String::new(), String::new()));
    let input = NodeRef::<html::Textarea>::new();
    let is_too_long = Memo::new(move |_| words.with(|words| words.chars().count() > LIMIT));
    Effect::new(move |before: Option<String>| {
        let now = inbox.name.get();
        if before.is_some_and(|before| before != now) {
            words.set(String::new());
            problem.set(None);
        }
        now
    });
    let send = move || {
        let said = words.with_untracked(|words| words.trim().to_owned());
        if said.is_empty() || is_too_long.get_untracked() || sending.get_untracked() {
            return;
        }
        if attempt.with_value(|(before, _)| *before != said) {
            attempt.set_value((said.clone(), request_id()));
        }
        let (said, id) = attempt.get_value();
        let name = inbox.name.get_untracked();
        sending.set(true);
        problem.set(None);
        task::spawn(async move {
            let answer = inbox::send(name, said, id).await;
            sending.set(false);
            match answer {
                Ok(message) => {
                    words.set(String::new());
                    attempt.set_value(Default::default());
                    inbox.messages.patch(|messages| {
                        if !messages.iter().any(|shown| shown.name == message.name) {
                            messages.push(message);
                        }
                    });
                    inbox.open.reload();
                }
                Err(refused) => problem.set(Some(refused)),
            }
            if let Some(input) = input.get_untracked() {
                let _ = input.focus();
            }
        });
    };
    let on_key = move |event: KeyboardEvent| {
        // While an input method composes a word, Enter belongs to it.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    let hint = move || {
        let is_bot = inbox.open.data.with(|open| {
            let open = open.as_ref().and_then(Option::as_ref);
            open.is_some_and(|open| open.controller() == Controller::Bot)
        });
        match (is_too_long.get(), is_bot) {
            (true, _) => t.too_long,
            (false, true) => t.write_takes,
            (false, false) => t.press_enter,
        }
    };
    inbox.may_write.then(|| {
        view! {
            <form
                class="composer"
                on:submit=move |event| {
                    event.prevent_default();
                    send();
                }
            >
                {move || {
                    problem
                        .get()
                        .map(|problem| {
                            view! {
                                <Failure problem on_retry=Callback::new(move |()| send()) />
                                <p class="field-hint">{t.not_sent}</p>
                            }
                        })
                }}
                <div class="composer-box">
                    <textarea
                        class="composer-input"
                        rows="1"
                        node_ref=input
                        aria-label=t.write
                        placeholder=t.write
                        aria-invalid=move || is_too_long.get().then_some("true")
                        on:keydown=on_key
                        bind:value=words
                    ></textarea>
                    <button
                        type="submit"
                        class="button button-primary button-icon"
                        aria-label=t.send
                        title=t.send
                        aria-busy=move || sending.get().then_some("true")
                        disabled=move || sending.get() || words.with(|words| words.trim().is_empty())
                    >
                        <Icon glyph=Glyph::Send />
                    </button>
                </div>
                <p class="field-hint" class:field-error=is_too_long>
                    {hint}
                </p>
            </form>
        }
    })
}
