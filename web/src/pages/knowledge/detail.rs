use leptos::prelude::*;

use super::article::ArticleForm;
use super::chunks::Chunks;
use super::list::Library;
use super::state::{StateBadge, kind_word};
use crate::api::knowledge::{self, ListSourcesResponse, Source, SourceKind, SourceState};
use crate::i18n::{format, text};
use crate::ingestion;
use crate::query::Query;
use crate::task;
use crate::ui::{
    Button, Confirm, CopyId, Dialog, Glyph, Look, Markdown, RelativeTime, Screen, Sheet, Switch,
    Toasts,
};

/// One source beside the list: what it is, what went wrong, its chunks.
#[component]
pub(super) fn SourceSheet(
    library: Library,
    name: Signal<String>,
    #[prop(into)] on_close: Callback<()>,
) -> impl IntoView {
    let name = Memo::new(move |_| name.get());
    move || {
        let name = name.get();
        (!name.is_empty()).then(|| view! { <OpenSource library name on_close /> })
    }
}

#[component]
fn OpenSource(library: Library, name: String, on_close: Callback<()>) -> impl IntoView {
    let wanted = name.clone();
    // The list is fetched anew whenever something happened to a source.
    let query = Query::keyed(
        move || {
            library
                .sources
                .data
                .with(|page| state_of(page.as_ref(), &name))
        },
        move |_| knowledge::get(wanted.clone()),
    );
    view! {
        <Sheet title=text::knowledge().source on_close>
            <Screen
                query
                count=4
                children=move |source| view! { <SourceView source library query on_close /> }
            />
        </Sheet>
    }
}

fn state_of(page: Option<&ListSourcesResponse>, name: &str) -> Option<(i32, i32)> {
    let source = page?.sources.iter().find(|source| source.name == name)?;
    Some((source.state, source.chunk_count))
}

#[component]
fn SourceView(
    source: Source,
    library: Library,
    query: Query<Source>,
    on_close: Callback<()>,
) -> impl IntoView {
    let t = text::knowledge();
    let is_article = source.kind() == SourceKind::Article;
    let content = source.content.clone();
    let parent = source.name.clone();
    view! {
        <div class="stack-tight">
            <h3>{source.display_name.clone()}</h3>
            <div class="row row-wrap">
                <StateBadge state=source.state() />
                <span class="small muted">{kind_word(source.kind())}</span>
            </div>
        </div>
        <Mishap source=source.clone() />
        {library
            .may_write
            .then(|| view! { <SourceActions source=source.clone() library query on_close /> })}
        <Facts source=source.clone() />
        {(is_article && !content.is_empty())
            .then(|| {
                view! {
                    <section class="stack-tight">
                        <h3>{t.text}</h3>
                        <Markdown content />
                    </section>
                }
            })}
        <Chunks source=parent />
    }
    .into_any()
}

/// Why the source could not be read, and how to mend it.
#[component]
fn Mishap(source: Source) -> impl IntoView {
    (source.state() == SourceState::Failed).then(|| {
        let (what, fix) = ingestion::error_words(&source.error_reason);
        view! {
            <div class="failure" role="alert">
                <div class="grow">
                    <h3>{what}</h3>
                    <p class="soft">{fix}</p>
                    <div class="failure-meta">
                        <span class="mono">{source.error_reason}</span>
                    </div>
                </div>
            </div>
        }
    })
}

#[component]
fn Facts(source: Source) -> impl IntoView {
    let t = text::knowledge();
    let language = match source.language.as_str() {
        "ru" => t.language_ru,
        "en" => t.language_en,
        _ => text::common().unknown,
    };
    let valid = if source.valid_until_date.is_empty() {
        t.for_good.to_owned()
    } else {
        source.valid_until_date
    };
    let uri = source.uri;
    view! {
        <dl class="facts">
            {(!uri.is_empty())
                .then(|| {
                    view! {
                        <dt>{t.page_uri}</dt>
                        <dd>
                            <a href=uri.clone() target="_blank" rel="noopener noreferrer">
                                {uri.clone()}
                            </a>
                        </dd>
                    }
                })}
            {(source.size_bytes > 0)
                .then(|| {
                    view! {
                        <dt>{t.size}</dt>
                        <dd>{format::bytes(source.size_bytes)}</dd>
                    }
                })}
            {(source.page_count > 0)
                .then(|| {
                    view! {
                        <dt>{t.pages}</dt>
                        <dd>{source.page_count}</dd>
                    }
                })}
            <dt>{t.tokens}</dt>
            <dd>{format::integer(source.token_count.into())}</dd>
            <dt>{t.language}</dt>
            <dd>{language}</dd>
            <dt>{t.valid_until}</dt>
            <dd>{valid}</dd>
            <dt>{t.processed}</dt>
            <dd>
                <RelativeTime time=source.process_time />
            </dd>
            <dt>{text::settings().identifier}</dt>
            <dd>
                <CopyId id=source.name />
            </dd>
        </dl>
    }
    .into_any()
}

/// On or off, valid until, read again, edit, delete.
#[component]
fn SourceActions(
    source: Source,
    library: Library,
    query: Query<Source>,
    on_close: Callback<()>,
) -> impl IntoView {
    let t = text::knowledge();
    let toasts = Toasts::get();
    let is_article = source.kind() == SourceKind::Article;
    let enabled = source.enabled;
    let until = source.valid_until_date.clone();
    let source = StoredValue::new(source);
    let editing = RwSignal::new(false);
    let deleting = RwSignal::new(false);
    let update = move |change: Source, path: &'static str| {
        task::spawn(async move {
            match knowledge::update(change, &[path]).await {
                Ok(newer) => query.data.set(Some(newer)),
                Err(problem) => toasts.problem(&problem),
            }
            library.sources.reload();
        });
    };
    let set_enabled = move |enabled| {
        update(
            Source {
                enabled,
                ..source.get_value()
            },
            "enabled",
        );
    };
    let set_until = move |valid_until_date| {
        update(
            Source {
                valid_until_date,
                ..source.get_value()
            },
            "valid_until_date",
        );
    };
    let reprocess = Callback::new(move |()| {
        let name = source.with_value(|source| source.name.clone());
        task::spawn(async move {
            match knowledge::reprocess(name).await {
                Ok(newer) => {
                    toasts.say(t.reprocessing);
                    query.data.set(Some(newer));
                }
                Err(problem) => toasts.problem(&problem),
            }
            library.reload();
        });
    });
    let delete = Callback::new(move |()| {
        let name = source.with_value(|source| source.name.clone());
        task::spawn(async move {
            match knowledge::delete(name).await {
                Ok(()) => {
                    toasts.say(t.deleted);
                    on_close.run(());
                }
                Err(problem) => toasts.problem(&problem),
            }
            library.reload();
        });
    });
    let close_editor = Callback::new(move |()| editing.set(false));
    view! {
        <Switch label=t.enabled value=enabled on_change=set_enabled />
        <label class="field">
            <span class="field-label">{t.valid_until}</span>
            <input
                class="input"
                type="date"
                value=until
                on:change=move |event| set_until(event_target_value(&event))
            />
            <span class="field-hint">{t.valid_hint}</span>
        </label>
        <div class="row row-wrap">
            {is_article
                .then(|| {
                    view! {
                        <Button glyph=Glyph::Edit on_press=move |()| editing.set(true)>
                            {text::common().edit}
                        </Button>
                    }
                })}
            <Button glyph=Glyph::Refresh on_press=reprocess>
                {t.reprocess}
            </Button>
            <Button look=Look::Danger glyph=Glyph::Trash on_press=move |()| deleting.set(true)>
                {text::common().delete}
            </Button>
        </div>
        <Show when=move || editing.get()>
            <Dialog title=t.article_edit on_close=close_editor wide=true>
                <ArticleForm library before=Some(source.get_value()) on_close=close_editor />
            </Dialog>
        </Show>
        <Show when=move || deleting.get()>
            <Confirm
                title=t.delete_title
                words=t.delete_text
                verb=text::common().delete
                on_confirm=delete
                on_close=move |()| deleting.set(false)
            />
        </Show>
    }
    .into_any()
}
