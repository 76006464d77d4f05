//! Who is signed in.

use leptos::prelude::*;

use crate::api::accounts::{self, Me, Organization};
use crate::api::{self, Problem, ProblemKind};
use crate::i18n::Language;
use crate::preferences::{Preferences, Theme};
use crate::task;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// Asking the server.
    Unknown,
    SignedOut {
        /// It was signed in a moment ago.
        has_ended: bool,
    },
    SignedIn,
    /// The server could not be asked.
    Failed(Problem),
}

#[derive(Clone, Copy)]
pub(crate) struct Session {
    pub(crate) state: RwSignal<State>,
    me: RwSignal<Me>,
    preferences: Preferences,
}

impl Session {
    pub(crate) fn provide(preferences: Preferences) -> Self {
        let session = Self {
            state: RwSignal::new(State::Unknown),
            me: RwSignal::new(Me::default()),
            preferences,
        };
        provide_context(session);
        api::on_session_end(move || {
            if session
                .state
                .with_untracked(|state| *state == State::SignedIn)
            {
                session.state.set(State::SignedOut { has_ended: true });
            }
        });
        session.load();
        session
    }

    /// The session of the page, from any component.
    pub(crate) fn get() -> Self {
        use_context().unwrap_or_else(|| Self::provide(Preferences::get()))
    }

    /// Asks the server who is signed in.
    pub(crate) fn load(self) {
        task::spawn(async move {
            match accounts::me().await {
                Ok(me) => self.begin(me),
                Err(problem) if problem.kind == ProblemKind::SignedOut => {
                    self.state.set(State::SignedOut { has_ended: false });
                }
                Err(problem) => self.state.set(State::Failed(problem)),
            }
        });
    }

    pub(crate) fn begin(self, me: Me) {
        self.take(me);
        self.state.set(State::SignedIn);
    }

    /// A newer answer about the person.
    pub(crate) fn take(self, me: Me) {
        if let Some(user) = &me.user {
            if let Some(theme) = Theme::from_word(&user.theme) {
                self.preferences.set_theme(theme);
            }
            if let Some(language) = Language::from_tag(&user.locale) {
                self.preferences.set_language(language);
            }
        }
        self.me.set(me);
    }

    pub(crate) fn take_organization(self, organization: Organization) {
        self.me.update(|me| me.organization = Some(organization));
    }

    pub(crate) fn end(self) {
        self.state.set(State::SignedOut { has_ended: false });
        self.me.set(Me::default());
    }

    pub(crate) fn me(self) -> Me {
        self.me.get()
    }

    /// Whether the role of the person allows something, by the word of the RPC options.
    pub(crate) fn may(self, permission: &str) -> bool {
        self.me
            .with(|me| me.permissions.iter().any(|held| held == permission))
    }

    pub(crate) fn organization_name(self) -> String {
        let name = |me: &Me| me.organization.as_ref().map(|it| it.display_name.clone());
        self.me.with(name).unwrap_or_default()
    }

    pub(crate) fn user_name(self) -> String {
        let name = |me: &Me| me.user.as_ref().map(|it| it.display_name.clone());
        self.me.with(name).unwrap_or_default()
    }

    /// Changes the language here and for the user on every device.
    pub(crate) fn choose_language(self, language: Language) {
        self.preferences.set_language(language);
        self.save(move |me| {
            if let Some(user) = &mut me.user {
                user.locale = language.tag().to_owned();
            }
        });
    }

    /// Changes the theme here and for the user on every device.
    pub(crate) fn choose_theme(self, theme: Theme) {
        self.preferences.set_theme(theme);
        self.save(move |me| {
            if let Some(user) = &mut me.user {
                user.theme = theme.word().to_owned();
            }
        });
    }

    fn save(self, change: impl FnOnce(&mut Me)) {
        if self.state.with_untracked(|state| *state != State::SignedIn) {
            return;
        }
        let mut me = self.me.get_untracked();
        change(&mut me);
        let user = me.user.clone().unwrap_or_default();
        self.me.set(me);
        task::spawn(async move {
            // This browser already keeps the choice; other devices learn it with the next one.
            let _ = accounts::update_me(user, &["locale", "theme"]).await;
        });
    }
}
