//! How accounts are connected: a person grants access at Kommo and comes back with a code, or brings
//! a token that lives long; and how Kommo says that it was taken back.

mod hooks;

pub(crate) use self::hooks::{Disabled, own_scope};

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use t11_core::{OrgScope, Violations};
use t11_kommo::oauth::{Claims, Mode, Tokens, authorize_url};
use t11_kommo::{AccountHost, Client, Error as KommoError, Lane, OAuth, Repeat};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::connection::{self, Connection, Kind};
use crate::error::Error;
use crate::kommo::Kommo;
use crate::store::Store;
use crate::token::NewToken;

/// How long a person has for it, as long as Kommo's code.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(20);
/// Longest token, in bytes: none is documented.
const MAX_TOKEN: usize = 16 * 1024;
/// How long a second call waits for the first one of the same state, and between two looks.
const TWIN_PATIENCE: Duration = Duration::from_secs(20);
const TWIN_LOOK: Duration = Duration::from_millis(250);

/// Connects accounts.
#[derive(Clone)]
pub(crate) struct Authorizations {
    kommo: Kommo,
    store: Store,
    oauth_url: Url,
}

/// An authorization that a person has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) id: Uuid,
    /// A connection that is granted again.
    pub(crate) connection: Option<Uuid>,
}

/// What a state is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is the caller's to go on with.
    Begun(Begun),
    /// Another call is at it.
    Busy,
    /// This connection came of it.
    Made(Uuid),
}

/// The query of Kommo's redirect.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: SecretString,
    pub(crate) state: String,
    /// The host of the account.
    pub(crate) referer: String,
    pub(crate) client_id: String,
    pub(crate) error: String,
}

/// Access that was granted, to be stored.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) kind: Kind,
    pub(crate) host: AccountHost,
    pub(crate) token: NewToken,
    pub(crate) claims: Claims,
    pub(crate) account: t11_kommo::client::Account,
    /// A connection that is granted again.
    pub(crate) connection: Option<Uuid>,
    /// What it came of.
    pub(crate) authorization: Option<Uuid>,
}

impl Authorizations {
    pub(crate) fn new(kommo: Kommo, oauth_url: Url) -> Self {
        Self {
            store: kommo.store.clone(),
            kommo,
            oauth_url,
        }
    }

    /// The address where a person grants access, and until when.
    ///
    /// # Errors
    /// [`Error::CredentialMissing`]; [`Error::NotFound`] for `connection`.
    pub(crate) async fn start(
        &self,
        scope: &OrgScope,
        connection: Option<Uuid>,
    ) -> Result<(Url, DateTime<Utc>), Error> {
        let credential = self.store.credential(scope).await?;
        if let Some(connection) = connection {
            self.store.connection(scope, connection).await?;
        }
        let state = URL_SAFE_NO_PAD.encode(self.kommo.world.random::<32>());
        let expires = self.kommo.world.now() + LIFETIME;
        self.store
            .begin_authorization(scope, hash(&state), connection, expires)
            .await?;
        // The whole window goes to Kommo and comes back.
        let mode = Mode::PostMessage;
        let url = authorize_url(&self.oauth_url, credential.client_id, &state, mode);
        Ok((url, expires))
    }

    /// Connects the account that a person has chosen at Kommo.
    ///
    /// # Errors
    /// See `ConnectionService.CompleteAuthorization`.
    pub(crate) async fn complete(
        &self,
        scope: &OrgScope,
        answer: Answer,
    ) -> Result<Connection, Error> {
        let begun = match self.take(scope, &answer.state).await? {
            Taken::Begun(begun) => begun,
            Taken::Made(connection) => return self.store.connection(scope, connection).await,
            Taken::Busy => return Err(Error::AuthorizationState),
        };
        let outcome = self.go_on(scope, begun, answer).await;
        if let Err(error) = &outcome {
            // A code that Kommo has not been asked for is still good.
            match error.repeat() {
                Repeat::Safe(_) => self.store.give_back_authorization(scope, begun.id).await?,
                Repeat::ReadFirst | Repeat::Never => {
                    self.store.end_authorization(scope, begun.id).await?;
                }
            }
        }
        outcome
    }

    async fn go_on(
        &self,
        scope: &OrgScope,
        begun: Begun,
        answer: Answer,
    ) -> Result<Connection, Error> {
        if !answer.error.is_empty() {
            return Err(Error::AuthorizationDeclined);
        }
        // Nothing secret is sent to a host before it is known to be Kommo's.
        let host = self.kommo.hosts().account(&answer.referer);
        let host = host.map_err(|_| Error::HostNotAllowed)?;
        let (oauth, client_id) = self.oauth(scope, &answer.client_id).await?;
        let tokens = oauth.exchange(&host, &answer.code).await;
        let tokens = tokens.map_err(refusal_of_code)?;
        let granted = self.grant(client_id, host, tokens, begun).await?;
        self.store.connect(scope, granted).await
    }

    /// Connects an account by a token that lives long.
    ///
    /// # Errors
    /// See `ConnectionService.ConnectWithToken`.
    pub(crate) async fn connect_with_token(
        &self,
        scope: &OrgScope,
        host: &str,
        token: &str,
        connection: Option<Uuid>,
    ) -> Result<Connection, Error> {
        let hosts = self.kommo.hosts();
        let mut violations = Violations::default();
        let host = connection::host(hosts, &mut violations, "host", host);
        let token: SecretString = violations.text("token", token, 1, MAX_TOKEN).into();
        let claims = Claims::read(hosts, &token);
        if claims
            .expires_at
            .is_some_and(|ends| ends <= self.kommo.world.now())
        {
            violations.add("token", "TOKEN_EXPIRED", "`token` has expired");
        }
        violations.check()?;
        if let Some(connection) = connection {
            self.store.connection(scope, connection).await?;
        }
        let host = hosts.account(&host)?;
        let account = match self.account(&host, &token).await {
            Err(KommoError::Unauthorized(_) | KommoError::Forbidden(_)) => {
                return Err(Error::TokenRefused);
            }
            answered => answered?,
        };
        let granted = Granted {
            kind: Kind::LongLived,
            host,
            token: NewToken::long_lived(token, claims.expires_at),
            claims,
            account,
            connection,
            authorization: None,
        };
        self.store.connect(scope, granted).await
    }

    /// The state, taken by this call alone. A twin of this call, such as a second try whose first
    /// one still runs, waits for what comes of it.
    async fn take(&self, scope: &OrgScope, state: &str) -> Result<Taken, Error> {
        let until = Instant::now() + TWIN_PATIENCE;
        loop {
            match self.store.take_authorization(scope, hash(state)).await? {
                Taken::Busy if Instant::now() < until => tokio::time::sleep(TWIN_LOOK).await,
                taken => return Ok(taken),
            }
        }
    }

    /// Buys tokens for the organization's integration, which is the one that Kommo names.
    async fn oauth(&self, scope: &OrgScope, named: &str) -> Result<(OAuth, Uuid), Error> {
        let integration = self.store.integration(scope).await?;
        let client_id = integration.client_id;
        if !named.is_empty() && Uuid::try_parse(named) != Ok(client_id) {
            return Err(Error::CredentialRefused);
        }
        let oauth = OAuth::new(&self.kommo.http, &self.kommo.pace, integration);
        Ok((oauth, client_id))
    }

    /// Asks whose the tokens are.
    async fn grant(
        &self,
        client_id: Uuid,
        host: AccountHost,
        tokens: Tokens,
        begun: Begun,
    ) -> Result<Granted, Error> {
        let claims = Claims::read(self.kommo.hosts(), &tokens.access_token);
        let account = self.account(&host, &tokens.access_token).await?;
        Ok(Granted {
            kind: Kind::OAuth,
            host,
            token: NewToken::bought(&self.kommo.world, client_id, tokens),
            claims,
            account,
            connection: begun.connection,
            authorization: Some(begun.id),
        })
    }

    /// The account of a token. Asked twice, for the code that bought the token is used up.
    async fn account(
        &self,
        host: &AccountHost,
        token: &SecretString,
    ) -> Result<t11_kommo::client::Account, KommoError> {
        let token = token.expose_secret().to_owned().into();
        let client = Client::new(&self.kommo.http, &self.kommo.pace, host.clone(), token);
        let client = client.in_lane(Lane::Person);
        match client.account().await {
            Err(error) if error.repeat() == Repeat::Safe(None) => client.account().await,
            answered => answered,
        }
    }
}

/// What is kept of a state.
fn hash(state: &str) -> [u8; 32] {
    Sha256::digest(state).into()
}

/// Why Kommo gave no tokens for a code.
fn refusal_of_code(error: KommoError) -> Error {
    let says = |word| error.problem().is_some_and(|problem| problem.says(word));
    match error {
        // The integration is wrong, not the code.
        KommoError::Invalid(_) | KommoError::Unauthorized(_)
            if says("client") || says("redirect") =>
        {
            Error::CredentialRefused
        }
        // After a lost answer it is used up as a rule.
        KommoError::Invalid(_) | KommoError::Unauthorized(_) | KommoError::OutcomeUnknown => {
            Error::AuthorizationCode
        }
        other => other.into(),
    }
}
