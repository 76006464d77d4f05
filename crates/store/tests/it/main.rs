//! The store on SQLite, and on PostgreSQL when `T11_TEST_DATABASE_URL` is set.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests may stop at the first surprise, and start what a test ends"
)]

mod audit;
mod effects;
mod fixture;
mod group_commit;
mod outbox;
mod roles;
mod tenants;
mod transactions;
