//! The store on SQLite, and on PostgreSQL when `T11_TEST_DATABASE_URL` is set.

mod audit;
mod fixture;
mod group_commit;
mod outbox;
mod tenants;
mod transactions;
