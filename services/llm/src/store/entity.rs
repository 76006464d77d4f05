//! Rows as they are stored.

pub(super) mod usage_record;
