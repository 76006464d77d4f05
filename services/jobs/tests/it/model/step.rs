//! What may happen to the queue, and how likely.

use proptest::prelude::*;

use super::ORGS;

/// One step. Numbers choose among what there is, by remainder.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Enqueue {
        org: u128,
        key: Option<u8>,
        unique: Option<u8>,
        delay: i64,
        priority: i32,
    },
    EnqueueAgain {
        job: usize,
    },
    Take {
        worker: usize,
        slots: usize,
    },
    Repeat {
        worker: usize,
    },
    Settle {
        lease: usize,
        end: u8,
        slots: usize,
    },
    Extend {
        lease: usize,
    },
    Advance {
        seconds: i64,
    },
    Reap,
    RunDue,
    Cancel {
        job: usize,
    },
    Retry {
        job: usize,
    },
    Restart {
        worker: usize,
    },
    Pause {
        org: u128,
        paused: bool,
    },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let key = prop::option::of(0u8..2);
    let unique = prop::option::weighted(0.2, 0u8..2);
    let delay = prop_oneof![3 => Just(0i64), 1 => 1i64..30];
    prop_oneof![
        8 => (1..=ORGS, key, unique, delay, -3i32..=3).prop_map(
            |(org, key, unique, delay, priority)| Step::Enqueue { org, key, unique, delay, priority }
        ),
        1 => any::<usize>().prop_map(|job| Step::EnqueueAgain { job }),
        6 => (0usize..2, 1usize..6).prop_map(|(worker, slots)| Step::Take { worker, slots }),
        1 => (0usize..2).prop_map(|worker| Step::Repeat { worker }),
        8 => (any::<usize>(), 0u8..5, 0usize..3)
            .prop_map(|(lease, end, slots)| Step::Settle { lease, end, slots }),
        2 => any::<usize>().prop_map(|lease| Step::Extend { lease }),
        3 => (1i64..20).prop_map(|seconds| Step::Advance { seconds }),
        3 => Just(Step::Reap),
        3 => Just(Step::RunDue),
        2 => any::<usize>().prop_map(|job| Step::Cancel { job }),
        2 => any::<usize>().prop_map(|job| Step::Retry { job }),
        1 => (0usize..2).prop_map(|worker| Step::Restart { worker }),
        1 => (1..=ORGS, any::<bool>()).prop_map(|(org, paused)| Step::Pause { org, paused }),
    ]
}
