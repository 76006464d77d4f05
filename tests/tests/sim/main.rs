//! Deterministic simulation: the real jobs service, outbox, relay, worker and gRPC stack, on a
//! simulated network with latency, partitions and crashes, and in simulated time. A seed fixes all
//! of it: `T11_SIM_SEED=17 cargo test -p t11-tests --test sim` repeats one run.
//!
//! People ask a front to write notes; each note must cause one effect outside, through two replicas
//! of a service that share a database. After the last fault every acknowledged note's effect is
//! there once, and no note has it twice. Then bugs are planted, one at a time, and each must be
//! found: a simulation that finds nothing shows nothing.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a simulation stops at the first surprise, and its tasks end with their hosts"
)]

mod bed;
mod faults;
mod net;
mod notes;
mod run;

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::notes::Bug;
use crate::run::{Outcome, run};

/// Seeds of the short form, in every test run; `T11_SIM_SEEDS` asks for more.
const SEEDS: u64 = 24;
/// Within so many seeds a planted bug must be found.
const PATIENCE: u64 = 60;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    match number("T11_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("T11_SIM_SEEDS").unwrap_or(SEEDS),
    }
}

/// The simulation has a database of its own: a second run, on PostgreSQL, would show nothing new.
fn is_repeated() -> bool {
    std::env::var_os(t11_store::testing::URL_VARIABLE).is_some()
}

/// The sum of all runs, which go side by side: each is a world of its own.
fn run_all(seeds: std::ops::Range<u64>) -> Outcome {
    let (next, total) = (AtomicU64::new(seeds.start), Mutex::new(Outcome::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run(seed, None);
                    assert!(outcome.is_right(), "seed {seed}: {outcome:?}");
                    total.lock().add(&outcome);
                }
            });
        }
    });
    total.into_inner()
}

#[test]
fn nothing_is_lost_doubled_or_stuck() {
    if is_repeated() {
        return;
    }
    let started = std::time::Instant::now();
    let total = run_all(seeds());
    println!(
        "{{\"bench\": \"simulation\", \"seeds\": {}, \"acknowledged\": {}, \"faults\": {}, \"lost\": {}, \
         \"doubled\": {}, \"stuck\": {}, \"seconds\": {:.1}}}",
        seeds().count(),
        total.acknowledged,
        total.faults,
        total.lost,
        total.doubled,
        total.stuck,
        started.elapsed().as_secs_f64()
    );
}

#[test]
fn a_seed_repeats_itself() {
    if is_repeated() {
        return;
    }
    for seed in [3, 5] {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
}

#[test]
fn every_planted_bug_is_found() {
    if is_repeated() {
        return;
    }
    for bug in Bug::ALL {
        let found = (0..PATIENCE).find(|seed| !run(*seed, Some(bug)).is_right());
        assert!(found.is_some(), "{bug:?} was not found in {PATIENCE} seeds");
    }
}
