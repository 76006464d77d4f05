//! Edge as its clients see it, before services that are made up here.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests may stop at the first surprise, and start what a test ends"
)]

mod api_keys;
mod client;
mod endings;
mod events;
mod grpc;
mod hooks;
mod kommo_oauth;
mod mesh;
mod pages;
mod redis;
mod rest;
mod sessions;
mod upload;
