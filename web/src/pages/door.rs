use leptos::prelude::*;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_query_map;

use crate::i18n::text;
use crate::session::{Session, State};
use crate::shell::{LanguageMenu, ThemeMenu};
use crate::ui::{Glyph, Icon};

/// The frame of signing in and up; lets through whoever is signed in.
#[component]
pub(super) fn Door(title: &'static str, lead: &'static str, children: ChildrenFn) -> impl IntoView {
    let session = Session::get();
    let query = use_query_map();
    let is_in = Memo::new(move |_| session.state.get() == State::SignedIn);
    Effect::new(move |_| document().set_title(&format!("{title} · T11")));
    let children = StoredValue::new(children);
    move || {
        if is_in.get() {
            let path = next(query.with_untracked(|query| query.get("next")));
            return view! { <Redirect path /> }.into_any();
        }
        view! {
            <div class="door">
                <main class="door-form">
                    <div class="door-top">
                        <span class="brand">
                            <img src="/icon.svg" alt="" width="28" height="28" />
                            {text::common().product}
                        </span>
                        <span class="row">
                            <LanguageMenu />
                            <ThemeMenu />
                        </span>
                    </div>
                    <div class="stack-tight">
                        <h1>{title}</h1>
                        {(!lead.is_empty()).then(|| view! { <p class="soft">{lead}</p> })}
                    </div>
                    {children.with_value(|children| children())}
                </main>
                <Pitch />
            </div>
        }
        .into_any()
    }
}

/// Only a path of this site: a link that leads elsewhere after signing in would be a trap.
fn next(wanted: Option<String>) -> String {
    wanted
        .filter(|path| path.starts_with('/') && !path.starts_with("//") && !path.contains('\\'))
        .unwrap_or_else(|| "/".to_owned())
}

#[component]
fn Pitch() -> impl IntoView {
    let t = text::account();
    let bubbles = [
        (Glyph::Book, t.pitch_sources),
        (Glyph::Price, t.pitch_prices),
        (Glyph::Sparkle, t.pitch_trace),
    ];
    view! {
        <aside class="door-side">
            <ul class="pitch">
                {bubbles
                    .into_iter()
                    .map(|(glyph, words)| {
                        view! {
                            <li class="pitch-bubble">
                                <Icon glyph />
                                <span>{words}</span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </aside>
    }
}
