//! The queue in SQL.
//!
//! **One lock.** Whatever changes a job holds the row of its organization in `job_orgs`, so that
//! within an organization changes happen one after the other: counts, ordering keys, unique keys
//! and revisions are exact without further locks. Rows of several organizations are locked in the
//! order of their ids; a worker's row or a schedule's row before them. Taking jobs never waits:
//! it skips organizations that are locked (`FOR UPDATE SKIP LOCKED`), and when that leaves nothing
//! it waits for a single one while it holds no other. So there are no deadlocks. On SQLite the one
//! writer stands for all of this.

mod alerts;
mod enqueue;
mod entity;
mod exchange;
mod jobs;
mod ledger;
mod queues;
mod round;
mod rows;
mod schedules;
mod shape;
mod take;
mod upkeep;
mod workers;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use t11_core::World;
use t11_store::{Db, Engine, System};

use crate::config::Config;
use crate::error::Error;
use crate::lease::Policy;

pub use enqueue::Enqueued;
pub use exchange::{Answer, Call, Extension, Report, Settlement, Want};
pub use jobs::{Cursor, Filter, Snapshot};
pub use ledger::Effects;
pub use queues::{QueueState, QueueTotals};
pub use round::{Done, Round};
pub use take::{Leased, Patience};
pub use upkeep::Due;
pub use workers::Lease;

/// The queue's work is for all organizations alike.
const QUEUE: System = System("the queue serves all organizations");

/// The tables of the service.
#[derive(Clone)]
pub struct Store {
    db: Db,
    rules: Arc<Rules>,
}

/// What every transaction has at hand.
struct Rules {
    world: World,
    config: Config,
    policy: Policy,
}

impl Rules {
    fn now(&self) -> DateTime<Utc> {
        self.world.now()
    }

    fn random(&self) -> u64 {
        u64::from_le_bytes(self.world.random())
    }
}

impl Store {
    /// The tables in `db`, used by the rules of `config`.
    pub fn new(db: Db, world: World, config: Config) -> Self {
        let policy = config.policy();
        Self {
            db,
            rules: Arc::new(Rules {
                world,
                config,
                policy,
            }),
        }
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        self.db.engine()
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.rules.config
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}
