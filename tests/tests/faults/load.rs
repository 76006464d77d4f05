//! People who use the mesh while it is hurt: readers whom nothing may be refused, and writers who
//! ask again until they are answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use t11_tests::client::{Answer, name, new_id};
use t11_tests::{Client, within};
use tokio::task::JoinSet;

/// Reads of every service, through the front.
pub(crate) const READS: [&str; 5] = [
    "/api/account/organization",
    "/api/agents",
    "/api/crm/connections",
    "/api/llm/models",
    "/api/jobs",
];
/// Between two reads of one reader, and two writes of one writer.
const READ_PAUSE: Duration = Duration::from_millis(5);
const WRITE_PAUSE: Duration = Duration::from_millis(150);
/// Before a writer asks again.
const AGAIN: Duration = Duration::from_millis(200);
/// How long a source may wait to be read.
const READ: Duration = Duration::from_secs(180);

/// People who read without a pause, and what they were refused.
pub(crate) struct Readers {
    tasks: JoinSet<Vec<String>>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

/// One read, asked again when its answer broke off: whoever was killed in the midst of telling it
/// cannot be stood in for by another. Asked again, nothing may be in the way.
async fn read(client: &Client, path: &str) -> Answer {
    match client.get_whole(path).await {
        Ok(answer) => answer,
        Err(broken_off) => {
            println!("asked again, for the answer broke off: {broken_off}");
            client.get(path).await
        }
    }
}

impl Readers {
    pub(crate) fn start(client: &Client) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut tasks = JoinSet::new();
        for path in READS {
            let (client, stop, answered) = (client.clone(), stop.clone(), answered.clone());
            tasks.spawn(async move {
                let mut refused = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let answer = read(&client, path).await;
                    if answer.status.is_success() {
                        answered.fetch_add(1, Ordering::Relaxed);
                    } else {
                        refused.push(format!("{path}: {} {}", answer.status, answer.body));
                    }
                    tokio::time::sleep(READ_PAUSE).await;
                }
                refused
            });
        }
        Self {
            tasks,
            stop,
            answered,
        }
    }

    /// Asserts that nobody was refused anything; how many answers there were.
    pub(crate) async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let refused: Vec<_> = self.tasks.join_all().await.into_iter().flatten().collect();
        let answered = self.answered.load(Ordering::Relaxed);
        assert!(refused.is_empty(), "of {answered}: {}", refused.join("; "));
        assert!(answered >= READS.len(), "only {answered} reads");
        answered
    }
}

/// What a writer makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Thing {
    /// Its text is read, cut and stored by a job of the agents service.
    Article,
    Agent,
    Connection,
    Invite,
}

impl Thing {
    const ALL: [Self; 4] = [Self::Article, Self::Agent, Self::Connection, Self::Invite];

    /// The path and the body of the request that makes number `number`.
    fn request(self, number: u64) -> (String, Value) {
        let request_id = new_id();
        match self {
            Self::Article => {
                let content = format!("# Статья\n\nДоставка номер {number} стоит 500 рублей.");
                let body = json!({
                    "display_name": format!("article-{number}"), "content": content,
                    "request_id": request_id,
                });
                ("/api/knowledge/sources:createArticle".to_owned(), body)
            }
            Self::Agent => {
                let body = json!({"display_name": format!("agent-{number}")});
                (format!("/api/agents?request_id={request_id}"), body)
            }
            Self::Connection => {
                let host = format!("company{number}.kommo.com");
                let body = json!({"host": host, "request_id": request_id});
                ("/api/crm/connections".to_owned(), body)
            }
            Self::Invite => {
                let email = format!("guest{number}@example.com");
                let body = json!({"email": email, "role": "viewer", "request_id": request_id});
                ("/api/account/invites".to_owned(), body)
            }
        }
    }

    /// Where they are listed, the list's field, and the field of a thing that tells it from others.
    fn list(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Article => ("/api/knowledge/sources", "sources", "display_name"),
            Self::Agent => ("/api/agents", "agents", "display_name"),
            Self::Connection => ("/api/crm/connections", "connections", "host"),
            Self::Invite => ("/api/account/invites", "invites", "email"),
        }
    }
}

/// People who write, each until they are answered, under one request id.
pub(crate) struct Writers {
    tasks: JoinSet<(Thing, u64)>,
    stop: Arc<AtomicBool>,
    client: Client,
}

/// What writers have been answered.
pub(crate) struct Written {
    client: Client,
    made: HashMap<Thing, u64>,
}

impl Writers {
    pub(crate) fn start(client: &Client) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut tasks = JoinSet::new();
        for thing in Thing::ALL {
            let (client, stop) = (client.clone(), stop.clone());
            tasks.spawn(async move {
                let mut made = 0;
                while !stop.load(Ordering::Relaxed) {
                    make(&client, thing, made).await;
                    made += 1;
                    tokio::time::sleep(WRITE_PAUSE).await;
                }
                (thing, made)
            });
        }
        Self {
            tasks,
            stop,
            client: client.clone(),
        }
    }

    /// Waits until each has had the answer to the last request.
    pub(crate) async fn end(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        Written {
            client: self.client,
            made: self.tasks.join_all().await.into_iter().collect(),
        }
    }
}

async fn make(client: &Client, thing: Thing, number: u64) {
    let (path, body) = thing.request(number);
    for _ in 0..300 {
        let sent = client.request(Method::POST, &path).json(&body).send().await;
        match sent {
            Ok(response) if response.status().is_success() => return,
            Ok(response) if response.status().is_client_error() && response.status() != 429 => {
                panic!("{thing:?} {number}: {:?}", response.text().await);
            }
            // Not answered: it may have been done.
            Ok(_) | Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
    panic!("{thing:?} {number} was not answered for a minute");
}

impl Written {
    /// How many were acknowledged.
    pub(crate) fn count(&self) -> u64 {
        self.made.values().sum()
    }

    /// Asserts that all that was acknowledged is there once, and what it set going is done once.
    pub(crate) async fn check(&self) {
        for thing in Thing::ALL {
            let made = self.made[&thing];
            assert!(made > 0, "no {thing:?} was acknowledged");
            let (path, field, key) = thing.list();
            let found = self.all(path, field).await;
            let keys: Vec<_> = found.iter().map(|one| one[key].as_str().unwrap()).collect();
            for number in 0..made {
                let (_, body) = thing.request(number);
                let known = body[key].as_str().unwrap();
                let times = keys.iter().filter(|key| **key == known).count();
                assert_eq!(times, 1, "{thing:?} `{known}`");
            }
        }
        for article in self.all("/api/knowledge/sources", "sources").await {
            is_read_once(&self.client, &name(&article)).await;
        }
    }

    /// Every page of a list.
    async fn all(&self, path: &str, field: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let page = format!("{path}?page_size=50&page_token={token}");
            let page = self.client.get(&page).await.ok();
            all.extend(page[field].as_array().cloned().unwrap_or_default());
            token = page["next_page_token"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if token.is_empty() {
                return all;
            }
        }
    }
}

/// Waits until the source has been read, and asserts that each of its chunks is there once.
pub(crate) async fn is_read_once(client: &Client, source: &str) {
    let path = format!("/api/knowledge/{source}");
    // Of what is killed and frozen, a lease or two must end first, on a busy machine.
    within(READ, &path, || async {
        let read = client.get(&path).await.ok();
        (read["state"] == "SOURCE_STATE_READY").then_some(())
    })
    .await;
    let chunks = client
        .get(&format!("{path}/chunks?page_size=200"))
        .await
        .ok();
    let indexes = chunks["chunks"].as_array().unwrap().iter();
    let indexes: Vec<_> = indexes
        .map(|chunk| chunk["index"].as_u64().unwrap())
        .collect();
    let expected: Vec<_> = (0..indexes.len() as u64).collect();
    assert!(
        !indexes.is_empty() && indexes == expected,
        "{source}: {indexes:?}"
    );
}
