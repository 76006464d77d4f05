use leptos::prelude::*;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Neutral,
    Success,
    Warn,
    Danger,
    Info,
    Bot,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "badge",
            Self::Success => "badge badge-success",
            Self::Warn => "badge badge-warn",
            Self::Danger => "badge badge-danger",
            Self::Info => "badge badge-info",
            Self::Bot => "badge badge-bot",
        }
    }
}

/// A state: a word and a dot, never the colour alone.
#[component]
pub(crate) fn Badge(
    #[prop(into)] label: String,
    #[prop(optional)] tone: Tone,
    /// Something goes on: the dot breathes.
    #[prop(optional)]
    live: bool,
) -> impl IntoView {
    view! {
        <span class=tone.class() class:badge-live=live>
            <span class="badge-dot" aria-hidden="true"></span>
            {label}
        </span>
    }
}
