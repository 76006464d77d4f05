//! The rows of accounts. Only this folder knows SQL.
//!
//! What a signed-in caller does starts from their scope. What happens before anyone is signed in
//! (registration, sign-in, session tokens, API keys, invitations) has system access, says why, and names
//! the organization itself.

mod api_keys;
mod audit;
mod entity;
mod invites;
mod members;
mod notifications;
mod organizations;
mod sessions;
mod sign_in;
mod sweep;
mod users;

use sea_orm::DbErr;
use t11_core::World;
use t11_store::{Db, StoreError};

use crate::error::Error;

pub(crate) use api_keys::KeyCaller;
pub(crate) use audit::AuditFilter;
pub(crate) use users::{NewAccount, SignedIn};

/// The database of accounts, whose audited changes are written to its own log.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
    world: World,
}

impl Store {
    pub(crate) fn new(db: Db, world: World) -> Self {
        Self {
            db: db.with_audit_sink(audit::sink()),
            world,
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        StoreError::from(error).into()
    }
}

/// A cursor that is an id.
fn id_cursor(cursor: Option<&str>) -> Result<Option<uuid::Uuid>, Error> {
    let parse = |text: &str| text.parse().map_err(|_| t11_core::PageError::BadToken);
    Ok(cursor.map(parse).transpose()?)
}
