//! The queue's promises, on SQLite, and with `T11_TEST_DATABASE_URL` set on PostgreSQL; between
//! replicas on the bus of one process, and with `T11_TEST_REDIS_URL` set through Redis.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bed;
mod crash;
mod enqueue;
mod exchange;
mod fair;
mod keys;
mod lease;
mod model;
mod replicas;
mod rpc;
mod schedule;
mod steer;
mod totals;
