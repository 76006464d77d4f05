//! Calls that are over and whose cost the provider has not told yet. Their reservations are held
//! until it does.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgId, OrgScope, World};
use t11_store::{StoreError, System, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::settlement::{Column, Entity, Model};
use super::entity::{hold, reservation};
use crate::draw::Draw;
use crate::money::NanoUsd;
use crate::usage::CallRecord;

/// Should nobody ask the provider for so long, the sweep ends the call.
const LEFT_FOR: TimeDelta = TimeDelta::days(7);

/// A call whose cost is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settlement {
    id: Uuid,
    /// What is written if the provider never tells; has the provider's id of the call.
    pub(crate) record: CallRecord,
    /// Made so far.
    pub(crate) tries: i32,
}

impl Store {
    /// Keeps a call to be settled from `next_time` on, with a reservation of its own: what it had
    /// drawn. One whose reservation has expired was charged then, and stays as it is.
    pub(crate) async fn defer(
        &self,
        scope: &OrgScope,
        world: &World,
        record: CallRecord,
        draw: &Draw,
        next_time: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let world = world.clone();
        let (from, amount) = (draw.reservation(), draw.amount());
        self.db
            .write(scope, move |tx| async move {
                let own = Own {
                    id: record.id,
                    amount,
                    expire_time: next_time + LEFT_FOR,
                };
                if !split(&tx, &world, from, own).await? {
                    return Ok(());
                }
                let row = Model {
                    id: world.new_id(),
                    org_id: tx.org_id()?.0,
                    reservation_id: record.id,
                    record: serde_json::to_value(&record).map_err(unreadable)?,
                    tries: 0,
                    next_time,
                };
                row.into_active_model().insert(&tx).await?;
                Ok(())
            })
            .await
    }

    /// Calls to be settled at `now`, of all organizations, oldest first.
    pub(crate) async fn due_settlements(
        &self,
        now: DateTime<Utc>,
        most: u64,
    ) -> Result<Vec<(OrgId, Settlement)>, StoreError> {
        let rows = self
            .db
            .read(System("settlements"), move |tx| async move {
                let due = Entity::find()
                    .filter(Column::NextTime.lte(now))
                    .order_by_asc(Column::NextTime)
                    .limit(most);
                Ok::<_, StoreError>(due.all(&tx).await?)
            })
            .await?;
        let rows = rows.into_iter();
        rows.map(|row| Ok((OrgId(row.org_id), row.try_into()?)))
            .collect()
    }

    /// When the next call is to be settled, if there is one.
    pub(crate) async fn next_settlement(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let first = self
            .db
            .read(System("settlements"), |tx| async move {
                let first = Entity::find().order_by_asc(Column::NextTime);
                Ok::<_, StoreError>(first.one(&tx).await?)
            })
            .await?;
        Ok(first.map(|row| row.next_time))
    }

    /// Takes a settlement for one more try, the next of which is at `next_time`. `false` when
    /// another process has it.
    pub(crate) async fn take_settlement(
        &self,
        scope: &OrgScope,
        settlement: &Settlement,
        next_time: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (id, tries) = (settlement.id, settlement.tries);
        self.db
            .write(scope, move |tx| async move {
                let taken = tx
                    .update_many::<Entity>()?
                    .filter(Column::Id.eq(id))
                    .filter(Column::Tries.eq(tries))
                    .col_expr(Column::Tries, Expr::value(tries + 1))
                    .col_expr(Column::NextTime, Expr::value(next_time))
                    .exec(&tx)
                    .await?;
                Ok::<_, StoreError>(taken.rows_affected == 1)
            })
            .await
    }
}

/// A reservation for one call, out of one that others may draw on.
struct Own {
    id: Uuid,
    amount: NanoUsd,
    expire_time: DateTime<Utc>,
}

/// Makes it, in the same purses. `false` when there is none to take it from (any more).
async fn split(tx: &Tx, world: &World, from: Uuid, own: Own) -> Result<bool, StoreError> {
    let query = tx
        .find::<reservation::Entity>()?
        .filter(reservation::Column::Id.eq(from));
    let Some(whole) = query.one(tx).await? else {
        return Ok(false);
    };
    let taken = tx
        .update_many::<reservation::Entity>()?
        .filter(reservation::Column::Id.eq(from))
        .col_expr(
            reservation::Column::AmountNanoUsd,
            Expr::col(reservation::Column::AmountNanoUsd).sub(own.amount.0),
        )
        .exec(tx)
        .await?;
    if taken.rows_affected == 0 {
        return Ok(false);
    }
    let part = reservation::Model {
        id: own.id,
        amount_nano_usd: own.amount.0,
        expire_time: own.expire_time,
        ..whole
    };
    part.into_active_model().insert(tx).await?;
    let holds = tx
        .find::<hold::Entity>()?
        .filter(hold::Column::ReservationId.eq(from));
    for held in holds.all(tx).await? {
        let held = hold::Model {
            id: world.new_id(),
            reservation_id: own.id,
            ..held
        };
        held.into_active_model().insert(tx).await?;
    }
    Ok(true)
}

fn unreadable(error: serde_json::Error) -> StoreError {
    sea_orm::DbErr::Json(error.to_string()).into()
}

impl TryFrom<Model> for Settlement {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            record: serde_json::from_value(row.record).map_err(unreadable)?,
            tries: row.tries,
        })
    }
}
