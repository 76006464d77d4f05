//! The rows of crm. Only this folder knows SQL.

mod authorizations;
mod bot_answers;
mod catalog;
mod connections;
mod credentials;
mod entity;
mod event_upkeep;
mod events;
mod filings;
mod inbox;
mod intakes;
mod lead_effects;
mod messages;
mod mirror;
mod opened;
mod pending_installs;
mod syncs;
mod tokens;

use std::sync::Arc;

use sea_orm::DbErr;
use t11_core::World;
use t11_store::{Db, Keyring, StoreError};

use crate::error::Error;

pub(crate) use self::catalog::facts;
pub(crate) use self::events::{EventFilter, Verdict};
pub(crate) use self::inbox::{Door, NewBotRequest, WebhookSecret};
pub(crate) use self::intakes::{ACTIVE, Due, PollCursor};
pub(crate) use self::messages::{Begun, Settled, Started};
pub(crate) use self::tokens::DueToken;

/// The database of crm.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
    world: World,
    keyring: Arc<Keyring>,
    kept: opened::Kept,
    heard: catalog::Heard,
}

impl Store {
    pub(crate) fn new(db: Db, world: World, keyring: Arc<Keyring>) -> Self {
        Self {
            db,
            world,
            keyring,
            kept: opened::Kept::default(),
            heard: catalog::none_heard(),
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        StoreError::from(error).into()
    }
}
