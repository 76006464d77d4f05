use leptos::prelude::*;

use super::field::error_of;
use super::{Field, next_id};

/// Several lines of text with their label.
#[component]
pub(crate) fn TextArea(
    #[prop(into)] label: String,
    name: &'static str,
    value: RwSignal<String>,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] placeholder: String,
    #[prop(default = 4)] rows: u32,
) -> impl IntoView {
    let id = next_id("field");
    let error = error_of(name);
    let described = format!("{id}-hint {id}-error");
    view! {
        <Field id=id.clone() label name hint>
            <textarea
                class="input"
                id=id
                name=name
                rows=rows
                placeholder=placeholder
                aria-describedby=described
                aria-invalid=move || error.get().is_some().then_some("true")
                bind:value=value
            ></textarea>
        </Field>
    }
    .into_any()
}
