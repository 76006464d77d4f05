//! Access: the authorize page, tokens and their rotation, revocation.

mod access;
mod authorize;
mod hooks;
mod tokens;

use std::sync::Arc;

use axum::routing::MethodFilter;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::routes::Routes;

/// An app, as it is registered with Kommo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integration {
    /// A UUID.
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uri: String,
    /// Where the account tells that it was disabled.
    #[serde(default)]
    pub hook_url: Option<String>,
    /// What its tokens may do; see [`Integration::ALL_SCOPES`].
    #[serde(default = "all_scopes")]
    pub scopes: Vec<String>,
}

fn all_scopes() -> Vec<String> {
    Integration::ALL_SCOPES.map(str::to_owned).to_vec()
}

impl Integration {
    pub const ALL_SCOPES: [&'static str; 7] = [
        "crm",
        "notifications",
        "push_notifications",
        "files",
        "files_delete",
        "list_external_messages",
        "send_external_messages",
    ];

    /// An app with every scope, the secret of tests and no hook.
    pub fn new(redirect_uri: &str) -> Self {
        Self {
            client_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            client_secret: "k".repeat(64),
            redirect_uri: redirect_uri.to_owned(),
            hook_url: None,
            scopes: all_scopes(),
        }
    }

    /// Scheme and host of the redirect address: `aud` of tokens made for its back end.
    pub(crate) fn origin(&self) -> String {
        let origin = Url::parse(&self.redirect_uri).map(|url| url.origin().ascii_serialization());
        origin.unwrap_or_default()
    }
}

/// What the person at the authorize page does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    #[default]
    Approve,
    Decline,
    /// Is shown a page with both buttons.
    Ask,
}

/// What becomes of a refresh token that was used. The documents and the reports differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// Dead at once.
    #[default]
    Strict,
    /// Works until its successor is used.
    Lenient,
}

/// Seconds.
const CODE_LIFE: i64 = 20 * 60;
const ACCESS_LIFE: i64 = 86_400;
const REFRESH_LIFE: i64 = 90 * 86_400;

#[derive(Debug, Default)]
pub(crate) struct OAuth {
    pub(crate) integrations: Vec<Integration>,
    pub(crate) decision: Decision,
    pub(crate) rotation: Rotation,
    /// Who sits at the authorize page; by default the first administrator.
    pub(crate) user_id: Option<i64>,
    codes: Vec<Code>,
    refreshes: Vec<Refresh>,
    accesses: Vec<Access>,
    /// Counts what must differ from token to token.
    issued: u64,
}

/// On whose behalf an app acts, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    account_id: i64,
    user_id: i64,
    client_id: String,
    scopes: Arc<[String]>,
}

#[derive(Debug)]
struct Code {
    code: String,
    grant: Grant,
    expires_at: i64,
    is_used: bool,
}

#[derive(Debug)]
struct Refresh {
    token: String,
    grant: Grant,
    expires_at: i64,
    state: RefreshState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum RefreshState {
    Current,
    /// Was used, and works until this successor is.
    ReplacedBy(String),
    Revoked,
}

#[derive(Debug)]
struct Access {
    token: String,
    grant: Grant,
    expires_at: i64,
    is_revoked: bool,
    /// Long-lived tokens have an administrator's rights.
    is_long_lived: bool,
}

impl OAuth {
    pub(crate) fn integration(&self, client_id: &str) -> Option<&Integration> {
        let mut integrations = self.integrations.iter();
        integrations.find(|integration| integration.client_id == client_id)
    }

    /// Takes back all that an app was granted in an account.
    pub(crate) fn revoke(&mut self, account_id: i64, client_id: &str) {
        let is_it = |grant: &Grant| grant.account_id == account_id && grant.client_id == client_id;
        for access in self.accesses.iter_mut().filter(|one| is_it(&one.grant)) {
            access.is_revoked = true;
        }
        for refresh in self.refreshes.iter_mut().filter(|one| is_it(&one.grant)) {
            refresh.state = RefreshState::Revoked;
        }
        self.codes.retain(|code| !is_it(&code.grant));
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .shared(MethodFilter::GET, "/oauth", authorize::page)
        .shared(MethodFilter::POST, "/oauth", authorize::decide)
        .shared(MethodFilter::POST, "/oauth2/access_token", tokens::token)
        .shared(
            MethodFilter::GET,
            "/oauth2/account/current/subdomain",
            tokens::current_subdomain,
        )
        .shared(
            MethodFilter::GET,
            "/oauth2/account/subdomain",
            tokens::current_subdomain,
        )
}
