//! What leases promise.

use chrono::TimeDelta;
use t11_jobs::dead;
use t11_jobs::job::{NewJob, Progress, State};
use t11_jobs::lease::Outcome;
use t11_jobs::store::{Extension, Lease};

use crate::bed::{Bed, failed, ids};

#[tokio::test]
async fn an_expired_lease_goes_to_another_and_the_late_result_is_refused() {
    let bed = Bed::new().await;
    let (mut slow, mut quick) = (bed.worker("slow"), bed.worker("quick"));
    let id = bed.enqueue_one(bed.job(1)).await;
    let first = bed.take(&mut slow, 1).await.remove(0);
    bed.advance(TimeDelta::milliseconds(14_999));
    assert_eq!(bed.queue.reap().await.unwrap(), 0);
    bed.advance(TimeDelta::milliseconds(1));
    assert_eq!(bed.queue.reap().await.unwrap(), 1);

    let second = bed.take(&mut quick, 1).await.remove(0);
    assert_eq!(
        (second.job.id, second.job.lost, second.job.attempt),
        (id, 1, 0)
    );
    assert!(second.job.fence > first.job.fence);
    assert_eq!(bed.succeed(&mut slow, &first).await, [first.lease()]);
    assert_eq!(
        bed.extend(&mut slow, first.lease()).await.lost,
        [first.lease()]
    );
    assert_eq!(bed.read(1, id).await.state, State::Running);
    assert!(bed.succeed(&mut quick, &second).await.is_empty());
    assert_eq!(bed.read(1, id).await.state, State::Succeeded);
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_late_result_before_anyone_else_has_the_job_is_refused_too() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.advance(TimeDelta::seconds(15));
    bed.queue.reap().await.unwrap();
    assert_eq!(bed.succeed(&mut worker, &leased).await, [leased.lease()]);
    assert_eq!(bed.read(1, id).await.state, State::Ready);
}

#[tokio::test]
async fn extending_keeps_the_job() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    for _ in 0..20 {
        bed.advance(TimeDelta::seconds(10));
        assert_eq!(bed.queue.reap().await.unwrap(), 0);
        assert!(
            bed.extend(&mut worker, leased.lease())
                .await
                .lost
                .is_empty()
        );
    }
    assert!(bed.succeed(&mut worker, &leased).await.is_empty());
}

#[tokio::test]
async fn a_job_past_its_timeout_is_not_extended_and_fails() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed
        .enqueue_one(NewJob {
            timeout_ms: 20_000,
            ..bed.job(1)
        })
        .await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    for _ in 0..3 {
        bed.advance(TimeDelta::seconds(10));
        bed.extend(&mut worker, leased.lease()).await;
    }
    bed.advance(TimeDelta::seconds(10));
    assert_eq!(
        bed.extend(&mut worker, leased.lease()).await.lost,
        [leased.lease()]
    );
    bed.advance(TimeDelta::seconds(10));
    assert_eq!(bed.queue.reap().await.unwrap(), 1);
    let job = bed.read(1, id).await;
    assert_eq!((job.state, job.attempt, job.lost), (State::Retrying, 1, 0));
    assert_eq!(
        job.error.map(|error| error.reason),
        Some(dead::TIMEOUT.to_owned())
    );
}

#[tokio::test]
async fn the_third_worker_lost_with_a_job_buries_it() {
    let bed = Bed::new().await;
    let poison = bed.enqueue_one(bed.job(1)).await;
    for n in 0..3 {
        let mut worker = bed.worker(&format!("w{n}"));
        assert_eq!(ids(&bed.take(&mut worker, 1).await), [poison]);
        bed.advance(TimeDelta::seconds(16));
        bed.queue.reap().await.unwrap();
    }
    let job = bed.read(1, poison).await;
    assert_eq!((job.state, job.attempt, job.lost), (State::Dead, 0, 3));
    assert_eq!(
        job.error.map(|error| error.reason),
        Some(dead::POISON.to_owned())
    );
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn two_crashes_fail_no_job() {
    let bed = Bed::new().await;
    let jobs = (0..30).map(|_| bed.job(1)).collect();
    bed.enqueue(jobs).await;
    for n in 0..2 {
        assert_eq!(
            bed.take(&mut bed.worker(&format!("w{n}")), 30).await.len(),
            30
        );
        bed.advance(TimeDelta::seconds(15));
        assert_eq!(bed.queue.reap().await.unwrap(), 30);
    }
    let mut worker = bed.worker("last");
    for leased in bed.take(&mut worker, 30).await {
        bed.succeed(&mut worker, &leased).await;
    }
    assert!(
        bed.all(1)
            .await
            .iter()
            .all(|job| job.state == State::Succeeded && job.attempt == 0)
    );
}

#[tokio::test]
async fn failures_are_retried_with_growing_waits_until_attempts_are_out() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed
        .enqueue_one(NewJob {
            max_attempts: 3,
            ..bed.job(1)
        })
        .await;
    for attempt in 1..=2_i32 {
        let leased = bed.take(&mut worker, 1).await.remove(0);
        assert_eq!(leased.job.attempt, attempt - 1);
        bed.settle(&mut worker, leased.lease(), failed(false)).await;
        let job = bed.read(1, id).await;
        assert_eq!((job.state, job.attempt), (State::Retrying, attempt));
        let ceiling = TimeDelta::seconds(1 << attempt);
        assert!(job.run_time - bed.world().now() <= ceiling);
        bed.advance(ceiling);
        bed.queue.run_due().await.unwrap();
    }
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.settle(&mut worker, leased.lease(), failed(false)).await;
    let job = bed.read(1, id).await;
    assert_eq!((job.state, job.attempt), (State::Dead, 3));
    assert_eq!(
        job.error.map(|error| error.reason),
        Some("BROKEN".to_owned())
    );
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_permanent_failure_is_dead_at_once() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.settle(&mut worker, leased.lease(), failed(true)).await;
    assert_eq!(bed.read(1, id).await.state, State::Dead);
}

#[tokio::test]
async fn a_released_job_runs_again_at_once_in_its_old_place() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let first = bed.enqueue_one(bed.job(1)).await;
    bed.advance(TimeDelta::seconds(1));
    let second = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.settle(&mut worker, leased.lease(), Outcome::Released)
        .await;
    let again = bed.take(&mut worker, 2).await;
    assert_eq!(ids(&again), [first, second]);
    assert_eq!((again[0].job.attempt, again[0].job.lost), (0, 0));
}

#[tokio::test]
async fn progress_is_written_now_and_then_and_told_always() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let lease = bed.take(&mut worker, 1).await[0].lease();
    let report = |percent| {
        let progress = Progress {
            step: "embed".to_owned(),
            done: 1,
            total: 2,
            percent,
        };
        vec![Extension {
            lease,
            progress: Some(progress),
        }]
    };
    bed.advance(TimeDelta::milliseconds(100));
    bed.exchange(worker.call(Vec::new(), report(10), 0)).await;
    assert_eq!(bed.read(1, id).await.progress.percent, 0, "held back");
    bed.queue.write_progress().await.unwrap();
    assert_eq!(bed.read(1, id).await.progress.percent, 10);
    bed.advance(TimeDelta::milliseconds(500));
    bed.exchange(worker.call(Vec::new(), report(60), 0)).await;
    assert_eq!(bed.read(1, id).await.progress.percent, 60);

    bed.exchange(worker.call(Vec::new(), report(70), 0)).await;
    bed.settle(&mut worker, lease, Outcome::Released).await;
    bed.queue.write_progress().await.unwrap();
    assert_eq!(
        bed.read(1, id).await.progress.percent,
        60,
        "late news change nothing"
    );
}

#[tokio::test]
async fn one_result_twice_in_a_call_counts_once() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let lease: Lease = bed.take(&mut worker, 1).await[0].lease();
    let settle = |outcome| t11_jobs::store::Settlement { lease, outcome };
    let call = worker.call(
        vec![settle(failed(false)), settle(Outcome::Succeeded)],
        vec![],
        0,
    );
    assert_eq!(bed.exchange(call).await.lost, [lease]);
    assert_eq!(bed.read(1, id).await.state, State::Retrying);
}
