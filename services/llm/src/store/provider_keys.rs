//! Keys of organizations' own, sealed, and what becomes of calls when none of them serves.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use t11_core::{OrgScope, Role, format_name};
use t11_proto::accounts::v1::{NotificationAudience, NotificationType, RaiseNotification};
use t11_runtime::notification::raise_as;
use t11_store::{Keyring, Sealed, StoreError, System, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::provider_key::{Column, Entity, Model};
use super::entity::provider_key_policy as policy;
use crate::error::Error;
use crate::provider_key::{
    Bench, BenchReason, KeyChange, MOST_KEYS, ProviderKey, SetKeyPolicy, State,
};

/// A key with its secret.
#[derive(Debug, Clone)]
pub(crate) struct SealedKey {
    pub(crate) key: ProviderKey,
    pub(crate) secret: Sealed,
}

/// A secret that replaces another, and how it ends.
#[derive(Debug, Clone)]
pub(crate) struct NewSecret {
    pub(crate) sealed: Sealed,
    pub(crate) hint: String,
}

impl Store {
    /// All keys, in the order in which they would serve.
    pub(crate) async fn provider_keys(
        &self,
        scope: &OrgScope,
    ) -> Result<Vec<ProviderKey>, StoreError> {
        let rows = self.db.read(scope, |tx| async move { all(&tx).await });
        let rows = rows.await?.into_iter();
        rows.map(|row| Ok(SealedKey::try_from(row)?.key)).collect()
    }

    /// One key.
    ///
    /// # Errors
    /// [`Error::KeyUnknown`].
    pub(crate) async fn provider_key(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<SealedKey, Error> {
        let row = self
            .db
            .read(scope, move |tx| async move { find(&tx, id).await });
        Ok(row.await?.try_into()?)
    }

    /// The active keys for a provider, and whether calls may be made without them.
    pub(crate) async fn serving_keys(
        &self,
        scope: &OrgScope,
        provider: &'static str,
    ) -> Result<(Vec<SealedKey>, bool), StoreError> {
        let (rows, policy) = self
            .db
            .read(scope, |tx| async move {
                let rows = all(&tx).await?;
                let policy = tx.find::<policy::Entity>()?.one(&tx).await?;
                Ok::<_, StoreError>((rows, policy))
            })
            .await?;
        let serves = |row: &Model| row.provider == provider && row.state == State::Active.as_str();
        let keys = rows.into_iter().filter(serves).map(SealedKey::try_from);
        let may_fall_back = policy.is_some_and(|policy| policy.fallback_to_platform_key);
        Ok((keys.collect::<Result<_, _>>()?, may_fall_back))
    }

    /// Adds a key; a known request id answers with the key that it made.
    ///
    /// # Errors
    /// [`Error::TooManyKeys`].
    pub(crate) async fn insert_provider_key(
        &self,
        scope: &OrgScope,
        new: SealedKey,
        request_id: Option<Uuid>,
    ) -> Result<ProviderKey, Error> {
        self.db
            .write(scope, move |tx| async move {
                if let Some(made) = made_by(&tx, request_id).await? {
                    return Ok(SealedKey::try_from(made)?.key);
                }
                let known = tx.find::<Entity>()?.count(&tx).await;
                if known.map_err(StoreError::from)? >= MOST_KEYS as u64 {
                    return Err(Error::TooManyKeys);
                }
                tx.audit_target(format_name("providerKeys", new.key.id));
                let row = row(&tx, new, request_id)?.into_active_model();
                let made = row.insert(&tx).await.map_err(StoreError::from)?;
                Ok(SealedKey::try_from(made)?.key)
            })
            .await
    }

    /// Changes a key; `secret` is the sealed one of the change.
    ///
    /// # Errors
    /// [`Error::KeyUnknown`].
    pub(crate) async fn update_provider_key(
        &self,
        scope: &OrgScope,
        id: Uuid,
        change: KeyChange,
        secret: Option<NewSecret>,
        now: DateTime<Utc>,
    ) -> Result<ProviderKey, Error> {
        self.db
            .write(scope, move |tx| async move {
                let mut row = find(&tx, id).await?.into_active_model();
                tx.audit_target(format_name("providerKeys", id));
                if change.lifts_bench() {
                    row.bench_reason = Set(None);
                    row.bench_end_time = Set(None);
                }
                if let Some(name) = change.display_name {
                    row.display_name = Set(name);
                }
                if let Some(secret) = secret {
                    row.secret = Set(secret.sealed);
                    row.hint = Set(secret.hint);
                }
                if let Some(state) = change.state {
                    row.state = Set(state.as_str().to_owned());
                }
                if let Some(priority) = change.priority {
                    row.priority = Set(priority);
                }
                row.update_time = Set(now);
                let saved = row.update(&tx).await.map_err(StoreError::from)?;
                Ok(SealedKey::try_from(saved)?.key)
            })
            .await
    }

    /// # Errors
    /// [`Error::KeyUnknown`].
    pub(crate) async fn delete_provider_key(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                tx.audit_target(format_name("providerKeys", id));
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                let deleted = deleting.exec(&tx).await.map_err(StoreError::from)?;
                match deleted.rows_affected {
                    0 => Err(Error::KeyUnknown),
                    _ => Ok(()),
                }
            })
            .await
    }

    /// Benches a key, or takes it off the bench, unless it was changed since `update_time`. People
    /// are told of one that its provider refuses, once for each secret.
    pub(crate) async fn bench_provider_key(
        &self,
        scope: &OrgScope,
        id: Uuid,
        update_time: DateTime<Utc>,
        bench: Option<Bench>,
    ) -> Result<(), StoreError> {
        let kept: Result<(), StoreError> = self
            .db
            .write(scope, move |tx| async move {
                let reason = bench.map(|bench| bench.reason.as_str());
                let changed = tx
                    .update_many::<Entity>()?
                    .filter(Column::Id.eq(id))
                    .filter(Column::UpdateTime.eq(update_time))
                    .col_expr(Column::BenchReason, Expr::value(reason))
                    .col_expr(
                        Column::BenchEndTime,
                        Expr::value(bench.and_then(|bench| bench.until)),
                    )
                    .exec(&tx)
                    .await?;
                let is_refused = reason == Some(BenchReason::Refused.as_str());
                if is_refused && changed.rows_affected == 1 {
                    tell(&tx, id, update_time).await?;
                }
                Ok(())
            })
            .await;
        match kept {
            // Another call has told, a moment ago, and benched it.
            Err(error) if error.is_conflict() => Ok(()),
            kept => kept,
        }
    }

    /// Notes that a key was used.
    pub(crate) async fn note_key_use(
        &self,
        scope: &OrgScope,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.db
            .write(scope, move |tx| async move {
                tx.update_many::<Entity>()?
                    .filter(Column::Id.eq(id))
                    .col_expr(Column::LastUsedTime, Expr::value(now))
                    .exec(&tx)
                    .await?;
                Ok(())
            })
            .await
    }

    /// The policy that the organization has set; `None` when it never did.
    pub(crate) async fn key_policy(
        &self,
        scope: &OrgScope,
    ) -> Result<Option<SetKeyPolicy>, StoreError> {
        let row = self
            .db
            .read(scope, |tx| async move {
                Ok::<_, StoreError>(tx.find::<policy::Entity>()?.one(&tx).await?)
            })
            .await?;
        Ok(row.map(SetKeyPolicy::from))
    }

    /// Sets the policy; `id` is that of a first one.
    pub(crate) async fn set_key_policy(
        &self,
        scope: &OrgScope,
        id: Uuid,
        new: SetKeyPolicy,
    ) -> Result<SetKeyPolicy, StoreError> {
        self.db
            .write(scope, move |tx| async move {
                let found = tx.find::<policy::Entity>()?.one(&tx).await?;
                let row = policy::ActiveModel {
                    id: Set(found.as_ref().map_or(id, |row| row.id)),
                    org_id: Set(tx.org_id()?.0),
                    fallback_to_platform_key: Set(new.may_fall_back),
                    update_time: Set(new.update_time),
                };
                let saved = match found {
                    Some(_) => row.update(&tx).await?,
                    None => row.insert(&tx).await?,
                };
                tx.audit_target("providerKeyPolicy");
                Ok(saved.into())
            })
            .await
    }

    /// Whether this process has the keys of all stored secrets. With a wrong one it would seal new
    /// secrets that no other process can open, and fail at the old ones one by one.
    ///
    /// # Errors
    /// [`Error::Seal`].
    pub(crate) async fn check_keyring(&self, keyring: &Keyring) -> Result<(), Error> {
        let heads = self
            .db
            .read(System("keys of all secrets"), |tx| async move {
                let head = Expr::cust(format!("substr(secret, 1, {})", Keyring::HEAD));
                let heads = Entity::find()
                    .select_only()
                    .column_as(head, "head")
                    .distinct();
                Ok::<_, StoreError>(heads.into_tuple::<Vec<u8>>().all(&tx).await?)
            });
        for head in heads.await? {
            keyring.knows(&head)?;
        }
        Ok(())
    }
}

async fn all(tx: &Tx) -> Result<Vec<Model>, StoreError> {
    let rows = tx.find::<Entity>()?.order_by_asc(Column::Priority);
    Ok(rows.order_by_asc(Column::Id).all(tx).await?)
}

async fn find(tx: &Tx, id: Uuid) -> Result<Model, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    found.map_err(StoreError::from)?.ok_or(Error::KeyUnknown)
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<Model>, StoreError> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let made = tx.find::<Entity>()?;
    let made = made.filter(Column::RequestId.eq(request_id));
    Ok(made.one(tx).await?)
}

fn row(tx: &Tx, new: SealedKey, request_id: Option<Uuid>) -> Result<Model, StoreError> {
    let SealedKey { key, secret } = new;
    Ok(Model {
        id: key.id,
        org_id: tx.org_id()?.0,
        provider: key.provider,
        display_name: key.display_name,
        secret,
        hint: key.hint,
        state: key.state.as_str().to_owned(),
        priority: key.priority,
        request_id,
        bench_reason: key.bench.map(|bench| bench.reason.as_str().to_owned()),
        bench_end_time: key.bench.and_then(|bench| bench.until),
        create_time: key.create_time,
        update_time: key.update_time,
        last_used_time: key.last_used_time,
    })
}

/// Tells those who may change it that the provider does not accept a key.
async fn tell(tx: &Tx, id: Uuid, update_time: DateTime<Utc>) -> Result<(), StoreError> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx);
    let Some(key) = found.await? else {
        return Ok(());
    };
    let parameters = [("key", key.display_name), ("hint", key.hint)];
    let parameters: HashMap<_, _> = parameters
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let name = format_name("providerKeys", id);
    let micros = update_time.timestamp_micros();
    let notice = RaiseNotification {
        r#type: NotificationType::ProviderKeyRefused.into(),
        parameters,
        dedupe_key: format!("provider_key_refused/{name}/{micros}"),
        resource: name,
        audience: Some(NotificationAudience {
            role: Role::Admin.to_string(),
            email: String::new(),
        }),
    };
    // One job for each secret, however many calls find out at once.
    let job = Uuid::from_u128(id.as_u128() ^ u128::from(micros.unsigned_abs()));
    tx.enqueue(raise_as(job, &notice)).await
}

impl TryFrom<Model> for SealedKey {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let unknown = |word: &str| sea_orm::DbErr::Type(format!("a provider key has `{word}`"));
        let reason = match row.bench_reason.as_deref() {
            Some(word) => Some(BenchReason::parse(word).ok_or_else(|| unknown(word))?),
            None => None,
        };
        let key = ProviderKey {
            id: row.id,
            provider: row.provider,
            display_name: row.display_name,
            hint: row.hint,
            state: State::parse(&row.state).ok_or_else(|| unknown(&row.state))?,
            priority: row.priority,
            create_time: row.create_time,
            update_time: row.update_time,
            last_used_time: row.last_used_time,
            bench: reason.map(|reason| Bench {
                reason,
                until: row.bench_end_time,
            }),
        };
        Ok(Self {
            key,
            secret: row.secret,
        })
    }
}

impl From<policy::Model> for SetKeyPolicy {
    fn from(row: policy::Model) -> Self {
        Self {
            may_fall_back: row.fallback_to_platform_key,
            update_time: row.update_time,
        }
    }
}
