use leptos::prelude::*;

use super::list::KnowledgeTabs;
use crate::api::knowledge::{self, SearchChunksResponse, SearchHit};
use crate::api::{Problem, agents};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::task;
use crate::ui::{
    Button, Choice, Empty, Failure, FormErrors, Glyph, Look, Notice, Page, Select, Skeleton,
    TextInput, Tone,
};

const LIMITS: [&str; 4] = ["5", "8", "20", "50"];

/// Searches as an agent would, and shows why each passage was found.
#[component]
pub(crate) fn SearchTest() -> impl IntoView {
    let t = text::search();
    let errors = FormErrors::provide();
    let words = RwSignal::new(String::new());
    let agent = RwSignal::new(String::new());
    let limit = RwSignal::new(LIMITS[1].to_owned());
    let busy = RwSignal::new(false);
    let answer = RwSignal::new(None::<Result<SearchChunksResponse, Problem>>);
    let agents = Query::once(agents::all);
    let choices = Signal::derive(move || {
        let known = agents.data.get().unwrap_or_default().into_iter();
        let known = known.map(|agent| Choice::new(agent.name, agent.display_name));
        std::iter::once(Choice::new("", t.everything))
            .chain(known)
            .collect::<Vec<_>>()
    });
    let limits: Vec<Choice> = LIMITS.into_iter().map(|it| Choice::new(it, it)).collect();
    let search = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let query = words.get_untracked();
        if !errors.require("query", &query) {
            return;
        }
        let count = limit
            .with_untracked(|limit| limit.parse())
            .unwrap_or_default();
        let agent = agent.get_untracked();
        busy.set(true);
        task::spawn(async move {
            answer.set(Some(knowledge::search(query, agent, count).await));
            busy.set(false);
        });
    };
    view! {
        <Page title=text::knowledge().title>
            <KnowledgeTabs />
            <form class="card card-body stack" on:submit=search>
                <TextInput
                    label=t.query
                    name="query"
                    value=words
                    placeholder=t.placeholder
                    autofocus=true
                />
                <div class="grid-2">
                    <Select label=t.agent name="agent" value=agent choices />
                    <Select label=t.limit name="limit" value=limit choices=limits />
                </div>
                <div class="row">
                    <Button look=Look::Primary glyph=Glyph::Search submit=true busy>
                        {t.run}
                    </Button>
                </div>
            </form>
            <section class="stack" aria-live="polite">
                {move || match (answer.get(), busy.get()) {
                    (None, true) => view! { <Skeleton count=3 /> }.into_any(),
                    (None, false) => {
                        let title = text::knowledge().tab_search;
                        view! { <Empty glyph=Glyph::Search title words=t.before small=true /> }
                            .into_any()
                    }
                    (Some(Ok(found)), _) => view! { <Results found /> }.into_any(),
                    (Some(Err(problem)), _) => view! { <Failure problem /> }.into_any(),
                }}
            </section>
        </Page>
    }
}

#[component]
fn Results(found: SearchChunksResponse) -> impl IntoView {
    let t = text::search();
    let count = u64::try_from(found.hits.len()).unwrap_or_default();
    let took = format::microseconds(found.took_micros.into());
    let hits = found
        .hits
        .into_iter()
        .map(|hit| view! { <Hit hit /> })
        .collect_view();
    view! {
        {found.lexical_only.then(|| view! { <Notice tone=Tone::Warn>{t.lexical_only}</Notice> })}
        {if count == 0 {
            view! { <Empty glyph=Glyph::Book title=t.none_title words=t.none_text small=true /> }
                .into_any()
        } else {
            view! {
                <p class="small muted numeric">
                    {(t.found)(count)} " · " {took}
                </p>
                <ol class="stack">{hits}</ol>
            }
                .into_any()
        }}
    }
    .into_any()
}

#[component]
fn Hit(hit: SearchHit) -> impl IntoView {
    let t = text::search();
    let chunk = hit.chunk.unwrap_or_default();
    let page = (chunk.page > 0).then(|| (text::chat().page)(chunk.page));
    let rank = |rank: i32, score: f64| {
        u64::try_from(rank)
            .ok()
            .filter(|rank| *rank > 0)
            .map(|rank| format!("{} · {}", (t.rank)(rank), format::decimal(score, 3)))
    };
    let facts = [
        (t.score, Some(format::decimal(hit.score, 4))),
        (t.by_words, rank(hit.lexical_rank, hit.lexical_score)),
        (t.by_meaning, rank(hit.vector_rank, hit.vector_score)),
    ];
    let facts = facts
        .into_iter()
        .map(|(label, value)| {
            let value = value.unwrap_or_else(|| "–".to_owned());
            view! { <span class="numeric">{label} ": " {value}</span> }
        })
        .collect_view();
    let href = format!("/knowledge?source={}", hit.source);
    view! {
        <li class="card card-body stack-tight">
            <div class="row row-wrap between">
                <a href=href>{hit.source_display_name}</a>
                <span class="small muted">{page}</span>
            </div>
            {(!chunk.heading_path.is_empty())
                .then(|| view! { <strong class="small">{chunk.heading_path}</strong> })}
            <p class="passage">{marked(&chunk.content, &hit.matched_words)}</p>
            <div class="row row-wrap small muted facts-row">{facts}</div>
        </li>
    }
}

/// The text with the words that matched marked; built of text nodes only.
fn marked(content: &str, words: &[String]) -> Vec<AnyView> {
    let mut pieces = Vec::new();
    let mut rest = content;
    while let Some((start, length)) = first_match(rest, words) {
        let (before, from) = rest.split_at(start);
        let (hit, after) = from.split_at(length);
        pieces.push(before.to_owned().into_any());
        pieces.push(view! { <mark>{hit.to_owned()}</mark> }.into_any());
        rest = after;
    }
    pieces.push(rest.to_owned().into_any());
    pieces
}

/// Where the earliest of the words stands, and its length in bytes.
fn first_match(content: &str, words: &[String]) -> Option<(usize, usize)> {
    words
        .iter()
        .filter(|word| !word.is_empty())
        .filter_map(|word| content.find(word.as_str()).map(|start| (start, word.len())))
        .min()
}
