//! F31: a job of a version that its worker does not know.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;
use t11_jobs::job::State;
use t11_runtime::{JobFailure, JobHandler, RunningJob};

use crate::bed::{Bed, PAYLOAD, reason};
use crate::report;

const KIND: &str = "crm.note";
const NEXT_KIND: &str = "crm.note_with_tags";

#[derive(Default)]
struct Counts(AtomicUsize);

#[async_trait]
impl JobHandler for Counts {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        assert_eq!(job.payload, PAYLOAD);
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_a_job_of_the_next_version_is_parked_with_its_reason_and_done_by_who_knows_it() {
    let bed = Bed::new().await;
    let org = bed.organization();
    let (before, after) = (Arc::new(Counts::default()), Arc::new(Counts::default()));
    let old = bed.worker(&[KIND], before.clone());
    let (waiting, parked) = (
        bed.enqueue(&org, NEXT_KIND, 8).await,
        bed.enqueue(&org, NEXT_KIND, 1).await,
    );
    let own = bed.enqueue(&org, KIND, 1).await;
    bed.until(&org, own, State::Succeeded).await;
    let unknown = bed.until(&org, waiting, State::Retrying).await;
    assert_eq!(reason(&unknown), "JOB_KIND_UNKNOWN");
    let dead = bed.until(&org, parked, State::Dead).await;
    assert_eq!(reason(&dead), "JOB_KIND_UNKNOWN");
    drop(old);

    let _new = bed.worker(&[KIND, NEXT_KIND], after.clone());
    bed.queue.retry(&org, parked).await.unwrap();
    for id in [waiting, parked] {
        bed.until(&org, id, State::Succeeded).await;
    }
    let done = [before, after].map(|counts| counts.0.load(Ordering::Relaxed));
    assert_eq!(done, [1, 2], "each was done once");
    report(&json!({"rows": "F31", "parked": 2, "done": 3, "lost": 0, "doubled": 0}));
}
