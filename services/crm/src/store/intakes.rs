//! How things stand with the subscriptions of connections, and what is looked for besides.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use t11_core::{OrgId, OrgScope};
use t11_store::{NewJob, System};
use uuid::Uuid;

use super::Store;
use super::entity::{connection, intake};
use crate::connection::State;
use crate::error::Error;
use crate::intake::Chore;

/// Chores looked for at a time.
const BATCH: u64 = 200;

/// A chore that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) org: OrgId,
    pub(crate) connection: Uuid,
    pub(crate) time: DateTime<Utc>,
    /// Whether Kommo is known to tell us of messages.
    pub(crate) is_heard: bool,
}

/// Up to where talks were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PollCursor {
    /// By Kommo's clock.
    pub(crate) time: DateTime<Utc>,
    /// Times of change, in unix seconds, of the talks near it, by their ids.
    pub(crate) talks: BTreeMap<i64, i64>,
}

const SYSTEM: System = System("chores of all connections");

impl Store {
    /// Begins to look after a connection; once it has begun nothing changes.
    pub(crate) async fn begin_intake(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let begin = self.db.write(scope, move |tx| async move {
            let row = intake::ActiveModel {
                id: Set(connection),
                org_id: Set(tx.org_id()?.0),
                next_check_time: Set(now + Chore::Check.every()),
                next_poll_time: Set(now + Chore::Poll.every()),
                poll_cursor: Set(now - TimeDelta::minutes(1)),
                polled_talks: Set(serde_json::json!({})),
            };
            let there = OnConflict::column(intake::Column::Id)
                .do_nothing()
                .to_owned();
            intake::Entity::insert(row)
                .on_conflict(there)
                .exec_without_returning(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        begin.await
    }

    /// Notes what Kommo says of the subscription. While there is none, and when a new one takes the
    /// place of one that was lost, talks are polled at once.
    pub(crate) async fn note_webhook(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        state: &'static str,
        events: Vec<String>,
        is_new: bool,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let note = self.db.write(scope, move |tx| async move {
            let known = tx
                .find::<connection::Entity>()?
                .filter(connection::Column::Id.eq(connection))
                .one(&tx)
                .await?;
            let was_lost = is_new && known.is_some_and(|row| row.webhook_check_time.is_some());
            tx.update_many::<connection::Entity>()?
                .col_expr(connection::Column::WebhookState, state.into())
                .col_expr(
                    connection::Column::WebhookEvents,
                    serde_json::json!(events).into(),
                )
                .col_expr(connection::Column::WebhookCheckTime, now.into())
                .filter(connection::Column::Id.eq(connection))
                .exec(&tx)
                .await?;
            if state != ACTIVE || was_lost {
                tx.update_many::<intake::Entity>()?
                    .col_expr(intake::Column::NextPollTime, now.into())
                    .filter(intake::Column::Id.eq(connection))
                    .filter(intake::Column::NextPollTime.gt(now))
                    .exec(&tx)
                    .await?;
            }
            Ok::<_, Error>(())
        });
        note.await
    }

    /// Chores that are due, of connected accounts, the longest waiting first.
    pub(crate) async fn due(
        &self,
        chore: Chore,
        heard_within: TimeDelta,
    ) -> Result<Vec<Due>, Error> {
        let now = self.world.now();
        let read = self.db.read(SYSTEM, move |tx| async move {
            let column = column_of(chore);
            let connected = Query::select()
                .column(connection::Column::Id)
                .from(connection::Entity)
                .and_where(connection::Column::State.eq(State::Connected.as_str()))
                .to_owned();
            let rows = intake::Entity::find()
                .filter(column.lte(now))
                .filter(intake::Column::Id.in_subquery(connected))
                .order_by_asc(column)
                .limit(BATCH)
                .all(&tx)
                .await?;
            let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
            let heard: Vec<Uuid> = connection::Entity::find()
                .select_only()
                .column(connection::Column::Id)
                .filter(connection::Column::Id.is_in(ids))
                .filter(connection::Column::WebhookState.eq(ACTIVE))
                .filter(connection::Column::LastEventTime.gt(now - heard_within))
                .into_tuple()
                .all(&tx)
                .await?;
            let due = rows.into_iter().map(|row| Due {
                org: OrgId(row.org_id),
                connection: row.id,
                time: match chore {
                    Chore::Check => row.next_check_time,
                    Chore::Poll => row.next_poll_time,
                },
                is_heard: heard.contains(&row.id),
            });
            Ok::<_, Error>(due.collect())
        });
        read.await
    }

    /// Enqueues the job of a chore and sets when it is due next, unless another has just done so.
    pub(crate) async fn claim(
        &self,
        chore: Chore,
        due: Due,
        next: DateTime<Utc>,
        job: NewJob,
    ) -> Result<(), Error> {
        let claim = self.db.write(SYSTEM, move |tx| async move {
            let column = column_of(chore);
            let claimed = intake::Entity::update_many()
                .col_expr(column, next.into())
                .filter(intake::Column::Id.eq(due.connection))
                .filter(column.eq(due.time))
                .exec(&tx)
                .await?;
            if claimed.rows_affected == 1 {
                tx.enqueue(NewJob {
                    org: Some(due.org),
                    ..job
                })
                .await?;
            }
            Ok::<_, Error>(())
        });
        claim.await
    }

    /// `None` when nobody looks after the connection.
    pub(crate) async fn poll_cursor(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<Option<PollCursor>, Error> {
        let read = self.db.read(scope, move |tx| async move {
            let query = tx.find::<intake::Entity>()?;
            let query = query.filter(intake::Column::Id.eq(connection));
            Ok::<_, Error>(query.one(&tx).await?)
        });
        let Some(row) = read.await? else {
            return Ok(None);
        };
        let talks = serde_json::from_value(row.polled_talks);
        Ok(Some(PollCursor {
            time: row.poll_cursor,
            talks: talks.map_err(|_| Error::RowUnreadable { table: "intakes" })?,
        }))
    }

    pub(crate) async fn set_poll_cursor(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        cursor: PollCursor,
    ) -> Result<(), Error> {
        let set = self.db.write(scope, move |tx| async move {
            let talks = serde_json::json!(cursor.talks);
            tx.update_many::<intake::Entity>()?
                .col_expr(intake::Column::PollCursor, cursor.time.into())
                .col_expr(intake::Column::PolledTalks, Expr::value(talks))
                .filter(intake::Column::Id.eq(connection))
                .exec(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        set.await
    }
}

/// The state of a subscription that works.
pub(crate) const ACTIVE: &str = "active";

fn column_of(chore: Chore) -> intake::Column {
    match chore {
        Chore::Check => intake::Column::NextCheckTime,
        Chore::Poll => intake::Column::NextPollTime,
    }
}
