use leptos::prelude::*;
use leptos_router::components::A;

/// One tab, which is a place with its own address.
#[derive(Clone, Debug)]
pub(crate) struct Tab {
    pub(crate) href: String,
    pub(crate) label: &'static str,
}

/// Tabs as links: each has an address, the browser's back works, and the router marks the
/// present one with `aria-current`.
#[component]
pub(crate) fn Tabs(#[prop(into)] label: String, tabs: Vec<Tab>) -> impl IntoView {
    view! {
        <nav class="tabs" aria-label=label>
            {tabs
                .into_iter()
                .map(|tab| {
                    view! {
                        <A href=tab.href exact=true>
                            {tab.label}
                        </A>
                    }
                })
                .collect_view()}
        </nav>
    }
    .into_any()
}
