use leptos::html;
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

/// One tab, which is a place with its own address.
#[derive(Clone, Debug)]
pub(crate) struct Tab {
    pub(crate) href: String,
    pub(crate) label: &'static str,
}

/// Tabs as links: each has an address, the browser's back works, and the router marks the
/// present one with `aria-current`. On a narrow screen the strip scrolls to it.
#[component]
pub(crate) fn Tabs(#[prop(into)] label: String, tabs: Vec<Tab>) -> impl IntoView {
    let strip = NodeRef::<html::Nav>::new();
    let location = use_location();
    Effect::new(move |_| {
        location.pathname.track();
        // The router marks the tab when it has drawn the page.
        request_animation_frame(move || show_present(strip));
    });
    view! {
        <nav class="tabs" aria-label=label node_ref=strip>
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

/// Scrolls the strip alone: the page stays where it is.
fn show_present(strip: NodeRef<html::Nav>) {
    // The page may have been left meanwhile.
    let Some(strip) = strip.try_get_untracked().flatten() else {
        return;
    };
    let present = strip.query_selector("[aria-current=page]").ok().flatten();
    if let Some(tab) = present.and_then(|tab| tab.dyn_into::<HtmlElement>().ok()) {
        let room = strip.client_width() - tab.offset_width();
        strip.set_scroll_left(tab.offset_left() - strip.offset_left() - room / 2);
    }
}
