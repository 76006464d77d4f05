use leptos::prelude::*;
use leptos_router::components::Outlet;

use crate::i18n::text;
use crate::ui::{Page, Tab, Tabs};

/// The frame of everything about models: what they cost, who is asked, with which keys.
#[component]
pub(crate) fn ModelsFrame() -> impl IntoView {
    let t = text::gateway();
    let tab = |place: &str, label| Tab {
        href: format!("/models/{place}"),
        label,
    };
    let tabs = vec![
        tab("usage", t.usage),
        tab("budgets", t.budgets),
        tab("keys", t.keys),
        tab("routes", t.routes),
        tab("catalog", t.catalog),
        tab("privacy", t.privacy),
        tab("playground", t.playground),
    ];
    view! {
        <Page title=t.title>
            <Tabs label=t.title tabs />
            <Outlet />
        </Page>
    }
}
