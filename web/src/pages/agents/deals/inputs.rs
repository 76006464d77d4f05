//! Fields of rows that have no names of their own.

use leptos::prelude::*;

use crate::i18n::text;
use crate::ui::{Badge, Choice, FilterSelect, TextArea, Tone, next_id};

/// A text that a field edits, told to `write` whenever it changes.
pub(in crate::pages::agents) fn bound(
    before: String,
    write: impl Fn(String) + 'static,
) -> RwSignal<String> {
    let value = RwSignal::new(before);
    Effect::new(move |was: Option<String>| {
        let now = value.get();
        if was.is_some_and(|was| was != now) {
            write(now.clone());
        }
        now
    });
    value
}

#[component]
pub(in crate::pages::agents) fn Words(
    #[prop(into)] label: String,
    before: String,
    #[prop(optional, into)] hint: String,
    #[prop(default = 2)] rows: u32,
    write: impl Fn(String) + 'static,
) -> impl IntoView {
    let value = bound(before, write);
    view! { <TextArea label name="" value hint rows /> }
}

/// A whole number; what is none is not told.
#[component]
pub(in crate::pages::agents) fn Number(
    #[prop(into)] label: String,
    before: i32,
    min: i32,
    max: i32,
    #[prop(optional, into)] hint: String,
    write: impl Fn(i32) + 'static,
) -> impl IntoView {
    let id = next_id("field");
    let described = format!("{id}-hint");
    let target = id.clone();
    view! {
        <div class="field">
            <label class="field-label" for=target>
                {label}
            </label>
            <input
                class="input"
                id=id
                type="number"
                inputmode="numeric"
                min=min
                max=max
                value=before
                aria-describedby=described.clone()
                on:input=move |event| {
                    if let Ok(number) = event_target_value(&event).trim().parse::<i32>() {
                        write(number.clamp(min, max));
                    }
                }
            />
            <p class="field-hint" id=described>
                {hint}
            </p>
        </div>
    }
    .into_any()
}

/// A list that adds what is chosen and goes back to its first line.
#[component]
pub(in crate::pages::agents) fn AddFrom(
    #[prop(into)] label: String,
    #[prop(into)] choices: Signal<Vec<Choice>>,
    on_add: impl Fn(String) + 'static,
) -> impl IntoView {
    let none = Signal::derive(String::new);
    let first = label.clone();
    let choices = Signal::derive(move || {
        let mut choices = choices.get();
        choices.insert(0, Choice::new("", first.clone()));
        choices
    });
    let choose = move |chosen: String| {
        if !chosen.is_empty() {
            on_add(chosen);
        }
    };
    view! {
        <div class="add-from">
            <FilterSelect label value=none choices on_choose=choose />
        </div>
    }
    .into_any()
}

/// A mark for what Kommo no longer has.
#[component]
pub(in crate::pages::agents) fn Gone() -> impl IntoView {
    view! { <Badge label=text::deals().gone tone=Tone::Danger /> }
}
