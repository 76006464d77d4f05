//! The whole mesh in each of its three shapes, through the doors its users use.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

mod api_keys;
mod automation;
mod bad_input;
mod clients;
mod contract;
mod doors;
mod live;
mod main_job;
mod message_caps;
mod notifications;
mod numbers_rule;
mod openai;
mod prices;
mod traces;
mod versions;
