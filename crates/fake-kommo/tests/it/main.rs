//! The fake as its users meet it: over HTTP, with its refusals, its hooks and its clock.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests may stop at the first surprise, and start what a test ends"
)]

mod amojo;
mod bots;
mod cards;
mod control;
mod faults;
mod files;
mod harness;
mod oauth;
mod pipelines;
mod talks;
mod unsorted;
mod webhooks;
mod work;
