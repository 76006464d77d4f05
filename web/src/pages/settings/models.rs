use leptos::prelude::*;

use crate::api::models::{self, ListModelsResponse, Model};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Badge, CopyId, Empty, Glyph, Notice, Screen, SearchInput, Section, Table, Tone};

/// Which provider answers, and its models.
#[component]
pub(crate) fn Models() -> impl IntoView {
    let t = text::settings();
    let words = RwSignal::new(String::new());
    let query = Query::keyed(
        move || words.get(),
        |words| models::list(words, String::new()),
    );
    view! {
        <Section title=t.provider>
            <Screen
                query
                count=2
                children=move |answer: ListModelsResponse| {
                    view! { <Provider demo=answer.demo embeddings=answer.embeddings /> }
                }
            />
        </Section>
        <div class="stack">
            <div class="filters">
                <SearchInput
                    label=t.search_models
                    value=words
                    on_search=move |found| words.set(found)
                />
            </div>
            <Screen
                query
                children=move |answer: ListModelsResponse| {
                    view! { <ModelTable models=answer.models /> }
                }
            />
        </div>
    }
    .into_any()
}

#[component]
fn Provider(demo: bool, embeddings: bool) -> impl IntoView {
    let t = text::settings();
    let (words, tone) = if embeddings {
        (t.embeddings_on, Tone::Success)
    } else {
        (t.embeddings_off, Tone::Warn)
    };
    view! {
        {demo
            .then(|| {
                view! {
                    <Notice tone=Tone::Warn>
                        <strong>{t.provider_demo}</strong>
                        <p>{t.demo_text}</p>
                        <p class="mono">{t.demo_env}</p>
                    </Notice>
                }
            })}
        <div class="row">
            <Badge label=words tone />
        </div>
    }
    .into_any()
}

#[component]
fn ModelTable(models: Vec<Model>) -> impl IntoView {
    if models.is_empty() {
        return view! {
            <Empty
                glyph=Glyph::Sparkle
                title=text::common().nothing_found
                words=text::common().change_filters
                small=true
            />
        }
        .into_any();
    }
    let columns = vec![
        text::common().name,
        text::settings().provider,
        text::settings().context,
        text::settings().price_in,
        text::settings().price_out,
    ];
    let rows = models.into_iter().map(model_row).collect_view();
    view! {
        <Table caption=text::settings().models_caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

fn model_row(model: Model) -> impl IntoView {
    let price = |micro_usd: i64| {
        if micro_usd < 0 {
            text::common().unknown.to_owned()
        } else {
            format::micro_usd(micro_usd)
        }
    };
    let context = if model.context_tokens > 0 {
        format::integer(model.context_tokens.into())
    } else {
        text::common().unknown.to_owned()
    };
    view! {
        <tr>
            <td>
                <div class="row row-wrap">
                    {model.display_name}
                    {model
                        .is_default
                        .then(|| {
                            view! { <Badge label=text::settings().default_model tone=Tone::Info /> }
                        })}
                </div>
                <CopyId id=model.name.trim_start_matches("models/").to_owned() />
            </td>
            <td data-label=text::settings().provider>{model.provider}</td>
            <td class="numeric" data-label=text::settings().context>
                {context}
            </td>
            <td class="numeric" data-label=text::settings().price_in>
                {price(model.prompt_price)}
            </td>
            <td class="numeric" data-label=text::settings().price_out>
                {price(model.completion_price)}
            </td>
        </tr>
    }
}
