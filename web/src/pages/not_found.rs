use leptos::prelude::*;
use leptos_router::components::A;

use crate::i18n::text;
use crate::ui::{Empty, Glyph};

/// No such page.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    let t = text::shell();
    view! {
        <main class="page page-narrow">
            <Empty glyph=Glyph::Search title=t.not_found words=t.not_found_text>
                <A href="/" attr:class="button button-primary">
                    {t.to_dashboard}
                </A>
            </Empty>
        </main>
    }
    .into_any()
}
