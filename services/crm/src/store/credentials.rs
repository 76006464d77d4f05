//! The organization's integration.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QuerySelect as _, Set,
};
use secrecy::ExposeSecret as _;
use t11_core::{OrgId, OrgScope};
use t11_kommo::Integration;
use t11_store::{Keyring, Place, Sealed, System, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::{connection, credential, token};
use crate::credential::{Credential, NewCredential};
use crate::error::Error;

/// How the audit log names it: an organization has one.
const NAME: &str = "credential";

impl Store {
    pub(crate) async fn credential(&self, scope: &OrgScope) -> Result<Credential, Error> {
        let row = self.db.read(scope, |tx| async move { find(&tx).await });
        row.await?
            .map(Credential::from)
            .ok_or(Error::CredentialMissing)
    }

    /// Creates or replaces it.
    pub(crate) async fn set_credential(
        &self,
        scope: &OrgScope,
        new: NewCredential,
    ) -> Result<Credential, Error> {
        let store = self.clone();
        let set = self.db.write(scope, move |tx| async move {
            let existing = find(&tx).await?;
            let id = existing
                .as_ref()
                .map_or_else(|| store.world.new_id(), |row| row.id);
            let row = credential::ActiveModel {
                id: Set(id),
                org_id: Set(tx.org_id()?.0),
                client_id: Set(new.client_id),
                client_secret: Set(store.seal(&tx, id, &new)?),
                redirect_uri: Set(new.redirect_uri),
                update_time: Set(store.world.now()),
            };
            let row = match existing {
                Some(_) => row.update(&tx).await?,
                None => row.insert(&tx).await?,
            };
            tx.audit_target(NAME);
            Ok(row.into())
        });
        set.await
    }

    /// Deletes it, unless accounts were connected with it: their tokens are renewed with it, and
    /// what they sign is checked with it.
    pub(crate) async fn delete_credential(&self, scope: &OrgScope) -> Result<(), Error> {
        let delete = self.db.write(scope, move |tx| async move {
            let row = tx
                .find::<credential::Entity>()?
                .lock_exclusive()
                .one(&tx)
                .await?;
            let row = row.ok_or(Error::CredentialMissing)?;
            let made = tx.find::<connection::Entity>()?;
            let made = made.filter(connection::Column::Kind.is_not_null());
            if made.count(&tx).await? > 0 {
                return Err(Error::CredentialInUse);
            }
            row.into_active_model().delete(&tx).await?;
            tx.audit_target(NAME);
            Ok(())
        });
        delete.await
    }

    /// The integration with its secret, for Kommo.
    pub(crate) async fn integration(&self, scope: &OrgScope) -> Result<Integration, Error> {
        let row = self.db.read(scope, |tx| async move { find(&tx).await });
        let row = row.await?.ok_or(Error::CredentialMissing)?;
        self.open(&row)
    }

    pub(super) fn open(&self, row: &credential::Model) -> Result<Integration, Error> {
        let place = place(OrgId(row.org_id), row.id);
        let client_secret = self.keyring.open_text(place, &row.client_secret)?;
        // Checked when it was stored.
        let redirect_uri = row
            .redirect_uri
            .parse()
            .map_err(|_| Error::CredentialMissing)?;
        Ok(Integration {
            client_id: row.client_id,
            client_secret,
            redirect_uri,
        })
    }

    /// Whether this process has the keys of all stored secrets. With a wrong one it would seal new
    /// secrets that no other process can open, and fail at the old ones one by one.
    pub(crate) async fn check_keys(&self) -> Result<(), Error> {
        let heads = self
            .db
            .read(System("keys of all secrets"), |tx| async move {
                let mut heads = credential::Entity::find()
                    .select_only()
                    .column_as(head("client_secret"), "head")
                    .distinct()
                    .into_tuple::<Vec<u8>>()
                    .all(&tx)
                    .await?;
                let tokens = token::Entity::find()
                    .select_only()
                    .column_as(head("access_token"), "head")
                    .distinct();
                heads.extend(tokens.into_tuple::<Vec<u8>>().all(&tx).await?);
                Ok::<_, Error>(heads)
            });
        for head in heads.await? {
            self.keyring.knows(&head)?;
        }
        Ok(())
    }

    fn seal(&self, tx: &Tx, row: Uuid, new: &NewCredential) -> Result<Sealed, Error> {
        let place = place(tx.org_id()?, row);
        let secret = new.client_secret.expose_secret().as_bytes();
        Ok(self.keyring.seal(&self.world, place, secret))
    }
}

fn place(org: OrgId, row: Uuid) -> Place<'static> {
    Place {
        org: Some(org),
        table: "credentials",
        row,
        column: "client_secret",
    }
}

/// What names the key of a sealed column.
fn head(column: &str) -> Expr {
    Expr::cust(format!("substr({column}, 1, {})", Keyring::HEAD))
}

async fn find(tx: &Tx) -> Result<Option<credential::Model>, Error> {
    Ok(tx.find::<credential::Entity>()?.one(tx).await?)
}

impl From<credential::Model> for Credential {
    fn from(row: credential::Model) -> Self {
        Self {
            client_id: row.client_id,
            redirect_uri: row.redirect_uri,
            update_time: row.update_time,
        }
    }
}
