//! Renews pairs: one at a time for each connection, whoever of the replicas asks. Kommo gives each
//! refresh token a successor and the first one dies: of two who renew at once, one ends with a pair
//! that is dead.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use t11_core::{OrgScope, World};
use t11_kommo::oauth::{Claims, Tokens};
use t11_kommo::{AccountHost, Error as KommoError, Http, OAuth, Pace};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

use super::flight::Flights;
use super::{Lease, NewToken, Token, Turn};
use crate::connection::{Connection, State};
use crate::error::Error;
use crate::store::Store;

/// Longer than a renewal takes with all its waits and second tries, so that it ends early only with
/// its process.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(120);
/// How long a caller waits for another replica's renewal.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Renews pairs. Clones share what is being renewed.
#[derive(Clone)]
pub(crate) struct Refresher {
    store: Store,
    http: Http,
    pace: Pace,
    world: World,
    flights: Arc<Flights>,
    tasks: TaskTracker,
}

/// Who asks, and for what.
#[derive(Clone)]
struct Asked {
    scope: OrgScope,
    connection: Uuid,
}

impl Refresher {
    pub(crate) fn new(
        store: Store,
        http: Http,
        pace: Pace,
        world: World,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            store,
            http,
            pace,
            world,
            flights: Arc::default(),
            tasks,
        }
    }

    /// Sees to it that a newer pair than `seen` is stored. Goes on when the caller goes away: what
    /// Kommo has given must be stored.
    ///
    /// # Errors
    /// [`Error::ConnectionState`] when a person must grant access again; [`Error::RefreshBusy`];
    /// those of Kommo that may pass.
    pub(crate) async fn renew(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        seen: i64,
    ) -> Result<(), Error> {
        let (refresher, scope) = (self.clone(), scope.clone());
        let asked = Asked { scope, connection };
        // In a box, for it is large and nearly every caller passes here without need of it.
        let renewal = Box::pin(async move { refresher.take_turn(asked, seen).await });
        let task = self.tasks.spawn(renewal.in_current_span());
        // It is never aborted; a panic was logged where it happened.
        task.await.unwrap_or(Err(Error::RefreshBusy))
    }

    async fn take_turn(&self, asked: Asked, seen: i64) -> Result<(), Error> {
        let _seat = self.flights.board(asked.connection).await;
        let until = Instant::now() + PATIENCE;
        loop {
            let (scope, connection) = (&asked.scope, asked.connection);
            match self
                .store
                .take_lease(scope, connection, seen, LEASE)
                .await?
            {
                Turn::Renewed => return Ok(()),
                Turn::Mine(lease) => return self.renew_under(&asked, lease).await,
                Turn::Wait if Instant::now() >= until => return Err(Error::RefreshBusy),
                Turn::Wait => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// The lease ends with this, whatever comes of it.
    async fn renew_under(&self, asked: &Asked, lease: Lease) -> Result<(), Error> {
        let outcome = self.exchange(asked, lease).await;
        let word = match &outcome {
            Ok(()) => "renewed",
            Err(Error::ConnectionState { .. }) => "refused",
            Err(_) => "failed",
        };
        metrics::counter!("t11_crm_token_renewals_total", "result" => word).increment(1);
        if outcome.is_err() {
            let (scope, connection) = (&asked.scope, asked.connection);
            self.store.end_lease(scope, connection, lease).await?;
        }
        outcome
    }

    async fn exchange(&self, asked: &Asked, lease: Lease) -> Result<(), Error> {
        let (scope, id) = (&asked.scope, asked.connection);
        let (connection, token) = self.store.opened(scope, id).await?;
        let Some(refresh) = &token.refresh else {
            return self.refuse(asked, lease).await;
        };
        let integration = self.store.integration(scope).await?;
        let client_id = integration.client_id;
        let oauth = OAuth::new(&self.http, &self.pace, integration);
        let host = self.http.hosts().account(&connection.host)?;
        match buy(&oauth, &host, refresh).await {
            Ok(tokens) => self.keep(asked, lease, client_id, tokens, None).await,
            Err(error) if is_refusal(&error) => {
                self.refused(asked, lease, &oauth, client_id, &connection, &token)
                    .await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Kommo refuses the pair: another may have renewed it, or the account has moved.
    async fn refused(
        &self,
        asked: &Asked,
        lease: Lease,
        oauth: &OAuth,
        client_id: Uuid,
        connection: &Connection,
        token: &Token,
    ) -> Result<(), Error> {
        let stored = self
            .store
            .token_version(&asked.scope, asked.connection)
            .await?;
        if stored > lease.version {
            return Ok(());
        }
        let Some(refresh) = &token.refresh else {
            return self.refuse(asked, lease).await;
        };
        let Some(host) = self.moved_to(oauth, connection, refresh).await? else {
            return self.refuse(asked, lease).await;
        };
        match buy(oauth, &host, refresh).await {
            Ok(tokens) => self.keep(asked, lease, client_id, tokens, Some(host)).await,
            Err(error) if is_refusal(&error) => self.refuse(asked, lease).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Where the account is now, if it is elsewhere.
    async fn moved_to(
        &self,
        oauth: &OAuth,
        connection: &Connection,
        refresh: &SecretString,
    ) -> Result<Option<AccountHost>, Error> {
        let Some(api_domain) = &connection.account.api_domain else {
            return Ok(None);
        };
        let api_domain = self.http.hosts().account(api_domain)?;
        let current = match oauth.current_host(&api_domain, refresh).await {
            Ok(current) => current,
            Err(error) if is_refusal(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let is_other = current
            .account_id
            .is_some_and(|found| Some(found.0) != connection.account.id);
        let has_moved = current.host.as_str() != connection.host;
        Ok((has_moved && !is_other).then_some(current.host))
    }

    async fn keep(
        &self,
        asked: &Asked,
        lease: Lease,
        client_id: Uuid,
        tokens: Tokens,
        host: Option<AccountHost>,
    ) -> Result<(), Error> {
        let claims = Claims::read(self.http.hosts(), &tokens.access_token);
        let token = NewToken::bought(&self.world, client_id, tokens);
        let kept = self
            .store
            .keep_token(&asked.scope, asked.connection, lease, token, claims, host)
            .await?;
        if kept {
            return Ok(());
        }
        // Another has taken the lease since then: what it stores is what holds.
        tracing::warn!(connection.id = %asked.connection, "a lease was lost before its pair was stored");
        metrics::counter!("t11_crm_tokens_not_stored_total").increment(1);
        let stored = self
            .store
            .token_version(&asked.scope, asked.connection)
            .await?;
        if stored > lease.version {
            Ok(())
        } else {
            Err(Error::RefreshBusy)
        }
    }

    /// Only a person can help.
    async fn refuse(&self, asked: &Asked, lease: Lease) -> Result<(), Error> {
        let (scope, connection) = (&asked.scope, asked.connection);
        self.store.refuse_token(scope, connection, lease).await?;
        tracing::warn!(connection.id = %connection, "Kommo refuses the tokens; a person must grant access again");
        Err(Error::ConnectionState {
            state: State::NeedsReauth,
        })
    }
}

/// When the answer was lost, Kommo is asked once more with the same token: it holds until its
/// successor is used, as the documents say, or is dead, as people say.
async fn buy(
    oauth: &OAuth,
    host: &AccountHost,
    refresh: &SecretString,
) -> Result<Tokens, KommoError> {
    match oauth.refresh(host, refresh).await {
        Err(KommoError::OutcomeUnknown) => oauth.refresh(host, refresh).await,
        known => known,
    }
}

/// Whether the same pair will not be taken later either.
fn is_refusal(error: &KommoError) -> bool {
    matches!(
        error,
        KommoError::Unauthorized(_) | KommoError::NotFound(_) | KommoError::Invalid(_)
    )
}
