//! What time does to bodies and events: silence becomes a failure, and what is old goes away.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_store::{System, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::{bot_request, event, webhook_body, webhook_secret};
use crate::error::Error;
use crate::event::State;

/// Rows changed in one transaction.
const BATCH: u64 = 500;
/// An event that is on its way for longer has lost its job.
const SILENCE: TimeDelta = TimeDelta::hours(1);
/// How long bodies are kept: longer than Kommo repeats itself.
const KEEP_BODIES: TimeDelta = TimeDelta::days(3);
/// How long events are kept, and with them what tells repeated ones.
const KEEP_EVENTS: TimeDelta = TimeDelta::days(30);
/// How long it is known that a bot has asked.
const KEEP_BOT_REQUESTS: TimeDelta = TimeDelta::days(3);

const SWEEP: System = System("sweep of events");

impl Store {
    /// Ends events whose job has died; how many there were.
    pub(crate) async fn sweep_silent_events(&self) -> Result<u64, Error> {
        let now = self.world.now();
        let sweep = self.db.write(SWEEP, move |tx| async move {
            let mut swept = 0;
            for (state, reason, message) in [
                (
                    State::Dispatched,
                    "HANDLER_SILENT",
                    "no agent has said what became of it",
                ),
                (State::Received, "NOT_PROCESSED", "its job has died"),
            ] {
                let ids = silent(&tx, state, now - SILENCE).await?;
                swept += event::Entity::update_many()
                    .col_expr(event::Column::State, State::Failed.as_str().into())
                    .col_expr(event::Column::StateTime, now.into())
                    .col_expr(event::Column::EndTime, now.into())
                    .col_expr(event::Column::ErrorReason, reason.into())
                    .col_expr(event::Column::ErrorMessage, message.into())
                    .filter(event::Column::Id.is_in(ids))
                    .filter(event::Column::State.eq(state.as_str()))
                    .exec(&tx)
                    .await?
                    .rows_affected;
            }
            Ok::<_, Error>(swept)
        });
        sweep.await
    }

    /// Deletes what is old; how many rows there were.
    pub(crate) async fn purge_events(&self) -> Result<u64, Error> {
        let now = self.world.now();
        let purge = self.db.write(SWEEP, move |tx| async move {
            let mut purged = purge_bodies(&tx, now - KEEP_BODIES).await?;
            for state in [State::Done, State::Failed, State::Quarantined] {
                let ids = silent(&tx, state, now - KEEP_EVENTS).await?;
                purged += event::Entity::delete_many()
                    .filter(event::Column::Id.is_in(ids))
                    .exec(&tx)
                    .await?
                    .rows_affected;
            }
            purged += bot_request::Entity::delete_many()
                .filter(bot_request::Column::ReceiveTime.lt(now - KEEP_BOT_REQUESTS))
                .exec(&tx)
                .await?
                .rows_affected;
            purged += webhook_secret::Entity::delete_many()
                .filter(webhook_secret::Column::ExpireTime.lt(now))
                .exec(&tx)
                .await?
                .rows_affected;
            Ok::<_, Error>(purged)
        });
        purge.await
    }
}

/// Events that came into a state long ago.
async fn silent(tx: &Tx, state: State, before: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    let query = event::Entity::find()
        .select_only()
        .column(event::Column::Id)
        .filter(event::Column::State.eq(state.as_str()))
        .filter(event::Column::StateTime.lt(before))
        .order_by_asc(event::Column::StateTime)
        .limit(BATCH);
    Ok(query.into_tuple().all(tx).await?)
}

async fn purge_bodies(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let ids: Vec<Uuid> = webhook_body::Entity::find()
        .select_only()
        .column(webhook_body::Column::Id)
        .filter(webhook_body::Column::ReceiveTime.lt(before))
        .order_by_asc(webhook_body::Column::ReceiveTime)
        .limit(BATCH)
        .into_tuple()
        .all(tx)
        .await?;
    let deleted = webhook_body::Entity::delete_many()
        .filter(webhook_body::Column::Id.is_in(ids))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected)
}
