use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::places;
use crate::api::agents;
use crate::i18n::{Language, language, text};
use crate::preferences::Theme;
use crate::query::Query;
use crate::session::Session;
use crate::ui::{Command, Glyph, Palette};

/// The command palette, while it is open.
#[component]
pub(super) fn Commands(open: RwSignal<bool>) -> impl IntoView {
    move || open.get().then(|| view! { <OpenPalette open /> })
}

#[component]
fn OpenPalette(open: RwSignal<bool>) -> impl IntoView {
    // The palette shows pages and actions at once; agents join when they are loaded.
    let agents = Query::once(agents::all);
    let commands = Signal::derive(move || {
        let mut commands = pages();
        commands.extend(actions());
        for agent in agents.data.get().unwrap_or_default() {
            let path = format!("/{}/general", agent.name);
            let group = text::shell().palette_agents;
            commands.push(go(group, agent.display_name, Glyph::Agent, path));
        }
        commands
    });
    view! { <Palette commands on_close=move |()| open.set(false) /> }
}

fn go(group: &'static str, label: impl Into<String>, glyph: Glyph, path: String) -> Command {
    let navigate = use_navigate();
    Command {
        group,
        label: label.into(),
        glyph,
        run: Callback::new(move |()| navigate(&path, Default::default())),
    }
}

fn pages() -> Vec<Command> {
    let group = text::shell().palette_pages;
    places::all()
        .into_iter()
        .map(|place| go(group, place.label, place.glyph, place.href.to_owned()))
        .collect()
}

fn actions() -> Vec<Command> {
    let t = text::shell();
    let session = Session::get();
    let other = match language() {
        Language::English => Language::Russian,
        Language::Russian => Language::English,
    };
    let theme = |label: &'static str, glyph, theme| Command {
        group: t.palette_actions,
        label: format!("{}: {label}", t.theme),
        glyph,
        run: Callback::new(move |()| session.choose_theme(theme)),
    };
    let group = t.palette_actions;
    vec![
        go(group, t.new_agent, Glyph::Plus, "/agents?new=1".to_owned()),
        go(
            group,
            t.add_knowledge,
            Glyph::Upload,
            "/knowledge?add=files".to_owned(),
        ),
        go(
            group,
            t.drafts,
            Glyph::Edit,
            "/conversations/drafts".to_owned(),
        ),
        go(
            group,
            t.events,
            Glyph::Jobs,
            "/integrations/events".to_owned(),
        ),
        go(
            group,
            t.connect_kommo,
            Glyph::Plug,
            "/integrations".to_owned(),
        ),
        Command {
            group,
            label: t.switch_language.to_owned(),
            glyph: Glyph::Language,
            run: Callback::new(move |()| session.choose_language(other)),
        },
        theme(t.theme_light, Glyph::Sun, Theme::Light),
        theme(t.theme_dark, Glyph::Moon, Theme::Dark),
        theme(t.theme_system, Glyph::Settings, Theme::System),
    ]
}
