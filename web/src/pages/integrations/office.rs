//! What the page of the accounts knows and can do.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use crate::api::crm::{self, Connection, ConnectionKind, Credential};
use crate::api::live::LiveJobs;
use crate::i18n::text;
use crate::query::Query;
use crate::session::Session;
use crate::ui::Toasts;

/// An account that gets a token: its address, and its name when it is known already.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TokenFor {
    pub(super) host: String,
    pub(super) connection: String,
}

#[derive(Clone, Copy)]
pub(super) struct Office {
    pub(super) connections: Query<Vec<Connection>>,
    pub(super) credential: Query<Option<Credential>>,
    pub(super) toasts: Toasts,
    /// One thing at a time is asked of Kommo.
    pub(super) busy: RwSignal<bool>,
    pub(super) editing_keys: RwSignal<bool>,
    pub(super) token_for: RwSignal<Option<TokenFor>>,
    pub(super) deleting: RwSignal<Option<String>>,
    pub(super) live: LiveJobs,
    pub(super) may_write: bool,
}

impl Office {
    pub(super) fn open() -> Self {
        let live = expect_context::<LiveJobs>();
        live.subscribe();
        Self {
            connections: Query::keyed(move || live.epoch.get(), |_| crm::connections()),
            credential: Query::once(crm::credential),
            toasts: Toasts::get(),
            busy: RwSignal::new(false),
            editing_keys: RwSignal::new(false),
            token_for: RwSignal::new(None),
            deleting: RwSignal::new(None),
            live,
            may_write: Session::get().may("crm.write"),
        }
    }

    /// Leaves for Kommo, where a person grants access; for a new account when none is named.
    pub(super) fn authorize(self, connection: String) {
        let asked = async move {
            let answer = crm::start_authorization(connection).await;
            if let Err(problem) = &answer
                && problem.reason == "CREDENTIAL_MISSING"
            {
                self.editing_keys.set(true);
                show_keys();
            }
            answer
        };
        self.toasts.attempt(self.busy, asked, |uri| {
            // A browser that refuses to leave says so itself.
            let _ = window().location().set_href(&uri);
        });
    }

    /// Grants access again in the way the account was connected.
    pub(super) fn renew(self, connection: &Connection) {
        if connection.kind() == ConnectionKind::LongLived {
            self.token_for.set(Some(TokenFor {
                host: connection.host.clone(),
                connection: connection.name.clone(),
            }));
        } else {
            self.authorize(connection.name.clone());
        }
    }

    pub(super) fn repair(self, name: String) {
        self.toasts
            .attempt(self.busy, crm::repair(name), move |connection| {
                self.take(connection);
                self.toasts.say(text::integrations().repaired);
            });
    }

    pub(super) fn delete(self, name: String) {
        self.toasts
            .attempt(self.busy, crm::delete(name), move |()| {
                self.toasts.say(text::integrations().deleted);
                self.connections.reload();
            });
    }

    /// Shows an account as it is now.
    pub(super) fn take(self, newer: Connection) {
        self.connections.patch(|connections| {
            match connections.iter_mut().find(|one| one.name == newer.name) {
                Some(connection) => *connection = newer,
                None => connections.insert(0, newer),
            }
        });
    }
}

/// The id of the form where the keys of the integration are entered.
pub(super) const KEYS: &str = "kommo-keys";

/// Brings the form of the keys before the reader, with the focus in its first field.
fn show_keys() {
    request_animation_frame(|| {
        let input = document()
            .query_selector(&format!("#{KEYS} input"))
            .ok()
            .flatten();
        if let Some(input) = input.and_then(|input| input.dyn_into::<HtmlElement>().ok()) {
            let _ = input.focus();
            input.scroll_into_view();
        }
    });
}
