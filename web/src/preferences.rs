//! Language and theme: kept in this browser at once, and with the user when signed in.

use leptos::prelude::*;

use crate::browser;
use crate::i18n::Language;

const LANGUAGE_KEY: &str = "t11.language";
const THEME_KEY: &str = "t11.theme";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word on the wire and in storage.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.word() == word)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Preferences {
    pub(crate) language: RwSignal<Language>,
    pub(crate) theme: RwSignal<Theme>,
}

impl Preferences {
    /// From this browser: what was chosen before, else what the reader prefers.
    pub(crate) fn provide() -> Self {
        let stored = browser::stored(LANGUAGE_KEY);
        let language = stored
            .into_iter()
            .chain(browser::languages())
            .find_map(|tag| Language::from_tag(&tag))
            .unwrap_or_default();
        let theme = browser::stored(THEME_KEY)
            .and_then(|word| Theme::from_word(&word))
            .unwrap_or_default();
        let preferences = Self {
            language: RwSignal::new(language),
            theme: RwSignal::new(theme),
        };
        provide_context(preferences);
        apply(language, theme);
        preferences
    }

    /// The preferences of the page, from any component.
    pub(crate) fn get() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    pub(crate) fn set_language(self, language: Language) {
        browser::store(LANGUAGE_KEY, language.tag());
        if self.language.get_untracked() != language {
            self.language.set(language);
        }
        apply(language, self.theme.get_untracked());
    }

    pub(crate) fn set_theme(self, theme: Theme) {
        match theme {
            Theme::System => browser::forget(THEME_KEY),
            Theme::Light | Theme::Dark => browser::store(THEME_KEY, theme.word()),
        }
        self.theme.set(theme);
        apply(self.language.get_untracked(), theme);
    }
}

/// Puts both on `<html>`, where the style sheet and screen readers look.
fn apply(language: Language, theme: Theme) {
    let Some(root) = document().document_element() else {
        return;
    };
    // Setting a plain attribute of an element in the document cannot fail.
    let _ = root.set_attribute("lang", language.tag());
    let _ = match theme {
        Theme::System => root.remove_attribute("data-theme"),
        Theme::Light | Theme::Dark => root.set_attribute("data-theme", theme.word()),
    };
}
