use leptos::html;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::talk::Talk;
use crate::i18n::text;
use crate::ui::{Glyph, Icon};

/// The server's limit, in characters.
const LIMIT: usize = 4_000;

/// What the client says next; while the agent answers, the way to stop it.
#[component]
pub(super) fn Composer(talk: Talk) -> impl IntoView {
    let t = text::chat();
    let words = RwSignal::new(String::new());
    let input = NodeRef::<html::Textarea>::new();
    let is_running = Memo::new(move |_| talk.running.with(Option::is_some));
    let is_too_long = Memo::new(move |_| words.with(|words| words.chars().count() > LIMIT));
    let send = move || {
        let said = words.with_untracked(|words| words.trim().to_owned());
        if said.is_empty() || is_too_long.get_untracked() || is_running.get_untracked() {
            return;
        }
        words.set(String::new());
        talk.say(said);
        if let Some(input) = input.get_untracked() {
            let _ = input.focus();
        }
    };
    let on_key = move |event: KeyboardEvent| {
        // While an input method composes a word, Enter belongs to it.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    view! {
        <form
            class="composer"
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
        >
            <div class="composer-box">
                <textarea
                    class="composer-input"
                    rows="1"
                    node_ref=input
                    aria-label=t.placeholder
                    placeholder=t.placeholder
                    aria-invalid=move || is_too_long.get().then_some("true")
                    on:keydown=on_key
                    bind:value=words
                ></textarea>
                <Show
                    when=move || is_running.get()
                    fallback=move || {
                        view! {
                            <button
                                type="submit"
                                class="button button-primary button-icon"
                                aria-label=t.send
                                title=t.send
                                disabled=move || words.with(|words| words.trim().is_empty())
                            >
                                <Icon glyph=Glyph::Send />
                            </button>
                        }
                    }
                >
                    <button
                        type="button"
                        class="button button-icon"
                        aria-label=t.stop
                        title=t.stop
                        on:click=move |_| talk.stop()
                    >
                        <Icon glyph=Glyph::Stop />
                    </button>
                </Show>
            </div>
            <p class="field-hint" class:field-error=is_too_long>
                {move || if is_too_long.get() { t.too_long } else { t.press_enter }}
            </p>
        </form>
    }
    .into_any()
}
