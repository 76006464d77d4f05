//! The queue's promises, on SQLite, and with `T11_TEST_DATABASE_URL` set on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bed;
mod crash;
mod enqueue;
mod exchange;
mod fair;
mod keys;
mod lease;
mod model;
mod rpc;
mod schedule;
mod steer;
