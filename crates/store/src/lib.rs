//! SQL for every service: one API over SQLite and PostgreSQL.
//!
//! A service holds a [`Db`], reads with [`Db::read`], changes with [`Db::write`]; both take an
//! [`OrgScope`](t11_core::OrgScope) (or [`System`], with the reason) and give the closure a [`Tx`],
//! on which sea-orm queries run. Tenant tables are queried through [`Tx::find`] and its siblings,
//! which filter by the organization of the scope.
//!
//! Jobs that a change causes are [enqueued](Tx::enqueue) in its own transaction and handed over by
//! a [`Relay`]. Secrets in columns are [`Sealed`].

mod audit;
mod config;
mod db;
mod error;
mod outbox;
mod relay;
mod scope;
mod sealed;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;

pub use audit::{APPEND_AUDIT, AUDIT_QUEUE, AuditRecord, AuditSink};
pub use config::{DatabaseConfig, Engine};
pub use db::{Counters, Db};
pub use error::{StoreError, constraint_name};
pub use outbox::{NewJob, OutboxJob};
pub use relay::{JobSink, Relay, SinkError};
pub use scope::{Access, OrgOwned, System};
pub use sealed::{Keyring, Place, SealError, Sealed};
pub use tx::Tx;
