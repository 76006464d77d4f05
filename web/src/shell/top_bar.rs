use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::bell::Bell;
use super::crumbs::Crumbs;
use super::health::Health;
use crate::api::accounts;
use crate::i18n::{Language, text};
use crate::preferences::{Preferences, Theme};
use crate::session::Session;
use crate::task;
use crate::ui::{Avatar, Glyph, Icon, Menu, MenuItem, Toasts};

/// Where the reader is, the palette, health, language, theme, the person.
#[component]
pub(super) fn TopBar(palette: RwSignal<bool>) -> impl IntoView {
    let t = text::shell();
    view! {
        <header class="topbar">
            <Crumbs />
            <button class="command" type="button" on:click=move |_| palette.set(true)>
                <Icon glyph=Glyph::Search small=true />
                <span>{t.command}</span>
                <kbd class="kbd">"Ctrl K"</kbd>
            </button>
            <Health />
            <Bell />
            <LanguageMenu />
            <ThemeMenu />
            <AccountMenu />
        </header>
    }
    .into_any()
}

/// Languages by their own names.
#[component]
pub(crate) fn LanguageMenu() -> impl IntoView {
    let session = Session::get();
    let present = Preferences::get().language.get_untracked();
    view! {
        <Menu label=text::common().language trigger=view! { <Icon glyph=Glyph::Language /> }>
            {Language::ALL
                .into_iter()
                .map(|language| {
                    let choose = Callback::new(move |()| session.choose_language(language));
                    view! {
                        <MenuItem
                            label=language.own_name()
                            checked=language == present
                            on_choose=choose
                        />
                    }
                })
                .collect_view()}
        </Menu>
    }
}

#[component]
pub(crate) fn ThemeMenu() -> impl IntoView {
    let t = text::shell();
    let session = Session::get();
    let preferences = Preferences::get();
    let label = move |theme| match theme {
        Theme::System => t.theme_system,
        Theme::Light => t.theme_light,
        Theme::Dark => t.theme_dark,
    };
    let trigger = move || {
        let glyph = if preferences.theme.get() == Theme::Dark {
            Glyph::Moon
        } else {
            Glyph::Sun
        };
        view! { <Icon glyph /> }
    };
    view! {
        <Menu label=t.theme trigger>
            {Theme::ALL
                .into_iter()
                .map(|theme| {
                    let choose = Callback::new(move |()| session.choose_theme(theme));
                    view! {
                        <MenuItem
                            label=label(theme)
                            checked=preferences.theme.get_untracked() == theme
                            on_choose=choose
                        />
                    }
                })
                .collect_view()}
        </Menu>
    }
}

#[component]
fn AccountMenu() -> impl IntoView {
    let t = text::shell();
    let session = Session::get();
    let toasts = Toasts::get();
    let navigate = use_navigate();
    let to_settings = Callback::new(move |()| navigate("/settings/profile", Default::default()));
    let sign_out = Callback::new(move |()| {
        task::spawn(async move {
            match accounts::sign_out().await {
                Ok(()) => session.end(),
                Err(problem) => toasts.problem(&problem),
            }
        });
    });
    let email = move || session.me().user.unwrap_or_default().email;
    let trigger = move || view! { <Avatar name=session.user_name() /> };
    view! {
        <Menu label=t.account_menu trigger>
            <div class="menu-label">
                <strong>{move || session.user_name()}</strong>
                <br />
                {email}
            </div>
            <div class="menu-line"></div>
            <MenuItem label=t.settings glyph=Glyph::Settings on_choose=to_settings />
            <MenuItem label=t.sign_out glyph=Glyph::SignOut on_choose=sign_out />
        </Menu>
    }
}
