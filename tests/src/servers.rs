//! Servers of a test's own, to be hurt: those that the tests are given are everybody's.

mod postgres;
mod redis;

use std::io::Write as _;

pub use self::postgres::{Postgres, is_root};
pub use self::redis::Redis;

/// Says that a row of the fault matrix was not shown, past the capture of the output of tests that
/// pass.
pub fn not_run(row: &str, why: &str) {
    let line = format!("NOT RUN: {row}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
