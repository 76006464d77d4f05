//! The rows of crm. Only this folder knows SQL.

mod connections;
mod credentials;
mod entity;

use std::sync::Arc;

use sea_orm::DbErr;
use t11_core::World;
use t11_store::{Db, Keyring, StoreError};

use crate::error::Error;

/// The database of crm.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
    world: World,
    keyring: Arc<Keyring>,
}

impl Store {
    pub(crate) fn new(db: Db, world: World, keyring: Arc<Keyring>) -> Self {
        Self { db, world, keyring }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        StoreError::from(error).into()
    }
}
