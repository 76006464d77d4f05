//! F01–F05 and F37: processes of every service end under load, killed or asked to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use t11_tests::Client;
use t11_tests::client::events;
use t11_tests::processes::{Plan, ProcessMesh, SERVICES};
use tokio::task::JoinHandle;

use crate::load::{Readers, Writers};
use crate::{dice, kills, mesh, report};

/// What the hardest stop may take (the grace of a pod is longer).
const STOPPED_WITHIN: Duration = Duration::from_secs(25);
/// Longest random wait before a kill, and before the killed process is started again.
const WAIT_MS: u64 = 600;
/// Before somebody who was refused asks again.
const AGAIN: Duration = Duration::from_millis(100);

/// One replica of each service, each at a moment of its own; then all are there again.
async fn kill_one_of_each(mesh: &mut ProcessMesh, number: usize) {
    for service in SERVICES {
        tokio::time::sleep(Duration::from_millis(dice(WAIT_MS))).await;
        mesh.kill(service, number);
    }
    for service in SERVICES {
        tokio::time::sleep(Duration::from_millis(dice(WAIT_MS))).await;
        mesh.restart(service, number);
    }
    mesh.until_ready().await;
    mesh.until_balanced().await;
}

/// Somebody who asks one question after the other, each in a conversation of its own.
struct Chatter {
    task: JoinHandle<Vec<String>>,
    stop: Arc<AtomicBool>,
    client: Client,
}

impl Chatter {
    fn start(client: &Client, agent: String) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (asking, until) = (client.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut heard = Vec::new();
            while !until.load(Ordering::Relaxed) {
                match ask(&asking, &agent).await {
                    Some(conversation) => heard.push(conversation),
                    None => tokio::time::sleep(AGAIN).await,
                }
            }
            heard
        });
        Self {
            task,
            stop,
            client: client.clone(),
        }
    }

    /// Asserts that every answer that was heard to its end is stored, once; how many there were.
    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let heard = self.task.await.unwrap();
        assert!(!heard.is_empty(), "no question was answered");
        for conversation in &heard {
            let path = format!("/api/{conversation}/messages");
            let messages = self.client.get(&path).await.ok();
            let count = messages["messages"].as_array().map_or(0, Vec::len);
            assert_eq!(count, 2, "a question and its answer: {messages}");
        }
        heard.len()
    }
}

/// The conversation, if the answer was heard to its end.
async fn ask(client: &Client, agent: &str) -> Option<String> {
    let made = client
        .post("/api/conversations", json!({"agent": agent}))
        .await;
    let conversation = made.body["name"].as_str()?.to_owned();
    let asked = client
        .request(Method::POST, &format!("/api/{conversation}:chat"))
        .json(&json!({"text": "Сколько стоит доставка?"}));
    let said = asked.send().await.ok()?.text().await.ok()?;
    // A turn whose model was killed finishes too, and says that it has no answer.
    let is_whole = events(&said)
        .iter()
        .any(|(name, data)| name == "finished" && data["finished"]["answer"].is_object());
    is_whole.then_some(conversation)
}

#[tokio::test(flavor = "multi_thread")]
async fn f01_f02_f03_f04_f05_killed_at_random_nothing_is_lost_or_doubled_and_no_read_fails() {
    let plan = Plan {
        replicas: 2,
        ..Plan::default()
    };
    let Some((mut mesh, _room)) = mesh(plan).await else {
        return;
    };
    let owner = mesh.owner("Killed").await;
    let agent = owner.agent(json!({"display_name": "Анна"})).await;
    mesh.until_balanced().await;
    let (readers, writers) = (Readers::start(&owner), Writers::start(&owner));
    let chatter = Chatter::start(&owner, agent);
    let rounds = kills(2);
    for round in 0..rounds {
        kill_one_of_each(&mut mesh, usize::try_from(round % 2).unwrap()).await;
    }
    let answered = readers.end().await;
    let written = writers.end().await;
    let answers = chatter.end().await;
    written.check().await;
    report(&json!({
        "rows": "F01-F05", "kills": rounds * SERVICES.len() as u64, "reads": answered,
        "refused": 0, "acknowledged": written.count(), "answers": answers, "lost": 0, "doubled": 0,
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn f37_replicas_told_to_stop_end_in_time_and_no_read_fails() {
    let plan = Plan {
        replicas: 2,
        ..Plan::default()
    };
    let Some((mut mesh, _room)) = mesh(plan).await else {
        return;
    };
    let owner = mesh.owner("Stopped").await;
    mesh.until_balanced().await;
    let (readers, writers) = (Readers::start(&owner), Writers::start(&owner));
    let longest = mesh.terminate_all(1);
    assert!(longest < STOPPED_WITHIN, "{longest:?}");
    let answered = readers.end().await;
    let written = writers.end().await;
    written.check().await;
    report(&json!({
        "rows": "F37", "stops": SERVICES.len(), "reads": answered, "refused": 0,
        "acknowledged": written.count(), "lost": 0, "longest_ms": longest.as_millis(),
    }));
}
