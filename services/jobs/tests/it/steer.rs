//! What people can do: look, cancel, try again.

use t11_core::{Fault as _, PageRequest};
use t11_jobs::job::{NewJob, State};
use t11_jobs::lease::Outcome;
use t11_jobs::store::Filter;

use crate::bed::{Bed, failed, scope};

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once() {
    let bed = Bed::new().await;
    let id = bed.enqueue_one(bed.job(1)).await;
    assert_eq!(
        bed.queue.cancel(&scope(1), id).await.unwrap().state,
        State::Cancelled
    );
    assert!(bed.take(&mut bed.worker("w"), 1).await.is_empty());
    assert_eq!(
        bed.queue.cancel(&scope(1), id).await.unwrap().state,
        State::Cancelled,
        "again"
    );
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_running_job_stays_running_until_its_worker_has_stopped() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    let asked = bed.queue.cancel(&scope(1), id).await.unwrap();
    assert_eq!(
        (asked.state, asked.cancel_requested),
        (State::Running, true)
    );

    let mut reporter = bed.worker("w#report");
    let answer = bed.extend(&mut reporter, leased.lease()).await;
    assert_eq!(
        answer.cancelled,
        [leased.lease()],
        "whoever reports on it hears"
    );
    bed.settle(&mut worker, leased.lease(), Outcome::Stopped)
        .await;
    assert_eq!(bed.read(1, id).await.state, State::Cancelled);
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_cancelled_job_whose_worker_disappears_is_cancelled() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    bed.take(&mut worker, 1).await;
    bed.queue.cancel(&scope(1), id).await.unwrap();
    bed.advance(chrono::TimeDelta::seconds(15));
    bed.queue.reap().await.unwrap();
    assert_eq!(bed.read(1, id).await.state, State::Cancelled);
}

#[tokio::test]
async fn what_has_ended_cannot_be_cancelled() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.succeed(&mut worker, &leased).await;
    let error = bed.queue.cancel(&scope(1), id).await.unwrap_err();
    assert_eq!(error.reason(), "JOB_FINISHED");
}

#[tokio::test]
async fn a_dead_job_is_tried_again_with_its_payload_and_fresh_attempts() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let id = bed.enqueue_one(bed.job(1)).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.settle(&mut worker, leased.lease(), failed(true)).await;
    let revived = bed.queue.retry(&scope(1), id).await.unwrap();
    assert_eq!(
        (revived.state, revived.attempt, revived.end_time),
        (State::Ready, 0, None)
    );
    let again = bed.take(&mut worker, 1).await.remove(0);
    assert_eq!(
        (again.job.id, again.payload.as_slice()),
        (id, b"payload".as_slice())
    );
    assert!(
        again.job.fence > leased.job.fence,
        "an old lease is not valid again"
    );
    let error = bed.queue.retry(&scope(1), id).await.unwrap_err();
    assert_eq!(error.reason(), "JOB_NOT_DEAD");
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn a_dead_job_is_not_revived_beside_another_of_its_unique_key() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let unique = || NewJob {
        unique_key: Some("resync".to_owned()),
        ..bed.job(1)
    };
    let id = bed.enqueue_one(unique()).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.settle(&mut worker, leased.lease(), failed(true)).await;
    bed.enqueue_one(unique()).await;
    let error = bed.queue.retry(&scope(1), id).await.unwrap_err();
    assert_eq!(error.reason(), "UNIQUE_KEY_TAKEN");
}

#[tokio::test]
async fn lists_are_filtered_and_paged_newest_first() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let on = |resource: &str| NewJob {
        resource: resource.to_owned(),
        ..bed.job(1)
    };
    let jobs = vec![
        on("assets/1"),
        on("assets/2"),
        on("assets/1"),
        bed.job(1),
        bed.keyed(1, "k"),
    ];
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    bed.enqueue(jobs).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    bed.settle(&mut worker, leased.lease(), failed(true)).await;

    let list = async |filter: Filter, size, cursor| {
        let page = bed
            .store
            .list(&scope(1), filter, PageRequest { size, cursor })
            .await
            .unwrap();
        (
            page.items.iter().map(|job| job.id).collect::<Vec<_>>(),
            page.next_cursor,
        )
    };
    let first = list(Filter::default(), 2, None).await;
    assert_eq!(first.0, [ids[4], ids[3]]);
    let second = list(Filter::default(), 2, first.1).await;
    assert_eq!(second.0, [ids[2], ids[1]]);
    let last = list(Filter::default(), 2, second.1).await;
    assert_eq!(last, (vec![ids[0]], None));

    let of_first = Filter {
        resource: "assets/1".to_owned(),
        ..Filter::default()
    };
    assert_eq!(list(of_first, 9, None).await.0, [ids[2], ids[0]]);
    let dead = Filter {
        states: vec![State::Dead],
        ..Filter::default()
    };
    assert_eq!(list(dead, 9, None).await.0, [ids[0]]);
    let ready = Filter {
        states: vec![State::Ready, State::Blocked],
        ..Filter::default()
    };
    assert_eq!(
        list(ready, 9, None).await.0,
        [ids[4], ids[3], ids[2], ids[1]]
    );
    let other = Filter {
        kind: "agents.other".to_owned(),
        ..Filter::default()
    };
    assert!(list(other, 9, None).await.0.is_empty());
}

#[tokio::test]
async fn every_change_gets_a_later_revision() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let mut seen = 0;
    let id = bed.enqueue_one(bed.job(1)).await;
    let grew = async |seen: &mut i64| {
        let job = bed.read(1, id).await;
        assert!(job.revision > *seen, "{:?}", job.state);
        let changed = bed
            .store
            .changed_since(&scope(1), (*seen, i64::MAX), 9)
            .await
            .unwrap();
        assert_eq!(changed, std::slice::from_ref(&job));
        *seen = job.revision;
    };
    grew(&mut seen).await;
    let leased = bed.take(&mut worker, 1).await.remove(0);
    grew(&mut seen).await;
    bed.settle(&mut worker, leased.lease(), failed(true)).await;
    grew(&mut seen).await;
    bed.queue.retry(&scope(1), id).await.unwrap();
    grew(&mut seen).await;
    bed.queue.cancel(&scope(1), id).await.unwrap();
    grew(&mut seen).await;
}
