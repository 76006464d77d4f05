use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use metrics_exporter_prometheus::PrometheusBuilder;
use t11_core::{ManualWorld, World};
use t11_store::testing::TestDb;
use t11_store::{Db, JobSink, NewJob, OutboxJob, Relay, SinkError, StoreError, System};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fixture::{add_note, database, migrate, org, scope, texts};

/// Passes on what it takes, and refuses as often as told to.
struct Sink {
    refusals: Mutex<u32>,
    taken: mpsc::UnboundedSender<Vec<OutboxJob>>,
}

#[async_trait]
impl JobSink for Sink {
    async fn deliver(&self, jobs: &[OutboxJob]) -> Result<(), SinkError> {
        let refuse = {
            let mut refusals = self.refusals.lock().unwrap();
            let refuse = *refusals > 0;
            *refusals = refusals.saturating_sub(1);
            refuse
        };
        // What is refused may have been taken all the same: the answer was lost.
        self.taken.send(jobs.to_vec()).unwrap();
        if refuse {
            Err("the answer was lost".into())
        } else {
            Ok(())
        }
    }
}

struct Relaying {
    taken: mpsc::UnboundedReceiver<Vec<OutboxJob>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Relaying {
    fn start(db: Db, refusals: u32) -> Self {
        let (sender, taken) = mpsc::unbounded_channel();
        let sink = Sink {
            refusals: Mutex::new(refusals),
            taken: sender,
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(Relay::new("test", db, Arc::new(sink)).run(stop.clone()));
        Self { taken, stop, task }
    }

    async fn next(&mut self) -> Vec<OutboxJob> {
        self.taken.recv().await.unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn job(number: u128) -> NewJob {
    NewJob::new(Uuid::from_u128(number), "q", "test.work", vec![1, 2, 3])
}

async fn enqueue(db: &Db, numbers: impl IntoIterator<Item = u128>) {
    let numbers: Vec<_> = numbers.into_iter().collect();
    db.write(&scope(1), move |tx| async move {
        for number in numbers {
            tx.enqueue(job(number)).await?;
        }
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
}

/// Returns when nothing is left in the outbox, which the relay clears after a delivery.
async fn until_empty(db: &Db) {
    loop {
        let left = db
            .read(System("test"), |tx| async move {
                use sea_orm::ConnectionTrait as _;
                let any = sea_orm::Statement::from_string(
                    tx.get_database_backend(),
                    "SELECT 1 FROM outbox LIMIT 1",
                );
                Ok::<_, StoreError>(tx.query_one_raw(any).await?.is_some())
            })
            .await
            .unwrap();
        if !left {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn numbers(jobs: &[OutboxJob]) -> Vec<u128> {
    jobs.iter().map(|job| job.id.as_u128()).collect()
}

#[tokio::test]
async fn a_job_arrives_as_it_was_enqueued() {
    let db = database().await;
    let traced = db.db().with_trace_context(|| Some("00-trace".to_owned()));
    let mut relaying = Relaying::start(db.db(), 0);
    let run_at = World::system().now() + chrono::TimeDelta::hours(1);
    let sent = NewJob {
        ordering_key: Some("conversation/1".to_owned()),
        unique_key: Some("turn/1".to_owned()),
        priority: -3,
        run_at: Some(run_at),
        ..job(1)
    };
    traced
        .write(&scope(1), {
            let sent = sent.clone();
            move |tx| async move { tx.enqueue(sent).await }
        })
        .await
        .unwrap();
    let taken = relaying.next().await;
    assert_eq!(taken.len(), 1);
    let taken = &taken[0];
    assert_eq!((taken.id, &taken.payload), (sent.id, &sent.payload));
    assert_eq!((&taken.queue, &taken.kind), (&sent.queue, &sent.kind));
    assert_eq!(
        (&taken.ordering_key, &taken.unique_key),
        (&sent.ordering_key, &sent.unique_key)
    );
    assert_eq!((taken.priority, taken.run_at), (-3, run_at));
    assert_eq!(taken.org, Some(org(1)));
    assert_eq!(taken.trace_context.as_deref(), Some("00-trace"));
    until_empty(&db).await;
    relaying.stop().await;
}

#[tokio::test]
async fn a_job_exists_only_if_its_change_does() {
    let db = database().await;
    let mut relaying = Relaying::start(db.db(), 0);
    let failed: Result<(), StoreError> = db
        .write(&scope(1), |tx| async move {
            add_note(&tx, "undone").await?;
            tx.enqueue(job(1)).await?;
            Err(StoreError::Timeout)
        })
        .await;
    assert!(failed.is_err());
    db.write(&scope(1), |tx| async move {
        add_note(&tx, "done").await?;
        tx.enqueue(job(2)).await
    })
    .await
    .unwrap();
    assert_eq!(numbers(&relaying.next().await), [2]);
    assert_eq!(texts(&db).await, ["done"]);
    until_empty(&db).await;
    assert!(relaying.taken.is_empty());
    relaying.stop().await;
}

#[tokio::test]
async fn one_id_is_enqueued_once() {
    let db = database().await;
    enqueue(&db, [1]).await;
    let again = db
        .write(&scope(1), |tx| async move { tx.enqueue(job(1)).await })
        .await;
    assert!(again.unwrap_err().is_conflict_on("outbox", &["id"]));
}

#[tokio::test]
async fn all_jobs_arrive_in_order_though_the_sink_fails() {
    let db = database().await;
    // Ids against the order of enqueuing: it is the order that counts.
    enqueue(&db, (1..=300).rev()).await;
    let mut relaying = Relaying::start(db.db(), 2);
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    let mut deliveries = 0;
    while seen.len() < 300 {
        let jobs = relaying.next().await;
        deliveries += jobs.len();
        for number in numbers(&jobs) {
            if seen.insert(number) {
                order.push(number);
            }
        }
    }
    assert!(order.iter().copied().eq((1..=300).rev()));
    assert!(deliveries > 300, "what was refused comes again");
    until_empty(&db).await;
    relaying.stop().await;
}

#[tokio::test]
async fn a_delivery_is_bounded_by_bytes() {
    let db = database().await;
    db.write(&scope(1), |tx| async move {
        for (number, kilobytes) in [(1, 700), (2, 300), (3, 100), (4, 2000), (5, 1)] {
            tx.enqueue(NewJob {
                payload: vec![0; kilobytes << 10],
                ..job(number)
            })
            .await?;
        }
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
    let mut relaying = Relaying::start(db.db(), 0);
    assert_eq!(numbers(&relaying.next().await), [1, 2]);
    assert_eq!(numbers(&relaying.next().await), [3]);
    assert_eq!(numbers(&relaying.next().await), [4]);
    assert_eq!(numbers(&relaying.next().await), [5]);
    relaying.stop().await;
}

#[tokio::test]
async fn what_was_left_by_a_stopped_relay_is_taken_by_the_next() {
    let db = database().await;
    enqueue(&db, [1, 2]).await;
    let mut refused = Relaying::start(db.db(), u32::MAX);
    assert_eq!(numbers(&refused.next().await), [1, 2]);
    refused.stop().await;
    let mut relaying = Relaying::start(db.db(), 0);
    assert_eq!(numbers(&relaying.next().await), [1, 2]);
    until_empty(&db).await;
    relaying.stop().await;
}

#[tokio::test]
async fn what_waits_is_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let clock = ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1);
    let db = TestDb::with_world(clock.world(), migrate).await;
    enqueue(&db, 1..=3).await;
    clock.advance(TimeDelta::seconds(90));
    enqueue(&db, [4]).await;
    let relaying = Relaying::start(db.db(), u32::MAX);
    for line in [
        "t11_outbox_pending{service=\"test\"} 4",
        "t11_outbox_oldest_age_seconds{service=\"test\"} 90",
    ] {
        while !recorder.handle().render().contains(line) {
            tokio::task::yield_now().await;
        }
    }
    relaying.stop().await;
}
