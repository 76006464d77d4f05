//! Accounts through its real routes, behind the stack that every service is served through.
//! On SQLite, and with `T11_TEST_DATABASE_URL` set on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

mod api_keys;
mod audit;
mod endings;
mod harness;
mod isolation;
mod members;
mod notifications;
mod organization;
mod profile;
mod registration;
mod sessions;
