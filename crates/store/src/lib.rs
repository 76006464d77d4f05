#![doc = include_str!("../README.md")]

mod audit;
mod config;
mod db;
mod effect;
mod error;
#[cfg(feature = "simulation")]
mod left_out;
mod outbox;
mod relay;
mod scope;
mod sealed;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;

pub use audit::{APPEND_AUDIT, AUDIT_QUEUE, AuditRecord, AuditSink};
pub use config::{DatabaseConfig, Engine};
#[cfg(feature = "simulation")]
pub use db::{Commit, Commits};
pub use db::{Connections, Counters, Db};
pub use effect::Effect;
pub use error::{StoreError, constraint_name};
pub use outbox::{NewJob, OutboxJob};
pub use relay::{JobSink, Relay, SinkError};
pub use scope::{Access, OrgOwned, System};
pub use sealed::{Keyring, Place, SealError, Sealed};
pub use tx::Tx;
