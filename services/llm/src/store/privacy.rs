//! Privacy policies in SQL: at most one an organization.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveModelTrait as _, Set};
use t11_core::OrgScope;
use t11_store::StoreError;
use uuid::Uuid;

use super::Store;
use super::entity::privacy_policy::{ActiveModel, Entity, Model};
use crate::privacy::{Policy, SetPolicy};

impl Store {
    /// The policy that the organization has set; `None` when it never did.
    pub(crate) async fn privacy_policy(
        &self,
        scope: &OrgScope,
    ) -> Result<Option<SetPolicy>, StoreError> {
        let row = self
            .db
            .read(scope, |tx| async move {
                Ok::<_, StoreError>(tx.find::<Entity>()?.one(&tx).await?)
            })
            .await?;
        Ok(row.map(SetPolicy::from))
    }

    /// Sets the policy; `id` is that of a first one.
    pub(crate) async fn set_privacy_policy(
        &self,
        scope: &OrgScope,
        id: Uuid,
        policy: Policy,
        now: DateTime<Utc>,
    ) -> Result<SetPolicy, StoreError> {
        self.db
            .write(scope, move |tx| async move {
                let found = tx.find::<Entity>()?.one(&tx).await?;
                let row = ActiveModel {
                    id: Set(found.as_ref().map_or(id, |row| row.id)),
                    org_id: Set(tx.org_id()?.0),
                    emails_allowed: Set(policy.emails_allowed),
                    phones_allowed: Set(policy.phones_allowed),
                    cards_allowed: Set(policy.cards_allowed),
                    update_time: Set(now),
                };
                let saved = match found {
                    Some(_) => row.update(&tx).await?,
                    None => row.insert(&tx).await?,
                };
                tx.audit_target("privacyPolicy".to_owned());
                Ok(saved.into())
            })
            .await
    }
}

impl From<Model> for SetPolicy {
    fn from(row: Model) -> Self {
        Self {
            policy: Policy {
                emails_allowed: row.emails_allowed,
                phones_allowed: row.phones_allowed,
                cards_allowed: row.cards_allowed,
            },
            update_time: row.update_time,
        }
    }
}
