//! What is remembered of each worker: its start, its last call, and the answer to it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait as _, EntityTrait as _, FromQueryResult, Iterable as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};
use t11_store::Tx;
use uuid::Uuid;

use super::entity::workers;
use super::exchange::Call;
use super::shape::{groups, padded};
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
    /// Whether a person wants a job stopped that it holds.
    pub(super) has_cancelled: bool,
    pub(super) kind: SessionKind,
}

/// How a call stands to those before it.
pub(super) enum SessionKind {
    /// The worker has started anew: what the start before it holds is lost.
    NewBoot,
    /// A new call of the same start, with what the one right before it was given: nothing, if that
    /// one has not come as far as here.
    Next { leases: Vec<Lease> },
    /// The last call once more, with what it was answered so far.
    Repeat {
        leases: Vec<Lease>,
        lost: Vec<Lease>,
    },
}

/// What is to be remembered of a call.
pub(super) struct Entry<'a> {
    pub(super) session: &'a Session,
    pub(super) call: &'a Call,
    pub(super) leases: Vec<Lease>,
    pub(super) lost: &'a [Lease],
}

/// Locks the rows of the workers and places their calls. No two calls are of one worker.
pub(super) async fn enter<'a>(
    tx: &Tx,
    calls: impl Iterator<Item = &'a Call> + Clone,
    now: DateTime<Utc>,
) -> Result<Vec<Result<Session, Error>>, Error> {
    let names: BTreeSet<_> = calls.clone().map(|call| &call.worker).collect();
    let mut rows = find(tx, &names).await?;
    let unknown = calls
        .clone()
        .filter(|call| !rows.contains_key(&call.worker));
    let unknown: BTreeMap<_, _> = unknown.map(|call| (&call.worker, call.boot)).collect();
    for (worker, boot) in &unknown {
        introduce(tx, worker, *boot, now).await?;
    }
    rows.extend(find(tx, &unknown.into_keys().collect()).await?);
    let placed = calls.map(|call| {
        let missing = || Error::Corrupt(format!("worker `{}` is not there", call.worker));
        let (row, has_cancelled) = rows.remove(&call.worker).ok_or_else(missing)?;
        match place(&row, call) {
            Ok(kind) => Ok(Ok(Session {
                row,
                has_cancelled,
                kind,
            })),
            Err(refused @ (Error::WorkerSuperseded { .. } | Error::SequenceStale)) => {
                Ok(Err(refused))
            }
            Err(error) => Err(error),
        }
    });
    placed.collect()
}

fn place(row: &workers::Model, call: &Call) -> Result<SessionKind, Error> {
    if row.boot != call.boot {
        if past_boots(row)?.contains(&call.boot) {
            return Err(Error::WorkerSuperseded {
                worker: call.worker.clone(),
            });
        }
        return Ok(SessionKind::NewBoot);
    }
    match call.sequence.cmp(&row.sequence) {
        Ordering::Greater if row.sequence.checked_add(1) == Some(call.sequence) => {
            Ok(SessionKind::Next {
                leases: leases(&row.leases)?,
            })
        }
        // What is in the row is of a call that the worker has heard the answer to.
        Ordering::Greater => Ok(SessionKind::Next { leases: Vec::new() }),
        Ordering::Equal => Ok(SessionKind::Repeat {
            leases: leases(&row.leases)?,
            lost: leases(&row.lost)?,
        }),
        Ordering::Less => Err(Error::SequenceStale),
    }
}

/// Remembers calls and what they are answered.
pub(super) async fn leave(
    tx: &Tx,
    entries: Vec<Entry<'_>>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let rows = entries.iter().map(|entry| entry.row(now));
    let rows: Vec<_> = rows.collect::<Result<_, Error>>()?;
    let columns =
        workers::Column::iter().filter(|column| !matches!(column, workers::Column::Worker));
    let replace = OnConflict::column(workers::Column::Worker)
        .update_columns(columns)
        .to_owned();
    for rows in groups(&rows) {
        workers::Entity::insert_many(rows.iter().cloned())
            .on_conflict(replace.clone())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

impl Entry<'_> {
    fn row(&self, now: DateTime<Utc>) -> Result<workers::ActiveModel, Error> {
        let (row, call) = (&self.session.row, self.call);
        let mut past = past_boots(row)?;
        if row.boot != call.boot {
            past.push(row.boot);
            past.drain(..past.len().saturating_sub(PAST_BOOTS));
        }
        Ok(workers::ActiveModel {
            worker: ActiveValue::Set(row.worker.clone()),
            boot: ActiveValue::Set(call.boot),
            sequence: ActiveValue::Set(call.sequence),
            leases: ActiveValue::Set(json(&self.leases)?),
            lost: ActiveValue::Set(json(self.lost)?),
            past_boots: ActiveValue::Set(json(&past)?),
            seen_time: ActiveValue::Set(now),
        })
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

/// Asked with the row, for it is hardly ever so.
const HAS_CANCELLED: &str = "EXISTS (SELECT 1 FROM jobs WHERE jobs.worker = workers.worker \
    AND jobs.state = 'running' AND jobs.cancel_requested)";

#[derive(FromQueryResult)]
struct Known {
    #[sea_orm(nested)]
    row: workers::Model,
    has_cancelled: bool,
}

/// The rows of the workers, locked in the order of their names.
async fn find(
    tx: &Tx,
    workers: &BTreeSet<&String>,
) -> Result<HashMap<String, (workers::Model, bool)>, Error> {
    if workers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = workers::Entity::find()
        .column_as(Expr::cust(HAS_CANCELLED), "has_cancelled")
        .filter(workers::Column::Worker.is_in(padded(workers.iter().copied())))
        .order_by_asc(workers::Column::Worker)
        .lock_exclusive()
        .into_model::<Known>()
        .all(tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|known| {
            let worker = known.row.worker.clone();
            (worker, (known.row, known.has_cancelled))
        })
        .collect())
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
