use leptos::prelude::*;

use super::field::error_of;
use super::{Field, next_id};

/// One entry of a list: what is meant and what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
        }
    }
}

fn options(choices: Vec<Choice>, chosen: &str) -> impl IntoView + use<> {
    let chosen = chosen.to_owned();
    choices
        .into_iter()
        .map(|choice| {
            let is_chosen = choice.value == chosen;
            view! {
                <option value=choice.value selected=is_chosen>
                    {choice.label}
                </option>
            }
        })
        .collect_view()
}

/// One of several, with its label.
#[component]
pub(crate) fn Select(
    #[prop(into)] label: String,
    name: &'static str,
    value: RwSignal<String>,
    #[prop(into)] choices: Signal<Vec<Choice>>,
    #[prop(optional, into)] hint: Option<String>,
) -> impl IntoView {
    let id = next_id("field");
    let error = error_of(name);
    let described = format!("{id}-hint {id}-error");
    view! {
        <Field id=id.clone() label name hint>
            <select
                class="input"
                id=id
                name=name
                aria-describedby=described
                aria-invalid=move || error.get().is_some().then_some("true")
                on:change=move |event| value.set(event_target_value(&event))
            >
                {move || options(choices.get(), &value.get())}
            </select>
        </Field>
    }
    .into_any()
}

/// A list in a row of filters; its label is for screen readers.
#[component]
pub(crate) fn FilterSelect(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<String>,
    #[prop(into)] choices: Signal<Vec<Choice>>,
    on_choose: impl Fn(String) + 'static,
) -> impl IntoView {
    view! {
        <label>
            <span class="visually-hidden">{label}</span>
            <select class="input" on:change=move |event| on_choose(event_target_value(&event))>
                {move || options(choices.get(), &value.get())}
            </select>
        </label>
    }
    .into_any()
}
