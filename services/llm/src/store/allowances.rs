//! What calls came to: their records, and what they settle of the reservations that they drew on,
//! in one commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QuerySelect as _,
};
use t11_core::OrgScope;
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::usage_record;
use super::entity::{hold, purse, reservation};
use super::{Store, budget_notices, row};
use crate::draw::Settles;
use crate::money::NanoUsd;
use crate::usage::CallRecord;

/// PostgreSQL takes 65,535 values in a statement, SQLite half as many.
const ROWS_AT_ONCE: usize = 500;

/// What a call came to, or that nothing more is drawn on a reservation.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) record: Option<CallRecord>,
    pub(crate) settles: Settles,
}

/// All that a batch does to one reservation.
#[derive(Default)]
struct Sum {
    amount: NanoUsd,
    cost: NanoUsd,
    closes: bool,
    /// The first of the batch's calls that drew on it.
    first: Option<CallRecord>,
}

impl Store {
    /// Keeps the records and settles what their calls had drawn; returns when that is durable. A
    /// call whose reservation has expired was charged then, and leaves no record of its own.
    /// `is_again` says that the same may have been written before, and nobody knows.
    pub(crate) async fn settle(
        &self,
        scope: &OrgScope,
        entries: Arc<Vec<Entry>>,
        is_again: bool,
    ) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.db
            .write(scope, move |tx| async move {
                if is_again && is_written(&tx, &entries).await? {
                    return Ok(());
                }
                let charged = settle_each(&tx, &entries).await?;
                let fresh = entries
                    .iter()
                    .filter(|entry| !charged.contains(&entry.settles.reservation));
                insert(&tx, fresh.filter_map(|entry| entry.record.clone())).await
            })
            .await
    }
}

/// A batch is in one commit: one of its records tells of all.
async fn is_written(tx: &Tx, entries: &[Entry]) -> Result<bool, StoreError> {
    let mut records = entries.iter().filter_map(|entry| entry.record.as_ref());
    match records.next() {
        Some(record) => is_recorded(tx, record.id).await,
        // What is closed twice is closed.
        None => Ok(false),
    }
}

/// Those reservations that were charged before, as a whole.
async fn settle_each(tx: &Tx, entries: &[Entry]) -> Result<HashSet<Uuid>, StoreError> {
    let mut charged = HashSet::new();
    for (reservation, sum) in sums(entries) {
        let is_there = match sum.closes {
            true => close(tx, reservation, &sum).await?,
            false => take(tx, reservation, &sum).await?,
        };
        if !is_there && is_recorded(tx, reservation).await? {
            charged.insert(reservation);
        }
    }
    Ok(charged)
}

/// In an order that all batches keep, so that no two wait for each other.
fn sums(entries: &[Entry]) -> Vec<(Uuid, Sum)> {
    let mut sums: HashMap<Uuid, Sum> = HashMap::new();
    for Entry { record, settles } in entries {
        let sum = sums.entry(settles.reservation).or_default();
        sum.amount = sum.amount + settles.amount;
        sum.closes |= settles.closes;
        if let Some(record) = record {
            sum.cost = sum.cost + record.bill.cost;
            sum.first.get_or_insert_with(|| record.clone());
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(reservation, _)| *reservation);
    sums
}

/// Ends a reservation: whatever of it is held is given back. `false` when there is none (any more).
async fn close(tx: &Tx, id: Uuid, sum: &Sum) -> Result<bool, StoreError> {
    let query = tx
        .find::<reservation::Entity>()?
        .filter(reservation::Column::Id.eq(id));
    let Some(reserved) = query.one(tx).await? else {
        return Ok(false);
    };
    let holds = tx
        .find::<hold::Entity>()?
        .filter(hold::Column::ReservationId.eq(id))
        .all(tx)
        .await?;
    // Its holds go with it. Of two who settle it, one waits here for the other.
    let deleted = tx
        .delete_many::<reservation::Entity>()?
        .filter(reservation::Column::Id.eq(id))
        .exec(tx)
        .await?;
    if deleted.rows_affected == 0 {
        return Ok(false);
    }
    if holds.is_empty() {
        return Ok(true);
    }
    let purses = holds.into_iter().map(|hold| hold.purse_id);
    tx.update_many::<purse::Entity>()?
        .filter(purse::Column::Id.is_in(purses))
        .col_expr(
            purse::Column::HeldNanoUsd,
            Expr::col(purse::Column::HeldNanoUsd).sub(reserved.amount_nano_usd),
        )
        .col_expr(
            purse::Column::SpentNanoUsd,
            Expr::col(purse::Column::SpentNanoUsd).add(sum.cost.0),
        )
        .exec(tx)
        .await?;
    tell(tx, sum).await?;
    Ok(true)
}

/// Takes what calls came to from a reservation that others draw on still. `false` when there is
/// none (any more).
async fn take(tx: &Tx, id: Uuid, sum: &Sum) -> Result<bool, StoreError> {
    let taken = tx
        .update_many::<reservation::Entity>()?
        .filter(reservation::Column::Id.eq(id))
        .col_expr(
            reservation::Column::AmountNanoUsd,
            Expr::col(reservation::Column::AmountNanoUsd).sub(sum.amount.0),
        )
        .exec(tx)
        .await?;
    if taken.rows_affected == 0 {
        return Ok(false);
    }
    let its_purses = Query::select()
        .column(hold::Column::PurseId)
        .from(hold::Entity)
        .and_where(Expr::col(hold::Column::ReservationId).eq(id))
        .to_owned();
    tx.update_many::<purse::Entity>()?
        .filter(purse::Column::Id.in_subquery(its_purses))
        .col_expr(
            purse::Column::HeldNanoUsd,
            Expr::col(purse::Column::HeldNanoUsd).sub(sum.amount.0),
        )
        .col_expr(
            purse::Column::SpentNanoUsd,
            Expr::col(purse::Column::SpentNanoUsd).add(sum.cost.0),
        )
        .exec(tx)
        .await?;
    tell(tx, sum).await?;
    Ok(true)
}

async fn tell(tx: &Tx, sum: &Sum) -> Result<(), StoreError> {
    match &sum.first {
        Some(call) => budget_notices::tell(tx, call, sum.cost).await,
        None => Ok(()),
    }
}

async fn insert(tx: &Tx, records: impl Iterator<Item = CallRecord>) -> Result<(), StoreError> {
    let org = tx.org_id()?;
    let rows: Vec<_> = records
        .map(|record| row(org, record).into_active_model())
        .collect();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        usage_record::Entity::insert_many(rows.to_vec())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

async fn is_recorded(tx: &Tx, id: Uuid) -> Result<bool, StoreError> {
    let recorded = tx
        .find::<usage_record::Entity>()?
        .filter(usage_record::Column::Id.eq(id))
        .select_only()
        .column(usage_record::Column::Id)
        .into_tuple::<Uuid>();
    Ok(recorded.one(tx).await?.is_some())
}
