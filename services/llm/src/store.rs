//! Usage records in SQL.

mod budget_notices;
mod budgets;
mod entity;
mod privacy;
mod routes;
mod settlements;

use std::borrow::Cow;

use chrono::NaiveDate;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, FromQueryResult, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use t11_core::OrgScope;
use t11_store::{Db, StoreError, Tx};
use uuid::Uuid;

use self::entity::usage_record::{Column, Entity, Model};
use crate::money::NanoUsd;
use crate::provider::Tokens;
use crate::usage::{Bill, CallRecord, Outcome, UsageDay, UsageQuery, UsageSum};

pub(crate) use self::budgets::Reservation;
pub(crate) use self::settlements::Settlement;

const DAY: &str = "%Y-%m-%d";

/// The tables of this service.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Adds a record and settles what was reserved for the call; returns when that is durable. A
    /// call whose reservation has expired was recorded then, and stays as it is.
    pub(crate) async fn insert_record(
        &self,
        scope: &OrgScope,
        record: CallRecord,
    ) -> Result<(), StoreError> {
        let row = row(scope, record);
        self.db
            .write(scope, |tx| async move {
                let settled = budgets::settle(&tx, row.id, NanoUsd(row.cost_nano_usd)).await?;
                if !settled && is_recorded(&tx, row.id).await? {
                    return Ok(());
                }
                Entity::insert(row.into_active_model())
                    .exec_without_returning(&tx)
                    .await?;
                Ok(())
            })
            .await
    }

    /// Sums by day, newest first; days without calls are left out.
    pub(crate) async fn usage_by_day(
        &self,
        scope: &OrgScope,
        query: UsageQuery,
    ) -> Result<Vec<UsageDay>, StoreError> {
        let rows = self
            .db
            .read(scope, move |tx| async move {
                let mut rows = tx
                    .find::<Entity>()?
                    .filter(Column::CreateTime.gte(query.start))
                    .filter(Column::CreateTime.lt(query.end));
                if !query.agent.is_empty() {
                    rows = rows.filter(Column::Agent.eq(query.agent));
                }
                let rows = rows
                    .select_only()
                    .column(Column::Day)
                    .column_as(Column::Id.count(), "calls")
                    .column_as(
                        count_where(Column::Outcome.eq(Outcome::Failed.as_str())),
                        "failed_calls",
                    )
                    .column_as(count_where(Column::CostKnown.eq(false)), "unknown_costs")
                    .column_as(sum(Column::PromptTokens), "prompt_tokens")
                    .column_as(sum(Column::CompletionTokens), "completion_tokens")
                    .column_as(sum(Column::CachedTokens), "cached_tokens")
                    .column_as(sum(Column::CostNanoUsd), "cost_nano_usd")
                    .group_by(Column::Day)
                    .order_by_desc(Column::Day)
                    .into_model::<DayRow>()
                    .all(&tx)
                    .await?;
                Ok::<_, StoreError>(rows)
            })
            .await?;
        rows.into_iter().map(UsageDay::try_from).collect()
    }
}

async fn is_recorded(tx: &Tx, id: Uuid) -> Result<bool, StoreError> {
    let recorded = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    Ok(recorded.one(tx).await?.is_some())
}

/// PostgreSQL sums `bigint` into `numeric`.
fn sum(column: Column) -> Expr {
    Expr::col(column).sum().cast_as("bigint")
}

fn count_where(condition: Expr) -> Expr {
    Expr::Case(Box::new(Expr::case(condition, 1).finally(0)))
        .sum()
        .cast_as("bigint")
}

#[derive(FromQueryResult)]
struct DayRow {
    day: String,
    calls: i64,
    failed_calls: i64,
    unknown_costs: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    cached_tokens: i64,
    cost_nano_usd: i64,
}

impl TryFrom<DayRow> for UsageDay {
    type Error = StoreError;

    fn try_from(row: DayRow) -> Result<Self, StoreError> {
        let date = NaiveDate::parse_from_str(&row.day, DAY)
            .map_err(|error| StoreError::from(sea_orm::DbErr::Type(error.to_string())))?;
        let bill = Bill {
            tokens: Tokens {
                prompt: row.prompt_tokens,
                completion: row.completion_tokens,
                cached: row.cached_tokens,
            },
            cost: NanoUsd(row.cost_nano_usd),
            cost_known: row.unknown_costs == 0,
        };
        Ok(Self {
            date,
            sum: UsageSum {
                calls: row.calls,
                failed_calls: row.failed_calls,
                bill,
            },
        })
    }
}

fn row(scope: &OrgScope, record: CallRecord) -> Model {
    let CallRecord { bill, .. } = record;
    Model {
        id: record.id,
        org_id: scope.org().0,
        request_id: record.request_id,
        create_time: record.create_time,
        day: record.create_time.format(DAY).to_string(),
        purpose: record.purpose,
        agent: record.agent,
        provider: record.provider.into_owned(),
        model: record.model,
        generation: record.generation,
        outcome: record.outcome.as_str().to_owned(),
        reason: record.reason.map(Cow::into_owned),
        prompt_tokens: bill.tokens.prompt,
        completion_tokens: bill.tokens.completion,
        cached_tokens: bill.tokens.cached,
        cost_nano_usd: bill.cost.0,
        cost_known: bill.cost_known,
        attempts: record.attempts,
        first_token_ms: record.first_token_ms,
        total_ms: record.total_ms,
    }
}

#[cfg(test)]
mod tests;
