//! The service's rows. Methods speak domain types; nothing outside this folder knows SQL.

mod actions;
mod agents;
mod briefing;
mod categories;
mod chunks;
mod conversations;
mod crm_settings;
mod entity;
mod eval_runs;
mod eval_suites;
mod live;
mod memories;
mod objections;
mod overview;
mod plays;
mod price_book;
mod scripts;
mod sequences;
mod sources;
#[cfg(test)]
mod testing;
mod triggers;
mod turns;
mod versions;
mod write_back;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use t11_core::World;
use t11_store::Db;
use uuid::Uuid;

pub(crate) use actions::{Applied, LeadRef, Pending};
pub(crate) use agents::{AgentFilter, AgentOrder};
pub(crate) use chunks::Reading as ChunkReading;
pub(crate) use conversations::{ConversationFilter, Need};
pub(crate) use eval_runs::Trying;
pub(crate) use live::{
    Draft, DraftState, Firing, FiringBeginning, FiringEnd, LiveBeginning, LiveEnd, Moment,
    Outgoing, Sending, StepBeginning, StepEnd,
};
pub(crate) use price_book::{ItemFilter, NewVersion};
pub(crate) use scripts::PlayFilter;
pub(crate) use sources::Reading;
pub(crate) use turns::{AnsweringFrom, Beginning, Begun, Saying};
pub(crate) use versions::{Publishing, Side};

use crate::Error;

/// The service's database.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
    world: World,
    catalogues: Arc<price_book::Catalogues>,
}

impl Store {
    /// A store over `db`.
    pub(crate) fn new(db: Db, world: World) -> Self {
        Self {
            db,
            world,
            catalogues: price_book::catalogues(),
        }
    }

    /// The time by which rows are stamped.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.world.now()
    }
}

fn to_json<T: Serialize>(value: &T, what: &'static str) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value).map_err(|_| Error::Corrupt(what))
}

fn from_json<T: DeserializeOwned>(json: serde_json::Value, what: &'static str) -> Result<T, Error> {
    serde_json::from_value(json).map_err(|_| Error::Corrupt(what))
}

/// Where a page ends that is ordered by a time, newest first.
fn cursor(time: DateTime<Utc>, id: Uuid) -> String {
    format!("{}_{id}", time.timestamp_micros())
}

fn read_cursor(cursor: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (micros, id) = cursor.split_once('_')?;
    let time = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
    Some((time, Uuid::try_parse(id).ok()?))
}
