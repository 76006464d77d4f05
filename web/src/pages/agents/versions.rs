//! The tab of an agent's versions, and the way to publish one.

mod changes;
pub(crate) mod list;
pub(super) mod publish;
