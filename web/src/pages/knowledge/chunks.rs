use leptos::prelude::*;

use crate::api::knowledge::{self, Chunk};
use crate::i18n::text;
use crate::query::Query;
use crate::task;
use crate::ui::{Badge, LoadMore, Screen, Toasts, Tone};

type ChunkPage = (Vec<Chunk>, String);

/// What an agent may be given of a source, piece by piece.
#[component]
pub(super) fn Chunks(source: String) -> impl IntoView {
    let t = text::knowledge();
    let parent = StoredValue::new(source);
    let query = Query::once(move || knowledge::chunks(parent.get_value(), String::new()));
    let busy = RwSignal::new(false);
    let toasts = Toasts::get();
    let token = move || {
        query
            .data
            .with(|page| page.as_ref().map(|(_, token)| token.clone()))
            .unwrap_or_default()
    };
    let more = Callback::new(move |()| {
        let (parent, token) = (parent.get_value(), untrack(token));
        busy.set(true);
        task::spawn(async move {
            match knowledge::chunks(parent, token).await {
                Ok((chunks, token)) => query.patch(|page: &mut ChunkPage| {
                    page.0.extend(chunks);
                    page.1 = token;
                }),
                Err(problem) => toasts.problem(&problem),
            }
            busy.set(false);
        });
    });
    let available = Signal::derive(move || !token().is_empty());
    view! {
        <section class="stack-tight">
            <h3>{t.chunks}</h3>
            <Screen query count=3 children=move |(chunks, _)| chunk_list(chunks) />
            <LoadMore available busy on_more=more />
        </section>
    }
    .into_any()
}

fn chunk_list(chunks: Vec<Chunk>) -> AnyView {
    let t = text::knowledge();
    if chunks.is_empty() {
        return view! { <p class="soft">{t.no_chunks}</p> }.into_any();
    }
    let chunks = chunks
        .into_iter()
        .map(|chunk| view! { <ChunkView chunk /> })
        .collect_view();
    view! { <ol class="stack-tight">{chunks}</ol> }.into_any()
}

#[component]
fn ChunkView(chunk: Chunk) -> impl IntoView {
    let t = text::knowledge();
    let number = u64::try_from(chunk.index).unwrap_or_default() + 1;
    let tokens = u64::try_from(chunk.token_count).unwrap_or_default();
    let page = (chunk.page > 0).then(|| format!(" · {} {}", t.chunk_page, chunk.page));
    let (word, tone) = if chunk.embedded {
        (t.embedded, Tone::Success)
    } else {
        (t.lexical, Tone::Neutral)
    };
    view! {
        <li class="card card-body stack-tight">
            <div class="row row-wrap between small muted">
                <span>{(t.chunk_number)(number)} {page} " · " {(t.chunk_tokens)(tokens)}</span>
                <Badge label=word tone />
            </div>
            {(!chunk.heading_path.is_empty()).then(|| view! { <strong>{chunk.heading_path}</strong> })}
            <p class="passage">{chunk.content}</p>
        </li>
    }
}
