//! What was looked for in Kommo is given to whose it is.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use t11_core::{OrgId, OrgScope};
use t11_store::{System, Tx};
use uuid::Uuid;

use super::{Store, locked};
use crate::error::Error;
use crate::jobs::{reconcile, watch_deliveries};
use crate::message::{Found, LOOKED_FOR, Message, Refusal, State, TRY_LASTS, is_same_text};
use crate::store::entity::message;

/// What a look came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It is known now what became of the message.
    Known(Message),
    /// Look again.
    Open(Message),
}

impl Store {
    /// Tries that nobody has ended in their time, and that nobody has looked for since: their
    /// process has died. Those that wait for the longest first.
    pub(crate) async fn silent_tries(&self, limit: u64) -> Result<Vec<(OrgId, Uuid)>, Error> {
        let now = self.world.now();
        let read = self
            .db
            .read(System("messages on their way"), move |tx| async move {
                let query = message::Entity::find()
                    .select_only()
                    .columns([message::Column::OrgId, message::Column::Id])
                    .filter(is_silent(now))
                    .order_by_asc(message::Column::UpdateTime)
                    .limit(limit);
                Ok::<_, Error>(query.into_tuple::<(Uuid, Uuid)>().all(&tx).await?)
            });
        let rows = read.await?.into_iter();
        Ok(rows.map(|(org, id)| (OrgId(org), id)).collect())
    }

    /// Enqueues the look for such a try; another replica may have done so.
    pub(crate) async fn look_for_try(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let (world, now) = (self.world.clone(), self.world.now());
        let look = self.db.write(scope, move |tx| async move {
            let query = tx.find::<message::Entity>()?;
            let query = query
                .filter(message::Column::Id.eq(id))
                .filter(is_silent(now));
            let Some(row) = query.lock_exclusive().one(&tx).await? else {
                return Ok(());
            };
            tx.enqueue(reconcile::next_look_at(&world, row.idempotency_key, now))
                .await?;
            let mut row = row.into_active_model();
            row.update_time = Set(now);
            row.update(&tx).await?;
            Ok::<_, Error>(())
        });
        look.await
    }

    /// Settles a lost message after a look at `looked_at`, which found `found` of its text, in the
    /// order of time. Of several equal texts each message gets one, in the order of sending.
    pub(crate) async fn settle_lost(
        &self,
        scope: &OrgScope,
        message: &Message,
        found: Vec<Found>,
        looked_at: DateTime<Utc>,
    ) -> Result<Settled, Error> {
        let (id, store) = (message.id, self.clone());
        let settle = self.db.write(scope, move |tx| async move {
            let row = locked(&tx, id).await?.ok_or(super::GONE)?;
            let message = Message::from(row.clone());
            let now = store.world.now();
            if !message.is_lost(now) {
                return Ok(Settled::Known(message));
            }
            let equals = equals(&tx, &message).await?;
            if equals.iter().any(|other| other.is_being_sent(now)) {
                // What was found may be what it sends.
                return Ok(Settled::Open(message));
            }
            let taken = taken(&tx, &message, &found).await?;
            let before = equals.iter().filter(|other| {
                other.is_lost(now) && (other.send_time, other.id) < (message.send_time, message.id)
            });
            let mut free = found.into_iter().filter(|found| !taken.contains(&found.id));
            let settled = match (message.seen_id.clone(), free.nth(before.count())) {
                (Some(seen), _) => store.accept(&tx, row, Some(seen)).await?,
                (None, Some(own)) => store.accept(&tx, row, Some(own.id)).await?,
                (None, None) if is_certain(&message, looked_at) => {
                    let detail = "Kommo has no such message; the try came to nothing";
                    let refusal = Refusal::new(Refusal::NOT_SENT, detail);
                    store.fail(&tx, row, refusal).await?
                }
                (None, None) if message.state == State::Sending => {
                    let unknown = store.set_state(&tx, row, State::Unknown).await?;
                    tx.enqueue(watch_deliveries::tell_agents(&store.world, &unknown))
                        .await?;
                    return Ok(Settled::Open(unknown));
                }
                (None, None) => return Ok(Settled::Open(message)),
            };
            tx.enqueue(watch_deliveries::tell_agents(&store.world, &settled))
                .await?;
            Ok::<_, Error>(Settled::Known(settled))
        });
        settle.await
    }

    /// Accepts a lost message that was certainly taken, now or before.
    pub(crate) async fn accept_lost(
        &self,
        scope: &OrgScope,
        message: &Message,
        message_id: Option<String>,
    ) -> Result<(), Error> {
        let (id, store) = (message.id, self.clone());
        let accept = self.db.write(scope, move |tx| async move {
            let row = locked(&tx, id).await?.ok_or(super::GONE)?;
            if !Message::from(row.clone()).is_lost(store.world.now()) {
                return Ok(());
            }
            let accepted = store.accept(&tx, row, message_id).await?;
            tx.enqueue(watch_deliveries::tell_agents(&store.world, &accepted))
                .await?;
            Ok::<_, Error>(())
        });
        accept.await
    }
}

/// A constant, so that the index of what is being sent is used.
fn is_silent(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Expr::cust("state = 'sending'"))
        .add(message::Column::UpdateTime.lte(now - TRY_LASTS))
        .add(message::Column::SendTime.gt(now - LOOKED_FOR))
}

/// Whether what was not there is certainly not to come.
fn is_certain(message: &Message, looked_at: DateTime<Utc>) -> bool {
    match (message.grace(), message.send_time) {
        (Some(grace), Some(begun)) => looked_at >= begun + grace,
        _ => false,
    }
}

/// Messages of the same text to the same place, of which it is not known what became of them.
async fn equals(tx: &Tx, message: &Message) -> Result<Vec<Message>, Error> {
    let place = match (message.new.talk_id, message.new.lead_id) {
        (0, lead_id) => message::Column::LeadId.eq(lead_id),
        (talk_id, _) => message::Column::TalkId.eq(talk_id),
    };
    let states = [State::Sending.as_str(), State::Unknown.as_str()];
    let query = tx.find::<message::Entity>()?;
    let rows = query
        .filter(message::Column::ConnectionId.eq(message.new.connection))
        .filter(message::Column::State.is_in(states))
        .filter(message::Column::Id.ne(message.id))
        .filter(place)
        .all(tx)
        .await?;
    let others = rows.into_iter().map(Message::from);
    let others = others.filter(|other| is_same_text(&other.new.text, &message.new.text));
    Ok(others.collect())
}

/// The ids among `found` that other messages have.
async fn taken(tx: &Tx, message: &Message, found: &[Found]) -> Result<HashSet<String>, Error> {
    let ids: Vec<&str> = found.iter().map(|found| found.id.as_str()).collect();
    let query = tx.find::<message::Entity>()?;
    let rows = query
        .filter(message::Column::ConnectionId.eq(message.new.connection))
        .filter(message::Column::Id.ne(message.id))
        .filter(
            Condition::any()
                .add(message::Column::MessageId.is_in(ids.clone()))
                .add(message::Column::SeenId.is_in(ids)),
        )
        .all(tx)
        .await?;
    let ids = rows
        .into_iter()
        .flat_map(|row| [row.message_id, row.seen_id]);
    Ok(ids.flatten().collect())
}
