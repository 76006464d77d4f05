use leptos::prelude::*;

/// A filter that is on or off.
#[component]
pub(crate) fn Chip(
    #[prop(into)] label: String,
    #[prop(into)] pressed: Signal<bool>,
    on_press: impl Fn() + 'static,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="chip"
            aria-pressed=move || pressed.get().to_string()
            on:click=move |_| on_press()
        >
            {label}
        </button>
    }
    .into_any()
}
