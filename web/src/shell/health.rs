use std::time::Duration;

use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::i18n::text;
use crate::task;

const ASK_EVERY: Duration = Duration::from_secs(30);

/// A dot that tells whether the services answer.
#[component]
pub(super) fn Health() -> impl IntoView {
    let t = text::shell();
    let good = RwSignal::new(None::<bool>);
    let ask = move || {
        task::spawn(async move { good.set(Some(is_ready().await)) });
    };
    ask();
    let ticking = set_interval_with_handle(ask, ASK_EVERY);
    on_cleanup(move || {
        if let Ok(ticking) = ticking {
            ticking.clear();
        }
    });
    let words = move || match good.get() {
        Some(true) => t.health_good,
        Some(false) => t.health_bad,
        None => t.health_unknown,
    };
    view! {
        <span class="health tip tip-below wide-only" role="status" aria-label=words data-tip=words>
            <span
                class="health-dot"
                class:health-good=move || good.get() == Some(true)
                class:health-bad=move || good.get() == Some(false)
            ></span>
        </span>
    }
    .into_any()
}

async fn is_ready() -> bool {
    let answer = JsFuture::from(window().fetch_with_str("/api/health/ready")).await;
    answer
        .ok()
        .and_then(|answer| answer.dyn_into::<Response>().ok())
        .is_some_and(|answer| answer.ok())
}
