//! Bodies as Kommo sent them, the secrets by which their connection is found, and the bots that
//! wait for an answer.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, Set,
};
use secrecy::{ExposeSecret as _, SecretString};
use t11_core::{OrgId, OrgScope};
use t11_store::{Place, Sealed, System, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::{bot_request, webhook_body, webhook_secret};
use super::filings::Heard;
use crate::error::Error;
use crate::event::{Filing, Source};

/// Behind a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) org: OrgId,
    pub(crate) connection: Uuid,
    /// Of a secret that was replaced.
    pub(crate) expire_time: Option<DateTime<Utc>>,
}

/// A bot that asks what to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewBotRequest {
    pub(crate) connection: Uuid,
    /// `leads`.
    pub(crate) entity_kind: String,
    pub(crate) entity_id: i64,
    /// Checked to be the account's.
    pub(crate) return_url: String,
}

/// A secret of a connection.
#[derive(Debug, Clone)]
pub(crate) struct WebhookSecret {
    pub(crate) secret: SecretString,
    pub(crate) create_time: DateTime<Utc>,
    /// Of one that was replaced.
    pub(crate) expire_time: Option<DateTime<Utc>>,
}

impl Store {
    /// What is behind the secret with this hash, in any organization.
    pub(crate) async fn door(&self, hash: String) -> Result<Option<Door>, Error> {
        let read = self.db.read(System("whose hook it is"), |tx| async move {
            let query =
                webhook_secret::Entity::find().filter(webhook_secret::Column::SecretHash.eq(hash));
            Ok::<_, Error>(query.one(&tx).await?)
        });
        Ok(read.await?.map(|row| Door {
            org: OrgId(row.org_id),
            connection: row.connection_id,
            expire_time: row.expire_time,
        }))
    }

    /// Keeps a bot's question, and the client's words in it as an event. A repeated one changes
    /// nothing.
    pub(crate) async fn keep_bot_request(
        &self,
        scope: &OrgScope,
        request: NewBotRequest,
        filing: Filing,
    ) -> Result<(), Error> {
        let (store, request_id) = (self.clone(), self.world.new_id());
        let heard = Heard {
            connection: request.connection,
            source: Source::Bot,
            inbox: None,
            time: self.world.now(),
        };
        let keep = self.db.write(scope, move |tx| async move {
            let row = bot_request::ActiveModel {
                id: Set(request_id),
                org_id: Set(tx.org_id()?.0),
                connection_id: Set(heard.connection),
                entity_kind: Set(request.entity_kind),
                entity_id: Set(request.entity_id),
                return_url: Set(request.return_url),
                receive_time: Set(heard.time),
                use_time: Set(None),
            };
            let there = OnConflict::columns([
                bot_request::Column::OrgId,
                bot_request::Column::ConnectionId,
                bot_request::Column::ReturnUrl,
            ]);
            let inserted = bot_request::Entity::insert(row)
                .on_conflict(there.clone().do_nothing().to_owned())
                .exec_without_returning(&tx)
                .await?;
            if inserted == 1 {
                store.file(&tx, heard, vec![filing]).await?;
            }
            Ok::<_, Error>(())
        });
        keep.await
    }

    /// The secrets of a connection that work now, the newest first.
    pub(crate) async fn webhook_secrets(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<Vec<WebhookSecret>, Error> {
        let (store, now) = (self.clone(), self.world.now());
        let read = self.db.read(scope, move |tx| async move {
            let works = Condition::any()
                .add(webhook_secret::Column::ExpireTime.is_null())
                .add(webhook_secret::Column::ExpireTime.gt(now));
            let query = tx.find::<webhook_secret::Entity>()?;
            let rows = query
                .filter(webhook_secret::Column::ConnectionId.eq(connection))
                .filter(works)
                .order_by_desc(webhook_secret::Column::CreateTime)
                .order_by_desc(webhook_secret::Column::Id)
                .all(&tx)
                .await?;
            rows.into_iter()
                .map(|row| store.open_secret(&tx, row))
                .collect::<Result<Vec<_>, Error>>()
        });
        read.await
    }

    /// Gives a connection a secret; the ones before it work until `old_expire`.
    pub(crate) async fn add_webhook_secret(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        secret: SecretString,
        hash: String,
        old_expire: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (store, id, now) = (self.clone(), self.world.new_id(), self.world.now());
        let add = self.db.write(scope, move |tx| async move {
            tx.update_many::<webhook_secret::Entity>()?
                .col_expr(webhook_secret::Column::ExpireTime, old_expire.into())
                .filter(webhook_secret::Column::ConnectionId.eq(connection))
                .filter(webhook_secret::Column::ExpireTime.is_null())
                .exec(&tx)
                .await?;
            let row = webhook_secret::ActiveModel {
                id: Set(id),
                org_id: Set(tx.org_id()?.0),
                connection_id: Set(connection),
                secret_hash: Set(hash),
                secret: Set(store.seal_secret(&tx, id, &secret)?),
                create_time: Set(now),
                expire_time: Set(None),
            };
            row.insert(&tx).await?;
            Ok::<_, Error>(())
        });
        add.await
    }

    fn seal_secret(&self, tx: &Tx, row: Uuid, secret: &SecretString) -> Result<Sealed, Error> {
        let place = secret_place(tx.org_id()?, row);
        let secret = secret.expose_secret().as_bytes();
        Ok(self.keyring.seal(&self.world, place, secret))
    }

    fn open_secret(&self, tx: &Tx, row: webhook_secret::Model) -> Result<WebhookSecret, Error> {
        let place = secret_place(tx.org_id()?, row.id);
        Ok(WebhookSecret {
            secret: self.keyring.open_text(place, &row.secret)?,
            create_time: row.create_time,
            expire_time: row.expire_time,
        })
    }
}

pub(super) async fn insert_body(
    tx: &Tx,
    id: Uuid,
    heard: Heard,
    body: Vec<u8>,
) -> Result<(), Error> {
    let row = webhook_body::ActiveModel {
        id: Set(id),
        org_id: Set(tx.org_id()?.0),
        connection_id: Set(heard.connection),
        body: Set(body),
        receive_time: Set(heard.time),
    };
    webhook_body::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn secret_place(org: OrgId, row: Uuid) -> Place<'static> {
    Place {
        org: Some(org),
        table: "webhook_secrets",
        row,
        column: "secret",
    }
}
