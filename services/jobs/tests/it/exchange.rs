//! What the exchange promises: a call may be lost, repeated or late, and a worker may die.

use std::pin::pin;
use std::time::Duration;

use chrono::TimeDelta;
use futures::FutureExt as _;
use t11_core::Fault as _;
use t11_jobs::job::{NewJob, State};
use t11_jobs::lease::Outcome;
use t11_jobs::store::{Settlement, Want};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::bed::{Bed, QUEUE, ids, scope};

/// Longer than any test waits: what ends sooner was woken.
const LONG: Duration = Duration::from_secs(3600);
/// As long as a look that found nothing more is remembered.
const REMEMBERED: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_repeated_call_gets_the_same_leases_and_no_others() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    bed.enqueue((0..10).map(|_| bed.job(1)).collect()).await;
    let call = worker.call(Vec::new(), Vec::new(), 4);
    let first = bed.exchange(call.clone()).await;
    let again = bed.exchange(call).await;
    assert_eq!(first.leases, again.leases);
    assert_eq!(first.leases.len(), 4);
    let running = bed
        .all(1)
        .await
        .iter()
        .filter(|job| job.state == State::Running)
        .count();
    assert_eq!(running, 4);
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_repeated_result_counts_once_and_is_not_called_lost() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    let settlement = Settlement {
        lease: leased.lease(),
        outcome: crate::bed::failed(false),
    };
    let call = worker.call(vec![settlement], Vec::new(), 0);
    assert!(bed.exchange(call.clone()).await.lost.is_empty());
    assert!(bed.exchange(call).await.lost.is_empty());
    assert_eq!(bed.read(1, id).await.attempt, 1);
}

#[tokio::test]
async fn what_was_lost_is_told_again_to_a_repeat() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.advance(TimeDelta::seconds(15));
    bed.queue.reap().await.unwrap();
    let settlement = Settlement {
        lease: leased.lease(),
        outcome: Outcome::Succeeded,
    };
    let call = worker.call(vec![settlement], Vec::new(), 0);
    assert_eq!(bed.exchange(call.clone()).await.lost, [leased.lease()]);
    assert_eq!(bed.exchange(call).await.lost, [leased.lease()]);
}

#[tokio::test]
async fn a_call_from_before_the_last_one_is_refused() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    bed.enqueue((0..10).map(|_| bed.job(1)).collect()).await;
    let old = worker.call(Vec::new(), Vec::new(), 1);
    bed.take(&mut worker, 1).await;
    assert_eq!(
        bed.try_exchange(old).await.unwrap_err().reason(),
        "SEQUENCE_STALE"
    );
}

#[tokio::test]
async fn a_new_start_gives_back_what_the_one_before_held() {
    let bed = Bed::new().await;
    let mut before = bed.worker("agents@host");
    let mut other = bed.worker("agents@elsewhere");
    bed.enqueue((0..4).map(|_| bed.job(1)).collect()).await;
    let left = bed.take(&mut before, 3).await;
    let kept = bed.take(&mut other, 1).await.remove(0);

    let mut after = bed.worker("agents@host");
    let again = bed.take(&mut after, 10).await;
    assert_eq!(
        ids(&again),
        ids(&left),
        "at once, without waiting for the lease"
    );
    assert!(again.iter().all(|leased| leased.job.lost == 1));
    assert!(
        bed.succeed(&mut other, &kept).await.is_empty(),
        "other workers keep theirs"
    );
    let late = bed
        .try_exchange(before.call(Vec::new(), Vec::new(), 1))
        .await
        .unwrap_err();
    assert_eq!(late.reason(), "WORKER_SUPERSEDED");
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_worker_that_leaves_hears_what_its_unanswered_call_was_given() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    bed.enqueue((0..3).map(|_| bed.job(1)).collect()).await;
    let given_up = worker.call(Vec::new(), Vec::new(), 2);
    let unheard = bed.exchange(given_up.clone()).await.leases;
    let leave = worker.leave();
    let told = bed.exchange(leave.clone()).await.leases;
    assert_eq!(ids(&told), ids(&unheard));
    assert_eq!(
        ids(&bed.exchange(leave).await.leases),
        ids(&unheard),
        "a repeat hears the same"
    );
    for leased in &told {
        let settled = bed.settle(&mut worker, leased.lease(), Outcome::Released);
        assert!(settled.await.is_empty());
    }
    let jobs = bed.all(1).await;
    assert!(jobs.iter().all(|job| job.state == State::Ready), "{jobs:?}");
    assert!(jobs.iter().all(|job| (job.attempt, job.lost) == (0, 0)));
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_call_that_waits_is_given_nothing_once_its_worker_has_left() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let waiting = waiting(&bed, worker.call(Vec::new(), Vec::new(), 1));
    until_seen(&bed, "w").await;
    assert!(bed.exchange(worker.leave()).await.leases.is_empty());
    let id = bed.enqueue_one(bed.job(1)).await;
    let late = waiting.await.unwrap().unwrap_err();
    assert_eq!(late.reason(), "SEQUENCE_STALE");
    assert_eq!(bed.read(1, id).await.state, State::Ready);
}

#[tokio::test]
async fn a_worker_that_leaves_is_told_nothing_of_jobs_that_have_ended() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let mut report = bed.worker("w#report");
    bed.enqueue((0..2).map(|_| bed.job(1)).collect()).await;
    let leased = bed.take(&mut worker, 2).await;
    bed.succeed(&mut report, &leased[0]).await;
    let told = bed.exchange(worker.leave()).await.leases;
    assert_eq!(ids(&told), [leased[1].job.id]);
}

#[tokio::test]
async fn a_worker_that_leaves_is_told_nothing_that_was_given_before_its_last_call() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let mut report = bed.worker("w#report");
    bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    // Given up before it came as far as the database.
    drop(worker.call(Vec::new(), Vec::new(), 1));
    assert!(bed.exchange(worker.leave()).await.leases.is_empty());
    assert!(
        bed.succeed(&mut report, &leased).await.is_empty(),
        "it is still being done"
    );
}

#[tokio::test]
async fn who_asks_again_while_nothing_rings_makes_no_transaction() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    // Once more on a machine that stood still for longer than is remembered.
    loop {
        bed.enqueue_one(bed.job(1)).await;
        let began = Instant::now();
        assert_eq!(bed.take(&mut worker, 2).await.len(), 1);
        let before = bed.db.counters().writes;
        let call = worker.call(Vec::new(), Vec::new(), 1);
        let mut waiting = pin!(bed.queue.exchange(call, LONG));
        assert!(waiting.as_mut().now_or_never().is_none());
        let id = bed.enqueue_one(bed.job(1)).await;
        let exchanged = waiting.await.unwrap();
        assert_eq!(ids(&exchanged.answer.leases), [id]);
        if began.elapsed() < REMEMBERED {
            assert_eq!(bed.db.counters().writes, before + 1, "the new job's own");
            break;
        }
    }
}

#[tokio::test]
async fn who_waits_without_a_look_finds_what_nothing_was_heard_of() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    assert!(bed.take(&mut worker, 1).await.is_empty());
    let call = worker.call(Vec::new(), Vec::new(), 1);
    let mut waiting = pin!(bed.queue.exchange(call, LONG));
    assert!(waiting.as_mut().now_or_never().is_none());
    let job = bed.job(1);
    let id = job.id;
    bed.replica().enqueue(vec![job]).await.unwrap();
    let exchanged = waiting.await.unwrap();
    assert_eq!(ids(&exchanged.answer.leases), [id]);
}

#[tokio::test]
async fn who_waits_without_a_look_hears_of_a_cancelled_job() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 2).await.remove(0);
    let call = worker.call(Vec::new(), Vec::new(), 1);
    let mut waiting = pin!(bed.queue.exchange(call, LONG));
    assert!(waiting.as_mut().now_or_never().is_none());
    bed.queue.cancel(&scope(1), id).await.unwrap();
    let exchanged = waiting.await.unwrap();
    assert_eq!(exchanged.answer.cancelled, [leased.lease()]);
}

#[tokio::test]
async fn a_waiting_worker_is_woken_by_a_job() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let waiting = waiting(&bed, worker.call(Vec::new(), Vec::new(), 1));
    // The first look finds nothing; only then is there a job.
    until_seen(&bed, "w").await;
    let id = bed.enqueue_one(bed.job(1)).await;
    let exchanged = waiting.await.unwrap().unwrap();
    assert_eq!(ids(&exchanged.answer.leases), [id]);
}

#[tokio::test]
async fn a_waiting_worker_is_woken_by_a_result_that_frees_an_ordering_key() {
    let bed = Bed::new().await;
    let (mut busy, mut idle) = (bed.worker("busy"), bed.worker("idle"));
    bed.enqueue(vec![bed.keyed(1, "a"), bed.keyed(1, "a")])
        .await;
    let leased = bed.take(&mut busy, 1).await.remove(0);
    let waiting = waiting(&bed, idle.call(Vec::new(), Vec::new(), 1));
    until_seen(&bed, "idle").await;
    bed.succeed(&mut busy, &leased).await;
    assert_eq!(waiting.await.unwrap().unwrap().answer.leases.len(), 1);
}

#[tokio::test]
async fn a_repeat_and_the_call_it_repeats_share_one_batch() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let call = worker.call(Vec::new(), Vec::new(), 3);
    let both = [waiting(&bed, call.clone()), waiting(&bed, call)];
    until_seen(&bed, "w").await;
    bed.enqueue((0..10).map(|_| bed.job(1)).collect()).await;
    let mut answers = Vec::new();
    for waiting in both {
        answers.push(ids(&waiting.await.unwrap().unwrap().answer.leases));
        // The other of the two hears of the jobs that are left.
        bed.enqueue(vec![bed.job(1)]).await;
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].len(), 3);
}

#[tokio::test]
async fn draining_answers_those_who_wait_and_gives_no_more_jobs() {
    let bed = Bed::new().await;
    let (mut idle, mut busy) = (bed.worker("idle"), bed.worker("busy"));
    bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut busy, 1).await.remove(0);
    let waiting = waiting(&bed, idle.call(Vec::new(), Vec::new(), 1));
    until_seen(&bed, "idle").await;
    bed.stop.cancel();
    assert!(waiting.await.unwrap().unwrap().drain);
    bed.enqueue_one(bed.job(1)).await;
    let settlement = Settlement {
        lease: leased.lease(),
        outcome: Outcome::Succeeded,
    };
    let exchanged = bed
        .queue
        .exchange(busy.call(vec![settlement], vec![], 5), LONG)
        .await
        .unwrap();
    assert!(exchanged.drain && exchanged.answer.leases.is_empty());
    assert_eq!(
        bed.read(1, leased.job.id).await.state,
        State::Succeeded,
        "results are taken"
    );
}

#[tokio::test]
async fn one_worker_may_want_several_queues() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let elsewhere = NewJob {
        queue: "crm".to_owned(),
        ..bed.job(1)
    };
    bed.enqueue(vec![bed.job(1), elsewhere, bed.job(1)]).await;
    let mut call = worker.call(Vec::new(), Vec::new(), 1);
    call.wants.push(Want {
        queue: "crm".to_owned(),
        slots: 5,
    });
    let leases = bed.exchange(call).await.leases;
    let queues: Vec<_> = leases
        .iter()
        .map(|leased| leased.job.queue.as_str())
        .collect();
    assert_eq!(queues, [QUEUE, "crm"]);
}

#[tokio::test]
async fn a_worker_that_waits_hears_of_a_cancelled_job() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    let waiting = waiting(&bed, worker.call(Vec::new(), Vec::new(), 1));
    until_sequence(&bed, "w", 2).await;
    bed.queue.cancel(&scope(1), id).await.unwrap();
    assert_eq!(
        waiting.await.unwrap().unwrap().answer.cancelled,
        [leased.lease()]
    );
}

type Waiting = AbortOnDropHandle<Result<t11_jobs::queue::Exchanged, t11_jobs::error::Error>>;

#[expect(clippy::disallowed_methods, reason = "aborted with its handle")]
fn waiting(bed: &Bed, call: t11_jobs::store::Call) -> Waiting {
    let queue = bed.queue.clone();
    AbortOnDropHandle::new(tokio::spawn(
        async move { queue.exchange(call, LONG).await },
    ))
}

/// Until the first call of `worker` is in the database.
async fn until_seen(bed: &Bed, worker: &str) {
    until_sequence(bed, worker, 1).await;
}

async fn until_sequence(bed: &Bed, worker: &str, sequence: i64) {
    while bed.store.last_sequence(worker.to_owned()).await.unwrap() < Some(sequence) {
        tokio::task::yield_now().await;
    }
}
