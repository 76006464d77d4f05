use leptos::prelude::*;

use super::{Glyph, Icon};

/// How much a button asks to be pressed. One primary button a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    Primary,
    #[default]
    Plain,
    Ghost,
    Danger,
}

impl Look {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Plain => "button",
            Self::Ghost => "button button-ghost",
            Self::Danger => "button button-danger",
        }
    }
}

/// A button with words. While busy it keeps its width and cannot be pressed again.
#[component]
pub(crate) fn Button(
    #[prop(optional)] look: Look,
    #[prop(optional)] submit: bool,
    #[prop(optional)] wide: bool,
    #[prop(optional, into)] glyph: Option<Glyph>,
    #[prop(optional, into)] busy: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] on_press: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    let kind = if submit { "submit" } else { "button" };
    let class = if wide {
        format!("{} button-wide", look.class())
    } else {
        look.class().to_owned()
    };
    view! {
        <button
            type=kind
            class=class
            aria-busy=move || busy.get().then_some("true")
            disabled=move || disabled.get() || busy.get()
            on:click=move |_| {
                if let Some(on_press) = on_press {
                    on_press.run(());
                }
            }
        >
            {glyph.map(|glyph| view! { <Icon glyph small=true /> })}
            {children()}
        </button>
    }
    .into_any()
}

/// A button with a picture only; `label` is its name and its tooltip.
#[component]
pub(crate) fn IconButton(
    glyph: Glyph,
    #[prop(into)] label: String,
    #[prop(optional)] class: &'static str,
    #[prop(optional, into)] disabled: Signal<bool>,
    on_press: impl Fn() + 'static,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class=format!("button button-ghost button-icon tip tip-below {class}")
            aria-label=label.clone()
            data-tip=label
            disabled=disabled
            on:click=move |event| {
                event.stop_propagation();
                on_press();
            }
        >
            <Icon glyph />
        </button>
    }
    .into_any()
}
