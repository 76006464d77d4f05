//! The service through its real routes and SQLite, against a model server on the wire.

mod budgets;
mod cache;
mod catalogue;
mod completions;
mod demo;
mod embeddings;
mod faults;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod ladder;
mod privacy;
// Said once more for clippy, which lets tests unwrap.
#[cfg(test)]
mod rig;
mod routes;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod torture;
mod usage;
