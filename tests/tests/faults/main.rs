//! The rows of the fault matrix (docs/faults.md) that are about processes and the network between
//! them. A test whose name holds `f01_` shows row F01; `cargo xtask faults` reads them so.
//!
//! Most need the mesh as processes: Postgres, Redis and Envoy, named by the variables that
//! `cargo xtask test` sets. `T11_KILLS` asks for so many kills a row instead of the few of the
//! short form. Each test prints one line of JSON with what it counted.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that meets a surprise fails, says what it counted, waits for other processes"
)]

mod bed;
mod certificates;
mod clocks;
mod deep_queue;
mod front;
mod hung;
mod intake;
mod kills;
mod load;
mod lost_replies;
mod memory;
mod overload;
mod panics;
mod rolling;
mod versions;
mod wire;
mod workers;

use serde_json::Value;
use t11_core::World;
use t11_tests::processes::{Plan, ProcessMesh};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Meshes of processes at a time: more would only slow each other down.
const MESHES: u32 = 2;
static ROOM: Semaphore = Semaphore::const_new(MESHES as usize);

/// A mesh made by `plan`, when there is room for it; `None` where it cannot be made.
async fn mesh(plan: Plan<'_>) -> Option<(ProcessMesh, SemaphorePermit<'static>)> {
    let room = ROOM.acquire().await.unwrap();
    Some((ProcessMesh::planned(plan).await?, room))
}

/// How often a row kills: `short` times, or as often as `T11_KILLS` says.
fn kills(short: u64) -> u64 {
    let told = std::env::var("T11_KILLS").ok();
    told.and_then(|number| number.parse().ok()).unwrap_or(short)
}

/// Uniform over `0..bound`.
fn dice(bound: u64) -> u64 {
    u64::from_le_bytes(World::system().random()) % bound
}

/// What a test counted, for whoever ran it.
fn report(counted: &Value) {
    println!("{counted}");
}
