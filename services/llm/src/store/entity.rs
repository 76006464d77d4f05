//! Rows as they are stored.

pub(super) mod budget;
pub(super) mod hold;
pub(super) mod privacy_policy;
pub(super) mod provider_key;
pub(super) mod provider_key_policy;
pub(super) mod purse;
pub(super) mod reservation;
pub(super) mod route;
pub(super) mod settlement;
pub(super) mod usage_record;
