//! What replicas share, once for each way of sharing it: within the process and, with
//! `T11_TEST_REDIS_URL` set, through Redis. What a Redis must be hurt for has a server of its own.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bus;
mod cache;
mod endings;
mod limiter;
mod server;
