//! Choosing a model: by its words, with what it costs and what it can.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, KeyboardEvent};

use super::catalog::price_words;
use crate::api::models::{self, ListModelsResponse, Model};
use crate::api::routes::{self, Route};
use crate::browser;
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Badge, Dialog, Glyph, Icon, Tone, next_id};

/// Rows drawn at once: who seeks further types.
const SHOWN: usize = 60;

/// What can be chosen.
#[derive(Clone, Copy)]
pub(super) struct Shelf {
    models: Query<ListModelsResponse>,
    routes: Query<Vec<Route>>,
}

impl Shelf {
    pub(super) fn load() -> Self {
        Self {
            models: Query::once(models::all),
            routes: Query::once(routes::all),
        }
    }

    /// Of a route, by its name.
    pub(super) fn alias(self, route: &str) -> Option<String> {
        self.routes.data.with(|routes| {
            let mut routes = routes.iter().flatten();
            let found = routes.find(|known| known.name == route);
            found.map(|route| route.alias.clone())
        })
    }

    /// After a change.
    pub(super) fn reload_routes(self) {
        self.routes.reload();
    }

    fn model(self, id: &str) -> Option<Model> {
        self.models.data.with(|list| {
            let models = list.as_ref().map(|list| list.models.as_slice());
            let mut models = models.unwrap_or_default().iter();
            models.find(|model| id_of(model) == id).cloned()
        })
    }
}

/// `provider/model`.
fn id_of(model: &Model) -> &str {
    model.name.trim_start_matches("models/")
}

/// The chosen model with its facts; a press opens the list.
#[component]
pub(super) fn ModelPicker(
    #[prop(into)] label: String,
    value: RwSignal<String>,
    shelf: Shelf,
    /// Aliases of routes can be chosen too, and none at all.
    #[prop(optional)]
    routes: bool,
    #[prop(optional, into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let t = text::gateway();
    let open = RwSignal::new(false);
    let (button_id, label_id, error_id) = (next_id("model"), next_id("model"), next_id("model"));
    let labelled_by = format!("{label_id} {button_id}");
    let chosen = move || match value.get() {
        none if none.is_empty() && routes => t.usual_model.to_owned(),
        none if none.is_empty() => t.choose_model.to_owned(),
        id => shelf.model(&id).map_or(id, |model| model.display_name),
    };
    let known = move || shelf.model(&value.get()).map(|model| facts(&model));
    let title = label.clone();
    view! {
        <div class="field">
            <span class="field-label" id=label_id>
                {label}
            </span>
            <button
                type="button"
                class="input picker"
                id=button_id
                aria-labelledby=labelled_by
                aria-haspopup="dialog"
                aria-describedby=error_id.clone()
                aria-invalid=move || error.get().is_some().then_some("true")
                on:click=move |_| open.set(true)
            >
                <span class="clip grow">{chosen}</span>
                <Icon glyph=Glyph::ChevronDown small=true />
            </button>
            <div class="picker-facts">{known}</div>
            <p class="field-error" id=error_id role="alert" hidden=move || error.get().is_none()>
                {move || error.get()}
            </p>
            {move || {
                let close = Callback::new(move |()| open.set(false));
                let choose = Callback::new(move |id| {
                    open.set(false);
                    value.set(id);
                });
                open.get()
                    .then(|| {
                        view! { <Choosing title=title.clone() shelf routes choose close /> }
                    })
            }}
        </div>
    }
    .into_any()
}

/// Context, price, and what it can.
pub(super) fn facts(model: &Model) -> AnyView {
    let t = text::gateway();
    let context = (model.context_tokens > 0)
        .then(|| (t.context)(&format::integer(model.context_tokens.into())));
    let price = (t.price)(
        &price_words(model.prompt_price),
        &price_words(model.completion_price),
    );
    let words = match context {
        Some(context) => format!("{context} · {price}"),
        None => price,
    };
    view! {
        <span class="small muted">{words}</span>
        {abilities(model)}
    }
    .into_any()
}

/// A word for each thing that the model can.
pub(super) fn abilities(model: &Model) -> impl IntoView + use<> {
    let t = text::gateway();
    let all = [
        (model.supports_json_schema, t.json),
        (model.supports_tools, t.tools),
        (model.supports_images, t.vision),
    ];
    all.into_iter()
        .filter(|(can, _)| *can)
        .map(|(_, label)| view! { <Badge label tone=Tone::Info /> })
        .collect_view()
}

/// A line of the list.
#[derive(Clone, PartialEq)]
enum Offer {
    Usual,
    Route(String, Vec<String>),
    Model(Box<Model>),
    /// What was typed, known to nobody here.
    Typed(String),
}

impl Offer {
    fn value(&self) -> String {
        match self {
            Self::Usual => String::new(),
            Self::Route(alias, _) => alias.clone(),
            Self::Model(model) => id_of(model).to_owned(),
            Self::Typed(id) => id.clone(),
        }
    }
}

#[component]
fn Choosing(
    title: String,
    shelf: Shelf,
    routes: bool,
    choose: Callback<String>,
    close: Callback<()>,
) -> impl IntoView {
    let t = text::gateway();
    let words = RwSignal::new(String::new());
    let list = NodeRef::<html::Ul>::new();
    let offers = move || offers(shelf, routes, words.get().trim());
    let on_key = move |event: KeyboardEvent| {
        let Some(list) = list.get_untracked() else {
            return;
        };
        let is_typing = event.target().is_some_and(|target| {
            target
                .dyn_ref::<HtmlElement>()
                .is_some_and(|element| element.tag_name() == "INPUT")
        });
        match event.key().as_str() {
            _ if !is_typing => browser::walk(&event, &list, ".offer"),
            "ArrowDown" => {
                event.prevent_default();
                browser::focus(&list, ".offer");
            }
            // Not the form around it.
            "Enter" => {
                event.prevent_default();
                if let Some(first) = untrack(offers).first() {
                    choose.run(first.value());
                }
            }
            _ => {}
        }
    };
    view! {
        <Dialog title on_close=close wide=true>
            <div class="stack" on:keydown=on_key>
                <label class="input-wrap">
                    <span class="visually-hidden">{t.search}</span>
                    <Icon glyph=Glyph::Search small=true />
                    <input
                        class="input"
                        type="search"
                        placeholder=t.search
                        autofocus=true
                        autocomplete="off"
                        bind:value=words
                    />
                </label>
                <ul class="offers" node_ref=list>
                    {move || {
                        offers()
                            .into_iter()
                            .map(|offer| view! { <OfferRow offer choose /> })
                            .collect_view()
                    }}
                </ul>
            </div>
        </Dialog>
    }
    .into_any()
}

/// What fits the typed words: routes before models.
fn offers(shelf: Shelf, with_routes: bool, typed: &str) -> Vec<Offer> {
    let sought = browser::lowercase(typed);
    let models = shelf.models.data.get().unwrap_or_default().models;
    let is_known = models.iter().any(|model| id_of(model) == typed);
    let fits = |text: &str| browser::lowercase(text).contains(&sought);
    let mut offers = Vec::new();
    if with_routes {
        if typed.is_empty() {
            offers.push(Offer::Usual);
        }
        let routes = shelf.routes.data.get().unwrap_or_default().into_iter();
        offers.extend(routes.filter(|route| fits(&route.alias)).map(|route| {
            let targets = route.targets.into_iter().map(|target| target.model);
            Offer::Route(route.alias, targets.collect())
        }));
    }
    let found = models
        .into_iter()
        .filter(|model| fits(&model.name) || fits(&model.display_name));
    offers.extend(found.take(SHOWN).map(|model| Offer::Model(Box::new(model))));
    if !typed.is_empty() && !is_known {
        offers.push(Offer::Typed(typed.to_owned()));
    }
    offers
}

#[component]
fn OfferRow(offer: Offer, choose: Callback<String>) -> impl IntoView {
    let t = text::gateway();
    let value = offer.value();
    let below = |words: String| view! { <span class="small muted">{words}</span> }.into_any();
    let (name, below) = match offer {
        Offer::Usual => (t.usual_model.to_owned(), below(t.usual_text.to_owned())),
        Offer::Route(alias, targets) => (alias, below((t.route_way)(&targets.join(" → ")))),
        Offer::Typed(id) => ((t.use_typed)(&id), below(t.unlisted_text.to_owned())),
        Offer::Model(model) => {
            let below = view! {
                <span class="small mono muted">{value.clone()}</span>
                {facts(&model)}
            };
            (model.display_name, below.into_any())
        }
    };
    view! {
        <li>
            <button type="button" class="offer" on:click=move |_| choose.run(value.clone())>
                <strong>{name}</strong>
                <span class="row row-wrap">{below}</span>
            </button>
        </li>
    }
    .into_any()
}
