use leptos::prelude::*;
use leptos_router::components::Outlet;

use crate::i18n::text;
use crate::session::Session;
use crate::ui::{Page, Tab, Tabs};

/// The frame of all settings.
#[component]
pub(crate) fn SettingsFrame() -> impl IntoView {
    let t = text::settings();
    let tab = |place: &str, label| Tab {
        href: format!("/settings/{place}"),
        label,
    };
    let mut tabs = vec![
        tab("profile", t.profile),
        tab("security", t.security),
        tab("notifications", text::notifications().title),
        tab("organization", t.organization),
    ];
    if Session::get().may("api_keys.read") {
        tabs.push(tab("api-keys", text::api_keys().title));
    }
    view! {
        <Page title=t.title narrow=true>
            <Tabs label=t.title tabs />
            <Outlet />
        </Page>
    }
}
