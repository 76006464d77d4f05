//! F19: replicas of the queue whose clocks are minutes apart.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use serde_json::json;
use t11_core::{ManualWorld, World};
use t11_jobs::job::NewJob;
use t11_jobs::lease::Outcome;
use t11_jobs::store::{Call, Patience, Round, Settlement, Store, Want};
use t11_store::testing::TestDb;
use uuid::Uuid;

use crate::report;

const QUEUE: &str = "crm";
const APART: TimeDelta = TimeDelta::minutes(5);
const JOBS: usize = 40;

fn job(world: &World) -> NewJob {
    NewJob {
        id: world.new_id(),
        org: Uuid::max(),
        queue: QUEUE.to_owned(),
        kind: "crm.note".to_owned(),
        payload: Vec::new(),
        priority: 0,
        run_time: None,
        ordering_key: Some("one conversation".to_owned()),
        unique_key: None,
        max_attempts: 0,
        timeout_ms: 0,
        resource: String::new(),
        display_name: String::new(),
        traceparent: None,
    }
}

/// One call of the only worker.
fn call(boot: Uuid, sequence: i64, settlements: Vec<Settlement>) -> Call {
    let want = Want {
        queue: QUEUE.to_owned(),
        slots: 1,
    };
    Call {
        worker: "w".to_owned(),
        boot,
        sequence,
        settlements,
        extensions: Vec::new(),
        wants: vec![want],
        leaving: false,
    }
}

#[tokio::test]
async fn f19_jobs_run_in_the_order_in_which_they_were_enqueued_whatever_the_replicas_clocks_say() {
    let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let [behind, ahead]: [Arc<ManualWorld>; 2] =
        [(start, 1), (start + APART, 2)].map(|(now, seed)| ManualWorld::new(now, seed));
    let worlds = [behind.world(), ahead.world()];
    let migrate = |db| async move { t11_migrations::migrate("jobs", &db).await };
    let db = TestDb::with_world(worlds[0].clone(), migrate).await;
    let stores = worlds
        .each_ref()
        .map(|world| Store::new(db.db(), world.clone(), t11_jobs::Config::default()));

    let mut enqueued = Vec::new();
    for number in 0..JOBS {
        // The one that is ahead goes first, and each clock leaps once on the way.
        let at = (number + 1) % 2;
        let job = job(&worlds[at]);
        enqueued.push(job.id);
        let round = Round {
            enqueues: vec![vec![job]],
            ..Round::default()
        };
        stores[at].transact(round).await.unwrap();
        if number == JOBS / 2 {
            ahead.advance(-APART * 2);
            behind.advance(APART);
        }
    }

    let (boot, mut taken, mut settlements) = (Uuid::max(), Vec::new(), Vec::new());
    for number in 0..JOBS {
        let call = call(boot, i64::try_from(number + 1).unwrap(), settlements);
        let round = Round {
            exchanges: vec![(call, Patience::Wait)],
            ..Round::default()
        };
        let mut done = stores[number % 2].transact(round).await.unwrap();
        let answer = done.answers.remove(0).unwrap();
        assert!(answer.lost.is_empty(), "{answer:?}");
        let leased = &answer.leases[0];
        taken.push(leased.job.id);
        settlements = vec![Settlement {
            lease: leased.lease(),
            outcome: Outcome::Succeeded,
        }];
    }
    assert_eq!(taken, enqueued);
    report(&json!({"rows": "F19", "jobs": JOBS, "out_of_order": 0}));
}
