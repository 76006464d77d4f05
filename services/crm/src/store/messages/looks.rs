//! Which messages are to be looked at, and what their channels say of them.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use t11_core::{OrgId, OrgScope};
use t11_store::{NewJob, System, Tx};
use uuid::Uuid;

use super::Store;
use crate::error::Error;
use crate::jobs::{self, watch_deliveries};
use crate::message::Message;
use crate::message::watch::Look;
use crate::store::entity::message;

/// Most messages that a job looks at.
const MOST_LOOKS: u64 = 100;
/// When those are looked at again whose job has died: later than a job that lives takes.
const TAKEN_FOR: TimeDelta = TimeDelta::minutes(10);

impl Store {
    /// The accounts with messages that are to be looked at.
    pub(crate) async fn due_looks(&self, limit: u64) -> Result<Vec<(OrgId, Uuid)>, Error> {
        let now = self.world.now();
        let deliveries = System("messages that are watched");
        let read = self.db.read(deliveries, move |tx| async move {
            let query = message::Entity::find()
                .select_only()
                .columns([message::Column::OrgId, message::Column::ConnectionId])
                .filter(message::Column::LookTime.lte(now))
                .distinct()
                .limit(limit);
            Ok::<_, Error>(query.into_tuple::<(Uuid, Uuid)>().all(&tx).await?)
        });
        let rows = read.await?.into_iter();
        Ok(rows.map(|(org, id)| (OrgId(org), id)).collect())
    }

    /// Enqueues the look at an account's messages; one waits at a time.
    pub(crate) async fn enqueue_looks(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<(), Error> {
        let kind = watch_deliveries::KIND;
        let payload = jobs::payload(connection);
        let job = NewJob {
            unique_key: Some(format!("{kind}/{connection}")),
            ..NewJob::new(self.world.new_id(), "crm", kind, payload)
        };
        self.enqueue(scope, job).await
    }

    /// Messages of the account that are due, those of a talk one after the other in the order of
    /// sending. Nobody else takes them until it is noted how they fare, or the job has died.
    pub(crate) async fn take_looks(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<Vec<Message>, Error> {
        let now = self.world.now();
        let take = self.db.write(scope, move |tx| async move {
            let query = tx.find::<message::Entity>()?;
            let due = query
                .filter(message::Column::ConnectionId.eq(connection))
                .filter(message::Column::LookTime.lte(now))
                .order_by_asc(message::Column::LookTime)
                .limit(MOST_LOOKS)
                .lock_exclusive()
                .all(&tx)
                .await?;
            let ids = due.iter().map(|row| row.id);
            let taken = tx.update_many::<message::Entity>()?;
            taken
                .col_expr(message::Column::LookTime, Expr::value(now + TAKEN_FOR))
                .filter(message::Column::Id.is_in(ids))
                .exec(&tx)
                .await?;
            Ok::<_, Error>(due)
        });
        let mut messages: Vec<Message> = take.await?.into_iter().map(Message::from).collect();
        messages.sort_by_key(|one| (one.new.talk_id, one.send_time, one.id));
        Ok(messages)
    }

    /// Writes what looks came to, and when to look again. Agents are told what is new.
    pub(crate) async fn note_looks(
        &self,
        scope: &OrgScope,
        looks: Vec<(Uuid, Look)>,
    ) -> Result<(), Error> {
        if looks.is_empty() {
            return Ok(());
        }
        let (store, now) = (self.clone(), self.world.now());
        let note = self.db.write(scope, move |tx| async move {
            let looks: HashMap<Uuid, Look> = looks.into_iter().collect();
            let query = tx.find::<message::Entity>()?;
            let rows = query
                .filter(message::Column::Id.is_in(looks.keys().copied()))
                .order_by_asc(message::Column::Id)
                .lock_exclusive()
                .all(&tx)
                .await?;
            for row in rows {
                let look = looks.get(&row.id).cloned().unwrap_or(Look::Nothing);
                store.note_look(&tx, row, look, now).await?;
            }
            Ok::<_, Error>(())
        });
        note.await
    }

    async fn note_look(
        &self,
        tx: &Tx,
        row: message::Model,
        look: Look,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut known = Message::from(row.clone());
        let is_news = matches!(look, Look::Fared(state) if known.note_fared(state));
        let next = known.next_look(now).filter(|_| look != Look::Never);
        let mut row = row.into_active_model();
        row.look_time = Set(next);
        if is_news {
            let refusal = known.refusal.clone();
            let (reason, detail) = refusal.map_or_else(Default::default, |refusal| {
                (refusal.reason.into_owned(), refusal.detail)
            });
            row.state = Set(known.state.as_str().to_owned());
            row.reason = Set(reason);
            row.detail = Set(detail);
            row.update_time = Set(now);
            tx.enqueue(watch_deliveries::tell_agents(&self.world, &known))
                .await?;
        }
        row.update(tx).await?;
        Ok(())
    }
}
