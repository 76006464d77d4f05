//! F38: processes that may have little memory.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use t11_tests::processes::{Plan, ProcessMesh, SERVICES};
use t11_tests::{Client, eventually};
use tokio::task::JoinSet;

use crate::load::{READS, Readers, Writers};
use crate::{kills, mesh, report};

const MEMORY: u64 = 256 * 1024 * 1024;
/// Calls at a time that each service has room for, and people who call.
const ROOM: &str = "16";
const PEOPLE: usize = 300;
const FLOOD: Duration = Duration::from_secs(4);
/// A body that no free place of a heap holds.
const LONG: usize = 700 * 1024;

/// What many people at once were told.
#[derive(Debug, Default)]
struct Told {
    answered: u64,
    shed: u64,
}

/// Everybody calls as often as they can; each call is answered, or refused with the right word.
async fn flood(owner: &Client) -> Told {
    let start = Instant::now();
    let mut people = JoinSet::new();
    for number in 0..PEOPLE {
        let client = owner.clone();
        people.spawn(async move {
            let mut told = Told::default();
            while start.elapsed() < FLOOD {
                let answer = client.get(READS[number % READS.len()]).await;
                match answer.status {
                    StatusCode::OK => told.answered += 1,
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        told.shed += 1
                    }
                    _ => panic!("{}: {}", answer.status, answer.body),
                }
            }
            told
        });
    }
    let mut all = Told::default();
    for told in people.join_all().await {
        all.answered += told.answered;
        all.shed += told.shed;
    }
    all
}

/// One replica of the agents service gets no more memory, and is asked for what needs some until it
/// dies of it. What is asked for is refused if it is looked at, for it has no name.
pub(crate) async fn die_of_hunger(mesh: &mut ProcessMesh, owner: &Client, number: usize) {
    mesh.starve("agents", number);
    let content = "Доставка. ".repeat(LONG / "Доставка. ".len());
    let body = json!({"display_name": "", "content": content});
    let end = Instant::now() + Duration::from_secs(60);
    while !mesh.has_ended("agents", number) {
        assert!(Instant::now() < end, "it lives without memory");
        let path = "/api/knowledge/sources:createArticle";
        let sent = owner.request(Method::POST, path).json(&body).send().await;
        drop(sent.unwrap().bytes().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f38_with_little_memory_calls_are_shed_and_who_dies_of_it_recovers() {
    let plan = Plan {
        replicas: 2,
        variables: &[("T11_MAX_CALLS", ROOM)],
        memory: Some(MEMORY),
        ..Plan::default()
    };
    let Some((mut mesh, _room)) = mesh(plan).await else {
        return;
    };
    let (owner, eater) = (mesh.owner("Flood").await, mesh.owner("Hunger").await);
    mesh.until_balanced().await;
    let writers = Writers::start(&owner);
    let told = flood(&owner).await;
    assert!(told.answered > 0 && told.shed > 0, "{told:?}");
    for service in SERVICES {
        for number in 0..2 {
            assert!(
                !mesh.has_ended(service, number),
                "{service} died of a flood"
            );
        }
    }
    eventually("calm", || async {
        let answer = owner.get("/api/agents").await;
        answer.status.is_success().then_some(())
    })
    .await;
    mesh.until_balanced().await;

    let readers = Readers::start(&owner);
    let deaths = kills(1).div_ceil(10);
    for death in 0..deaths {
        let number = usize::try_from(death % 2).unwrap();
        die_of_hunger(&mut mesh, &eater, number).await;
        mesh.kill("agents", number);
        mesh.restart("agents", number);
        mesh.until_ready().await;
        mesh.until_balanced().await;
    }
    let answered = readers.end().await;
    let written = writers.end().await;
    written.check().await;
    report(&json!({
        "rows": "F38", "kills": deaths, "answered": told.answered, "shed": told.shed,
        "reads": answered, "refused": 0, "acknowledged": written.count(), "lost": 0,
    }));
}
