//! F08: the proxy that users come to is killed.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use t11_tests::Client;
use t11_tests::client::new_id;
use t11_tests::processes::Plan;
use tokio::task::JoinSet;

use crate::{dice, kills, mesh, report};

/// From the start of a new one to its first answer; of the middle one of all.
const SERVES_WITHIN: Duration = Duration::from_secs(2);
const PEOPLE: usize = 4;

/// Posts agents of names nobody else has, each once, without a request id; the names that were
/// acknowledged.
async fn posts(client: Client) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for _ in 0..25 {
        let display_name = new_id().to_string();
        let body = json!({"display_name": display_name});
        let sent = client
            .request(Method::POST, "/api/agents")
            .json(&body)
            .send();
        if sent
            .await
            .is_ok_and(|response| response.status().is_success())
        {
            acknowledged.push(display_name);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    acknowledged
}

/// Waits for an answer.
async fn until_served(client: &Client) {
    loop {
        let asked = client.request(Method::GET, "/api/agents").send().await;
        if asked.is_ok_and(|response| response.status().is_success()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How often each name is in the list.
async fn listed(client: &Client) -> Vec<String> {
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("/api/agents?page_size=100&page_token={token}");
        let page = client.get(&path).await.ok();
        let name = |agent: &Value| agent["display_name"].as_str().unwrap().to_owned();
        names.extend(page["agents"].as_array().into_iter().flatten().map(name));
        token = page["next_page_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if token.is_empty() {
            return names;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f08_a_new_front_serves_at_once_and_no_post_is_doubled() {
    let Some((mut mesh, _room)) = mesh(Plan::default()).await else {
        return;
    };
    let owner = mesh.owner("Front").await;
    let (mut acknowledged, mut took) = (Vec::new(), Vec::new());
    let rounds = kills(3);
    for _ in 0..rounds {
        let mut people = JoinSet::new();
        for _ in 0..PEOPLE {
            people.spawn(posts(owner.clone()));
        }
        tokio::time::sleep(Duration::from_millis(200 + dice(300))).await;
        mesh.kill_front();
        let start = Instant::now();
        mesh.restart_front();
        until_served(&owner).await;
        took.push(start.elapsed());
        acknowledged.extend(people.join_all().await.into_iter().flatten());
    }
    let mut names = listed(&owner).await;
    let (all, lost) = (
        names.len(),
        acknowledged.iter().filter(|name| !names.contains(name)),
    );
    assert_eq!(lost.count(), 0, "of {}", acknowledged.len());
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "each post was done once at most");
    took.sort();
    let middle = took[took.len() / 2];
    assert!(middle < SERVES_WITHIN, "{took:?}");
    report(&json!({
        "rows": "F08", "kills": rounds, "acknowledged": acknowledged.len(), "lost": 0,
        "doubled": 0, "served_again_ms": middle.as_millis(),
    }));
}
