//! Tokens of connections, sealed, and the leases to renew them.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use secrecy::{ExposeSecret as _, SecretString};
use t11_core::{OrgId, OrgScope};
use t11_kommo::AccountHost;
use t11_kommo::oauth::Claims;
use t11_store::{Place, Sealed, System, Tx};
use uuid::Uuid;

use super::Store;
use super::connections::{account, find, row};
use super::entity::{connection, token};
use crate::connection::{Connection, State};
use crate::error::Error;
use crate::jobs::notify;
use crate::token::{Lease, NewToken, Token, Turn};

const TABLE: &str = "tokens";
const ACCESS: &str = "access_token";
const REFRESH: &str = "refresh_token";

impl Store {
    /// A connected account and what opens it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ConnectionState`].
    pub(crate) async fn opened(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<(Connection, Token), Error> {
        let store = self.clone();
        let read = self.db.read(scope, move |tx| async move {
            let connection = find(&tx, id).await?;
            let row = token_of(&tx, id).await?;
            let state = connection.state;
            match row.filter(|_| state == State::Connected) {
                Some(row) => Ok((connection, store.open_token(&tx, row)?)),
                None => Err(Error::ConnectionState { state }),
            }
        });
        read.await
    }

    /// Which pair is stored; 0 for none.
    pub(crate) async fn token_version(&self, scope: &OrgScope, id: Uuid) -> Result<i64, Error> {
        let read = self.db.read(scope, move |tx| async move {
            let row = token_of(&tx, id).await?;
            Ok::<_, Error>(row.map_or(0, |row| row.version))
        });
        read.await
    }

    /// Takes the right to renew the pair `seen`, for `life`, unless another has it.
    pub(crate) async fn take_lease(
        &self,
        scope: &OrgScope,
        id: Uuid,
        seen: i64,
        life: TimeDelta,
    ) -> Result<Turn, Error> {
        let (owner, now) = (self.world.new_id(), self.world.now());
        let take = self.db.write(scope, move |tx| async move {
            let is_free = Condition::any()
                .add(token::Column::LeaseUntil.is_null())
                .add(token::Column::LeaseUntil.lte(now));
            let taken = tx
                .update_many::<token::Entity>()?
                .col_expr(token::Column::LeaseOwner, owner.into())
                .col_expr(
                    token::Column::LeaseFence,
                    Expr::col(token::Column::LeaseFence).add(1),
                )
                .col_expr(token::Column::LeaseUntil, (now + life).into())
                .filter(token::Column::ConnectionId.eq(id))
                .filter(token::Column::Version.eq(seen))
                .filter(is_free)
                .exec(&tx)
                .await?;
            let row = token_of(&tx, id).await?.ok_or(Error::NotFound {
                resource: "connection",
            })?;
            Ok::<_, Error>(match taken.rows_affected {
                1 => Turn::Mine(Lease {
                    fence: row.lease_fence,
                    version: row.version,
                }),
                _ if row.version > seen => Turn::Renewed,
                _ => Turn::Wait,
            })
        });
        take.await
    }

    /// Stores a renewed pair and ends the lease; `false` when another has taken it since.
    pub(crate) async fn keep_token(
        &self,
        scope: &OrgScope,
        id: Uuid,
        lease: Lease,
        new: NewToken,
        claims: Claims,
        host: Option<AccountHost>,
    ) -> Result<bool, Error> {
        let store = self.clone();
        let keep = self.db.write(scope, move |tx| async move {
            let sealed = store.seal_token(&tx, id, &new)?;
            let kept = under(&tx, id, lease)?
                .col_expr(token::Column::AccessToken, sealed.access.into())
                .col_expr(token::Column::RefreshToken, sealed.refresh.into())
                .col_expr(token::Column::ClientId, new.client_id.into())
                .col_expr(
                    token::Column::AccessExpireTime,
                    new.access_expire_time.into(),
                )
                .col_expr(token::Column::RefreshDueTime, new.refresh_due_time.into())
                .col_expr(token::Column::Version, (lease.version + 1).into())
                .col_expr(
                    token::Column::LeaseUntil,
                    Expr::value(None::<DateTime<Utc>>),
                )
                .exec(&tx)
                .await?;
            if kept.rows_affected == 0 {
                return Ok(false);
            }
            store.note_renewal(&tx, id, claims, host).await?;
            Ok::<_, Error>(true)
        });
        let kept = keep.await;
        self.forget_opened(scope, id);
        kept
    }

    /// What a renewed pair tells of its account.
    async fn note_renewal(
        &self,
        tx: &Tx,
        id: Uuid,
        claims: Claims,
        host: Option<AccountHost>,
    ) -> Result<(), Error> {
        let mut update = tx
            .update_many::<connection::Entity>()?
            .col_expr(connection::Column::UpdateTime, self.world.now().into())
            .filter(connection::Column::Id.eq(id));
        if !claims.scopes.is_empty() {
            let scopes = serde_json::json!(claims.scopes);
            update = update.col_expr(connection::Column::Scopes, scopes.into());
        }
        if let Some(api_domain) = claims.api_domain {
            let api_domain = api_domain.as_str().to_owned();
            update = update.col_expr(connection::Column::ApiDomain, api_domain.into());
        }
        if let Some(host) = host {
            let host = host.as_str().to_owned();
            update = update.col_expr(connection::Column::Host, host.into());
        }
        update.exec(tx).await?;
        Ok(())
    }

    /// Kommo takes the pair no more. Changes nothing when another has taken the lease since.
    pub(crate) async fn refuse_token(
        &self,
        scope: &OrgScope,
        id: Uuid,
        lease: Lease,
    ) -> Result<(), Error> {
        let world = self.world.clone();
        let refuse = self.db.write(scope, move |tx| async move {
            let ended = under(&tx, id, lease)?
                .col_expr(
                    token::Column::RefreshDueTime,
                    Expr::value(None::<DateTime<Utc>>),
                )
                .col_expr(
                    token::Column::LeaseUntil,
                    Expr::value(None::<DateTime<Utc>>),
                )
                .exec(&tx)
                .await?;
            if ended.rows_affected == 0 {
                return Ok(());
            }
            let noted = tx
                .update_many::<connection::Entity>()?
                .col_expr(
                    connection::Column::State,
                    State::NeedsReauth.as_str().into(),
                )
                .col_expr(connection::Column::UpdateTime, world.now().into())
                .filter(connection::Column::Id.eq(id))
                .filter(connection::Column::State.eq(State::Connected.as_str()))
                .exec(&tx)
                .await?;
            if noted.rows_affected == 1 {
                let account = account(&row(&tx, id).await?);
                tx.enqueue(notify::needs_reauth(&world, account, lease.version))
                    .await?;
            }
            Ok::<_, Error>(())
        });
        let refused = refuse.await;
        self.forget_opened(scope, id);
        refused
    }

    /// Lets others try.
    pub(crate) async fn end_lease(
        &self,
        scope: &OrgScope,
        id: Uuid,
        lease: Lease,
    ) -> Result<(), Error> {
        let end = self.db.write(scope, move |tx| async move {
            under(&tx, id, lease)?
                .col_expr(
                    token::Column::LeaseUntil,
                    Expr::value(None::<DateTime<Utc>>),
                )
                .exec(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        end.await
    }

    /// Connections whose pairs are to be renewed, the most overdue first.
    pub(crate) async fn due_tokens(&self, limit: u64) -> Result<Vec<DueToken>, Error> {
        let now = self.world.now();
        let due = self
            .db
            .read(System("renewal of tokens"), move |tx| async move {
                let connected = Query::select()
                    .column(connection::Column::Id)
                    .from(connection::Entity)
                    .and_where(connection::Column::State.eq(State::Connected.as_str()))
                    .to_owned();
                let query = token::Entity::find()
                    .filter(token::Column::RefreshDueTime.lte(now))
                    .filter(token::Column::ConnectionId.in_subquery(connected))
                    .order_by_asc(token::Column::RefreshDueTime)
                    .limit(limit);
                Ok::<_, Error>(query.all(&tx).await?)
            });
        let due = due.await?.into_iter().map(|row| DueToken {
            org: OrgId(row.org_id),
            connection: row.connection_id,
            version: row.version,
        });
        Ok(due.collect())
    }

    /// Tries a pair again later, unless it was renewed meanwhile.
    pub(crate) async fn put_off_token(
        &self,
        scope: &OrgScope,
        due: DueToken,
        until: DateTime<Utc>,
    ) -> Result<(), Error> {
        let put_off = self.db.write(scope, move |tx| async move {
            tx.update_many::<token::Entity>()?
                .col_expr(token::Column::RefreshDueTime, until.into())
                .filter(token::Column::ConnectionId.eq(due.connection))
                .filter(token::Column::Version.eq(due.version))
                .exec(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        put_off.await
    }

    /// Stores what a person has just been granted, in place of any pair before it.
    pub(super) async fn put_token(&self, tx: &Tx, id: Uuid, new: NewToken) -> Result<(), Error> {
        let before = token_of(tx, id).await?;
        let sealed = self.seal_token(tx, id, &new)?;
        let row = token::ActiveModel {
            org_id: Set(tx.org_id()?.0),
            connection_id: Set(id),
            client_id: Set(new.client_id),
            access_token: Set(sealed.access),
            refresh_token: Set(sealed.refresh),
            access_expire_time: Set(new.access_expire_time),
            refresh_due_time: Set(new.refresh_due_time),
            version: Set(before.as_ref().map_or(1, |row| row.version + 1)),
            lease_owner: Set(None),
            // Higher, so that whoever renews the pair before it stores nothing.
            lease_fence: Set(before.as_ref().map_or(1, |row| row.lease_fence + 1)),
            lease_until: Set(None),
        };
        match before {
            Some(_) => row.update(tx).await?,
            None => row.insert(tx).await?,
        };
        Ok(())
    }

    fn seal_token(&self, tx: &Tx, id: Uuid, new: &NewToken) -> Result<SealedToken, Error> {
        let org = tx.org_id()?;
        let seal = |column, secret: &SecretString| {
            let place = place(org, id, column);
            let secret = secret.expose_secret().as_bytes();
            self.keyring.seal(&self.world, place, secret)
        };
        Ok(SealedToken {
            access: seal(ACCESS, &new.access),
            refresh: new.refresh.as_ref().map(|secret| seal(REFRESH, secret)),
        })
    }

    fn open_token(&self, tx: &Tx, row: token::Model) -> Result<Token, Error> {
        let (org, id) = (tx.org_id()?, row.connection_id);
        let open = |column, sealed: &Sealed| self.keyring.open_text(place(org, id, column), sealed);
        let refresh = row.refresh_token.as_ref();
        Ok(Token {
            access: open(ACCESS, &row.access_token)?,
            refresh: refresh.map(|sealed| open(REFRESH, sealed)).transpose()?,
            access_expire_time: row.access_expire_time,
            version: row.version,
        })
    }
}

/// A pair to be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DueToken {
    pub(crate) org: OrgId,
    pub(crate) connection: Uuid,
    pub(crate) version: i64,
}

struct SealedToken {
    access: Sealed,
    refresh: Option<Sealed>,
}

fn place(org: OrgId, connection: Uuid, column: &str) -> Place<'_> {
    Place {
        org: Some(org),
        table: TABLE,
        row: connection,
        column,
    }
}

pub(super) async fn token_of(tx: &Tx, id: Uuid) -> Result<Option<token::Model>, Error> {
    let query = tx.find::<token::Entity>()?;
    let query = query.filter(token::Column::ConnectionId.eq(id));
    Ok(query.one(tx).await?)
}

/// An update that is made by the holder of the lease only.
fn under(tx: &Tx, id: Uuid, lease: Lease) -> Result<sea_orm::UpdateMany<token::Entity>, Error> {
    Ok(tx
        .update_many::<token::Entity>()?
        .filter(token::Column::ConnectionId.eq(id))
        .filter(token::Column::Version.eq(lease.version))
        .filter(token::Column::LeaseFence.eq(lease.fence)))
}
