//! Words every service shares: resource names, callers and their scopes, faults, pages, etags,
//! clock and randomness. Knows neither tonic nor SQL, and builds for wasm32.

mod caller;
mod etag;
mod fault;
mod name;
mod page;
mod permission;
pub mod world;

pub use caller::{AuditNote, Caller, Denied, OrgId, OrgScope, Subject};
pub use etag::{Etag, StaleEtag};
pub use fault::{Fault, FaultKind, Violation, Violations};
pub use name::{NameError, format_name, parse_child_name, parse_name};
pub use page::{Page, PageError, PageRequest, PageTokens};
pub use permission::{Permission, Role, UnknownWord};
#[cfg(not(target_arch = "wasm32"))]
pub use world::SystemWorld;
pub use world::{Clock, Entropy, ManualWorld, World};
