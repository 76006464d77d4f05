use leptos::prelude::*;

use super::{Glyph, Icon, Tone};

/// Something to know, in its place on the page.
#[component]
pub(crate) fn Notice(#[prop(optional)] tone: Tone, children: Children) -> impl IntoView {
    let (class, glyph) = match tone {
        Tone::Warn => ("notice notice-warn", Glyph::Alert),
        Tone::Danger => ("notice notice-danger", Glyph::Alert),
        Tone::Success => ("notice notice-success", Glyph::Check),
        Tone::Neutral | Tone::Info | Tone::Bot => ("notice", Glyph::Info),
    };
    view! {
        <div class=class role="status">
            <Icon glyph />
            <div class="grow">{children()}</div>
        </div>
    }
    .into_any()
}
