//! Rows as the database has them; nothing outside `store` sees them.

pub(crate) mod api_key;
pub(crate) mod audit_head;
pub(crate) mod audit_record;
pub(crate) mod invite;
pub(crate) mod member;
pub(crate) mod notification;
pub(crate) mod notification_preference;
pub(crate) mod notification_receipt;
pub(crate) mod organization;
pub(crate) mod session;
pub(crate) mod session_token;
pub(crate) mod sign_in_bucket;
pub(crate) mod user;
