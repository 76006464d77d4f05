//! Tokens: how an account gives them, how they are renewed, how it is found when it has moved.
//!
//! Sources: Kommo docs, `oauth-20`, `authorization-public`; the SDK `amocrm-api-php`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use t11_core::{Fault, FaultKind};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use crate::de;
use crate::error::Error;
use crate::host::{AccountHost, HostError, Hosts};
use crate::http::{Call, Http};
use crate::id::{AccountId, UserId};
use crate::integration::Integration;
use crate::pace::{Lane, Pace};

/// Where people authorize, unless settings say otherwise.
pub const AUTHORIZE_URL: &str = "https://www.kommo.com/oauth";
/// How long a code is good.
pub const CODE_LIFETIME: Duration = Duration::from_secs(20 * 60);
/// How long a refresh token is good when it is not used.
pub const REFRESH_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// Longest code, state or token, in bytes: none is documented.
const MAX_TEXT: usize = 16 * 1024;

/// Who is redirected after consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The window we opened closes, and the one that opened it is redirected.
    Popup,
    /// The window we opened is redirected.
    PostMessage,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Popup => "popup",
            Self::PostMessage => "post_message",
        }
    }
}

/// Where a person is sent to choose an account and consent. Scopes and redirect address are those of
/// the registration. `state` comes back: make it unguessable, single use, and bound to the session.
#[must_use]
pub fn authorize_url(base: &Url, client_id: Uuid, state: &str, mode: Mode) -> Url {
    let mut url = base.clone();
    url.query_pairs_mut()
        .append_pair("client_id", &client_id.to_string())
        .append_pair("state", state)
        .append_pair("mode", mode.as_str());
    url
}

/// What came back.
#[derive(Debug)]
pub enum Callback {
    /// Consent.
    Granted(Grant),
    /// The person has declined.
    Declined {
        /// As it was sent.
        state: Option<String>,
    },
}

/// Consent, to be turned into tokens within [`CODE_LIFETIME`].
#[derive(Debug)]
pub struct Grant {
    /// Good for one use.
    pub code: SecretString,
    /// The account: known from here only, and checked.
    pub host: AccountHost,
    /// As it was sent. `None` only with [`Self::is_from_widget`].
    pub state: Option<String>,
    /// Which integration, if it says.
    pub client_id: Option<Uuid>,
    /// Kommo itself calls after our widget was installed: nobody's session, so whoever signs in must
    /// claim it. Otherwise anybody could attach their account to another's organization.
    pub is_from_widget: bool,
}

/// Why a redirect back is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// A parameter is missing, too long or given twice.
    #[error("the answer from Kommo is incomplete")]
    Malformed,
    /// No state, so it is not the answer to a question of ours.
    #[error("the answer from Kommo does not belong to a request of yours")]
    StateMissing,
    /// The account's host is not one of Kommo's.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Fault for CallbackError {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "KOMMO_CALLBACK_MALFORMED",
            Self::StateMissing => "KOMMO_STATE_MISSING",
            Self::Host(_) => "KOMMO_HOST_REFUSED",
        }
    }
}

impl Callback {
    /// Reads the query of the redirect address.
    ///
    /// # Errors
    /// [`CallbackError`].
    pub fn parse(hosts: &Hosts, query: &str) -> Result<Self, CallbackError> {
        let state = parameter(query, "state")?;
        let is_from_widget = parameter(query, "from_widget")?.is_some();
        if parameter(query, "error")?.is_some() {
            return Ok(Self::Declined { state });
        }
        let code = parameter(query, "code")?.ok_or(CallbackError::Malformed)?;
        let referer = parameter(query, "referer")?.ok_or(CallbackError::Malformed)?;
        let client_id = parameter(query, "client_id")?.map(|id| Uuid::try_parse(&id));
        if state.is_none() && !is_from_widget {
            return Err(CallbackError::StateMissing);
        }
        Ok(Self::Granted(Grant {
            code: code.into(),
            host: hosts.account(&referer)?,
            state,
            client_id: client_id
                .transpose()
                .map_err(|_| CallbackError::Malformed)?,
            is_from_widget,
        }))
    }
}

/// The only value of `name`, unless it is empty.
fn parameter(query: &str, name: &str) -> Result<Option<String>, CallbackError> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value);
    let value = values.next().filter(|value| !value.is_empty());
    if values.next().is_some() || value.as_ref().is_some_and(|value| value.len() > MAX_TEXT) {
        return Err(CallbackError::Malformed);
    }
    Ok(value.map(Into::into))
}

/// A pair of tokens. Both are to be stored before either is used: the refresh token that bought them
/// is gone.
#[derive(Debug)]
pub struct Tokens {
    /// For [`crate::Client`].
    pub access_token: SecretString,
    /// For [`OAuth::refresh`], once.
    pub refresh_token: SecretString,
    /// Of the access token, from now; a day.
    pub expires_in: Duration,
}

/// What an access token says of itself. Not signed by a key of ours, so hints only: the account is
/// confirmed by [`crate::Client::account`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Which account.
    pub account_id: Option<AccountId>,
    /// Who granted it.
    pub user_id: Option<UserId>,
    /// Where an account that has moved is looked for, if it is a host of Kommo's.
    pub api_domain: Option<AccountHost>,
    /// `crm`, `list_external_messages`, `send_external_messages`, …: an open set.
    pub scopes: Vec<String>,
    /// Until when it is good.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Claims {
    /// Reads an access token, or one that lives long. What cannot be read is missing.
    #[must_use]
    pub fn read(hosts: &Hosts, access_token: &SecretString) -> Self {
        #[derive(Default, Deserialize)]
        struct Wire {
            #[serde(default, deserialize_with = "de::maybe")]
            account_id: Option<AccountId>,
            #[serde(default, deserialize_with = "de::maybe")]
            sub: Option<UserId>,
            #[serde(default, deserialize_with = "de::some_text")]
            api_domain: Option<String>,
            #[serde(default, deserialize_with = "de::list")]
            scopes: Vec<String>,
            #[serde(default, deserialize_with = "de::some_time")]
            exp: Option<DateTime<Utc>>,
        }
        let payload = access_token
            .expose_secret()
            .split('.')
            .nth(1)
            .unwrap_or_default();
        let json = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        let wire: Wire = serde_json::from_slice(&json).unwrap_or_default();
        Self {
            account_id: wire.account_id,
            user_id: wire.sub,
            api_domain: wire.api_domain.and_then(|host| hosts.account(&host).ok()),
            scopes: wire.scopes,
            expires_at: wire.exp,
        }
    }
}

/// Where an account is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentHost {
    /// Its host.
    pub host: AccountHost,
    /// Which account, if Kommo says: to be compared with the one that was asked for.
    pub account_id: Option<AccountId>,
}

/// Buys tokens for an integration.
#[derive(Clone)]
pub struct OAuth {
    http: Http,
    pace: Pace,
    integration: Integration,
}

#[derive(Serialize)]
struct TokenRequest<'a> {
    client_id: Uuid,
    client_secret: &'a str,
    redirect_uri: &'a str,
    #[serde(flatten)]
    grant: TokenGrant<'a>,
}

#[derive(Serialize)]
#[serde(tag = "grant_type", rename_all = "snake_case")]
enum TokenGrant<'a> {
    AuthorizationCode { code: &'a str },
    RefreshToken { refresh_token: &'a str },
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: SecretString,
    refresh_token: SecretString,
    #[serde(deserialize_with = "de::integer")]
    expires_in: i64,
}

impl OAuth {
    /// For this integration.
    #[must_use]
    pub fn new(http: &Http, pace: &Pace, integration: Integration) -> Self {
        Self {
            http: http.clone(),
            pace: pace.clone(),
            integration,
        }
    }

    /// Turns a code into tokens.
    ///
    /// # Errors
    /// [`Error::Invalid`] and [`Error::Unauthorized`] when the code is used up or too old. After
    /// [`Error::OutcomeUnknown`] the code is used up as a rule: the person must consent again.
    pub async fn exchange(&self, host: &AccountHost, code: &SecretString) -> Result<Tokens, Error> {
        let grant = TokenGrant::AuthorizationCode {
            code: code.expose_secret(),
        };
        self.buy("oauth.exchange", host, grant).await
    }

    /// Turns a refresh token into a new pair. One at a time for each connection, or one of the
    /// callers ends with a pair that is dead.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`]: ask once more with the same token, which holds until the new one
    /// is used, as the documents say, or is dead, as people say.
    /// [`Error::Unauthorized`]: read the stored token again, another may have renewed it; else
    /// look for the account with [`Self::current_host`], as after [`Error::NotFound`]; else a person
    /// must consent again. It is never tried a second time by itself.
    pub async fn refresh(
        &self,
        host: &AccountHost,
        refresh_token: &SecretString,
    ) -> Result<Tokens, Error> {
        let grant = TokenGrant::RefreshToken {
            refresh_token: refresh_token.expose_secret(),
        };
        self.buy("oauth.refresh", host, grant).await
    }

    async fn buy(
        &self,
        operation: &'static str,
        host: &AccountHost,
        grant: TokenGrant<'_>,
    ) -> Result<Tokens, Error> {
        let url = host.join("/oauth2/access_token")?;
        let body = TokenRequest {
            client_id: self.integration.client_id,
            client_secret: self.integration.client_secret.expose_secret(),
            redirect_uri: self.integration.redirect_uri.as_str(),
            grant,
        };
        let request = self.http.client().post(url).json(&body);
        let reply = self
            .paced(host, self.http.call(operation, request, false))
            .await?;
        let reply: TokenReply = reply.json()?;
        let expires_in = u64::try_from(reply.expires_in).unwrap_or(0);
        Ok(Tokens {
            access_token: reply.access_token,
            refresh_token: reply.refresh_token,
            expires_in: Duration::from_secs(expires_in),
        })
    }

    /// Where the account of a refresh token is now, asked at the `api_domain` its access token named
    /// ([`Claims::api_domain`]). The refresh token is not used up.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Host`] when the answer is not a host of Kommo's.
    pub async fn current_host(
        &self,
        api_domain: &AccountHost,
        refresh_token: &SecretString,
    ) -> Result<CurrentHost, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(deserialize_with = "de::text")]
            domain: String,
            #[serde(default, deserialize_with = "de::maybe")]
            id: Option<AccountId>,
        }
        let url = api_domain.join("/oauth2/account/current/subdomain")?;
        let token = refresh_token.expose_secret();
        let request = self.http.client().get(url).header("X-Refresh-Token", token);
        let call = self.http.call("oauth.current_host", request, true);
        let answer: Answer = self.paced(api_domain, call).await?.json()?;
        Ok(CurrentHost {
            host: self.http.hosts().account(&answer.domain)?,
            account_id: answer.id,
        })
    }

    async fn paced(&self, host: &AccountHost, mut call: Call) -> Result<crate::http::Reply, Error> {
        call.total = self.http.patience().tokens;
        // Every other call of the account waits for this one.
        let admission = self.pace.admit(host, Lane::Reply).await?;
        let outcome = call.send().await;
        admission.settle(&outcome);
        outcome
    }
}

#[cfg(test)]
mod tests;
