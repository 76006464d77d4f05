use leptos::prelude::*;
use leptos_router::components::Outlet;

use crate::i18n::text;
use crate::ui::{Page, Tab, Tabs};

/// The frame of the integrations: accounts, and what Kommo told of.
#[component]
pub(crate) fn IntegrationsFrame() -> impl IntoView {
    let t = text::integrations();
    let tab = |href: &str, label| Tab {
        href: href.to_owned(),
        label,
    };
    let tabs = vec![
        tab("/integrations", t.tab_accounts),
        tab("/integrations/events", t.tab_events),
    ];
    view! {
        <Page title=t.title>
            <Tabs label=t.title tabs />
            <Outlet />
        </Page>
    }
}
