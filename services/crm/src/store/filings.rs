//! How events come into the database: each once, however often it is told.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, QueryFilter as _,
    QuerySelect as _, Set,
};
use t11_core::OrgScope;
use t11_store::{NewJob, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::{connection, event, webhook_body};
use super::events::{blank, fail, received, set_state};
use super::inbox::Body;
use crate::error::Error;
use crate::event::{Event, Filing, IGNORED, Source, State, Trouble};

/// `last_event_time` of a connection is not written more often.
const HEARD_EVERY: TimeDelta = TimeDelta::seconds(30);

/// What came of a body.
#[derive(Debug, Clone)]
pub(crate) enum Parsed {
    Events(Vec<Filing>),
    /// Of another account.
    Foreign(Vec<Filing>),
    Unreadable(Box<(Filing, Trouble)>),
}

impl Store {
    /// Files what a body holds; the events of it that nobody has looked at. The second time it
    /// changes nothing.
    pub(crate) async fn file(
        &self,
        scope: &OrgScope,
        body: Body,
        parsed: Parsed,
    ) -> Result<Vec<Event>, Error> {
        let (store, now) = (self.clone(), self.world.now());
        let (inbox, connection, receive_time) = (body.id, body.connection, body.receive_time);
        let file = self.db.write(scope, move |tx| async move {
            let first = tx
                .update_many::<webhook_body::Entity>()?
                .col_expr(webhook_body::Column::ParseTime, now.into())
                .filter(webhook_body::Column::Id.eq(inbox))
                .filter(webhook_body::Column::ParseTime.is_null())
                .exec(&tx)
                .await?;
            if first.rows_affected == 0 {
                return received(&tx, inbox).await;
            }
            note_heard(&tx, connection, now).await?;
            let place = (connection, Some(inbox));
            match parsed {
                Parsed::Events(filings) => {
                    for filing in filings {
                        store.file_one(&tx, place, filing, receive_time).await?;
                    }
                }
                Parsed::Foreign(filings) => {
                    note_mismatch(&tx, connection, now).await?;
                    for filing in filings {
                        let id = store.file_one(&tx, place, filing, receive_time).await?;
                        set_state(&tx, id, State::Quarantined, now).await?;
                    }
                }
                Parsed::Unreadable(body) => {
                    let (filing, trouble) = *body;
                    let id = store.file_one(&tx, place, filing, receive_time).await?;
                    fail(&tx, id, trouble, now).await?;
                }
            }
            received(&tx, inbox).await
        });
        file.await
    }

    /// Files an event, or counts one more delivery of it; its id, if it is new.
    async fn file_one(
        &self,
        tx: &Tx,
        (connection, inbox): (Uuid, Option<Uuid>),
        filing: Filing,
        receive_time: DateTime<Utc>,
    ) -> Result<Option<Uuid>, Error> {
        let id = self.world.new_id();
        let key = filing.dedupe_key.clone();
        let source = Source::Webhook;
        if insert(tx, id, connection, source, inbox, filing, receive_time).await? {
            return Ok(Some(id));
        }
        tx.update_many::<event::Entity>()?
            .col_expr(
                event::Column::Deliveries,
                Expr::col(event::Column::Deliveries).add(1),
            )
            .filter(event::Column::ConnectionId.eq(connection))
            .filter(event::Column::DedupeKey.eq(key))
            .exec(tx)
            .await?;
        Ok(None)
    }

    /// Files what a poll has found and nobody told us of, each with the job that handles it.
    pub(crate) async fn file_polled(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        filings: Vec<Filing>,
        job: impl Fn(Uuid) -> NewJob + Send + Sync + 'static,
    ) -> Result<usize, Error> {
        let (store, now) = (self.clone(), self.world.now());
        let file = self.db.write(scope, move |tx| async move {
            let mut found = 0;
            for filing in filings {
                let id = store.world.new_id();
                let source = Source::Poll;
                if insert(&tx, id, connection, source, None, filing, now).await? {
                    tx.enqueue(job(id)).await?;
                    found += 1;
                }
            }
            Ok::<_, Error>(found)
        });
        file.await
    }

    /// Those of `keys` that are filed already.
    pub(crate) async fn known_keys(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        keys: Vec<String>,
    ) -> Result<Vec<String>, Error> {
        let read = self.db.read(scope, move |tx| async move {
            let query = tx.find::<event::Entity>()?.select_only();
            let query = query
                .column(event::Column::DedupeKey)
                .filter(event::Column::ConnectionId.eq(connection))
                .filter(event::Column::DedupeKey.is_in(keys));
            Ok::<Vec<String>, Error>(query.into_tuple().all(&tx).await?)
        });
        read.await
    }
}

/// Inserts an event, unless one of its key is there. What no agent needs to hear of ends at once.
pub(super) async fn insert(
    tx: &Tx,
    id: Uuid,
    connection: Uuid,
    source: Source,
    inbox: Option<Uuid>,
    filing: Filing,
    receive_time: DateTime<Utc>,
) -> Result<bool, Error> {
    let mut row = event::ActiveModel {
        id: Set(id),
        org_id: Set(tx.org_id()?.0),
        connection_id: Set(connection),
        dedupe_key: Set(filing.dedupe_key),
        source: Set(source.as_str().to_owned()),
        entity: Set(filing.entity),
        action: Set(filing.action),
        entity_id: Set(filing.entity_id),
        payload: Set(filing.payload),
        inbox_id: Set(inbox),
        receive_time: Set(receive_time),
        ..blank(receive_time)
    };
    if !filing.is_wanted {
        row.state = Set(State::Done.as_str().to_owned());
        row.verdict = Set(IGNORED.to_owned());
        row.end_time = Set(Some(receive_time));
    }
    let there = OnConflict::columns([
        event::Column::OrgId,
        event::Column::ConnectionId,
        event::Column::DedupeKey,
    ]);
    let inserted = event::Entity::insert(row)
        .on_conflict(there.clone().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(inserted == 1)
}

/// Kommo has told us something.
async fn note_heard(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    let long_ago = Condition::any()
        .add(connection::Column::LastEventTime.is_null())
        .add(connection::Column::LastEventTime.lt(now - HEARD_EVERY));
    tx.update_many::<connection::Entity>()?
        .col_expr(connection::Column::LastEventTime, now.into())
        .filter(connection::Column::Id.eq(id))
        .filter(long_ago)
        .exec(tx)
        .await?;
    Ok(())
}

impl Store {
    /// A bot that is not ours has written to a client.
    pub(crate) async fn note_other_bot(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let now = self.world.now();
        let note = self.db.write(scope, move |tx| async move {
            tx.update_many::<connection::Entity>()?
                .col_expr(connection::Column::OtherBotTime, now.into())
                .filter(connection::Column::Id.eq(id))
                .exec(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        note.await
    }
}

/// Something came that is of another account.
async fn note_mismatch(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    tx.update_many::<connection::Entity>()?
        .col_expr(connection::Column::MismatchTime, now.into())
        .filter(connection::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}
