//! Usage records in SQL.

mod allowances;
mod budget_notices;
mod budgets;
mod entity;
mod privacy;
mod provider_keys;
mod routes;
mod settlements;

use std::borrow::Cow;
use std::sync::Arc;

use chrono::NaiveDate;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, FromQueryResult, QueryFilter as _, QuerySelect as _};
use t11_core::{OrgId, OrgScope, format_name};
use t11_store::{Db, StoreError};

use self::entity::usage_record::{Column, Entity, Model};
use crate::draw::Settles;
use crate::money::NanoUsd;
use crate::provider::Tokens;
use crate::usage::{
    Bill, CallRecord, Grouping, Outcome, UsageDay, UsageGroup, UsageQuery, UsageSum,
};

pub(crate) use self::allowances::Entry;
pub(crate) use self::budgets::{Reservation, Room};
pub(crate) use self::provider_keys::{NewSecret, SealedKey};
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

    /// Keeps the record of a call that had a reservation of its own, known by the record's id, and
    /// settles that; see [`Store::settle`].
    pub(crate) async fn insert_record(
        &self,
        scope: &OrgScope,
        record: CallRecord,
    ) -> Result<(), StoreError> {
        let settles = Settles {
            org: scope.org(),
            reservation: record.id,
            amount: NanoUsd(0),
            closes: true,
        };
        let entry = Entry {
            record: Some(record),
            settles,
        };
        self.settle(scope, Arc::new(vec![entry]), false).await
    }

    /// Sums by day, newest first; days without calls are left out.
    pub(crate) async fn usage_by_day(
        &self,
        scope: &OrgScope,
        query: UsageQuery,
    ) -> Result<Vec<UsageDay>, StoreError> {
        let mut rows = self.usage_by(scope, query, Column::Day).await?;
        rows.sort_unstable_by(|one, other| other.key.cmp(&one.key));
        rows.into_iter().map(UsageDay::try_from).collect()
    }

    /// Sums by agent, model or key, the dearest first.
    pub(crate) async fn usage_by_group(
        &self,
        scope: &OrgScope,
        query: UsageQuery,
        grouping: Grouping,
    ) -> Result<Vec<UsageGroup>, StoreError> {
        let column = match grouping {
            Grouping::Agent => Column::Agent,
            Grouping::Model => Column::Model,
            Grouping::Key => Column::ProviderKey,
        };
        let rows = self.usage_by(scope, query, column).await?;
        let mut groups: Vec<UsageGroup> = rows.into_iter().map(UsageGroup::from).collect();
        groups.sort_by(|one, other| {
            let weight = |group: &UsageGroup| (group.sum.bill.cost.0, group.sum.calls);
            let dearest_first = weight(other).cmp(&weight(one));
            dearest_first.then_with(|| one.key.cmp(&other.key))
        });
        Ok(groups)
    }

    async fn usage_by(
        &self,
        scope: &OrgScope,
        query: UsageQuery,
        key: Column,
    ) -> Result<Vec<SumRow>, StoreError> {
        self.db
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
                    .column_as(key, "key")
                    .column_as(Column::Id.count(), "calls")
                    .column_as(
                        count_where(Column::Outcome.eq(Outcome::Failed.as_str())),
                        "failed_calls",
                    )
                    .column_as(count_where(Column::Cached.eq(true)), "cached_calls")
                    .column_as(count_where(Column::CostKnown.eq(false)), "unknown_costs")
                    .column_as(sum(Column::PromptTokens), "prompt_tokens")
                    .column_as(sum(Column::CompletionTokens), "completion_tokens")
                    .column_as(sum(Column::CachedTokens), "cached_tokens")
                    .column_as(sum(Column::CostNanoUsd), "cost_nano_usd")
                    .group_by(key)
                    .into_model::<SumRow>()
                    .all(&tx)
                    .await?;
                Ok::<_, StoreError>(rows)
            })
            .await
    }
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
struct SumRow {
    /// The day, the agent, the model or the key that the calls have in common.
    key: String,
    calls: i64,
    failed_calls: i64,
    cached_calls: i64,
    unknown_costs: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    cached_tokens: i64,
    cost_nano_usd: i64,
}

impl SumRow {
    fn sum(&self) -> UsageSum {
        let bill = Bill {
            tokens: Tokens {
                prompt: self.prompt_tokens,
                completion: self.completion_tokens,
                cached: self.cached_tokens,
            },
            cost: NanoUsd(self.cost_nano_usd),
            cost_known: self.unknown_costs == 0,
        };
        UsageSum {
            calls: self.calls,
            failed_calls: self.failed_calls,
            cached_calls: self.cached_calls,
            bill,
        }
    }
}

impl TryFrom<SumRow> for UsageDay {
    type Error = StoreError;

    fn try_from(row: SumRow) -> Result<Self, StoreError> {
        let date = NaiveDate::parse_from_str(&row.key, DAY)
            .map_err(|error| StoreError::from(sea_orm::DbErr::Type(error.to_string())))?;
        let sum = row.sum();
        Ok(Self { date, sum })
    }
}

impl From<SumRow> for UsageGroup {
    fn from(row: SumRow) -> Self {
        let sum = row.sum();
        Self { key: row.key, sum }
    }
}

fn row(org: OrgId, record: CallRecord) -> Model {
    let CallRecord { bill, .. } = record;
    Model {
        id: record.id,
        org_id: org.0,
        request_id: record.request_id,
        create_time: record.create_time,
        day: record.create_time.format(DAY).to_string(),
        purpose: record.purpose,
        agent: record.agent,
        provider: record.provider.into_owned(),
        model: record.model,
        provider_key: record
            .key
            .map(|key| format_name("providerKeys", key))
            .unwrap_or_default(),
        cached: record.cached,
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
