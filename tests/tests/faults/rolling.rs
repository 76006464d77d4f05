//! A release: every replica of every service is replaced while requests come at a fixed rate, and
//! none of them fails, writes included.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use t11_tests::processes::{Plan, SERVICES};
use t11_tests::{Answer, Client};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::load::READS;
use crate::{mesh, report};

/// Requests a second of the short form; `T11_RATE` asks for another rate.
const RATE: u64 = 50;
/// One request of so many writes.
const WRITES: usize = 10;

/// Requests that come whether or not the last ones were answered.
struct Arrivals {
    task: JoinHandle<Vec<Answer>>,
    stop: Arc<AtomicBool>,
    started: Instant,
}

impl Arrivals {
    fn start(client: &Client, agent: String, rate: u64) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (client, until) = (client.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut ticks =
                tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut requests = JoinSet::new();
            for number in 0.. {
                ticks.tick().await;
                if until.load(Ordering::Relaxed) {
                    break;
                }
                requests.spawn(request(client.clone(), agent.clone(), number));
            }
            requests.join_all().await
        });
        Self {
            task,
            stop,
            started: Instant::now(),
        }
    }

    /// Asserts that none failed; how many there were, and how many a second.
    async fn end(self) -> (usize, f64) {
        self.stop.store(true, Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs_f64();
        let answers = self.task.await.unwrap();
        let failed: Vec<_> = answers
            .iter()
            .filter(|it| !it.status.is_success())
            .collect();
        assert!(
            failed.is_empty(),
            "{} of {}: {failed:#?}",
            failed.len(),
            answers.len()
        );
        (answers.len(), answers.len() as f64 / seconds)
    }
}

async fn request(client: Client, agent: String, number: usize) -> Answer {
    if number.is_multiple_of(WRITES) {
        let named = json!({"display_name": format!("Анна {number}")});
        return client.patch(&format!("/api/{agent}"), named).await;
    }
    client.get(READS[number % READS.len()]).await
}

fn rate() -> u64 {
    let told = std::env::var("T11_RATE").ok();
    told.and_then(|rate| rate.parse().ok()).unwrap_or(RATE)
}

#[tokio::test(flavor = "multi_thread")]
async fn f37_every_replica_is_replaced_under_load_and_no_request_fails() {
    let plan = Plan {
        replicas: 2,
        ..Plan::default()
    };
    let Some((mut mesh, _room)) = mesh(plan).await else {
        return;
    };
    let owner = mesh.owner("Released").await;
    let agent = owner.agent(json!({"display_name": "Анна"})).await;
    mesh.until_balanced().await;
    let arrivals = Arrivals::start(&owner, agent, rate());
    for service in SERVICES {
        for number in 0..2 {
            mesh.terminate(service, number);
            mesh.restart(service, number);
            mesh.until_ready().await;
            mesh.until_balanced().await;
        }
    }
    let (requests, per_second) = arrivals.end().await;
    report(&json!({
        "rows": "F37", "replaced": 2 * SERVICES.len(), "requests": requests,
        "per_second": per_second.round(), "failed": 0,
    }));
}
