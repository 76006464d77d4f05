use leptos::prelude::*;

use super::next_id;

#[component]
pub(crate) fn Checkbox(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<bool>,
    on_change: impl Fn(bool) + 'static,
) -> impl IntoView {
    view! {
        <label class="check">
            <input
                type="checkbox"
                prop:checked=value
                on:change=move |event| on_change(event_target_checked(&event))
            />
            <span>{label}</span>
        </label>
    }
    .into_any()
}

/// One of few, each explained. Values are numbers, as those of the wire's enums are.
#[derive(Clone, Debug)]
pub(crate) struct RadioOption {
    pub(crate) value: i32,
    pub(crate) label: &'static str,
    pub(crate) text: &'static str,
}

/// Cards of which one is chosen.
#[component]
pub(crate) fn RadioChoice(
    #[prop(into)] label: String,
    options: Vec<RadioOption>,
    value: RwSignal<i32>,
    /// Beside each other where there is room.
    #[prop(optional)]
    row: bool,
) -> impl IntoView {
    let group = next_id("choice");
    let class = if row { "choice choice-row" } else { "choice" };
    let cards = options
        .into_iter()
        .map(|option| {
            let chosen = option.value;
            view! {
                <label class="check">
                    <input
                        type="radio"
                        name=group.clone()
                        prop:checked=move || value.get() == chosen
                        on:change=move |_| value.set(chosen)
                    />
                    <span class="check-text">
                        <span>{option.label}</span>
                        {(!option.text.is_empty())
                            .then(|| view! { <span class="field-hint">{option.text}</span> })}
                    </span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="field">
            <legend class="field-label">{label}</legend>
            <div class=class>{cards}</div>
        </fieldset>
    }
    .into_any()
}
