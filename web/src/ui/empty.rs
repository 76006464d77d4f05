use leptos::prelude::*;

use super::{Glyph, Icon};

/// Nothing is here yet, and what to do about it.
#[component]
pub(crate) fn Empty(
    glyph: Glyph,
    #[prop(into)] title: String,
    #[prop(into)] words: String,
    #[prop(optional)] small: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty" class:empty-small=small>
            <Icon glyph />
            <h3>{title}</h3>
            <p>{words}</p>
            {children.map(|children| view! { <div class="empty-actions">{children()}</div> })}
        </div>
    }
    .into_any()
}
