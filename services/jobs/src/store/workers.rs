//! What is remembered of each worker: its start, its last call, and the answer to it.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, EntityTrait as _, IntoActiveModel as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};
use t11_store::Tx;
use uuid::Uuid;

use super::entity::workers;
use super::{QUEUE, Store};
use crate::error::Error;

/// Earlier starts of a worker that are still refused.
const PAST_BOOTS: usize = 16;

/// Names one lease: only the newest fencing number of a job holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub job: Uuid,
    pub fence: i64,
}

/// The row of a worker, locked for the length of its call.
pub(super) struct Session {
    row: workers::Model,
    pub(super) kind: SessionKind,
}

/// How a call stands to those before it.
pub(super) enum SessionKind {
    /// The worker has started anew: what the start before it holds is lost.
    NewBoot,
    /// A new call of the same start, with what the one before was given.
    Next { leases: Vec<Lease> },
    /// The last call once more, with what it was answered so far.
    Repeat {
        leases: Vec<Lease>,
        lost: Vec<Lease>,
    },
}

impl Session {
    /// Locks the worker's row and places the call.
    pub(super) async fn enter(
        tx: &Tx,
        worker: &str,
        boot: Uuid,
        sequence: i64,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let row = match find(tx, worker).await? {
            Some(row) => row,
            None => {
                introduce(tx, worker, boot, now).await?;
                let missing = || Error::Corrupt(format!("worker `{worker}` is not there"));
                find(tx, worker).await?.ok_or_else(missing)?
            }
        };
        let kind = if row.boot != boot {
            if past_boots(&row)?.contains(&boot) {
                return Err(Error::WorkerSuperseded {
                    worker: worker.to_owned(),
                });
            }
            SessionKind::NewBoot
        } else if sequence > row.sequence {
            SessionKind::Next {
                leases: leases(&row.leases)?,
            }
        } else if sequence == row.sequence {
            SessionKind::Repeat {
                leases: leases(&row.leases)?,
                lost: leases(&row.lost)?,
            }
        } else {
            return Err(Error::SequenceStale);
        };
        Ok(Self { row, kind })
    }

    /// Remembers the call and what it is answered.
    pub(super) async fn leave(
        self,
        tx: &Tx,
        boot: Uuid,
        sequence: i64,
        leases: &[Lease],
        lost: &[Lease],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut past = past_boots(&self.row)?;
        let is_new_boot = self.row.boot != boot;
        if is_new_boot {
            past.push(self.row.boot);
            past.drain(..past.len().saturating_sub(PAST_BOOTS));
        }
        let mut row = self.row.into_active_model();
        row.sequence = ActiveValue::Set(sequence);
        row.leases = ActiveValue::Set(json(leases)?);
        row.lost = ActiveValue::Set(json(lost)?);
        row.seen_time = ActiveValue::Set(now);
        if is_new_boot {
            row.boot = ActiveValue::Set(boot);
            row.past_boots = ActiveValue::Set(json(&past)?);
        }
        row.update_without_returning(tx).await?;
        Ok(())
    }
}

impl Store {
    /// The number of a worker's last call; `None` when it has never called.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_sequence(&self, worker: String) -> Result<Option<i64>, Error> {
        self.db
            .read(QUEUE, move |tx| async move {
                let row = workers::Entity::find_by_id(worker).one(&tx).await?;
                Ok(row.map(|row| row.sequence))
            })
            .await
    }
}

async fn find(tx: &Tx, worker: &str) -> Result<Option<workers::Model>, Error> {
    Ok(workers::Entity::find_by_id(worker)
        .lock_exclusive()
        .one(tx)
        .await?)
}

async fn introduce(tx: &Tx, worker: &str, boot: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    let row = workers::ActiveModel {
        worker: ActiveValue::Set(worker.to_owned()),
        boot: ActiveValue::Set(boot),
        // Below any number of a call.
        sequence: ActiveValue::Set(i64::MIN),
        leases: ActiveValue::Set(json::<[Lease]>(&[])?),
        lost: ActiveValue::Set(json::<[Lease]>(&[])?),
        past_boots: ActiveValue::Set(json::<[Uuid]>(&[])?),
        seen_time: ActiveValue::Set(now),
    };
    let nothing = OnConflict::column(workers::Column::Worker)
        .do_nothing()
        .to_owned();
    workers::Entity::insert(row)
        .on_conflict(nothing)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn past_boots(row: &workers::Model) -> Result<Vec<Uuid>, Error> {
    serde_json::from_value(row.past_boots.clone()).map_err(|error| corrupt(&error))
}

fn leases(value: &serde_json::Value) -> Result<Vec<Lease>, Error> {
    serde_json::from_value(value.clone()).map_err(|error| corrupt(&error))
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value).map_err(|error| corrupt(&error))
}

fn corrupt(error: &serde_json::Error) -> Error {
    Error::Corrupt(format!("worker: {error}"))
}
