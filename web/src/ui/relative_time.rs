use std::time::Duration;

use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::*;
use prost_types::Timestamp;

use crate::i18n::{format, text};

/// `3 minutes ago`, with the exact time on hover; stays true while the page is open.
#[component]
pub(crate) fn RelativeTime(time: Option<Timestamp>) -> impl IntoView {
    let Some(time) = time else {
        return view! { <span class="muted">{text::common().never}</span> }.into_any();
    };
    let exact = format::exact_time(&time);
    let shown = RwSignal::new(format::relative_time(&time));
    let beat = if format::age(&time) < Duration::from_secs(3600) {
        15
    } else {
        300
    };
    let ticking = set_interval_with_handle(
        move || shown.set(format::relative_time(&time)),
        Duration::from_secs(beat),
    );
    on_cleanup(move || {
        if let Ok(ticking) = ticking {
            ticking.clear();
        }
    });
    view! {
        <time class="nowrap" title=exact>
            {shown}
        </time>
    }
    .into_any()
}
