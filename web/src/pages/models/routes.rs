use std::time::Duration;

use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::*;

use super::explain::Explain;
use super::health::HealthView;
use super::picker::Shelf;
use super::route_form::RouteForm;
use super::shared::ReadOnly;
use crate::api::routes::{self, Route};
use crate::browser;
use crate::i18n::{format, text};
use crate::query::Query;
use crate::session::Session;
use crate::ui::{Button, DeleteDialog, Empty, Glyph, IconButton, Look, Sheet, Steady, Toasts};

/// Health is what the server saw up to now.
const WATCH_EVERY: Duration = Duration::from_secs(10);

const PANEL: &str = "#explain textarea";

/// What can be done with the routes.
#[derive(Clone, Copy)]
struct Board {
    list: Query<Vec<Route>>,
    shelf: Shelf,
    /// A route without a name is a new one.
    editing: RwSignal<Option<Route>>,
    deleting: RwSignal<Option<Route>>,
    /// The model or alias that is explained.
    explained: RwSignal<String>,
    toasts: Toasts,
    may_write: bool,
}

impl Board {
    /// Leads to the panel that explains, with the route chosen.
    fn explain(self, alias: String) {
        self.explained.set(alias);
        if let Some(body) = document().body() {
            browser::focus(&body, PANEL);
        }
    }

    fn route(self, name: &str) -> Option<Route> {
        self.list.data.with(|list| {
            let mut routes = list.iter().flatten();
            routes.find(|route| route.name == name).cloned()
        })
    }
}

/// The tab «Routes».
#[component]
pub(crate) fn Routes() -> impl IntoView {
    let t = text::routes();
    let board = Board {
        list: Query::once(routes::all),
        shelf: Shelf::load(),
        editing: RwSignal::new(None),
        deleting: RwSignal::new(None),
        explained: RwSignal::new(String::new()),
        toasts: Toasts::get(),
        may_write: Session::get().may("llm.write"),
    };
    watch(board.list);
    let create = Callback::new(move |()| board.editing.set(Some(Route::default())));
    view! {
        <ReadOnly />
        <div class="row row-wrap between">
            <p class="soft grow">{t.lead}</p>
            <Button look=Look::Primary glyph=Glyph::Plus disabled=!board.may_write on_press=create>
                {t.create}
            </Button>
        </div>
        <Steady query=board.list count=3>
            <Cards board />
        </Steady>
        <Explain shelf=board.shelf model=board.explained />
        <Editor board />
        <DeleteDialog
            doomed=board.deleting
            title=t.delete_title
            words=t.delete_text
            gone=t.deleted
            delete=|route: Route| routes::delete(route.name)
            on_gone=move |()| {
                board.list.reload();
                board.shelf.reload_routes();
            }
        />
    }
    .into_any()
}

/// Asks for the routes now and then, while the page is open.
fn watch(list: Query<Vec<Route>>) {
    let ticking = set_interval_with_handle(move || list.reload(), WATCH_EVERY);
    on_cleanup(move || {
        if let Ok(ticking) = ticking {
            ticking.clear();
        }
    });
}

#[component]
fn Cards(board: Board) -> impl IntoView {
    let t = text::routes();
    let all = move || board.list.data.get().unwrap_or_default();
    let is_empty = Memo::new(move |_| all().is_empty());
    view! {
        <Show when=move || is_empty.get()>
            <Empty glyph=Glyph::Model title=t.empty words=t.empty_text />
        </Show>
        <div class="stack">
            <For each=all key=|route| (route.name.clone(), route.update_time) let:route>
                <Card route board />
            </For>
        </div>
    }
    .into_any()
}

#[component]
fn Card(route: Route, board: Board) -> impl IntoView {
    let t = text::routes();
    let (opened, doomed, alias) = (route.clone(), route.clone(), route.alias.clone());
    let name = StoredValue::new(route.name.clone());
    let targets = route.targets.iter().enumerate();
    let targets = targets
        .map(|(place, target)| {
            // The newest answer's: the card stays as it is drawn.
            let health = move || {
                let route = board.route(&name.get_value())?;
                let health = route.targets.get(place)?.health.clone()?;
                Some(view! { <HealthView health /> })
            };
            view! {
                <li>
                    <div class="row row-wrap">
                        <span class="mono">{target.model.clone()}</span>
                        {health}
                    </div>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card card-body stack-tight">
            <div class="row row-wrap between">
                <div class="row row-wrap">
                    <strong class="mono">{route.alias.clone()}</strong>
                    {(route.alias == "default")
                        .then(|| view! { <span class="small muted">{t.default_text}</span> })}
                </div>
                <div class="row">
                    <Button on_press=move |()| board.explain(alias.clone())>
                        {t.explain}
                    </Button>
                    <IconButton
                        glyph=Glyph::Edit
                        label=text::common().edit
                        disabled=!board.may_write
                        on_press=move || board.editing.set(Some(opened.clone()))
                    />
                    <IconButton
                        glyph=Glyph::Trash
                        label=text::common().delete
                        disabled=!board.may_write
                        on_press=move || board.deleting.set(Some(doomed.clone()))
                    />
                </div>
            </div>
            <ol class="numbered">{targets}</ol>
            <p class="small muted">{rules(&route)}</p>
        </section>
    }
    .into_any()
}

/// Hedging and the cache, in words.
fn rules(route: &Route) -> String {
    let t = text::routes();
    let hedge = match route.hedge_delay_ms {
        0 => t.no_hedge.to_owned(),
        delay => (t.hedged)(&format::milliseconds(delay.into())),
    };
    let cache = route.cache.as_ref().map_or(0, |cache| cache.ttl_seconds);
    let cache = match cache {
        0 => t.no_cache.to_owned(),
        seconds => (t.cached_for)(seconds),
    };
    format!("{hedge} · {cache}")
}

#[component]
fn Editor(board: Board) -> impl IntoView {
    let t = text::routes();
    move || {
        board.editing.get().map(|before| {
            let title = if before.name.is_empty() {
                t.create
            } else {
                t.edit
            };
            let saved = Callback::new(move |()| {
                board.editing.set(None);
                board.toasts.say(text::common().saved);
                board.list.reload();
                board.shelf.reload_routes();
            });
            view! {
                <Sheet title on_close=move |()| board.editing.set(None)>
                    <RouteForm before shelf=board.shelf on_saved=saved />
                </Sheet>
            }
        })
    }
}
