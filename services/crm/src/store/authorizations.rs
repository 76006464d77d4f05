//! Authorizations that people have begun, and what comes of them.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _, Set,
};
use serde_json::json;
use t11_core::{OrgId, OrgScope, format_name};
use t11_store::{NewJob, System, Tx};
use uuid::Uuid;

use super::Store;
use super::connections::{account, conflict, find, fresh, row};
use super::entity::{authorization, connection};
use super::pending_installs::claim_install;
use crate::authorization::{Begun, Granted, Taken};
use crate::connection::{Connection, State};
use crate::error::Error;
use crate::jobs::{self, notify};

/// How long a call has for an authorization before another may take its place.
const TURN: TimeDelta = TimeDelta::seconds(60);
/// What is over is kept for so long, so that a repeated call is told the same.
const KEPT: TimeDelta = TimeDelta::days(1);

impl Store {
    pub(crate) async fn begin_authorization(
        &self,
        scope: &OrgScope,
        state_hash: [u8; 32],
        connection: Option<Uuid>,
        expires: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        let subject = scope.subject().label();
        let begin = self.db.write(scope, move |tx| async move {
            tx.delete_many::<authorization::Entity>()?
                .filter(authorization::Column::ExpireTime.lt(now - KEPT))
                .exec(&tx)
                .await?;
            let row = authorization::ActiveModel {
                id: Set(id),
                org_id: Set(tx.org_id()?.0),
                state_hash: Set(state_hash.to_vec()),
                subject: Set(subject),
                connection_id: Set(connection),
                create_time: Set(now),
                expire_time: Set(expires),
                use_time: Set(None),
                made_connection_id: Set(None),
            };
            row.insert(&tx).await?;
            Ok::<_, Error>(())
        });
        begin.await
    }

    /// Takes a state for the caller, who must have begun it. It is taken once: a call that dies with
    /// it has used up Kommo's code.
    pub(crate) async fn take_authorization(
        &self,
        scope: &OrgScope,
        state_hash: [u8; 32],
    ) -> Result<Taken, Error> {
        let now = self.world.now();
        let subject = scope.subject().label();
        let take = self.db.write(scope, move |tx| async move {
            let found = tx
                .find::<authorization::Entity>()?
                .filter(authorization::Column::StateHash.eq(state_hash.to_vec()))
                .filter(authorization::Column::Subject.eq(subject))
                .lock_exclusive()
                .one(&tx)
                .await?;
            let row = found.ok_or(Error::AuthorizationState)?;
            if let Some(connection) = row.made_connection_id {
                return Ok(Taken::Made(connection));
            }
            match row.use_time {
                Some(used) if now < used + TURN => return Ok(Taken::Busy),
                Some(_) => return Err(Error::AuthorizationState),
                None if row.expire_time <= now => return Err(Error::AuthorizationState),
                None => {}
            }
            let begun = Begun {
                id: row.id,
                connection: row.connection_id,
            };
            let mut row = row.into_active_model();
            row.use_time = Set(Some(now));
            row.update(&tx).await?;
            Ok(Taken::Begun(begun))
        });
        take.await
    }

    /// Nothing was done with it: it may be used again.
    pub(crate) async fn give_back_authorization(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<(), Error> {
        self.set_use_time(scope, id, None).await
    }

    /// It came to nothing, and whoever waits for it is told so.
    pub(crate) async fn end_authorization(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        self.set_use_time(scope, id, Some(DateTime::UNIX_EPOCH))
            .await
    }

    async fn set_use_time(
        &self,
        scope: &OrgScope,
        id: Uuid,
        time: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        let set = self.db.write(scope, move |tx| async move {
            tx.update_many::<authorization::Entity>()?
                .col_expr(authorization::Column::UseTime, Expr::value(time))
                .filter(authorization::Column::Id.eq(id))
                .filter(authorization::Column::MadeConnectionId.is_null())
                .exec(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        set.await
    }

    /// Stores what was granted, and what is to be done with a connected account, in one commit.
    pub(crate) async fn connect(
        &self,
        scope: &OrgScope,
        granted: Granted,
    ) -> Result<Connection, Error> {
        let store = self.clone();
        let connect = self.db.write(scope, move |tx| async move {
            let id = store.put_account(&tx, &granted).await?;
            let client_id = granted.token.client_id;
            store.put_token(&tx, id, granted.token).await?;
            store.enqueue_sync(&tx, id).await?;
            let subscribe = store.new_job(jobs::subscribe::KIND, id);
            tx.enqueue(subscribe).await?;
            if let Some(authorization) = granted.authorization {
                note_made(&tx, authorization, id).await?;
            }
            if let Some(client_id) = client_id {
                claim_install(&tx, client_id, granted.host.as_str()).await?;
            }
            tx.audit_target(format_name("connections", id));
            find(&tx, id).await
        });
        let connected = Box::pin(connect).await?;
        self.forget_opened(scope, connected.id);
        Ok(connected)
    }

    /// The row of an account, made or renewed.
    async fn put_account(&self, tx: &Tx, granted: &Granted) -> Result<Uuid, Error> {
        let (account, now) = (&granted.account, self.world.now());
        let host = granted.host.as_str().to_owned();
        let there = own_row(tx, granted).await?;
        let (id, is_new) = match &there {
            Some(row) => (row.id, false),
            None => (self.world.new_id(), true),
        };
        let mut row = match there {
            Some(row) => row.into_active_model(),
            None => fresh(tx, id, host.clone(), now)?,
        };
        row.host = Set(host.clone());
        row.state = Set(State::Connected.as_str().to_owned());
        row.kind = Set(Some(granted.kind.as_str().to_owned()));
        row.scopes = Set(Some(json!(granted.claims.scopes)));
        if let Some(api_domain) = &granted.claims.api_domain {
            row.api_domain = Set(Some(api_domain.as_str().to_owned()));
        }
        row.update_time = Set(Some(now));
        note_account(&mut row, account);
        let stored = match is_new {
            true => row.insert(tx).await,
            false => row.update(tx).await,
        };
        stored.map_err(|error| conflict(error, &host))?;
        Ok(id)
    }

    /// A job about a connection.
    pub(super) fn new_job(&self, kind: &str, connection: Uuid) -> NewJob {
        let payload = jobs::payload(connection);
        NewJob {
            resource: format_name("connections", connection),
            ordering_key: Some(format!("{kind}/{connection}")),
            ..NewJob::new(self.world.new_id(), "crm", kind, payload)
        }
    }

    /// Who has connected an account.
    pub(crate) async fn owner_of_account(
        &self,
        account: i64,
    ) -> Result<Option<(OrgId, Uuid)>, Error> {
        let hook = System("a hook of Kommo names an account alone");
        let read = self.db.read(hook, move |tx| async move {
            let query = connection::Entity::find();
            let query = query.filter(connection::Column::AccountId.eq(account));
            Ok::<_, Error>(query.one(&tx).await?)
        });
        Ok(read.await?.map(|row| (OrgId(row.org_id), row.id)))
    }

    /// Has Kommo asked whether the account has switched us off.
    pub(crate) async fn enqueue_confirmation(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<(), Error> {
        let mut job = self.new_job(jobs::disabled::KIND, connection);
        job.unique_key = job.ordering_key.clone();
        let enqueue = self.db.write(scope, move |tx| async move {
            tx.enqueue(job).await?;
            Ok::<_, Error>(())
        });
        enqueue.await
    }

    /// The account has switched us off.
    pub(crate) async fn set_disabled(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let world = self.world.clone();
        let set = self.db.write(scope, move |tx| async move {
            let row = row(&tx, id).await?;
            tx.enqueue(notify::disabled(&world, account(&row))).await?;
            let mut row = row.into_active_model();
            row.state = Set(State::Disabled.as_str().to_owned());
            row.update_time = Set(Some(world.now()));
            row.update(&tx).await?;
            Ok::<_, Error>(())
        });
        let disabled = set.await;
        self.forget_opened(scope, id);
        disabled
    }

    /// Notes what a connected account says of itself; `false` when it is another account.
    pub(crate) async fn note_account(
        &self,
        scope: &OrgScope,
        id: Uuid,
        account: t11_kommo::client::Account,
    ) -> Result<bool, Error> {
        let now = self.world.now();
        let note = self.db.write(scope, move |tx| async move {
            let row = row(&tx, id).await?;
            if row.account_id != Some(account.id.0) {
                return Ok(false);
            }
            let mut row = row.into_active_model();
            note_account(&mut row, &account);
            row.update_time = Set(Some(now));
            row.update(&tx).await?;
            Ok::<_, Error>(true)
        });
        let noted = note.await;
        self.forget_opened(scope, id);
        noted
    }
}

/// The organization's own row of the account that was granted: known by the account, else the one
/// that was to be granted, else a note of its host.
async fn own_row(tx: &Tx, granted: &Granted) -> Result<Option<connection::Model>, Error> {
    let account = granted.account.id.0;
    let query = tx.find::<connection::Entity>()?;
    let by_account = query.filter(connection::Column::AccountId.eq(account));
    let known = by_account.one(tx).await?;
    if let Some(asked) = granted.connection {
        let asked = row(tx, asked).await?;
        let is_another = asked.account_id.is_some_and(|id| id != account);
        if is_another || known.as_ref().is_some_and(|known| known.id != asked.id) {
            return Err(Error::AccountMismatch);
        }
        return Ok(Some(asked));
    }
    if known.is_some() {
        return Ok(known);
    }
    let query = tx
        .find::<connection::Entity>()?
        .filter(connection::Column::Host.eq(granted.host.as_str()))
        .filter(connection::Column::AccountId.is_null());
    Ok(query.one(tx).await?)
}

fn note_account(row: &mut connection::ActiveModel, account: &t11_kommo::client::Account) {
    row.account_id = Set(Some(account.id.0));
    row.account_display_name = Set(account.name.clone());
    row.currency = Set(account.currency.clone().unwrap_or_default());
    row.time_zone = Set(account.timezone().unwrap_or_default().to_owned());
    row.amojo_id = Set(account.amojo_id.as_ref().map(|id| id.as_str().to_owned()));
    row.drive_url = Set(account.drive_url.clone());
    row.is_unsorted_on = Set(account.is_unsorted_on);
}

async fn note_made(tx: &Tx, authorization: Uuid, connection: Uuid) -> Result<(), Error> {
    tx.update_many::<authorization::Entity>()?
        .col_expr(authorization::Column::MadeConnectionId, connection.into())
        .filter(authorization::Column::Id.eq(authorization))
        .exec(tx)
        .await?;
    Ok(())
}
