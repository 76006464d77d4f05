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
mod chat;
mod common;
pub(crate) mod format;
mod jobs;
mod knowledge;
mod plural;
mod prices;
mod problems;
mod settings;
mod shell;

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

pub(crate) struct Dictionary {
    pub(crate) account: account::Account,
    pub(crate) agents: agents::Agents,
    pub(crate) api_keys: api_keys::ApiKeys,
    pub(crate) editor: agents::Editor,
    pub(crate) templates: agents::Templates,
    pub(crate) chat: chat::Chat,
    pub(crate) trace: chat::Trace,
    pub(crate) common: common::Common,
    pub(crate) dashboard: shell::Dashboard,
    pub(crate) jobs: jobs::Jobs,
    pub(crate) knowledge: knowledge::Knowledge,
    pub(crate) search: knowledge::SearchTest,
    pub(crate) ingestion: knowledge::Ingestion,
    pub(crate) prices: prices::Prices,
    pub(crate) problems: problems::Problems,
    pub(crate) settings: settings::Settings,
    pub(crate) shell: shell::Shell,
}

macro_rules! dictionary {
    ($language:ident) => {
        Dictionary {
            account: account::Account::$language,
            agents: agents::Agents::$language,
            api_keys: api_keys::ApiKeys::$language,
            editor: agents::Editor::$language,
            templates: agents::Templates::$language,
            chat: chat::Chat::$language,
            trace: chat::Trace::$language,
            common: common::Common::$language,
            dashboard: shell::Dashboard::$language,
            jobs: jobs::Jobs::$language,
            knowledge: knowledge::Knowledge::$language,
            search: knowledge::SearchTest::$language,
            ingestion: knowledge::Ingestion::$language,
            prices: prices::Prices::$language,
            problems: problems::Problems::$language,
            settings: settings::Settings::$language,
            shell: shell::Shell::$language,
        }
    };
}

static ENGLISH: Dictionary = dictionary!(EN);
static RUSSIAN: Dictionary = dictionary!(RU);

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

/// The texts of the language now in use.
pub(crate) fn text() -> &'static Dictionary {
    match language() {
        Language::English => &ENGLISH,
        Language::Russian => &RUSSIAN,
    }
}
