//! F30: jobs whose code panics, over and over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;
use t11_core::OrgScope;
use t11_jobs::job::State;
use t11_runtime::{JobFailure, JobHandler, RunningJob};

use crate::bed::{Bed, reason};
use crate::report;

const POISON: &str = "crm.poison";
const NOTE: &str = "crm.note";
/// Tries of each poisonous job.
const TRIES: i32 = 3;
/// Poisonous jobs, as many as a worker takes at a time, and others beside them.
const POISONOUS: usize = 32;
const NOTES: usize = 40;
/// A little of what others wait is the machine's.
const UNNOTICED: Duration = Duration::from_millis(300);

#[derive(Default)]
struct Work {
    panics: AtomicUsize,
    done: AtomicUsize,
}

#[async_trait]
impl JobHandler for Work {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        if job.kind == POISON {
            self.panics.fetch_add(1, Ordering::Relaxed);
            // A panic that says nothing: a hundred would hide what other tests say.
            std::panic::resume_unwind(Box::new("of a test"));
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Jobs one after the other; how long the middle and the slowest one in twenty took.
async fn notes(bed: &Bed, org: &OrgScope) -> Duration {
    let mut took = Vec::new();
    for _ in 0..NOTES {
        let start = Instant::now();
        let id = bed.enqueue(org, NOTE, 1).await;
        while bed.job(org, id).await.state != State::Succeeded {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        took.push(start.elapsed());
    }
    took.sort();
    took[NOTES * 19 / 20]
}

#[tokio::test(flavor = "multi_thread")]
async fn f30_jobs_that_panic_are_counted_and_buried_and_others_do_not_notice() {
    let bed = Bed::new().await;
    let (poisoned, other) = (bed.organization(), bed.organization());
    let work = Arc::new(Work::default());
    let _worker = bed.worker(&[POISON, NOTE], work.clone());
    let alone = notes(&bed, &other).await;
    let mut poison = Vec::new();
    for _ in 0..POISONOUS {
        poison.push(bed.enqueue(&poisoned, POISON, TRIES).await);
    }
    let beside = notes(&bed, &other).await;
    assert!(
        beside <= alone * 2 + UNNOTICED,
        "{beside:?}, alone {alone:?}"
    );
    for id in poison {
        let dead = bed.until(&poisoned, id, State::Dead).await;
        assert_eq!(reason(&dead), "JOB_PANICKED");
        assert_eq!((dead.attempt, dead.lost), (TRIES, 0), "{dead:?}");
    }
    let tries = work.panics.load(Ordering::Relaxed);
    assert_eq!(tries, POISONOUS * usize::try_from(TRIES).unwrap());
    assert_eq!(work.done.load(Ordering::Relaxed), 2 * NOTES);
    report(&json!({
        "rows": "F30", "panics": tries, "buried": POISONOUS, "others_done": 2 * NOTES,
        "p95_ms": beside.as_millis(), "p95_alone_ms": alone.as_millis(),
    }));
}
