//! A mesh in this process, whatever shape other tests have: what fails here is below it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use t11_core::World;
use t11_runtime::{Entry, Mesh, Settings, Shape, Sources};
use t11_tests::{Answer, Client};
use tempfile::TempDir;

/// 32 bytes in hexadecimal, for `ENCRYPTION_KEY` and `T11_SIGNING_KEY`.
pub(crate) const KEY: &str = "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";

/// All services, edge last.
pub(crate) const SERVICES: [&str; 6] = ["jobs", "accounts", "llm", "crm", "agents", "edge"];

/// Running services, and the folder of their data.
pub(crate) struct Services {
    mesh: Mesh,
    address: Option<SocketAddr>,
    _data: TempDir,
}

impl Services {
    /// All of them, as one process, with these variables set. Without `DATABASE_URL` on SQLite.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let shape = Shape::OneProcess;
        Self::of(&SERVICES, World::system(), shape, variables).await
    }

    /// Those of `names`, in a world.
    pub(crate) async fn of(
        names: &[&str],
        world: World,
        shape: Shape,
        variables: &[(&str, &str)],
    ) -> Self {
        t11_runtime::init_process();
        let data = TempDir::new().unwrap();
        let folder = data.path().display().to_string();
        let mut all = BTreeMap::new();
        let defaults = [
            ("T11_HTTP_ADDR", "127.0.0.1:0"),
            ("T11_DATA_DIR", &folder),
            ("ENCRYPTION_KEY", KEY),
            ("T11_SIGNING_KEY", KEY),
            ("T11_EDGE__LIMITS__ENABLED", "false"),
            ("T11_LLM__DEMO_WORD_DELAY_MS", "0"),
        ];
        for (name, value) in defaults.iter().chain(variables) {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        let program = extract_program();
        all.insert("T11_AGENTS__EXTRACT_PROGRAM".to_owned(), program);
        let sources = Sources {
            variables: all,
            file: None,
        };
        let settings = Settings::load(&sources).unwrap();
        let entries = entries();
        let mesh = Mesh::start(settings, world, &entries, names, shape);
        let mesh = mesh.await.unwrap();
        Self {
            address: mesh.http_addr(),
            mesh,
            _data: data,
        }
    }

    pub(crate) fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Somebody who is not signed in.
    pub(crate) fn client(&self) -> Client {
        Client::new(format!("http://{}", self.address.unwrap()))
    }

    /// The owner of a new organization.
    pub(crate) async fn owner(&self, name: &str) -> Client {
        self.client().register(name).await
    }

    /// Ends all and waits for it.
    pub(crate) async fn stop(self) {
        self.mesh.stop().await;
    }
}

/// The program that reads documents, which cargo builds beside the tests of this package.
fn extract_program() -> String {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("t11-tests-extract");
    program.display().to_string()
}

fn entries() -> [Entry; 6] {
    [
        Entry::of::<t11_jobs::Jobs>(),
        Entry::of::<t11_accounts::Accounts>(),
        Entry::of::<t11_llm::Llm>(),
        Entry::of::<t11_crm::Crm>(),
        Entry::of::<t11_agents::Agents>(),
        Entry::of::<t11_edge::Edge>(),
    ]
}

/// Adds an agent of this name.
pub(crate) async fn add_agent(owner: &Client, name: &str) -> Answer {
    let agent = json!({"display_name": name, "instructions": "Отвечай кратко."});
    owner.post("/api/agents", agent).await
}

/// The names that people gave to all agents.
pub(crate) async fn agents(owner: &Client) -> Vec<String> {
    let mut names = Vec::new();
    let mut page = String::new();
    loop {
        let path = format!("/api/agents?page_size=100&page_token={page}");
        let answer = owner.get(&path).await.ok();
        let listed = answer["agents"].as_array().cloned().unwrap_or_default();
        let listed = listed.iter().map(|agent| &agent["display_name"]);
        names.extend(listed.filter_map(Value::as_str).map(ToOwned::to_owned));
        page = answer["next_page_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if page.is_empty() {
            return names;
        }
    }
}

/// What is missing of what was acknowledged.
pub(crate) async fn lost(owner: &Client, acknowledged: &[String]) -> Vec<String> {
    let there = agents(owner).await;
    let missing = acknowledged.iter().filter(|name| !there.contains(name));
    missing.cloned().collect()
}

/// Writes until it succeeds, for at most `patience`; what was written.
pub(crate) async fn writes_within(owner: &Client, patience: Duration, name: &str) -> String {
    let began = tokio::time::Instant::now();
    for number in 0.. {
        let name = format!("{name}-{number}");
        let answer = add_agent(owner, &name).await;
        if answer.status.is_success() {
            return name;
        }
        assert!(
            began.elapsed() < patience,
            "nothing is written {patience:?} later: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!()
}
