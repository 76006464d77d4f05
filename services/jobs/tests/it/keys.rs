//! What ordering keys promise: one at a time, in the order of enqueueing.

use chrono::TimeDelta;
use t11_jobs::job::{NewJob, State};
use t11_jobs::lease::Outcome;

use crate::bed::{Bed, failed, ids, scope};

#[tokio::test]
async fn jobs_of_a_key_run_one_by_one_in_order() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let jobs: Vec<_> = (0..5).map(|_| bed.keyed(1, "lead/7")).collect();
    let expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    bed.enqueue(jobs).await;
    let mut ran = Vec::new();
    while let Some(leased) = bed.take(&mut worker, 10).await.pop() {
        assert!(bed.take(&mut worker, 10).await.is_empty(), "one at a time");
        ran.push(leased.job.id);
        bed.succeed(&mut worker, &leased).await;
        bed.check_counts([1]).await;
    }
    assert_eq!(ran, expected);
}

#[tokio::test]
async fn keys_and_organizations_do_not_wait_for_each_other() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    bed.enqueue(vec![
        bed.keyed(1, "a"),
        bed.keyed(1, "b"),
        bed.keyed(2, "a"),
        bed.keyed(1, "a"),
    ])
    .await;
    assert_eq!(bed.take(&mut worker, 10).await.len(), 3);
}

#[tokio::test]
async fn a_key_holds_across_queues() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let elsewhere = NewJob {
        queue: "crm".to_owned(),
        ..bed.keyed(1, "a")
    };
    let next = elsewhere.id;
    bed.enqueue(vec![bed.keyed(1, "a"), elsewhere]).await;
    assert_eq!(bed.read(1, next).await.state, State::Blocked);
    let leased = bed.take(&mut worker, 10).await;
    bed.succeed(&mut worker, &leased[0]).await;
    assert_eq!(bed.read(1, next).await.state, State::Ready);
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_failed_job_keeps_its_place_while_it_waits_to_be_tried_again() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let jobs = vec![bed.keyed(1, "a"), bed.keyed(1, "a")];
    let [first, second] = [jobs[0].id, jobs[1].id];
    bed.enqueue(jobs).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.settle(&mut worker, leased.lease(), failed(false)).await;
    assert!(bed.take(&mut worker, 10).await.is_empty());
    bed.advance(TimeDelta::seconds(3));
    bed.queue.run_due().await.unwrap();
    assert_eq!(ids(&bed.take(&mut worker, 10).await), [first]);
    bed.advance(TimeDelta::seconds(16));
    bed.queue.reap().await.unwrap();
    let again = bed.take(&mut worker, 10).await;
    assert_eq!(ids(&again), [first], "a lost one keeps its place too");
    bed.settle(&mut worker, again[0].lease(), failed(true))
        .await;
    assert_eq!(
        ids(&bed.take(&mut worker, 10).await),
        [second],
        "a dead one does not"
    );
}

#[tokio::test]
async fn a_job_for_later_holds_nobody_up_and_joins_the_line_when_due() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let later = Some(bed.world().now() + TimeDelta::seconds(8));
    let scheduled = NewJob {
        run_time: later,
        ..bed.keyed(1, "a")
    };
    let waiting = scheduled.id;
    let now = bed.keyed(1, "a");
    let running = now.id;
    bed.enqueue(vec![scheduled, now]).await;
    let leased = bed.take(&mut worker, 10).await;
    assert_eq!(ids(&leased), [running]);
    bed.advance(TimeDelta::seconds(8));
    bed.queue.run_due().await.unwrap();
    assert_eq!(bed.read(1, waiting).await.state, State::Blocked);
    bed.succeed(&mut worker, &leased[0]).await;
    assert_eq!(ids(&bed.take(&mut worker, 10).await), [waiting]);
}

#[tokio::test]
async fn of_several_due_at_once_one_holds_the_key() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let later = Some(bed.world().now() + TimeDelta::seconds(8));
    let jobs: Vec<_> = (0..3)
        .map(|_| NewJob {
            run_time: later,
            ..bed.keyed(1, "a")
        })
        .collect();
    let first = jobs[0].id;
    bed.enqueue(jobs).await;
    bed.advance(TimeDelta::seconds(8));
    bed.queue.run_due().await.unwrap();
    assert_eq!(ids(&bed.take(&mut worker, 10).await), [first]);
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_cancelled_holder_lets_the_next_go_and_a_cancelled_waiter_nobody() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let jobs: Vec<_> = (0..4).map(|_| bed.keyed(1, "a")).collect();
    let expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    bed.enqueue(jobs).await;
    bed.queue.cancel(&scope(1), expected[1]).await.unwrap();
    assert_eq!(bed.read(1, expected[2]).await.state, State::Blocked);
    bed.queue.cancel(&scope(1), expected[0]).await.unwrap();
    let leased = bed.take(&mut worker, 10).await;
    assert_eq!(ids(&leased), [expected[2]]);
    bed.settle(&mut worker, leased[0].lease(), Outcome::Released)
        .await;
    assert_eq!(ids(&bed.take(&mut worker, 10).await), [expected[2]]);
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_revived_job_waits_for_its_key() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let jobs = vec![bed.keyed(1, "a"), bed.keyed(1, "a")];
    let [first, second] = [jobs[0].id, jobs[1].id];
    bed.enqueue(jobs).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.settle(&mut worker, leased.lease(), failed(true)).await;
    let next = bed.take(&mut worker, 1).await.remove(0);
    assert_eq!(next.job.id, second);
    assert_eq!(
        bed.queue.retry(&scope(1), first).await.unwrap().state,
        State::Blocked
    );
    bed.succeed(&mut worker, &next).await;
    assert_eq!(ids(&bed.take(&mut worker, 1).await), [first]);
}
