use leptos::prelude::*;

use super::field::error_of;
use super::{Field, Glyph, Icon, next_id};
use crate::i18n::text;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum InputKind {
    #[default]
    Text,
    Email,
    Url,
    /// Hidden, with a button that shows it.
    OldPassword,
    NewPassword,
}

impl InputKind {
    const fn html(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Url => "url",
            Self::OldPassword | Self::NewPassword => "password",
        }
    }

    const fn autocomplete(self) -> &'static str {
        match self {
            Self::Email => "username",
            Self::OldPassword => "current-password",
            Self::NewPassword => "new-password",
            Self::Text | Self::Url => "off",
        }
    }

    const fn is_password(self) -> bool {
        matches!(self, Self::OldPassword | Self::NewPassword)
    }
}

/// One line of text with its label.
#[component]
pub(crate) fn TextInput(
    #[prop(into)] label: String,
    name: &'static str,
    value: RwSignal<String>,
    #[prop(optional)] kind: InputKind,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] placeholder: String,
    #[prop(optional)] optional: bool,
    #[prop(optional)] autofocus: bool,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// Overrides the browser's guess of what the field is.
    #[prop(optional)]
    autocomplete: Option<&'static str>,
) -> impl IntoView {
    let id = next_id("field");
    let error = error_of(name);
    let shown = RwSignal::new(false);
    let described = format!("{id}-hint {id}-error");
    let html_type = move || if shown.get() { "text" } else { kind.html() };
    view! {
        <Field id=id.clone() label name hint optional>
            <span class="input-wrap">
                <input
                    class="input"
                    id=id
                    name=name
                    type=html_type
                    autocomplete=autocomplete.unwrap_or(kind.autocomplete())
                    autofocus=autofocus
                    placeholder=placeholder
                    aria-describedby=described
                    aria-invalid=move || error.get().is_some().then_some("true")
                    disabled=disabled
                    bind:value=value
                />
                {kind.is_password().then(|| view! { <ShowPassword shown /> })}
            </span>
        </Field>
    }
    .into_any()
}

#[component]
fn ShowPassword(shown: RwSignal<bool>) -> impl IntoView {
    let t = text::common();
    view! {
        <button
            type="button"
            class="button button-ghost button-icon input-action"
            aria-label=move || if shown.get() { t.hide_password } else { t.show_password }
            aria-pressed=move || shown.get().to_string()
            on:click=move |_| shown.update(|shown| *shown = !*shown)
        >
            {move || {
                let glyph = if shown.get() { Glyph::EyeOff } else { Glyph::Eye };
                view! { <Icon glyph /> }
            }}
        </button>
    }
}

/// A number, kept as the text a person typed until the form is sent.
#[component]
pub(crate) fn NumberInput(
    #[prop(into)] label: String,
    name: &'static str,
    value: RwSignal<String>,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] min: Option<i32>,
    #[prop(optional, into)] max: Option<i32>,
    /// The smallest change; `any` allows fractions.
    #[prop(default = "1")]
    step: &'static str,
) -> impl IntoView {
    let id = next_id("field");
    let error = error_of(name);
    let described = format!("{id}-hint {id}-error");
    view! {
        <Field id=id.clone() label name hint>
            <input
                class="input"
                id=id
                name=name
                type="number"
                inputmode="decimal"
                min=min
                max=max
                step=step
                aria-describedby=described
                aria-invalid=move || error.get().is_some().then_some("true")
                bind:value=value
            />
        </Field>
    }
    .into_any()
}

/// Narrows a list; tells its words 250 ms after the last key.
#[component]
pub(crate) fn SearchInput(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<String>,
    on_search: impl Fn(String) + 'static,
) -> impl IntoView {
    let search =
        leptos::leptos_dom::helpers::debounce(std::time::Duration::from_millis(250), on_search);
    let search = std::cell::RefCell::new(search);
    view! {
        <label class="input-wrap">
            <span class="visually-hidden">{label.clone()}</span>
            <Icon glyph=Glyph::Search small=true />
            <input
                class="input"
                type="search"
                placeholder=label
                prop:value=value
                on:input=move |event| search.borrow_mut()(event_target_value(&event))
            />
        </label>
    }
    .into_any()
}
