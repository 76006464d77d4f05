//! Whose an outgoing message is that was seen in Kommo.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, Set,
};
use t11_core::OrgScope;
use t11_store::Tx;
use uuid::Uuid;

use super::Store;
use crate::error::Error;
use crate::event::{Event, OWN};
use crate::jobs::watch_deliveries;
use crate::message::{CLOCK_SKEW, Message, SEEN_WITHIN, Seen, State};
use crate::store::entity::message;
use crate::store::events;

impl Store {
    /// Whether Kommo knows one of our messages by this id. It then was seen.
    pub(crate) async fn is_sent_by_us(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        message_id: String,
    ) -> Result<bool, Error> {
        let find = self.db.write(scope, move |tx| async move {
            note_if_ours(&tx, connection, message_id).await
        });
        find.await
    }

    /// As [`Self::is_sent_by_us`]; the event that tells of such a message is ended.
    pub(crate) async fn end_if_ours(
        &self,
        scope: &OrgScope,
        event: &Event,
        message_id: String,
    ) -> Result<bool, Error> {
        let (id, connection, now) = (event.id, event.connection, self.world.now());
        let find = self.db.write(scope, move |tx| async move {
            let is_ours = note_if_ours(&tx, connection, message_id).await?;
            if is_ours {
                events::end(&tx, id, OWN, now).await?;
            }
            Ok::<_, Error>(is_ours)
        });
        find.await
    }

    /// The key of our message that this may be, by its place, text and time. It then is: what is
    /// not known of the message is learned from it. To be asked when [`Self::is_sent_by_us`] knows
    /// nothing, and the author is not a person other than who granted the access.
    pub(crate) async fn maybe_sent_by_us(
        &self,
        scope: &OrgScope,
        seen: Seen,
    ) -> Result<Option<Uuid>, Error> {
        let store = self.clone();
        let find = self.db.write(scope, move |tx| async move {
            let Some(row) = unseen(&tx, &seen).await? else {
                return Ok(None);
            };
            let key = row.idempotency_key;
            store.learn(&tx, row, seen.message_id).await?;
            Ok::<_, Error>(Some(key))
        });
        find.await
    }

    async fn learn(&self, tx: &Tx, row: message::Model, seen_id: String) -> Result<(), Error> {
        let is_unknown = row.state == State::Unknown.as_str();
        let is_being_sent = row.state == State::Sending.as_str();
        let mut row = row.into_active_model();
        row.seen_id = Set(Some(seen_id.clone()));
        // Whoever is sending it writes the id that Kommo answers.
        if row.message_id.as_ref().is_none() && !is_being_sent {
            row.message_id = Set(Some(seen_id.clone()));
        }
        let row = row.update(tx).await?;
        if is_unknown {
            let accepted = self.accept(tx, row, Some(seen_id)).await?;
            tx.enqueue(watch_deliveries::tell_agents(&self.world, &accepted))
                .await?;
        }
        Ok(())
    }
}

async fn note_if_ours(tx: &Tx, connection: Uuid, message_id: String) -> Result<bool, Error> {
    let query = tx.find::<message::Entity>()?;
    let row = query
        .filter(message::Column::ConnectionId.eq(connection))
        .filter(
            Condition::any()
                .add(message::Column::MessageId.eq(message_id.as_str()))
                .add(message::Column::SeenId.eq(message_id.as_str())),
        )
        .one(tx)
        .await?;
    let Some(row) = row else {
        return Ok(false);
    };
    if row.seen_id.is_none() {
        let mut row = row.into_active_model();
        row.seen_id = Set(Some(message_id));
        row.update(tx).await?;
    }
    Ok(true)
}

/// The oldest of our messages that it may be and that was not seen yet, such first of which Kommo's
/// id is not known.
async fn unseen(tx: &Tx, seen: &Seen) -> Result<Option<message::Model>, Error> {
    let not_out = [State::Pending.as_str(), State::Failed.as_str()];
    let query = tx.find::<message::Entity>()?;
    let rows = query
        .filter(message::Column::ConnectionId.eq(seen.connection))
        .filter(message::Column::SendTime.gte(seen.time - SEEN_WITHIN))
        .filter(message::Column::SendTime.lte(seen.time + CLOCK_SKEW))
        .filter(message::Column::State.is_not_in(not_out))
        .filter(message::Column::SeenId.is_null())
        .order_by_asc(message::Column::SendTime)
        .all(tx)
        .await?;
    let mut rows: Vec<_> = rows
        .into_iter()
        .filter(|row| Message::from(row.clone()).may_be(seen))
        .collect();
    rows.sort_by_key(|row| row.message_id.is_some());
    Ok(rows.into_iter().next())
}
