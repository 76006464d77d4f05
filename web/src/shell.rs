//! The frame around every page of a signed-in person.

mod bell;
mod bottom_bar;
mod commands;
mod crumbs;
mod guard;
mod health;
mod places;
mod rail;
mod shortcuts;
mod top_bar;

use std::time::Duration;

use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::*;
use leptos_router::components::{Outlet, Redirect};
use leptos_router::hooks::use_location;

pub(crate) use guard::UnsavedGuard;
pub(crate) use top_bar::{LanguageMenu, ThemeMenu};

use crate::api::accounts;
use crate::i18n::text;
use crate::session::{Session, State};
use crate::ui::{Failure, Glyph, Icon};
use crate::{browser, task};

/// Well inside the shortest life of a session, 12 hours of disuse.
const REFRESH_EVERY: Duration = Duration::from_secs(45 * 60);

/// Lets signed-in people through; the others meet the door and come back after it.
#[component]
pub(crate) fn Shell() -> impl IntoView {
    let session = Session::get();
    let location = use_location();
    let state = Memo::new(move |_| session.state.get());
    move || match state.get() {
        State::Unknown => ().into_any(),
        State::Failed(problem) => {
            let retry = Callback::new(move |()| session.load());
            view! {
                <main class="page page-narrow">
                    <Failure problem on_retry=retry />
                </main>
            }
            .into_any()
        }
        State::SignedOut { has_ended } => {
            let place = format!("{}{}", location.pathname.get_untracked(), query(&location));
            let ended = if has_ended { "&ended=1" } else { "" };
            let path = format!("/sign-in?next={}{ended}", browser::escape(&place));
            view! { <Redirect path /> }.into_any()
        }
        State::SignedIn => view! { <Frame /> }.into_any(),
    }
}

fn query(location: &leptos_router::location::Location) -> String {
    let search = location.search.get_untracked();
    if search.is_empty() {
        search
    } else {
        format!("?{search}")
    }
}

#[component]
fn Frame() -> impl IntoView {
    keep_session();
    let palette = RwSignal::new(false);
    let help = RwSignal::new(false);
    shortcuts::listen(palette, help);
    view! {
        <a class="skip" href="#content">
            {text::shell().skip}
        </a>
        <div class="app">
            <rail::Rail />
            <top_bar::TopBar palette />
            <main class="main" id="content" tabindex="-1">
                <OfflineBanner />
                <Outlet />
            </main>
            <bottom_bar::BottomBar />
        </div>
        <commands::Commands open=palette />
        <shortcuts::Help open=help />
        <guard::GuardDialog />
    }
    .into_any()
}

fn keep_session() {
    let renew = move || {
        task::spawn(async {
            // A failed renewal shows itself with the next call; the session is still good.
            let _ = accounts::refresh().await;
        });
    };
    let ticking = set_interval_with_handle(renew, REFRESH_EVERY);
    on_cleanup(move || {
        if let Ok(ticking) = ticking {
            ticking.clear();
        }
    });
}

#[component]
fn OfflineBanner() -> impl IntoView {
    let offline = RwSignal::new(!window().navigator().on_line());
    let gone = window_event_listener(leptos::ev::offline, move |_| offline.set(true));
    let back = window_event_listener(leptos::ev::online, move |_| offline.set(false));
    on_cleanup(move || {
        gone.remove();
        back.remove();
    });
    view! {
        <div class="banner" role="status" hidden=move || !offline.get()>
            <Icon glyph=Glyph::Offline />
            {text::shell().offline}
        </div>
    }
}
