//! What is done to leads: tries and their outcomes.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _, Set,
};
use serde_json::Value;
use t11_core::OrgScope;
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::lead_effect;
use crate::effect::{LeadEffect, NewEffect, Outcome, Refusal, State, TRY_LASTS};
use crate::error::Error;

impl Store {
    /// The effect of the key, made if there is none.
    pub(crate) async fn create_effect(
        &self,
        scope: &OrgScope,
        new: NewEffect,
    ) -> Result<LeadEffect, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        let create = self.db.write(scope, move |tx| async move {
            let query = tx.find::<lead_effect::Entity>()?;
            let known = query
                .filter(lead_effect::Column::IdempotencyKey.eq(new.idempotency_key))
                .one(&tx)
                .await?;
            if let Some(row) = known {
                let known = LeadEffect::try_from(row)?;
                new.check_repeated(&known.new)?;
                return Ok(known);
            }
            let row = lead_effect::ActiveModel {
                id: Set(id),
                org_id: Set(tx.org_id()?.0),
                connection_id: Set(new.connection),
                idempotency_key: Set(new.idempotency_key),
                lead_id: Set(new.lead_id),
                effect: Set(serde_json::to_value(&new.effect).map_err(|_| unreadable())?),
                kind: Set(new.effect.kind().to_owned()),
                state: Set(State::Pending.as_str().to_owned()),
                reason: Set(String::new()),
                detail: Set(String::new()),
                before: Set(None),
                after: Set(None),
                created_id: Set(None),
                fence: Set(0),
                begin_time: Set(None),
                act_time: Set(None),
                create_time: Set(now),
                end_time: Set(None),
            };
            row.insert(&tx).await?.try_into()
        });
        create.await.map_err(|error| match error {
            Error::Store(StoreError::Reference) => Error::NotFound {
                resource: "connection",
            },
            error => error,
        })
    }

    /// Begins a try. An effect that is over is given back as it is.
    ///
    /// # Errors
    /// [`Error::EffectRunning`] while another try is under way.
    pub(crate) async fn begin_effect(
        &self,
        scope: &OrgScope,
        effect: &LeadEffect,
    ) -> Result<LeadEffect, Error> {
        let (id, now) = (effect.id, self.world.now());
        let begin = self.db.write(scope, move |tx| async move {
            let row = locked(&tx, id).await?.ok_or(GONE)?;
            let known = LeadEffect::try_from(row.clone())?;
            if known.state.is_final() {
                return Ok(known);
            }
            let is_alive = row.begin_time.is_some_and(|begun| now - begun < TRY_LASTS);
            if known.state == State::Doing && is_alive {
                return Err(Error::EffectRunning);
            }
            let mut row = row.into_active_model();
            row.state = Set(State::Doing.as_str().to_owned());
            row.fence = Set(known.fence + 1);
            row.begin_time = Set(Some(now));
            row.update(&tx).await?.try_into()
        });
        begin.await
    }

    /// Writes down what the lead was before it may be changed; what an earlier try has found stays.
    pub(crate) async fn note_before(
        &self,
        scope: &OrgScope,
        effect: &LeadEffect,
        before: Value,
    ) -> Result<(), Error> {
        let (id, fence) = (effect.id, effect.fence);
        let note = self.db.write(scope, move |tx| async move {
            let row = under_fence(&tx, id, fence).await?;
            if row.before.is_some() {
                return Ok(());
            }
            let mut row = row.into_active_model();
            row.before = Set(Some(before));
            row.update(&tx).await?;
            Ok::<_, Error>(())
        });
        note.await
    }

    /// Writes down that from now on something may be made; when.
    pub(crate) async fn note_act(
        &self,
        scope: &OrgScope,
        effect: &LeadEffect,
    ) -> Result<DateTime<Utc>, Error> {
        let (id, fence, now) = (effect.id, effect.fence, self.world.now());
        let note = self.db.write(scope, move |tx| async move {
            let mut row = under_fence(&tx, id, fence).await?.into_active_model();
            row.act_time = Set(Some(now));
            // The call has the time of a try of its own.
            row.begin_time = Set(Some(now));
            row.update(&tx).await?;
            Ok::<_, Error>(now)
        });
        note.await
    }

    /// Writes down that nothing was made after all.
    pub(crate) async fn forget_act(
        &self,
        scope: &OrgScope,
        effect: &LeadEffect,
    ) -> Result<(), Error> {
        let (id, fence) = (effect.id, effect.fence);
        let forget = self.db.write(scope, move |tx| async move {
            let mut row = under_fence(&tx, id, fence).await?.into_active_model();
            row.act_time = Set(None);
            row.update(&tx).await?;
            Ok::<_, Error>(())
        });
        forget.await
    }

    /// The first of these ids of Kommo's that no other effect has made.
    pub(crate) async fn first_unclaimed(
        &self,
        scope: &OrgScope,
        effect: &LeadEffect,
        ids: Vec<String>,
    ) -> Result<Option<String>, Error> {
        let (id, connection) = (effect.id, effect.new.connection);
        let kind = effect.new.effect.kind();
        let find = self.db.read(scope, move |tx| async move {
            let query = tx.find::<lead_effect::Entity>()?;
            let others = query
                .filter(lead_effect::Column::ConnectionId.eq(connection))
                .filter(lead_effect::Column::Kind.eq(kind))
                .filter(lead_effect::Column::CreatedId.is_in(ids.iter().map(String::as_str)))
                .filter(lead_effect::Column::Id.ne(id))
                .all(&tx)
                .await?;
            let claimed: Vec<_> = others
                .into_iter()
                .filter_map(|row| row.created_id)
                .collect();
            Ok::<_, Error>(ids.into_iter().find(|id| !claimed.contains(id)))
        });
        find.await
    }

    /// Ends a try without an outcome: the next one may begin at once.
    pub(crate) async fn give_up_effect(
        &self,
        scope: &OrgScope,
        effect: &LeadEffect,
    ) -> Result<(), Error> {
        let (id, fence) = (effect.id, effect.fence);
        let give_up = self.db.write(scope, move |tx| async move {
            let row = locked(&tx, id).await?.ok_or(GONE)?;
            if row.state != State::Doing.as_str() || row.fence != fence {
                return Ok(());
            }
            let mut row = row.into_active_model();
            row.state = Set(State::Pending.as_str().to_owned());
            row.update(&tx).await?;
            Ok::<_, Error>(())
        });
        give_up.await
    }

    /// Writes what a try came to.
    pub(crate) async fn end_effect(
        &self,
        scope: &OrgScope,
        effect: &LeadEffect,
        outcome: Outcome,
    ) -> Result<LeadEffect, Error> {
        let (id, fence, now) = (effect.id, effect.fence, self.world.now());
        let end = self.db.write(scope, move |tx| async move {
            let mut row = under_fence(&tx, id, fence).await?.into_active_model();
            let state = match outcome {
                Outcome::Done { after, created_id } => {
                    row.after = Set(after);
                    row.created_id = Set(created_id);
                    State::Done
                }
                Outcome::Unchanged { state } => {
                    row.before = Set(Some(state.clone()));
                    row.after = Set(Some(state));
                    State::Unchanged
                }
                Outcome::Refused(refusal) => {
                    row.reason = Set(refusal.reason.into_owned());
                    row.detail = Set(refusal.detail);
                    State::Refused
                }
            };
            row.state = Set(state.as_str().to_owned());
            row.end_time = Set(Some(now));
            row.update(&tx).await?.try_into()
        });
        end.await
    }
}

/// The effect went with its connection.
const GONE: Error = Error::NotFound { resource: "effect" };

async fn locked(tx: &Tx, id: Uuid) -> Result<Option<lead_effect::Model>, Error> {
    let query = tx.find::<lead_effect::Entity>()?;
    let query = query.filter(lead_effect::Column::Id.eq(id));
    Ok(query.lock_exclusive().one(tx).await?)
}

/// The row, if this try is still the one.
async fn under_fence(tx: &Tx, id: Uuid, fence: i64) -> Result<lead_effect::Model, Error> {
    let row = locked(tx, id).await?.ok_or(GONE)?;
    if row.state == State::Doing.as_str() && row.fence == fence {
        Ok(row)
    } else {
        Err(Error::EffectRunning)
    }
}

/// Written by a later version of this service.
fn unreadable() -> Error {
    Error::RowUnreadable {
        table: "lead_effects",
    }
}

impl TryFrom<lead_effect::Model> for LeadEffect {
    type Error = Error;

    fn try_from(row: lead_effect::Model) -> Result<Self, Error> {
        let refusal = (!row.reason.is_empty()).then(|| Refusal {
            reason: row.reason.into(),
            detail: row.detail,
        });
        Ok(Self {
            id: row.id,
            new: NewEffect {
                connection: row.connection_id,
                lead_id: row.lead_id,
                idempotency_key: row.idempotency_key,
                effect: serde_json::from_value(row.effect).map_err(|_| unreadable())?,
            },
            state: State::parse(&row.state).ok_or_else(unreadable)?,
            refusal,
            before: row.before,
            after: row.after,
            created_id: row.created_id,
            fence: row.fence,
            act_time: row.act_time,
        })
    }
}
