//! Effects outside the platform, each wrapped in a row under an idempotency key, so that a crash, a
//! repeated job or a worker that was stopped past its lease does none of them twice.
//!
//! A try begins in a transaction of its own right before the call outside, and finishes in another
//! one after it. What a try that never finished has done is not known: the next one looks outside
//! before it does anything. The table is made by `t11_migrations::effects`.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, QuerySelect as _};

use crate::{OrgOwned, StoreError, Tx};

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "effects")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        /// Of the lease under which the last try began.
        pub fence: i64,
        pub begin_time: DateTimeUtc,
        pub done_time: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl OrgOwned for entity::Entity {
    const ORG: Self::Column = entity::Column::OrgId;
}

/// What is known of an effect when a try at it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It was never tried: do it.
    New,
    /// An earlier try began and was not heard of again: look outside, and do it only if it is not
    /// there.
    Unknown,
    /// It is done: do nothing.
    Done,
    /// A try under a later lease has begun: this one is late and must do nothing.
    Superseded,
}

impl Tx {
    /// Begins a try at the effect `key` under the lease `fence`
    /// (that of the running job, which grows with every lease).
    ///
    /// # Errors
    /// [`StoreError::WrongOrganization`] with system access; what the database answers otherwise.
    pub async fn begin_effect(&self, key: &str, fence: i64) -> Result<Effect, StoreError> {
        let now = self.env().world.now();
        if self.insert_effect(key, fence, now).await? {
            return Ok(Effect::New);
        }
        let row = self
            .find::<entity::Entity>()?
            .filter(entity::Column::Key.eq(key))
            .lock_exclusive()
            .one(self)
            .await?
            .ok_or_else(|| StoreError::internal("an effect is there and not there"))?;
        if row.done_time.is_some() {
            return Ok(Effect::Done);
        }
        if row.fence > fence {
            return Ok(Effect::Superseded);
        }
        self.update_many::<entity::Entity>()?
            .col_expr(entity::Column::Fence, fence.into())
            .col_expr(entity::Column::BeginTime, now.into())
            .filter(entity::Column::Key.eq(key))
            .exec(self)
            .await?;
        Ok(Effect::Unknown)
    }

    /// Notes that the effect is done. `false` when a later try has begun, which will find that out
    /// by itself.
    ///
    /// # Errors
    /// As [`Tx::begin_effect`].
    pub async fn finish_effect(&self, key: &str, fence: i64) -> Result<bool, StoreError> {
        let now = self.env().world.now();
        let finished = self
            .update_many::<entity::Entity>()?
            .col_expr(entity::Column::DoneTime, now.into())
            .filter(entity::Column::Key.eq(key))
            .filter(entity::Column::Fence.eq(fence))
            .exec(self)
            .await?;
        Ok(finished.rows_affected == 1)
    }

    async fn insert_effect(
        &self,
        key: &str,
        fence: i64,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let row = entity::ActiveModel {
            org_id: ActiveValue::Set(self.org_id()?.0),
            key: ActiveValue::Set(key.to_owned()),
            fence: ActiveValue::Set(fence),
            begin_time: ActiveValue::Set(now),
            done_time: ActiveValue::Set(None),
        };
        let there = OnConflict::columns([entity::Column::OrgId, entity::Column::Key])
            .do_nothing()
            .to_owned();
        let inserted = entity::Entity::insert(row)
            .on_conflict(there)
            .exec_without_returning(self)
            .await?;
        Ok(inserted == 1)
    }
}
