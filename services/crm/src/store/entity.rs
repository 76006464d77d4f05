//! Rows as the database has them; nothing outside `store` sees them.

pub(crate) mod connection;
pub(crate) mod credential;
