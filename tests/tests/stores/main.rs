//! What happens to the mesh when that which keeps its data fails: killed, slow, silent, full,
//! exhausted, or with another clock. The tests are named after the rows of the fault matrix.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]
#![expect(clippy::panic, reason = "a test that meets a surprise fails")]
#![expect(clippy::print_stderr, reason = "a test says what it came to")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests have no settings to read, and wait for other processes"
)]

mod budgets;
mod clock;
mod conflict;
mod disk;
mod exhausted;
mod fsync;
mod full;
mod keys;
mod killed;
mod link;
mod mesh;
mod migration;
mod program;
mod proxy;
mod redis;

use t11_tests::servers::not_run;
