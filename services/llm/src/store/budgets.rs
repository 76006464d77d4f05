//! Budgets, purses, and the reservations of calls that run.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use t11_core::{OrgId, OrgScope, World};
use t11_store::{StoreError, System, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::{budget, hold, purse, reservation};
use crate::budget::{Budget, BudgetExceeded, BudgetState, Exhaustion, ORGANIZATION, Period, Purse};
use crate::error::Error;
use crate::money::NanoUsd;

/// A call about to be made, as it is kept until it is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Of its usage record.
    pub(crate) id: Uuid,
    pub(crate) request_id: Uuid,
    pub(crate) purpose: String,
    /// `agents/{agent}`; may be empty.
    pub(crate) agent: String,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) amount: NanoUsd,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) expire_time: DateTime<Utc>,
}

/// How much a purse must have free for something to be reserved in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// Sixteen times as much: what is reserved beyond the next call keeps nobody else from calling.
    Ample,
    /// It is reserved in any case: no cap cuts what guards the platform.
    Any,
}

impl Room {
    fn free(self, amount: NanoUsd) -> NanoUsd {
        match self {
            Self::Enough => amount,
            Self::Ample => NanoUsd(amount.0.saturating_mul(16)),
            Self::Any => NanoUsd(i64::MIN),
        }
    }
}

/// What is to be held in a purse, and what must be free there.
#[derive(Debug, Clone, Copy)]
struct Wish {
    amount: NanoUsd,
    free: NanoUsd,
}

impl Store {
    /// Reserves the amount in each of these purses and in those of the budgets that the call falls
    /// under, in one commit.
    ///
    /// # Errors
    /// [`Error::BudgetExceeded`], and then nothing is reserved.
    pub(crate) async fn reserve(
        &self,
        scope: &OrgScope,
        world: World,
        call: Reservation,
        mut purses: Vec<Purse>,
        room: Room,
    ) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                let budgets = budgets_of(&tx, &call.agent).await?;
                purses.extend(budgets.iter().map(|budget| budget.purse(call.create_time)));
                // In one order for all, so that no two calls wait for each other.
                purses.sort_by(|one, other| one.scope.cmp(&other.scope));
                let (id, now) = (call.id, call.create_time);
                let wish = Wish {
                    amount: call.amount,
                    free: room.free(call.amount),
                };
                insert(&tx, call).await?;
                for purse in purses {
                    let purse_id = hold(&tx, &world, &purse, wish, now).await?;
                    let row = hold::Model {
                        id: world.new_id(),
                        org_id: tx.org_id()?.0,
                        reservation_id: id,
                        purse_id,
                    };
                    // What was inserted need not be read again.
                    hold::Entity::insert(row.into_active_model())
                        .exec_without_returning(&tx)
                        .await
                        .map_err(StoreError::from)?;
                }
                Ok(())
            })
            .await
    }

    /// All that a call for `agent` would be paid from, with what is left of each.
    pub(crate) async fn purses_left(
        &self,
        scope: &OrgScope,
        agent: String,
        mut purses: Vec<Purse>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Purse, NanoUsd)>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let budgets = budgets_of(&tx, &agent).await?;
                purses.extend(budgets.iter().map(|budget| budget.purse(now)));
                let mut left = Vec::new();
                for purse in purses {
                    let found = by_scope(&tx, &purse.scope).await?;
                    let taken = found.map_or(0, |row| row.spent_nano_usd + row.held_nano_usd);
                    let rest = NanoUsd(Ord::max(purse.cap.0 - taken, 0));
                    left.push((purse, rest));
                }
                Ok(left)
            })
            .await
    }

    /// Reservations that nobody settles any more, of all organizations, oldest first.
    pub(crate) async fn expired_reservations(
        &self,
        now: DateTime<Utc>,
        most: u64,
    ) -> Result<Vec<(OrgId, Reservation)>, StoreError> {
        let rows = self
            .db
            .read(System("sweep of reservations"), move |tx| async move {
                let expired = reservation::Entity::find()
                    .filter(reservation::Column::ExpireTime.lt(now))
                    .order_by_asc(reservation::Column::ExpireTime)
                    .limit(most);
                Ok::<_, StoreError>(expired.all(&tx).await?)
            })
            .await?;
        let rows = rows.into_iter();
        Ok(rows.map(|row| (OrgId(row.org_id), row.into())).collect())
    }

    /// The budgets with what became of them, the organization's first.
    pub(crate) async fn budgets(
        &self,
        scope: &OrgScope,
        now: DateTime<Utc>,
    ) -> Result<Vec<BudgetState>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let rows = tx.find::<budget::Entity>()?.all(&tx).await;
                let mut budgets = Vec::new();
                for row in rows.map_err(StoreError::from)? {
                    budgets.push(state(&tx, row.try_into()?, now).await?);
                }
                budgets.sort_by_key(|state| {
                    let budget = &state.budget;
                    let is_agents = budget.resource != ORGANIZATION;
                    (is_agents, budget.resource.clone(), budget.period.as_str())
                });
                Ok(budgets)
            })
            .await
    }

    /// Sets the cap of a resource for a period.
    pub(crate) async fn set_budget(
        &self,
        scope: &OrgScope,
        new: Budget,
        now: DateTime<Utc>,
    ) -> Result<BudgetState, Error> {
        self.db
            .write(scope, move |tx| async move {
                let found = tx
                    .find::<budget::Entity>()?
                    .filter(budget::Column::Resource.eq(&*new.resource))
                    .filter(budget::Column::Period.eq(new.period.as_str()))
                    .one(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let row = budget::ActiveModel {
                    id: Set(found.as_ref().map_or(new.id, |row| row.id)),
                    org_id: Set(tx.org_id()?.0),
                    resource: Set(new.resource),
                    period: Set(new.period.as_str().to_owned()),
                    cap_nano_usd: Set(new.cap.0),
                    exhaustion: Set(new.exhaustion.as_str().to_owned()),
                    update_time: Set(now),
                };
                let saved = match found {
                    Some(_) => row.update(&tx).await,
                    None => row.insert(&tx).await,
                };
                let budget: Budget = saved.map_err(StoreError::from)?.try_into()?;
                tx.audit_target(t11_core::format_name("budgets", budget.id));
                state(&tx, budget, now).await
            })
            .await
    }

    pub(crate) async fn delete_budget(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                tx.audit_target(t11_core::format_name("budgets", id));
                let deleting = tx
                    .delete_many::<budget::Entity>()?
                    .filter(budget::Column::Id.eq(id));
                let deleted = deleting.exec(&tx).await.map_err(StoreError::from)?;
                match deleted.rows_affected {
                    0 => Err(Error::BudgetUnknown),
                    _ => Ok(()),
                }
            })
            .await
    }
}

/// The budgets that calls for `agent` fall under.
pub(super) async fn budgets_of(tx: &Tx, agent: &str) -> Result<Vec<Budget>, StoreError> {
    let rows = tx
        .find::<budget::Entity>()?
        .filter(budget::Column::Resource.is_in([ORGANIZATION, agent]))
        .all(tx)
        .await?;
    let budgets = rows.into_iter().map(Budget::try_from);
    budgets.collect()
}

async fn insert(tx: &Tx, call: Reservation) -> Result<(), StoreError> {
    let row = reservation::Model {
        id: call.id,
        org_id: tx.org_id()?.0,
        request_id: call.request_id,
        purpose: call.purpose,
        agent: call.agent,
        provider: call.provider,
        model: call.model,
        amount_nano_usd: call.amount.0,
        create_time: call.create_time,
        expire_time: call.expire_time,
    };
    reservation::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Holds the amount in a purse, if it has room: the look and the change are one statement. Gives
/// the purse's id.
async fn hold(
    tx: &Tx,
    world: &World,
    wanted: &Purse,
    wish: Wish,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let mut is_held = try_hold(tx, wanted, wish, now).await?;
    if !is_held {
        // It is full, or there is none yet.
        open(tx, world, wanted, now).await?;
        is_held = try_hold(tx, wanted, wish, now).await?;
    }
    let purse = by_scope(tx, &wanted.scope).await?;
    match (is_held, purse) {
        (true, Some(purse)) => Ok(purse.id),
        (_, purse) => {
            let taken = purse.map_or(0, |purse| purse.spent_nano_usd + purse.held_nano_usd);
            Err(BudgetExceeded {
                scope: wanted.scope.clone(),
                cap: wanted.cap,
                left: NanoUsd(Ord::max(wanted.cap.0 - taken, 0)),
                needed: wish.amount,
                exhaustion: wanted.exhaustion,
            }
            .into())
        }
    }
}

/// Makes a purse, unless somebody has made it meanwhile.
async fn open(
    tx: &Tx,
    world: &World,
    wanted: &Purse,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let new = purse::Model {
        id: world.new_id(),
        org_id: tx.org_id()?.0,
        scope: wanted.scope.clone(),
        spent_nano_usd: 0,
        held_nano_usd: 0,
        update_time: now,
    };
    let known = OnConflict::columns([purse::Column::OrgId, purse::Column::Scope])
        .do_nothing()
        .to_owned();
    purse::Entity::insert(new.into_active_model())
        .on_conflict(known)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Holds the amount if there is such a purse and it has room: one statement. Says whether it did.
async fn try_hold(
    tx: &Tx,
    wanted: &Purse,
    wish: Wish,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let taken = Expr::col(purse::Column::SpentNanoUsd).add(Expr::col(purse::Column::HeldNanoUsd));
    let held = tx
        .update_many::<purse::Entity>()?
        .filter(purse::Column::Scope.eq(&*wanted.scope))
        // Written so that nothing overflows.
        .filter(taken.lte(wanted.cap.0.saturating_sub(wish.free.0)))
        .col_expr(
            purse::Column::HeldNanoUsd,
            Expr::col(purse::Column::HeldNanoUsd).add(wish.amount.0),
        )
        .col_expr(purse::Column::UpdateTime, Expr::value(now))
        .exec(tx)
        .await?;
    Ok(held.rows_affected == 1)
}

pub(super) async fn by_scope(tx: &Tx, scope: &str) -> Result<Option<purse::Model>, StoreError> {
    let query = tx
        .find::<purse::Entity>()?
        .filter(purse::Column::Scope.eq(scope));
    Ok(query.one(tx).await?)
}

async fn state(tx: &Tx, budget: Budget, now: DateTime<Utc>) -> Result<BudgetState, Error> {
    let purse = by_scope(tx, &budget.purse(now).scope).await?;
    let (spent, held) = purse.map_or((0, 0), |purse| (purse.spent_nano_usd, purse.held_nano_usd));
    Ok(BudgetState {
        budget,
        spent: NanoUsd(spent),
        held: NanoUsd(held),
    })
}

impl TryFrom<budget::Model> for Budget {
    type Error = StoreError;

    fn try_from(row: budget::Model) -> Result<Self, StoreError> {
        let unknown = |word: &str| sea_orm::DbErr::Type(format!("a budget has `{word}`"));
        Ok(Self {
            id: row.id,
            period: Period::parse(&row.period).ok_or_else(|| unknown(&row.period))?,
            exhaustion: Exhaustion::parse(&row.exhaustion)
                .ok_or_else(|| unknown(&row.exhaustion))?,
            resource: row.resource,
            cap: NanoUsd(row.cap_nano_usd),
        })
    }
}

impl From<reservation::Model> for Reservation {
    fn from(row: reservation::Model) -> Self {
        Self {
            id: row.id,
            request_id: row.request_id,
            purpose: row.purpose,
            agent: row.agent,
            provider: row.provider,
            model: row.model,
            amount: NanoUsd(row.amount_nano_usd),
            create_time: row.create_time,
            expire_time: row.expire_time,
        }
    }
}
