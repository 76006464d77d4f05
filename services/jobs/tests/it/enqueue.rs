//! What enqueueing promises.

use chrono::TimeDelta;
use futures::FutureExt as _;
use futures::future::join_all;
use sea_orm::ConnectionTrait as _;
use t11_jobs::job::{NewJob, State};
use t11_jobs::store::Enqueued;
use t11_store::{Engine, StoreError};

use crate::bed::{Bed, ids, scope};

#[tokio::test]
async fn a_known_id_changes_nothing() {
    let bed = Bed::new().await;
    let job = bed.job(1);
    let twice = bed.enqueue(vec![job.clone(), job.clone()]).await;
    let other = NewJob {
        kind: "agents.other".to_owned(),
        ..job.clone()
    };
    let again = bed.enqueue(vec![other]).await;
    assert_eq!(
        twice[0],
        Enqueued {
            id: job.id,
            is_duplicate: false
        }
    );
    assert_eq!(
        twice[1],
        Enqueued {
            id: job.id,
            is_duplicate: true
        }
    );
    assert_eq!(
        again[0],
        Enqueued {
            id: job.id,
            is_duplicate: true
        }
    );
    assert_eq!(bed.all(1).await.len(), 1);
    assert_eq!(bed.read(1, job.id).await.kind, "agents.test");
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn the_id_of_an_ended_job_is_remembered_for_its_history() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let job = bed.job(1);
    bed.enqueue(vec![job.clone()]).await;
    let leased = bed.take(&mut worker, 1).await;
    bed.succeed(&mut worker, &leased[0]).await;

    bed.advance(TimeDelta::days(29));
    assert_eq!(bed.queue.forget().await.unwrap(), 0);
    assert!(bed.enqueue(vec![job.clone()]).await[0].is_duplicate);

    bed.advance(TimeDelta::days(2));
    assert_eq!(bed.queue.forget().await.unwrap(), 1);
    assert!(bed.all(1).await.is_empty());
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn history_never_takes_what_is_not_finished() {
    let bed = Bed::new().await;
    bed.enqueue_one(bed.job(1)).await;
    bed.advance(TimeDelta::days(365));
    assert_eq!(bed.queue.forget().await.unwrap(), 0);
    assert_eq!(bed.all(1).await.len(), 1);
}

#[tokio::test]
async fn a_unique_key_is_free_again_when_its_job_has_ended() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let unique = |org| NewJob {
        unique_key: Some("resync".to_owned()),
        ..bed.job(org)
    };
    let first = bed.enqueue_one(unique(1)).await;
    let second = bed.enqueue(vec![unique(1), unique(1)]).await;
    assert!(second.iter().all(|one| *one
        == Enqueued {
            id: first,
            is_duplicate: true
        }));
    assert!(
        !bed.enqueue(vec![unique(2)]).await[0].is_duplicate,
        "another organization's"
    );

    let leased = bed.take(&mut worker, 1).await;
    assert!(
        bed.enqueue(vec![unique(1)]).await[0].is_duplicate,
        "it is running"
    );
    bed.succeed(&mut worker, &leased[0]).await;
    assert!(!bed.enqueue(vec![unique(1)]).await[0].is_duplicate);
    bed.check_counts([1, 2]).await;
}

#[tokio::test]
async fn a_job_waits_for_its_time() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let later = bed.world().now() + TimeDelta::seconds(60);
    let id = bed
        .enqueue_one(NewJob {
            run_time: Some(later),
            ..bed.job(1)
        })
        .await;
    assert_eq!(bed.read(1, id).await.state, State::Scheduled);
    assert_eq!(bed.queue.run_due().await.unwrap(), Some(later));

    bed.advance(TimeDelta::seconds(59));
    bed.queue.run_due().await.unwrap();
    assert!(bed.take(&mut worker, 1).await.is_empty());
    bed.advance(TimeDelta::seconds(1));
    assert_eq!(bed.queue.run_due().await.unwrap(), None);
    assert_eq!(ids(&bed.take(&mut worker, 1).await), [id]);
    bed.check_counts([1]).await;
}

#[tokio::test]
async fn who_waits_for_the_next_due_job_hears_of_sooner_ones_alone() {
    let bed = Bed::new().await;
    let now = bed.world().now();
    let enqueue = async |minutes| {
        let run_time = Some(now + TimeDelta::minutes(minutes));
        let job = NewJob {
            run_time,
            ..bed.job(1)
        };
        bed.enqueue_one(job).await;
    };
    let first = bed.queue.due_sooner();
    enqueue(10).await;
    first.await;
    bed.queue.run_due().await.unwrap();
    let mut rung = bed.queue.due_sooner();
    enqueue(11).await;
    assert!((&mut rung).now_or_never().is_none());
    enqueue(9).await;
    rung.await;
}

#[tokio::test]
async fn many_due_at_once_are_all_promoted() {
    let bed = Bed::new().await;
    let later = bed.world().now() + TimeDelta::seconds(5);
    let jobs = (0..1200)
        .map(|n| NewJob {
            run_time: Some(later),
            ..bed.job(n % 7)
        })
        .collect();
    bed.enqueue(jobs).await;
    bed.advance(TimeDelta::seconds(5));
    bed.queue.run_due().await.unwrap();
    for org in 0..7 {
        assert!(
            bed.all(org)
                .await
                .iter()
                .all(|job| job.state == State::Ready)
        );
    }
    bed.check_counts(0..7).await;
}

#[tokio::test]
async fn urgent_jobs_go_first_and_others_in_order() {
    let bed = Bed::new().await;
    let mut worker = bed.worker("w");
    let prioritized = |priority| NewJob {
        priority,
        ..bed.job(1)
    };
    let jobs = vec![
        prioritized(0),
        prioritized(-5),
        prioritized(5),
        prioritized(0),
    ];
    let expected = [jobs[2].id, jobs[0].id, jobs[3].id, jobs[1].id];
    bed.enqueue(jobs).await;
    assert_eq!(ids(&bed.take(&mut worker, 4).await), expected);
}

#[tokio::test]
async fn an_organization_sees_only_its_own() {
    let bed = Bed::new().await;
    let id = bed.enqueue_one(bed.job(1)).await;
    let missing = bed.world().new_id();
    for id in [id, missing] {
        let error = bed.store.job(&scope(2), id).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no such job");
        assert!(bed.queue.cancel(&scope(2), id).await.is_err());
    }
    assert!(bed.all(2).await.is_empty());
    assert_eq!(bed.read(1, id).await.state, State::Ready);
}

/// Makes the database refuse jobs of this kind.
async fn refuse(bed: &Bed, kind: &str) {
    let sql = match bed.db.engine() {
        Engine::Sqlite => format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON jobs WHEN NEW.kind = '{kind}' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ),
        Engine::Postgres => format!("ALTER TABLE jobs ADD CHECK (kind <> '{kind}')"),
    };
    let changed = bed.db.migrate(|tx| async move {
        tx.execute_unprepared(&sql).await?;
        Ok::<_, StoreError>(())
    });
    changed.await.unwrap();
}

#[tokio::test]
async fn calls_that_come_together_are_written_together() {
    let bed = Bed::new().await;
    let twin = bed.job(1);
    let calls = (0..30).map(|n| match n {
        7 | 20 => vec![twin.clone()],
        _ => vec![bed.job(n % 3), bed.job(n % 3)],
    });
    let calls: Vec<Vec<NewJob>> = calls.collect();
    let before = bed.db.counters().writes;
    let answers = join_all(calls.iter().map(|jobs| bed.queue.enqueue(jobs.clone()))).await;
    assert!(bed.db.counters().writes - before < 10, "each by itself");
    for (n, (jobs, answer)) in calls.iter().zip(answers).enumerate() {
        let expected: Vec<_> = jobs
            .iter()
            .map(|job| Enqueued {
                id: job.id,
                is_duplicate: n == 20,
            })
            .collect();
        assert_eq!(answer.unwrap(), expected, "call {n}");
    }
    bed.check_counts([0, 1, 2]).await;
}

#[tokio::test]
async fn a_job_that_is_refused_fails_no_other_call() {
    let bed = Bed::new().await;
    refuse(&bed, "agents.bad").await;
    let bad = NewJob {
        kind: "agents.bad".to_owned(),
        ..bed.job(1)
    };
    let calls = (0..10).map(|n| match n {
        4 => vec![bed.job(1), bad.clone()],
        _ => vec![bed.job(1)],
    });
    let answers = join_all(calls.map(|jobs| bed.queue.enqueue(jobs))).await;
    let failed: Vec<_> = (0..10).filter(|n| answers[*n].is_err()).collect();
    assert_eq!(failed, [4]);
    assert_eq!(bed.all(1).await.len(), 9, "nothing of the call that failed");
    bed.check_counts([1]).await;
}
