//! What is measured of queues, for metrics.

use chrono::TimeDelta;
use t11_jobs::config::Config;
use t11_jobs::job::NewJob;
use t11_jobs::store::QueueTotals;

use crate::bed::{Bed, QUEUE, failed, scope};

async fn totals(bed: &Bed) -> QueueTotals {
    let mut totals = bed.store.totals().await.unwrap();
    assert_eq!(totals.len(), 1);
    let (queue, of_queue) = totals.remove(0);
    assert_eq!(queue, QUEUE);
    of_queue
}

#[tokio::test]
async fn runnable_is_what_a_further_worker_could_start() {
    let bed = Bed::with(Config {
        max_running_per_organization: 3,
        ..Config::default()
    })
    .await;
    assert!(bed.store.totals().await.unwrap().is_empty());
    let first = bed.world().now();
    // Of 1, three of five may run; 2 waits for nobody; 3 is paused.
    bed.enqueue((0..5).map(|_| bed.job(1)).collect()).await;
    bed.advance(TimeDelta::seconds(10));
    bed.enqueue(vec![bed.job(2), bed.job(3), bed.job(3)]).await;
    bed.queue
        .set_paused(&scope(3), QUEUE.to_owned(), true)
        .await
        .unwrap();
    let later = NewJob {
        run_time: Some(bed.world().now() + TimeDelta::hours(1)),
        ..bed.job(2)
    };
    bed.enqueue(vec![later]).await;
    let expected = QueueTotals {
        runnable: 4,
        ready: 8,
        waiting: 1,
        runnable_orgs: 2,
        oldest_runnable_time: Some(first),
        ..QueueTotals::default()
    };
    assert_eq!(totals(&bed).await, expected);

    // 1 is at its cap: what it still has does not count, nor how long it waits.
    let mut worker = bed.worker("w");
    let leased = bed.take(&mut worker, 4).await;
    let expected = QueueTotals {
        running: 4,
        ready: 4,
        waiting: 1,
        ..QueueTotals::default()
    };
    assert_eq!(totals(&bed).await, expected);

    let of_first = leased
        .iter()
        .find(|leased| leased.job.org == crate::bed::org_id(1));
    bed.settle(&mut worker, of_first.unwrap().lease(), failed(true))
        .await;
    let expected = QueueTotals {
        running: 3,
        dead: 1,
        runnable: 1,
        runnable_orgs: 1,
        oldest_runnable_time: Some(first),
        ..expected
    };
    assert_eq!(totals(&bed).await, expected);
}
