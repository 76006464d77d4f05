//! Every text a person reads, in Russian and in English.
//!
//! A dictionary is a constant of a struct, one field a text: a missing text or a wrong argument
//! does not compile. Both languages of a text stand on neighbouring lines, so that they are read
//! and changed together. Changing the language rebuilds the page, which is why a component may
//! read a text once.

#[macro_use]
mod words;
mod account;
mod agents;
mod api_keys;
mod automation;
mod chat;
mod common;
mod deals;
mod evaluation;
pub(crate) mod format;
mod inbox;
mod integrations;
mod jobs;
mod knowledge;
mod models;
mod notifications;
mod plays;
mod plural;
mod prices;
mod problems;
mod settings;
mod shell;
mod versions;

use std::cell::Cell;

/// The languages the screens speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    English,
    Russian,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::Russian, Self::English];

    /// The tag used in `lang`, in Intl and on the wire.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }

    /// The language's own name for itself.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Russian => "Русский",
        }
    }

    /// `ru-RU` and `ru` are Russian, `en-GB` is English, anything else is not spoken here.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next()? {
            "ru" => Some(Self::Russian),
            "en" => Some(Self::English),
            _ => None,
        }
    }
}

/// Declares where the texts of each group are read: `text::common().save`.
macro_rules! groups {
    ($($name:ident: $module:ident::$group:ident;)*) => {
        /// The texts of the language now in use. Those of a group are downloaded with the first
        /// screen that reads them.
        pub(crate) mod text {
            use super::{Language, language};

            $(
                pub(crate) fn $name() -> &'static super::$module::$group {
                    static ENGLISH: super::$module::$group = super::$module::$group::EN;
                    static RUSSIAN: super::$module::$group = super::$module::$group::RU;
                    match language() {
                        Language::English => &ENGLISH,
                        Language::Russian => &RUSSIAN,
                    }
                }
            )*
        }
    };
}

groups! {
    account: account::Account;
    agents: agents::Agents;
    api_keys: api_keys::ApiKeys;
    automation: automation::Automation;
    budgets: models::Budgets;
    catalog: models::Catalog;
    chat: chat::Chat;
    common: common::Common;
    dashboard: shell::Dashboard;
    deals: deals::Deals;
    editor: agents::Editor;
    evaluation: evaluation::Evaluation;
    events: integrations::Events;
    gateway: models::Gateway;
    inbox: inbox::Inbox;
    ingestion: knowledge::Ingestion;
    integrations: integrations::Integrations;
    jobs: jobs::Jobs;
    knowledge: knowledge::Knowledge;
    notifications: notifications::Notifications;
    playground: models::Playground;
    plays: plays::Plays;
    prices: prices::Prices;
    privacy: models::Privacy;
    problems: problems::Problems;
    provider_keys: models::ProviderKeys;
    routes: models::Routes;
    search: knowledge::SearchTest;
    settings: settings::Settings;
    shell: shell::Shell;
    skips: inbox::Skips;
    templates: agents::Templates;
    trace: chat::Trace;
    usage: models::Usage;
    versions: versions::Versions;
}

thread_local! {
    static CURRENT: Cell<Language> = const { Cell::new(Language::English) };
}

/// The language now in use.
pub(crate) fn language() -> Language {
    CURRENT.get()
}

pub(crate) fn set_language(language: Language) {
    CURRENT.set(language);
}
