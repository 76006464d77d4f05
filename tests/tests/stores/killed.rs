//! F06: the database is killed and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use t11_tests::{Answer, Client};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::mesh::{Services, add_agent, agents, lost, writes_within};
use t11_tests::servers::Postgres;

/// Kills of the short form; `T11_KILLS` asks for more.
const KILLS: u32 = 4;
/// How soon after the return of the database all must work again.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// People who write without a pause.
struct Writers {
    tasks: JoinSet<Written>,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct Written {
    acknowledged: Vec<String>,
    refused: Vec<Answer>,
}

impl Writers {
    fn start(owner: &Client, number: u32) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut tasks = JoinSet::new();
        for writer in 0..number {
            let (owner, stop) = (owner.clone(), stop.clone());
            tasks.spawn(async move {
                let mut written = Written::default();
                for count in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let name = format!("writer-{writer}-{count}");
                    let answer = add_agent(&owner, &name).await;
                    if answer.status.is_success() {
                        written.acknowledged.push(name);
                    } else {
                        written.refused.push(answer);
                    }
                    sleep(Duration::from_millis(10)).await;
                }
                written
            });
        }
        Self { tasks, stop }
    }

    async fn end(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Written::default();
        for written in self.tasks.join_all().await {
            all.acknowledged.extend(written.acknowledged);
            all.refused.extend(written.refused);
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_no_acknowledged_write_is_lost_when_postgres_is_killed() {
    let Some(mut server) = Postgres::start("F06").await else {
        return;
    };
    let asked = std::env::var("T11_KILLS").ok();
    let kills = asked.and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let services = Services::start(&[("DATABASE_URL", &server.url())]).await;
    let owner = services.owner("F06").await;
    let writers = Writers::start(&owner, 4);
    let mut acknowledged = Vec::new();
    for kill in 0..kills {
        // Another moment each time.
        sleep(Duration::from_millis(300 + u64::from(kill) * 37 % 400)).await;
        server.kill();
        sleep(Duration::from_millis(400)).await;
        server.start_again().await;
        let name = format!("back-{kill}");
        acknowledged.push(writes_within(&owner, BACK_WITHIN, &name).await);
        agents(&owner).await;
    }
    let written = writers.end().await;
    assert!(!written.refused.is_empty(), "no kill was noticed");
    let refused = written.refused.len();
    for answer in written.refused {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert_eq!(answer.reason(), "DATABASE_UNAVAILABLE", "{answer:?}");
    }
    acknowledged.extend(written.acknowledged);
    let lost = lost(&owner, &acknowledged).await;
    assert!(lost.is_empty(), "of {}: {lost:?}", acknowledged.len());
    let written = acknowledged.len();
    eprintln!("F06: {kills} kills, {written} acknowledged, {refused} refused, none lost");
    services.stop().await;
}
