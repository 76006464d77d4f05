use leptos::prelude::*;

use super::picker::abilities;
use crate::api::models::{self, ListModelsResponse, Model};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Badge, CopyId, Empty, Glyph, Notice, Screen, SearchInput, Table, Tone};

/// The tab «Catalogue»: which provider answers, and its models.
#[component]
pub(crate) fn Catalog() -> impl IntoView {
    let t = text::catalog();
    let words = RwSignal::new(String::new());
    let query = Query::keyed(
        move || words.get(),
        |words| models::list(words, String::new()),
    );
    view! {
        <div class="filters">
            <SearchInput label=t.search value=words on_search=move |found| words.set(found) />
        </div>
        <Screen
            query
            children=move |answer: ListModelsResponse| {
                let has_more = !answer.next_page_token.is_empty();
                view! {
                    <Provider demo=answer.demo embeddings=answer.embeddings />
                    <ModelTable models=answer.models />
                    {has_more.then(|| view! { <p class="small muted">{t.more}</p> })}
                }
            }
        />
    }
    .into_any()
}

#[component]
fn Provider(demo: bool, embeddings: bool) -> impl IntoView {
    let t = text::catalog();
    let (label, tone) = if embeddings {
        (t.embeddings_on, Tone::Success)
    } else {
        (t.embeddings_off, Tone::Warn)
    };
    view! {
        {demo
            .then(|| {
                view! {
                    <Notice tone=Tone::Warn>
                        <strong>{t.demo}</strong>
                        <p>{t.demo_text}</p>
                        <p class="mono">{t.demo_env}</p>
                    </Notice>
                }
            })}
        <Notice tone>{label}</Notice>
    }
    .into_any()
}

#[component]
fn ModelTable(models: Vec<Model>) -> impl IntoView {
    let t = text::catalog();
    if models.is_empty() {
        let (title, words) = (text::common().nothing_found, text::common().change_filters);
        return view! { <Empty glyph=Glyph::Model title words small=true /> }.into_any();
    }
    let columns = vec![
        text::common().name,
        t.provider,
        t.abilities,
        t.context,
        t.price_in,
        t.price_out,
    ];
    let rows = models.into_iter().map(model_row).collect_view();
    view! {
        <Table caption=t.caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

/// Micro-USD for a million tokens.
pub(super) fn price_words(micro_usd: i64) -> String {
    match micro_usd {
        0 => text::catalog().free.to_owned(),
        price if price < 0 => text::common().unknown.to_owned(),
        price => format::micro_usd(price),
    }
}

fn model_row(model: Model) -> impl IntoView {
    let t = text::catalog();
    let context = if model.context_tokens > 0 {
        format::integer(model.context_tokens.into())
    } else {
        text::common().unknown.to_owned()
    };
    let abilities = abilities(&model);
    view! {
        <tr>
            <td>
                <div class="row row-wrap">
                    {model.display_name}
                    {model.is_default.then(|| view! { <Badge label=t.default tone=Tone::Info /> })}
                </div>
                <CopyId id=model.name.trim_start_matches("models/").to_owned() />
            </td>
            <td data-label=t.provider>{model.provider}</td>
            <td>
                <div class="row row-wrap">{abilities}</div>
            </td>
            <td class="numeric" data-label=t.context>
                {context}
            </td>
            <td class="numeric" data-label=t.price_in>
                {price_words(model.prompt_price)}
            </td>
            <td class="numeric" data-label=t.price_out>
                {price_words(model.completion_price)}
            </td>
        </tr>
    }
}
