//! F09 and F30: what becomes of a job whose worker sleeps past its lease, and of one that takes
//! every worker with it.

use std::time::Duration;

use serde_json::{Value, json};
use t11_testkit::fake_model::{EMBEDDING_MODEL, FakeModel, Received, Script};
use t11_tests::client::name;
use t11_tests::processes::{Plan, ProcessMesh};
use t11_tests::{Client, eventually};

use crate::load::is_read_once;
use crate::memory::die_of_hunger;
use crate::{kills, mesh, report};

/// Names the model that makes vectors, so that the job which reads an article waits for it.
fn variables(url: &str) -> [(&str, &str); 4] {
    [
        ("OPENROUTER_BASE_URL", url),
        ("OPENROUTER_API_KEY", "sk-or-v1-of-a-test"),
        ("T11_LLM__EMBEDDING_MODEL", EMBEDDING_MODEL),
        // The shortest there may be.
        ("T11_JOBS__LEASE_MS", "10000"),
    ]
}

async fn article(client: &Client, display_name: &str) -> String {
    let content = format!("# {display_name}\n\nДоставка стоит 500 рублей.");
    let body = json!({"display_name": display_name, "content": content});
    let path = "/api/knowledge/sources:createArticle";
    name(&client.post(path, body).await.ok())
}

/// The job that works on `source`.
async fn job_of(client: &Client, source: &str) -> Value {
    let path = format!("/api/jobs?resource={source}");
    eventually("the job", || async {
        let jobs = client.get(&path).await.ok();
        jobs["jobs"].get(0).cloned()
    })
    .await
}

/// One vector, made while nobody listened.
fn late_vector(after: Duration) -> Script {
    let vector = vec![0.0625; 256];
    let answer = json!({
        "object": "list", "model": EMBEDDING_MODEL,
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
    });
    let slow = Script::plain(200, "application/json", "").pause(after);
    slow.bytes(answer.to_string())
}

/// Waits until the model has been asked about `text` so many times.
async fn until_asked(model: &FakeModel, text: &str, times: usize) {
    let is_about = |asked: &Received| asked.body.to_string().contains(text);
    eventually("the question", || async {
        let asked = model.received().into_iter().filter(is_about);
        (asked.count() >= times).then_some(())
    })
    .await;
}

/// The only worker there is takes a job, sleeps, and wakes when another has done it.
async fn overslept(mesh: &mut ProcessMesh, model: &FakeModel, owner: &Client, number: u64) {
    let [sleeper, other] = if number.is_multiple_of(2) {
        [0, 1]
    } else {
        [1, 0]
    };
    mesh.kill("agents", other);
    let display_name = format!("Сон {number}");
    model.script(late_vector(Duration::from_secs(2)));
    let source = article(owner, &display_name).await;
    until_asked(model, &display_name, 1).await;
    mesh.freeze("agents", sleeper);
    mesh.restart("agents", other);
    is_read_once(owner, &source).await;
    let done = job_of(owner, &source).await;
    // Once with the lease, and once more if the call in which the sleeper waited for work got it.
    assert!(matches!(done["lost"].as_u64(), Some(1 | 2)), "{done}");
    assert_eq!(done["attempt"], 0, "{done}");
    mesh.thaw("agents", sleeper);
    eventually("the lost lease", || async {
        let log = mesh.log("agents", sleeper);
        log.contains("lease lost").then_some(())
    })
    .await;
    is_read_once(owner, &source).await;
    let still = job_of(owner, &source).await;
    assert_eq!(still, done, "a late result changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn f09_a_worker_that_sleeps_past_its_lease_changes_nothing_when_it_wakes() {
    let model = FakeModel::start().await;
    let url = model.base_url();
    let plan = Plan {
        replicas: 2,
        variables: &variables(&url),
        ..Plan::default()
    };
    let Some((mut mesh, _room)) = mesh(plan).await else {
        return;
    };
    let owner = mesh.owner("Asleep").await;
    let rounds = kills(1).div_ceil(10);
    for number in 0..rounds {
        overslept(&mut mesh, &model, &owner, number).await;
        mesh.until_balanced().await;
    }
    // Those who slept work again.
    let source = article(&owner, "Утро").await;
    is_read_once(&owner, &source).await;
    report(&json!({"rows": "F09", "kills": rounds, "frozen": rounds, "late_results_taken": 0}));
}

/// How workers disappear with the job; the last is one too many, and the job is taken for the cause.
const ENDS: [End; 3] = [End::Killed, End::Aborted, End::OutOfMemory];

#[derive(Debug, Clone, Copy)]
enum End {
    Killed,
    Aborted,
    OutOfMemory,
}

impl End {
    /// Ends the only worker.
    async fn come(self, mesh: &mut ProcessMesh, stranger: &Client) {
        match self {
            Self::Killed => {}
            Self::Aborted => mesh.abort("agents", 0),
            Self::OutOfMemory => die_of_hunger(mesh, stranger, 0).await,
        }
        mesh.kill("agents", 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f30_a_job_that_takes_its_workers_with_it_is_buried_and_others_are_done_meanwhile() {
    let model = FakeModel::start().await;
    let url = model.base_url();
    let plan = Plan {
        variables: &variables(&url),
        ..Plan::default()
    };
    let Some((mut mesh, _room)) = mesh(plan).await else {
        return;
    };
    let (owner, other) = (mesh.owner("Poison").await, mesh.owner("Other").await);
    model.script(Script::mute());
    let poison = article(&owner, "Яд").await;
    for (lost, end) in (1..).zip(ENDS) {
        // Asked about and never answered: the worker has it in hand.
        until_asked(&model, "Яд", lost).await;
        let source = article(&other, &format!("Статья {lost}")).await;
        is_read_once(&other, &source).await;
        if lost < ENDS.len() {
            model.script(Script::mute());
        }
        end.come(&mut mesh, &other).await;
        mesh.restart("agents", 0);
        mesh.until_balanced().await;
    }
    let buried = eventually("the dead letter", || async {
        let job = job_of(&owner, &poison).await;
        (job["state"] == "JOB_STATE_DEAD").then_some(job)
    })
    .await;
    assert_eq!(buried["lost"], ENDS.len(), "{buried}");
    assert_eq!(buried["error"]["reason"], "POISON", "{buried}");
    // Once the poison is gone it can be done after all.
    let retry = format!("/api/{}:retry", name(&buried));
    owner.post(&retry, json!({})).await.ok();
    is_read_once(&owner, &poison).await;
    report(&json!({"rows": "F30", "kills": ENDS.len(), "others_done": ENDS.len()}));
}
