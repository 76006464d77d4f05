//! Installs that Kommo tells of, which wait for a person. They are of no organization: shown to those
//! whose integration it is.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, Set,
};
use secrecy::{ExposeSecret as _, SecretString};
use t11_core::OrgScope;
use t11_store::{Place, Sealed, System, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::{credential, pending_install};
use crate::error::Error;

/// Most installs that wait for one integration: who makes them up is not known.
const MAX_PENDING: u64 = 100;
const INSTALLS: System = System("installs are of no organization");

/// An install that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingInstall {
    pub(crate) host: String,
    pub(crate) create_time: DateTime<Utc>,
}

impl Store {
    /// Notes an install, in place of one of the same account, if the integration is anybody's.
    pub(crate) async fn put_pending_install(
        &self,
        client_id: Uuid,
        host: String,
        code: SecretString,
        expires: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (store, id, now) = (self.clone(), self.world.new_id(), self.world.now());
        let put = self.db.write(INSTALLS, move |tx| async move {
            pending_install::Entity::delete_many()
                .filter(pending_install::Column::ExpireTime.lte(now))
                .exec(&tx)
                .await?;
            let of_integration = pending_install::Column::ClientId.eq(client_id);
            let waiting = pending_install::Entity::find().filter(of_integration);
            let is_known = is_anybodys(&tx, client_id).await?;
            if !is_known || waiting.count(&tx).await? >= MAX_PENDING {
                return Ok(());
            }
            // The id is a part of what the code is sealed for: the row is made anew.
            pending_install::Entity::delete_many()
                .filter(pending_install::Column::ClientId.eq(client_id))
                .filter(pending_install::Column::Host.eq(host.clone()))
                .exec(&tx)
                .await?;
            let row = pending_install::ActiveModel {
                id: Set(id),
                client_id: Set(client_id),
                host: Set(host),
                code: Set(store.seal_code(id, &code)),
                create_time: Set(now),
                expire_time: Set(expires),
            };
            let twin = OnConflict::columns([
                pending_install::Column::ClientId,
                pending_install::Column::Host,
            ])
            .do_nothing()
            .to_owned();
            pending_install::Entity::insert(row)
                .on_conflict(twin)
                .exec_without_returning(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        put.await
    }

    fn seal_code(&self, row: Uuid, code: &SecretString) -> Sealed {
        let place = Place {
            org: None,
            table: "pending_installs",
            row,
            column: "code",
        };
        self.keyring
            .seal(&self.world, place, code.expose_secret().as_bytes())
    }

    /// Of the organization's integration, newest first.
    pub(crate) async fn pending_installs(
        &self,
        scope: &OrgScope,
    ) -> Result<Vec<PendingInstall>, Error> {
        let client_id = match self.credential(scope).await {
            Err(Error::CredentialMissing) => return Ok(Vec::new()),
            found => found?.client_id,
        };
        let now = self.world.now();
        let read = self.db.read(INSTALLS, move |tx| async move {
            let query = pending_install::Entity::find()
                .filter(pending_install::Column::ClientId.eq(client_id))
                .filter(pending_install::Column::ExpireTime.gt(now))
                .order_by_desc(pending_install::Column::CreateTime)
                .order_by_desc(pending_install::Column::Id);
            Ok::<_, Error>(query.all(&tx).await?)
        });
        let installs = read.await?.into_iter().map(|row| PendingInstall {
            host: row.host,
            create_time: row.create_time,
        });
        Ok(installs.collect())
    }
}

/// The install of an account waits no more.
pub(super) async fn claim_install(tx: &Tx, client_id: Uuid, host: &str) -> Result<(), Error> {
    pending_install::Entity::delete_many()
        .filter(pending_install::Column::ClientId.eq(client_id))
        .filter(pending_install::Column::Host.eq(host))
        .exec(tx)
        .await?;
    Ok(())
}

async fn is_anybodys(tx: &Tx, client_id: Uuid) -> Result<bool, Error> {
    let query = credential::Entity::find();
    let query = query.filter(credential::Column::ClientId.eq(client_id));
    Ok(query.one(tx).await?.is_some())
}
