//! Organizations.

use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _, QuerySelect as _};
use t11_core::{OrgId, OrgScope, format_name};
use t11_store::Tx;

use super::Store;
use super::entity::organization;
use crate::error::Error;
use crate::locale::Locale;
use crate::organization::{Organization, OrganizationPatch};

impl Store {
    pub(crate) async fn organization(&self, scope: &OrgScope) -> Result<Organization, Error> {
        self.db
            .read(scope, |tx| async move { find(&tx).await })
            .await
    }

    /// Changes the organization if `etag` is empty or still its own.
    pub(crate) async fn update_organization(
        &self,
        scope: &OrgScope,
        patch: OrganizationPatch,
        etag: String,
    ) -> Result<Organization, Error> {
        let now = self.world.now();
        let update = self.db.write(scope, move |tx| async move {
            lock(&tx).await?;
            let mut organization = find(&tx).await?;
            organization.etag().check(&etag)?;
            organization.apply(patch, now);
            let row = organization::Model::from(organization.clone()).into_active_model();
            row.reset_all().update(&tx).await?;
            tx.audit_target(format_name("organizations", organization.id.0));
            Ok(organization)
        });
        update.await
    }
}

/// The scope's organization.
pub(super) async fn find(tx: &Tx) -> Result<Organization, Error> {
    let row = tx.find::<organization::Entity>()?.one(tx).await?;
    row.ok_or(Error::NotFound {
        resource: "organization",
    })?
    .try_into()
}

/// Holds the organization's row until the transaction ends, so that what is decided by counting
/// its members is decided once at a time.
pub(super) async fn lock(tx: &Tx) -> Result<(), Error> {
    tx.find::<organization::Entity>()?
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok(())
}

impl TryFrom<organization::Model> for Organization {
    type Error = Error;

    fn try_from(row: organization::Model) -> Result<Self, Error> {
        Ok(Self {
            id: OrgId(row.org_id),
            display_name: row.display_name,
            locale: Locale::known(&row.locale).ok_or(Error::Corrupt("organizations.locale"))?,
            time_zone: row.time_zone,
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

impl From<Organization> for organization::Model {
    fn from(organization: Organization) -> Self {
        Self {
            org_id: organization.id.0,
            display_name: organization.display_name,
            locale: organization.locale.as_str().to_owned(),
            time_zone: organization.time_zone,
            revision: organization.revision,
            create_time: organization.create_time,
            update_time: organization.update_time,
        }
    }
}
