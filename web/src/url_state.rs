//! Filters live in the address: a list can be linked to, and the browser's back works.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::query_signal_with_options;

/// The value of the query parameter `key` (empty when absent) and how to change it. A change
/// replaces the address rather than adding one, so that back leaves the page.
pub(crate) fn url_state(key: &'static str) -> (Signal<String>, impl Fn(String) + Copy) {
    let options = NavigateOptions {
        replace: true,
        scroll: false,
        ..NavigateOptions::default()
    };
    let (value, set) = query_signal_with_options::<String>(key, options);
    let read = Signal::derive(move || value.get().unwrap_or_default());
    let write = move |value: String| set.set((!value.is_empty()).then_some(value));
    (read, write)
}
