//! Counts for the dashboard.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _};
use t11_core::OrgScope;
use t11_store::{StoreError, Tx};

use super::Store;
use super::entity::{agent as agent_entity, chunk, source, turn};
use crate::Error;
use crate::agent;
use crate::conversation::EVAL;
use crate::overview::{Answered, Counts};
use crate::source as sources;
use crate::turn::{Outcome, State};

impl Store {
    /// What there is, and what was answered since a moment.
    pub(crate) async fn overview(
        &self,
        scope: &OrgScope,
        since: DateTime<Utc>,
    ) -> Result<(Counts, Vec<Answered>), Error> {
        self.db
            .read(scope, move |tx| async move {
                let counts = Counts {
                    agents_total: agents(&tx, None).await?,
                    agents_active: agents(&tx, Some(agent::State::Active)).await?,
                    sources_ready: in_state(&tx, sources::State::Ready).await?,
                    sources_processing: in_state(&tx, sources::State::Processing).await?
                        + in_state(&tx, sources::State::Pending).await?,
                    sources_failed: in_state(&tx, sources::State::Failed).await?,
                    chunks_total: chunks(&tx).await?,
                    price_items_live: super::price_book::live_count(&tx).await?,
                };
                Ok((counts, answered(&tx, since).await?))
            })
            .await
    }
}

/// Of sources as they are.
async fn chunks(tx: &Tx) -> Result<u64, Error> {
    let chosen = tx
        .find::<chunk::Entity>()?
        .filter(chunk::Column::Retired.eq(0));
    Ok(chosen.count(tx).await.map_err(StoreError::from)?)
}

async fn agents(tx: &Tx, state: Option<agent::State>) -> Result<u64, Error> {
    let chosen = tx.find::<agent_entity::Entity>()?;
    let chosen = match state {
        Some(state) => chosen.filter(agent_entity::Column::State.eq(state.as_str())),
        None => chosen.filter(agent_entity::Column::State.ne(agent::State::Archived.as_str())),
    };
    Ok(chosen.count(tx).await.map_err(StoreError::from)?)
}

async fn in_state(tx: &Tx, state: sources::State) -> Result<u64, Error> {
    let chosen = tx
        .find::<source::Entity>()?
        .filter(source::Column::State.eq(state.as_str()));
    Ok(chosen.count(tx).await.map_err(StoreError::from)?)
}

async fn answered(tx: &Tx, since: DateTime<Utc>) -> Result<Vec<Answered>, Error> {
    let rows: Vec<(DateTime<Utc>, String, i64)> = tx
        .find::<turn::Entity>()?
        .filter(turn::Column::CreateTime.gte(since))
        .filter(turn::Column::State.eq(State::Sent.as_str()))
        .filter(turn::Column::Mode.ne(EVAL))
        .select_only()
        .columns([
            turn::Column::CreateTime,
            turn::Column::Outcome,
            turn::Column::CostMicroUsd,
        ])
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter()
        .map(|(time, word, cost_micro_usd)| {
            let outcome = Outcome::parse(&word).ok_or(Error::Corrupt("turn"))?;
            Ok(Answered {
                time,
                outcome,
                cost_micro_usd,
            })
        })
        .collect()
}
