//! Messages to clients: tries and their outcomes.

mod looks;
mod lost;
mod quota;
mod seen;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _, Set,
};
use t11_core::OrgScope;
use t11_store::{NewJob, StoreError, Tx};
use uuid::Uuid;

use super::entity::message;
use super::{Store, bot_answers, connections};
use crate::connection::{Connection, Transport, month};
use crate::error::Error;
use crate::jobs::reconcile;
use crate::message::{Message, NewMessage, Outcome, Refusal, State, next_look};
use crate::transport;

pub(crate) use self::lost::Settled;

/// How long after a bot was started it may still read the field it sends.
const FIELD_IN_USE: TimeDelta = TimeDelta::seconds(10);

/// A try that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) message: Message,
    pub(crate) connection: Connection,
    /// The transports to try, in this order; the row says the first, or [`Transport::Auto`] when
    /// there is none.
    pub(crate) candidates: Vec<Transport>,
}

/// A message that was asked for.
#[derive(Debug)]
pub(crate) enum Started {
    Begun(Box<Begun>),
    /// It is not to be sent, or not now.
    Known(Box<Message>),
}

impl Store {
    /// The message of the key, made if there is none. With `may_begin` one that is to be sent is
    /// begun in the same commit, before anything is sent: from there on it may be out.
    pub(crate) async fn start(
        &self,
        scope: &OrgScope,
        new: NewMessage,
        may_begin: bool,
    ) -> Result<Started, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        let start = self.db.write(scope, move |tx| async move {
            let row = match by_key(&tx, new.idempotency_key).await? {
                Some(row) => {
                    new.check_repeated(&Message::from(row.clone()).new)?;
                    locked(&tx, row.id).await?.ok_or(GONE)?
                }
                None => created(&tx, id, new, now).await?,
            };
            if !may_begin || row.state != State::Pending.as_str() {
                return Ok(Started::Known(Box::new(row.into())));
            }
            let begun = Box::pin(begin(&tx, row, now)).await?;
            Ok(Started::Begun(Box::new(begun)))
        });
        start.await.map_err(no_connection)
    }

    pub(crate) async fn message(&self, scope: &OrgScope, key: Uuid) -> Result<Message, Error> {
        let row = self
            .db
            .read(scope, move |tx| async move { by_key(&tx, key).await });
        row.await?.map(Message::from).ok_or(Error::NotFound {
            resource: "delivery",
        })
    }

    /// Goes on with another talk or transport, after one that certainly sent nothing. `None` when
    /// the try is no longer this one.
    pub(crate) async fn go_on_with(
        &self,
        scope: &OrgScope,
        message: &Message,
        transport: Transport,
        talk_id: i64,
    ) -> Result<Option<Message>, Error> {
        let (id, fence, now) = (message.id, message.fence, self.world.now());
        let change = self.db.write(scope, move |tx| async move {
            let Some(row) = under_fence(&tx, id, fence).await? else {
                return Ok(None);
            };
            if transport == Transport::FieldBot {
                field_is_free(&tx, &row, now).await?;
            }
            let mut row = row.into_active_model();
            row.transport = Set(transport.as_str().to_owned());
            row.talk_id = Set(talk_id);
            row.send_time = Set(Some(now));
            row.update_time = Set(now);
            Ok::<_, Error>(Some(Message::from(row.update(&tx).await?)))
        });
        change.await
    }

    /// Writes what a try came to; what is known when the try is no longer this one.
    pub(crate) async fn end_try(
        &self,
        scope: &OrgScope,
        message: &Message,
        outcome: Outcome,
    ) -> Result<Message, Error> {
        let (id, fence, store) = (message.id, message.fence, self.clone());
        let end = self.db.write(scope, move |tx| async move {
            match under_fence(&tx, id, fence).await? {
                Some(row) => store.write_outcome(&tx, row, outcome).await,
                None => locked(&tx, id).await?.map(Message::from).ok_or(GONE),
            }
        });
        end.await
    }

    async fn write_outcome(
        &self,
        tx: &Tx,
        row: message::Model,
        outcome: Outcome,
    ) -> Result<Message, Error> {
        // It was seen before its answer came.
        let outcome = match (outcome, row.seen_id.clone()) {
            (Outcome::Accepted(None) | Outcome::Unknown, Some(seen)) => {
                Outcome::Accepted(Some(seen))
            }
            (outcome, _) => outcome,
        };
        match outcome {
            Outcome::Accepted(message_id) => {
                if let Some(message_id) = &message_id {
                    self.take_back(tx, &row, message_id).await?;
                }
                self.accept(tx, row, message_id).await
            }
            Outcome::Failed(refusal) => self.fail(tx, row, refusal).await,
            Outcome::Pending => self.set_state(tx, row, State::Pending).await,
            Outcome::Unknown => {
                let key = row.idempotency_key;
                let soon = self.world.now() + next_look(TimeDelta::zero());
                tx.enqueue(reconcile::next_look_at(&self.world, key, soon))
                    .await?;
                self.set_state(tx, row, State::Unknown).await
            }
        }
    }

    async fn accept(
        &self,
        tx: &Tx,
        row: message::Model,
        message_id: Option<String>,
    ) -> Result<Message, Error> {
        let now = self.world.now();
        let is_counted = row.transport == Transport::Talk.as_str();
        let is_watched =
            row.transport != Transport::Note.as_str() && row.transport != Transport::Amojo.as_str();
        let mut row = row.into_active_model();
        row.look_time = Set(is_watched.then(|| now + next_look(TimeDelta::zero())));
        row.state = Set(State::Accepted.as_str().to_owned());
        row.message_id = Set(message_id);
        row.accept_time = Set(Some(now));
        row.update_time = Set(now);
        let row = row.update(tx).await?;
        if is_counted {
            // Last, for all who send to the account wait for that row until this is committed; in a
            // box, for it is large.
            Box::pin(self.count_message(tx, row.connection_id)).await?;
        }
        Ok(row.into())
    }

    async fn fail(&self, tx: &Tx, row: message::Model, refusal: Refusal) -> Result<Message, Error> {
        let mut row = row.into_active_model();
        row.state = Set(State::Failed.as_str().to_owned());
        row.reason = Set(refusal.reason.into_owned());
        row.detail = Set(refusal.detail);
        row.update_time = Set(self.world.now());
        Ok(row.update(tx).await?.into())
    }

    async fn set_state(
        &self,
        tx: &Tx,
        row: message::Model,
        state: State,
    ) -> Result<Message, Error> {
        let mut row = row.into_active_model();
        row.state = Set(state.as_str().to_owned());
        row.update_time = Set(self.world.now());
        Ok(row.update(tx).await?.into())
    }

    /// An answer is surer than a look: whoever was given this id by one looks again.
    async fn take_back(
        &self,
        tx: &Tx,
        row: &message::Model,
        message_id: &str,
    ) -> Result<(), Error> {
        let query = tx.find::<message::Entity>()?;
        let holder = query
            .filter(message::Column::ConnectionId.eq(row.connection_id))
            .filter(message::Column::MessageId.eq(message_id))
            .filter(message::Column::Id.ne(row.id))
            .one(tx)
            .await?;
        let Some(holder) = holder else {
            return Ok(());
        };
        let (key, now) = (holder.idempotency_key, self.world.now());
        tx.enqueue(reconcile::next_look_at(&self.world, key, now))
            .await?;
        let mut holder = holder.into_active_model();
        holder.state = Set(State::Unknown.as_str().to_owned());
        holder.message_id = Set(None);
        holder.seen_id = Set(None);
        holder.update_time = Set(now);
        holder.update(tx).await?;
        Ok(())
    }
}

impl Store {
    /// Enqueues the next look.
    pub(crate) async fn enqueue(&self, scope: &OrgScope, job: NewJob) -> Result<(), Error> {
        let enqueue = self.db.write(scope, move |tx| async move {
            tx.enqueue(job).await?;
            Ok::<_, Error>(())
        });
        enqueue.await
    }
}

/// The message went with its connection.
const GONE: Error = Error::NotFound {
    resource: "delivery",
};

async fn by_key(tx: &Tx, key: Uuid) -> Result<Option<message::Model>, Error> {
    let query = tx.find::<message::Entity>()?;
    let query = query.filter(message::Column::IdempotencyKey.eq(key));
    Ok(query.one(tx).await?)
}

async fn created(
    tx: &Tx,
    id: Uuid,
    new: NewMessage,
    now: DateTime<Utc>,
) -> Result<message::Model, Error> {
    let row = message::ActiveModel {
        id: Set(id),
        org_id: Set(tx.org_id()?.0),
        connection_id: Set(new.connection),
        idempotency_key: Set(new.idempotency_key),
        talk_id: Set(new.talk_id),
        chat_id: Set(new.chat_id),
        lead_id: Set(new.lead_id),
        contact_id: Set(new.contact_id),
        content: Set(new.text),
        dry_run: Set(new.dry_run),
        state: Set(State::Pending.as_str().to_owned()),
        transport: Set(String::new()),
        message_id: Set(None),
        seen_id: Set(None),
        reason: Set(String::new()),
        detail: Set(String::new()),
        fence: Set(0),
        send_time: Set(None),
        accept_time: Set(None),
        look_time: Set(None),
        create_time: Set(now),
        update_time: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// Begins a try by the best transport there is.
async fn begin(tx: &Tx, row: message::Model, now: DateTime<Utc>) -> Result<Begun, Error> {
    // As it is now: what is left of the month decides which way is taken.
    let connection = connections::find(tx, row.connection_id).await?;
    let bot = bot_answers::waiting(tx, connection.id, row.lead_id, now).await?;
    let new = Message::from(row.clone()).new;
    let candidates = transport::candidates(&connection, &new, bot.is_some(), &month(now));
    let transport = candidates.first().copied().unwrap_or(Transport::Auto);
    if transport == Transport::FieldBot {
        field_is_free(tx, &row, now).await?;
    }
    // Whoever dies now is found out about: see `silent_tries`.
    let mut row = row.into_active_model();
    row.fence = Set(row.fence.take().unwrap_or_default() + 1);
    row.state = Set(State::Sending.as_str().to_owned());
    row.transport = Set(transport.as_str().to_owned());
    row.send_time = Set(Some(now));
    row.update_time = Set(now);
    Ok(Begun {
        message: row.update(tx).await?.into(),
        connection,
        candidates,
    })
}

async fn locked(tx: &Tx, id: Uuid) -> Result<Option<message::Model>, Error> {
    let query = tx.find::<message::Entity>()?;
    let query = query.filter(message::Column::Id.eq(id));
    Ok(query.lock_exclusive().one(tx).await?)
}

/// The row, if this try is still the one.
async fn under_fence(tx: &Tx, id: Uuid, fence: i64) -> Result<Option<message::Model>, Error> {
    let row = locked(tx, id).await?;
    Ok(row.filter(|row| row.state == State::Sending.as_str() && row.fence == fence))
}

/// A second text in the field would be sent twice, and the first never.
async fn field_is_free(tx: &Tx, row: &message::Model, now: DateTime<Utc>) -> Result<(), Error> {
    let query = tx.find::<message::Entity>()?;
    let other = query
        .filter(message::Column::ConnectionId.eq(row.connection_id))
        .filter(message::Column::LeadId.eq(row.lead_id))
        .filter(message::Column::Transport.eq(Transport::FieldBot.as_str()))
        .filter(message::Column::State.ne(State::Pending.as_str()))
        .filter(message::Column::State.ne(State::Failed.as_str()))
        .filter(message::Column::SendTime.gt(now - FIELD_IN_USE))
        .filter(message::Column::Id.ne(row.id))
        .one(tx)
        .await?;
    match other {
        Some(_) => Err(Error::LeadBusy),
        None => Ok(()),
    }
}

fn no_connection(error: Error) -> Error {
    match error {
        Error::Store(StoreError::Reference) => Error::NotFound {
            resource: "connection",
        },
        error => error,
    }
}

impl From<message::Model> for Message {
    fn from(row: message::Model) -> Self {
        let refusal = (!row.reason.is_empty()).then(|| Refusal {
            reason: row.reason.into(),
            detail: row.detail,
        });
        Self {
            id: row.id,
            new: NewMessage {
                connection: row.connection_id,
                idempotency_key: row.idempotency_key,
                talk_id: row.talk_id,
                chat_id: row.chat_id,
                lead_id: row.lead_id,
                contact_id: row.contact_id,
                text: row.content,
                dry_run: row.dry_run,
            },
            // A word that is not known is of a later version: nothing may be sent for it.
            state: State::parse(&row.state).unwrap_or(State::Unknown),
            transport: Transport::parse(&row.transport),
            message_id: row.message_id,
            seen_id: row.seen_id,
            refusal,
            fence: row.fence,
            send_time: row.send_time,
            accept_time: row.accept_time,
        }
    }
}
