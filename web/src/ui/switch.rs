use leptos::prelude::*;

/// On or off, at once understood.
#[component]
pub(crate) fn Switch(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<bool>,
    on_change: impl Fn(bool) + 'static,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <label class="switch">
            <span>{label}</span>
            <input
                type="checkbox"
                role="switch"
                prop:checked=value
                disabled=disabled
                on:change=move |event| on_change(event_target_checked(&event))
            />
        </label>
    }
    .into_any()
}
