//! What schedules promise: one job for each due time, however many replicas look.

use chrono::TimeDelta;
use t11_core::Violations;
use t11_jobs::job::{NewJob, State};
use t11_jobs::schedule::{Schedule, Timetable, job_id};

use crate::bed::{Bed, ids};

async fn put(bed: &Bed, cron: &str) -> Schedule {
    let schedule = Schedule {
        key: "agents.resync/1".to_owned(),
        cron: cron.to_owned(),
        time_zone: String::new(),
        job: NewJob {
            kind: "agents.resync".to_owned(),
            ..bed.job(1)
        },
        next_run_time: bed.world().now(),
        last_run_time: None,
    };
    let timetable = Timetable::parse(cron, "", &mut Violations::default()).unwrap();
    bed.queue.put_schedule(schedule, &timetable).await.unwrap()
}

#[tokio::test]
async fn a_due_time_makes_one_job_on_two_replicas() {
    let bed = Bed::new().await;
    let (one, two) = (bed.queue.clone(), bed.replica());
    let stored = put(&bed, "*/5 * * * *").await;
    one.run_due().await.unwrap();
    assert!(bed.all(1).await.is_empty(), "not before its time");
    for round in 1..=3 {
        bed.advance(TimeDelta::minutes(5));
        let (first, second) = tokio::join!(one.run_due(), two.run_due());
        first.unwrap();
        second.unwrap();
        assert_eq!(bed.all(1).await.len(), round);
    }
    let first = &bed.all(1).await[0];
    assert_eq!(first.id, job_id(&stored.key, stored.next_run_time));
    assert_eq!(first.run_time, stored.next_run_time);
    assert_eq!(first.state, State::Ready);
}

#[tokio::test]
async fn times_that_were_missed_give_one_job() {
    let bed = Bed::new().await;
    put(&bed, "*/5 * * * *").await;
    bed.advance(TimeDelta::hours(9));
    bed.queue.run_due().await.unwrap();
    assert_eq!(bed.all(1).await.len(), 1);
    let mut worker = bed.worker("w");
    let taken = bed.take(&mut worker, 9).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].payload, b"payload");
}

#[tokio::test]
async fn a_schedule_put_again_is_replaced_and_a_deleted_one_makes_no_more_jobs() {
    let bed = Bed::new().await;
    put(&bed, "*/5 * * * *").await;
    put(&bed, "0 0 * * *").await;
    bed.advance(TimeDelta::minutes(20));
    bed.queue.run_due().await.unwrap();
    assert!(bed.all(1).await.is_empty());
    bed.store
        .delete_schedule("agents.resync/1".to_owned())
        .await
        .unwrap();
    bed.advance(TimeDelta::days(2));
    bed.queue.run_due().await.unwrap();
    assert!(bed.all(1).await.is_empty());
    assert!(ids(&bed.take(&mut bed.worker("w"), 1).await).is_empty());
}
