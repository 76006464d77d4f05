//! crm through its real routes, behind the stack that every service is served through.
//! On SQLite, and with `T11_TEST_DATABASE_URL` set on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets a surprise fails"
)]

mod authorization;
mod bot_requests;
mod connections;
mod credentials;
mod events;
mod harness;
mod intake;
mod intake_rig;
mod leads;
mod messages;
mod once;
mod refresh;
mod scene;
mod subscription;
mod sync;
