//! How events come into the database: each once, however often it is told, with the job that
//! handles it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QuerySelect as _, Set,
};
use t11_core::OrgScope;
use t11_kommo::id::AccountId;
use t11_store::{NewJob, Tx};
use uuid::Uuid;

use super::Store;
use super::connections::row;
use super::entity::{connection, event};
use super::events::blank;
use super::inbox::insert_body;
use crate::error::Error;
use crate::event::{Fate, Filing, IGNORED, Source, State};
use crate::jobs::dispatch_event;

/// `last_event_time` of a connection is not written more often.
const HEARD_EVERY: TimeDelta = TimeDelta::seconds(30);

/// How we have heard of events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) connection: Uuid,
    pub(super) source: Source,
    /// The body that brought them.
    pub(super) inbox: Option<Uuid>,
    pub(super) time: DateTime<Utc>,
}

impl Store {
    /// Keeps a body for good with the events that are read in it, once it is known whose it is by
    /// its address; nobody is known until the connection has been granted access.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the connection is not there any more.
    pub(crate) async fn keep_body(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        body: Vec<u8>,
        read: impl FnOnce(Option<AccountId>) -> Vec<Filing> + Send + 'static,
    ) -> Result<(), Error> {
        let (store, inbox) = (self.clone(), self.world.new_id());
        let heard = Heard {
            connection,
            source: Source::Webhook,
            inbox: Some(inbox),
            time: self.world.now(),
        };
        let keep = self.db.write(scope, move |tx| async move {
            let connection = row(&tx, heard.connection).await?;
            insert_body(&tx, inbox, heard, body).await?;
            note_heard(&tx, &connection, heard.time).await?;
            let filings = read(connection.account_id.map(AccountId));
            if filings.iter().any(|filing| filing.fate == Fate::Foreign) {
                note_mismatch(&tx, heard).await?;
            }
            Box::pin(store.file(&tx, heard, filings)).await.map(drop)
        });
        keep.await
    }

    /// Files what a poll has found and nobody told us of; how many there were.
    pub(crate) async fn file_polled(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        filings: Vec<Filing>,
    ) -> Result<usize, Error> {
        let store = self.clone();
        let heard = Heard {
            connection,
            source: Source::Poll,
            inbox: None,
            time: self.world.now(),
        };
        let file = self.db.write(scope, move |tx| async move {
            store.file(&tx, heard, filings).await
        });
        file.await
    }

    /// Files events; how many are new. Those that agents are to hear of get their jobs.
    pub(super) async fn file(
        &self,
        tx: &Tx,
        heard: Heard,
        filings: Vec<Filing>,
    ) -> Result<usize, Error> {
        let mut filings: Vec<_> = filings.into_iter().enumerate().collect();
        // Two bodies with the same events wait for each other in one order.
        filings.sort_by(|(_, one), (_, other)| one.dedupe_key.cmp(&other.dedupe_key));
        let mut new = BTreeMap::new();
        for (place, filing) in filings {
            let id = self.world.new_id();
            let job = job(heard.connection, id, &filing);
            let key = filing.dedupe_key.clone();
            if insert(tx, id, heard, filing).await? {
                new.insert(place, job);
            } else if heard.source == Source::Webhook {
                count_delivery(tx, heard.connection, key).await?;
            }
        }
        let count = new.len();
        for job in new.into_values().flatten() {
            tx.enqueue(job).await?;
        }
        Ok(count)
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

/// The job of an event that agents are to hear of. Those about one thing run one after the other.
fn job(connection: Uuid, id: Uuid, filing: &Filing) -> Option<NewJob> {
    if filing.fate != Fate::Wanted {
        return None;
    }
    let line = format!("crm.events:{connection}:{}", filing.thing);
    Some(NewJob {
        ordering_key: (!filing.thing.is_empty()).then_some(line),
        ..dispatch_event::job(id, 0)
    })
}

/// Inserts an event, unless one of its key is there. What agents do not hear of ends at once.
async fn insert(tx: &Tx, id: Uuid, heard: Heard, filing: Filing) -> Result<bool, Error> {
    let mut row = event::ActiveModel {
        id: Set(id),
        org_id: Set(tx.org_id()?.0),
        connection_id: Set(heard.connection),
        dedupe_key: Set(filing.dedupe_key),
        source: Set(heard.source.as_str().to_owned()),
        entity: Set(filing.entity),
        action: Set(filing.action),
        entity_id: Set(filing.entity_id),
        payload: Set(filing.payload),
        inbox_id: Set(heard.inbox),
        receive_time: Set(heard.time),
        ..blank(heard.time)
    };
    let end = match filing.fate {
        Fate::Wanted => None,
        Fate::Ignored => {
            row.verdict = Set(IGNORED.to_owned());
            Some(State::Done)
        }
        Fate::Foreign => Some(State::Quarantined),
        Fate::Unreadable(trouble) => {
            row.error_reason = Set(trouble.reason);
            row.error_message = Set(trouble.message);
            Some(State::Failed)
        }
    };
    if let Some(state) = end {
        row.state = Set(state.as_str().to_owned());
        row.end_time = Set(Some(heard.time));
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

async fn count_delivery(tx: &Tx, connection: Uuid, dedupe_key: String) -> Result<(), Error> {
    tx.update_many::<event::Entity>()?
        .col_expr(
            event::Column::Deliveries,
            Expr::col(event::Column::Deliveries).add(1),
        )
        .filter(event::Column::ConnectionId.eq(connection))
        .filter(event::Column::DedupeKey.eq(dedupe_key))
        .exec(tx)
        .await?;
    Ok(())
}

/// Kommo has told us something.
async fn note_heard(
    tx: &Tx,
    connection: &connection::Model,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let last = connection.last_event_time;
    if last.is_some_and(|last| now - last < HEARD_EVERY) {
        return Ok(());
    }
    tx.update_many::<connection::Entity>()?
        .col_expr(connection::Column::LastEventTime, now.into())
        .filter(connection::Column::Id.eq(connection.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Something came that is of another account.
async fn note_mismatch(tx: &Tx, heard: Heard) -> Result<(), Error> {
    tx.update_many::<connection::Entity>()?
        .col_expr(connection::Column::MismatchTime, heard.time.into())
        .filter(connection::Column::Id.eq(heard.connection))
        .exec(tx)
        .await?;
    Ok(())
}
