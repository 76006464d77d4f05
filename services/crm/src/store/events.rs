//! Events.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, Iterable as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
};
use t11_core::{OrgScope, Page, PageError, PageRequest};
use t11_kommo::id::AccountId;
use t11_store::{NewJob, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::event;
use super::mirror::put_leads;
use crate::error::Error;
use crate::event::{DUPLICATE, Event, Source, State, Trouble};
use crate::mirror::MirroredLead;

/// Which events.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventFilter {
    pub(crate) connection: Option<Uuid>,
    /// Empty = all.
    pub(crate) states: Vec<State>,
    /// Empty = any.
    pub(crate) verdict: String,
    pub(crate) entity: String,
}

/// What agents say became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) word: String,
    pub(crate) conversation: String,
    pub(crate) turn: String,
}

impl Store {
    pub(crate) async fn event(&self, scope: &OrgScope, id: Uuid) -> Result<Event, Error> {
        let read = self
            .db
            .read(scope, move |tx| async move { find(&tx, id).await });
        read.await?.try_into()
    }

    /// Newest first.
    pub(crate) async fn list_events(
        &self,
        scope: &OrgScope,
        filter: EventFilter,
        page: PageRequest,
    ) -> Result<Page<Event>, Error> {
        let before = page.cursor.as_deref().map(str::parse::<Uuid>).transpose();
        let before = before.map_err(|_| PageError::BadToken)?;
        let rows = self.db.read(scope, move |tx| async move {
            // A payload may have a mebibyte, and lists do not show it.
            let columns =
                event::Column::iter().filter(|column| !matches!(column, event::Column::Payload));
            let query = tx.find::<event::Entity>()?.select_only();
            let query = query
                .columns(columns)
                .expr_as(Expr::value(""), "payload")
                .filter(filter.condition(before))
                .order_by_desc(event::Column::Id)
                .limit(page.size + 1);
            Ok::<_, Error>(query.all(&tx).await?)
        });
        let page = Page::from_rows(rows.await?, page.size, |row| row.id.to_string());
        let items = page.items.into_iter().map(Event::try_from);
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next_cursor: page.next_cursor,
        })
    }

    /// Gives an event to the agents, unless it was given before, and keeps the `lead` that was read
    /// for it.
    pub(crate) async fn dispatch(
        &self,
        scope: &OrgScope,
        event: &Event,
        lead: Option<MirroredLead>,
        job: NewJob,
    ) -> Result<(), Error> {
        let (id, connection, now) = (event.id, event.connection, self.world.now());
        let dispatch = self.db.write(scope, move |tx| async move {
            if set_dispatched(&tx, id, now).await? {
                put_leads(&tx, connection, lead.as_slice(), now).await?;
                tx.enqueue(job).await?;
            }
            Ok::<_, Error>(())
        });
        dispatch.await
    }

    /// Ends an event that agents are not given.
    pub(crate) async fn end_event(
        &self,
        scope: &OrgScope,
        id: Uuid,
        verdict: &'static str,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let end = self.db.write(
            scope,
            move |tx| async move { end(&tx, id, verdict, now).await },
        );
        end.await
    }

    /// Notes that an event could not be handled.
    pub(crate) async fn fail_event(
        &self,
        scope: &OrgScope,
        id: Uuid,
        trouble: Trouble,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let fail = self.db.write(
            scope,
            move |tx| async move { fail(&tx, id, trouble, now).await },
        );
        fail.await
    }

    /// Gives an event the key of the message that it turned out to be. When that message is known
    /// already, the event ends as its duplicate: `false`.
    pub(crate) async fn identify(
        &self,
        scope: &OrgScope,
        id: Uuid,
        key: String,
    ) -> Result<bool, Error> {
        let now = self.world.now();
        let identify = self.db.write(scope, move |tx| async move {
            let row = find(&tx, id).await?;
            let other = tx.find::<event::Entity>()?;
            let other = other
                .filter(event::Column::ConnectionId.eq(row.connection_id))
                .filter(event::Column::DedupeKey.eq(key.as_str()))
                .filter(event::Column::Id.ne(id))
                .one(&tx)
                .await?;
            if other.is_some() {
                end(&tx, id, DUPLICATE, now).await?;
                return Ok(false);
            }
            tx.update_many::<event::Entity>()?
                .col_expr(event::Column::DedupeKey, key.into())
                .filter(event::Column::Id.eq(id))
                .exec(&tx)
                .await?;
            Ok::<_, Error>(true)
        });
        identify.await
    }

    /// Notes what agents say became of an event. An event that was deleted has no verdict.
    pub(crate) async fn note_verdict(
        &self,
        scope: &OrgScope,
        id: Uuid,
        verdict: Verdict,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let note = self.db.write(scope, move |tx| async move {
            let states = [
                State::Received,
                State::Dispatched,
                State::Failed,
                State::Done,
            ];
            tx.update_many::<event::Entity>()?
                .col_expr(event::Column::State, State::Done.as_str().into())
                .col_expr(event::Column::StateTime, now.into())
                .col_expr(event::Column::EndTime, now.into())
                .col_expr(event::Column::Verdict, verdict.word.into())
                .col_expr(event::Column::Conversation, verdict.conversation.into())
                .col_expr(event::Column::Turn, verdict.turn.into())
                .col_expr(event::Column::ErrorReason, "".into())
                .col_expr(event::Column::ErrorMessage, "".into())
                .filter(event::Column::Id.eq(id))
                .filter(event::Column::State.is_in(states.map(State::as_str)))
                .exec(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        note.await
    }

    /// Puts an event back to be handled once more, with its job; one that is being handled stays
    /// as it is.
    pub(crate) async fn replay(
        &self,
        scope: &OrgScope,
        id: Uuid,
        job: impl FnOnce(Uuid, i32) -> NewJob + Send + 'static,
    ) -> Result<Event, Error> {
        let now = self.world.now();
        let replay = self.db.write(scope, move |tx| async move {
            let row = replayable(&tx, id).await?;
            tx.audit_target(format!("events/{id}"));
            if is_under_way(&row) {
                return Ok(row);
            }
            let replays = row.replays + 1;
            let mut changed: event::ActiveModel = row.into();
            changed.state = Set(State::Received.as_str().to_owned());
            changed.state_time = Set(now);
            changed.verdict = Set(String::new());
            changed.error_reason = Set(String::new());
            changed.error_message = Set(String::new());
            changed.end_time = Set(None);
            changed.replays = Set(replays);
            let row = changed.update(&tx).await?;
            tx.enqueue(job(id, replays)).await?;
            Ok::<_, Error>(row)
        });
        replay.await?.try_into()
    }

    /// Makes a copy of an event that is handled without effects, with its job.
    pub(crate) async fn replay_dry(
        &self,
        scope: &OrgScope,
        id: Uuid,
        job: impl FnOnce(Uuid, i32) -> NewJob + Send + 'static,
    ) -> Result<Event, Error> {
        let (copy, now) = (self.world.new_id(), self.world.now());
        let replay = self.db.write(scope, move |tx| async move {
            let row = replayable(&tx, id).await?;
            tx.audit_target(format!("events/{id}"));
            let row = event::ActiveModel {
                id: Set(copy),
                org_id: Set(row.org_id),
                connection_id: Set(row.connection_id),
                dedupe_key: Set(format!("dry:{copy}")),
                source: Set(row.source),
                entity: Set(row.entity),
                action: Set(row.action),
                entity_id: Set(row.entity_id),
                payload: Set(row.payload),
                is_dry_run: Set(true),
                receive_time: Set(row.receive_time),
                ..blank(now)
            };
            let row = row.insert(&tx).await?;
            tx.enqueue(job(copy, 0)).await?;
            Ok::<_, Error>(row)
        });
        replay.await?.try_into()
    }

    /// The account that a connection's events must be of.
    pub(crate) async fn account_of(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<Option<AccountId>, Error> {
        Ok(self
            .connection(scope, connection)
            .await?
            .account
            .id
            .map(AccountId))
    }
}

impl EventFilter {
    fn condition(&self, before: Option<Uuid>) -> Condition {
        let mut condition = Condition::all();
        if let Some(before) = before {
            condition = condition.add(event::Column::Id.lt(before));
        }
        if let Some(connection) = self.connection {
            condition = condition.add(event::Column::ConnectionId.eq(connection));
        }
        if !self.states.is_empty() {
            let states = self.states.iter().map(|state| state.as_str());
            condition = condition.add(event::Column::State.is_in(states));
        }
        if !self.verdict.is_empty() {
            condition = condition.add(event::Column::Verdict.eq(self.verdict.as_str()));
        }
        if !self.entity.is_empty() {
            condition = condition.add(event::Column::Entity.eq(self.entity.as_str()));
        }
        condition
    }
}

/// A received event of nothing.
pub(super) fn blank(now: DateTime<Utc>) -> event::ActiveModel {
    event::ActiveModel {
        state: Set(State::Received.as_str().to_owned()),
        state_time: Set(now),
        verdict: Set(String::new()),
        conversation: Set(String::new()),
        turn: Set(String::new()),
        error_reason: Set(String::new()),
        error_message: Set(String::new()),
        deliveries: Set(1),
        is_dry_run: Set(false),
        replays: Set(0),
        inbox_id: Set(None),
        end_time: Set(None),
        ..Default::default()
    }
}

async fn find(tx: &Tx, id: Uuid) -> Result<event::Model, Error> {
    let query = tx.find::<event::Entity>()?;
    let row = query.filter(event::Column::Id.eq(id)).one(tx).await?;
    row.ok_or(Error::NotFound { resource: "event" })
}

async fn replayable(tx: &Tx, id: Uuid) -> Result<event::Model, Error> {
    let query = tx.find::<event::Entity>()?;
    let query = query.filter(event::Column::Id.eq(id)).lock_exclusive();
    let row = query.one(tx).await?;
    let row = row.ok_or(Error::NotFound { resource: "event" })?;
    if row.state == State::Quarantined.as_str() {
        return Err(Error::EventQuarantined);
    }
    Ok(row)
}

fn is_under_way(row: &event::Model) -> bool {
    [State::Received, State::Dispatched]
        .iter()
        .any(|state| state.as_str() == row.state)
}

/// Whether the event was received, and now is given to the agents.
async fn set_dispatched(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    let updated = tx
        .update_many::<event::Entity>()?
        .col_expr(event::Column::State, State::Dispatched.as_str().into())
        .col_expr(event::Column::StateTime, now.into())
        .filter(event::Column::Id.eq(id))
        .filter(event::Column::State.eq(State::Received.as_str()))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Ends a received event that agents are not given.
pub(super) async fn end(
    tx: &Tx,
    id: Uuid,
    verdict: &'static str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    tx.update_many::<event::Entity>()?
        .col_expr(event::Column::State, State::Done.as_str().into())
        .col_expr(event::Column::StateTime, now.into())
        .col_expr(event::Column::Verdict, verdict.into())
        .col_expr(event::Column::EndTime, now.into())
        .filter(event::Column::Id.eq(id))
        .filter(event::Column::State.eq(State::Received.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}

async fn fail(tx: &Tx, id: Uuid, trouble: Trouble, now: DateTime<Utc>) -> Result<(), Error> {
    tx.update_many::<event::Entity>()?
        .col_expr(event::Column::State, State::Failed.as_str().into())
        .col_expr(event::Column::StateTime, now.into())
        .col_expr(event::Column::Verdict, "".into())
        .col_expr(event::Column::ErrorReason, trouble.reason.into())
        .col_expr(event::Column::ErrorMessage, trouble.message.into())
        .col_expr(event::Column::EndTime, now.into())
        .filter(event::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

impl TryFrom<event::Model> for Event {
    type Error = Error;

    fn try_from(row: event::Model) -> Result<Self, Error> {
        let unknown = || Error::RowUnreadable { table: "events" };
        Ok(Self {
            id: row.id,
            connection: row.connection_id,
            entity: row.entity,
            action: row.action,
            entity_id: row.entity_id,
            state: State::parse(&row.state).ok_or_else(unknown)?,
            verdict: row.verdict,
            source: Source::parse(&row.source).ok_or_else(unknown)?,
            deliveries: row.deliveries,
            conversation: row.conversation,
            turn: row.turn,
            error: Trouble {
                reason: row.error_reason,
                message: row.error_message,
            },
            is_dry_run: row.is_dry_run,
            replays: row.replays,
            receive_time: row.receive_time,
            end_time: row.end_time,
            payload: row.payload,
        })
    }
}
