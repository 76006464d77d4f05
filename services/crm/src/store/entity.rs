//! Rows as the database has them; nothing outside `store` sees them.

pub(crate) mod authorization;
pub(crate) mod bot_request;
pub(crate) mod catalog_item;
pub(crate) mod channel;
pub(crate) mod connection;
pub(crate) mod contact;
pub(crate) mod credential;
pub(crate) mod event;
pub(crate) mod intake;
pub(crate) mod lead;
pub(crate) mod lead_effect;
pub(crate) mod message;
pub(crate) mod pending_install;
pub(crate) mod sync_change;
pub(crate) mod sync_cursor;
pub(crate) mod token;
pub(crate) mod webhook_body;
pub(crate) mod webhook_secret;
