use leptos::prelude::*;

use super::state::Trace;
use crate::api::conversations::Sentence;
use crate::i18n::text;

/// An answer sentence by sentence; the numbers behind each open its passages.
pub(crate) fn sentences(
    sentences: &[Sentence],
    trace: Trace,
    turn: StoredValue<String>,
) -> AnyView {
    let pieces = sentences
        .iter()
        .map(|sentence| {
            let sources = sentence
                .passage_ids
                .iter()
                .map(|id| view! { <SourceMark id=id.clone() trace turn /> })
                .collect_view();
            view! {
                <span class="sentence">{sentence.text.clone()} {sources}</span>
                " "
            }
        })
        .collect_view();
    view! { <p class="said">{pieces}</p> }.into_any()
}

#[component]
fn SourceMark(id: String, trace: Trace, turn: StoredValue<String>) -> impl IntoView {
    let number = id.trim_start_matches('p').to_owned();
    let label = format!("{} {number}", text::chat().source);
    view! {
        <button
            type="button"
            class="source-mark"
            aria-label=label.clone()
            title=label
            on:click=move |_| trace.show(turn.get_value(), id.clone())
        >
            {number}
        </button>
    }
}
