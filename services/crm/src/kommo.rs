//! The way to the accounts at Kommo: clients whose tokens work, at a pace that Kommo bears.

mod meter;
pub(crate) mod refusals;

use std::future::Future;

use t11_core::{OrgScope, World};
use t11_kommo::{Client, Error as KommoError, Hosts, Http, Lane, Pace};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub(crate) use self::meter::Meter;

use crate::connection::{Connection, Kind};
use crate::error::Error;
use crate::store::Store;
use crate::token::{Refresher, Token};

/// The way to the accounts. Clones share connections, pace and what is being renewed.
#[derive(Clone)]
pub(crate) struct Kommo {
    pub(crate) store: Store,
    pub(crate) http: Http,
    pub(crate) pace: Pace,
    pub(crate) world: World,
    meter: Meter,
    refresher: Refresher,
}

/// A connected account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) client: Client,
    pub(crate) connection: Connection,
    /// Of the pair that the client calls with.
    pub(crate) token_version: i64,
}

impl Kommo {
    pub(crate) fn new(
        store: Store,
        http: Http,
        meter: Meter,
        world: World,
        tasks: TaskTracker,
    ) -> Self {
        let pace = Pace::new(meter.shared());
        let parts = (store.clone(), http.clone(), pace.clone(), world.clone());
        let refresher = Refresher::new(parts.0, parts.1, parts.2, parts.3, tasks);
        Self {
            store,
            http,
            pace,
            world,
            meter,
            refresher,
        }
    }

    /// The hosts that may be talked to.
    pub(crate) fn hosts(&self) -> &Hosts {
        self.http.hosts()
    }

    /// A client of the account, with a token that has not expired by our clock. Kommo may still
    /// refuse it: [`Kommo::with`] then renews it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::ConnectionState`] unless it is connected; those of renewing.
    pub(crate) async fn account(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        lane: Lane,
    ) -> Result<Account, Error> {
        let mut opened = self.store.opened_lately(scope, connection).await?;
        if self.is_over(&opened.0, &opened.1) {
            self.renew(scope, connection, opened.1.version).await?;
            opened = self.store.opened_lately(scope, connection).await?;
        }
        let (known, token) = &*opened;
        let host = self.hosts().account(&known.host)?;
        self.meter.set_rate(&host, known.rate());
        let client = Client::new(&self.http, &self.pace, host, token.access.clone());
        Ok(Account {
            client: client.in_lane(lane),
            connection: known.clone(),
            token_version: token.version,
        })
    }

    /// Does a call. When Kommo refuses the token it is renewed, by one of all that ask, and the call
    /// done once more: what was refused so has not been done.
    ///
    /// # Errors
    /// As [`Kommo::account`], and those of the call.
    pub(crate) async fn with<T, F, Fut>(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        lane: Lane,
        call: F,
    ) -> Result<T, Error>
    where
        F: Fn(Client) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, KommoError>> + Send,
    {
        // In boxes, for this is a part of nearly everything.
        let account = Box::pin(self.account(scope, connection, lane)).await?;
        match call(account.client).await {
            Err(KommoError::Unauthorized(_)) => {}
            answered => return Ok(answered?),
        }
        self.renew(scope, connection, account.token_version).await?;
        let account = Box::pin(self.account(scope, connection, lane)).await?;
        Ok(call(account.client).await?)
    }

    /// Sees to it that a newer pair than `seen` is stored.
    ///
    /// # Errors
    /// [`Error::ConnectionState`] when a person must grant access again; others may pass.
    pub(crate) async fn renew(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        seen: i64,
    ) -> Result<(), Error> {
        let renewed = self.refresher.renew(scope, connection, seen).await;
        self.store.forget_opened(scope, connection);
        renewed
    }

    /// What the account says of itself. Where there is no account any more it may have moved, which
    /// renewing its tokens finds out.
    ///
    /// # Errors
    /// As [`Kommo::with`].
    pub(crate) async fn ask_account(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        lane: Lane,
    ) -> Result<t11_kommo::client::Account, Error> {
        let ask = |client: Client| async move { client.account().await };
        match self.with(scope, connection, lane, ask).await {
            Err(Error::Kommo(KommoError::NotFound(_))) => {}
            answered => return answered,
        }
        let seen = self.store.token_version(scope, connection).await?;
        self.renew(scope, connection, seen).await?;
        self.with(scope, connection, lane, ask).await
    }

    /// A token that lives long is tried to its end: there is nothing to renew it with.
    fn is_over(&self, connection: &Connection, token: &Token) -> bool {
        connection.kind == Some(Kind::OAuth)
            && token
                .access_expire_time
                .is_some_and(|ends| ends <= self.world.now())
    }
}
