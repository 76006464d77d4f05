use leptos::prelude::*;
use leptos_router::components::A;

/// A number that opens the list behind it.
#[component]
pub(crate) fn Stat(
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    #[prop(optional, into)] note: String,
    #[prop(into)] href: String,
) -> impl IntoView {
    view! {
        <A href=href attr:class="stat">
            <span class="stat-label">{label}</span>
            <span class="stat-value">{value}</span>
            <span class="stat-note">{note}</span>
        </A>
    }
    .into_any()
}
