//! A whole mesh in a test: real services, real sockets, a data directory of its own.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]
#![expect(clippy::panic, reason = "a test that meets a surprise fails")]

pub mod client;
#[expect(clippy::print_stderr, reason = "a test says why it did not run")]
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no settings to read, and wait for other processes"
)]
pub mod processes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use t11_core::World;
use t11_runtime::{Entry, Mesh, Settings, Shape, Sources};
use tempfile::TempDir;

pub use client::{Answer, Client};

use crate::processes::OwnDatabase;

/// A mesh in one process, as `t11 dev` runs it: on SQLite, or where a PostgreSQL server is given
/// for the tests in a database of its own there.
pub struct TestMesh {
    mesh: Option<Mesh>,
    address: SocketAddr,
    /// After the mesh, which uses both.
    _database: Option<OwnDatabase>,
    _data: TempDir,
}

impl TestMesh {
    /// A mesh with the built-in demo model.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A mesh with these variables set.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        t11_runtime::init_process();
        let data = TempDir::new().unwrap();
        let mut all = BTreeMap::from([
            ("T11_HTTP_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
            ("T11_DATA_DIR".to_owned(), data.path().display().to_string()),
            ("T11_EDGE__LIMITS__ENABLED".to_owned(), "false".to_owned()),
            ("T11_LLM__DEMO_WORD_DELAY_MS".to_owned(), "0".to_owned()),
            ("T11_AGENTS__EXTRACT_PROGRAM".to_owned(), extract_program()),
        ]);
        let database = OwnDatabase::given().await;
        if let Some(database) = &database {
            all.insert("DATABASE_URL".to_owned(), database.url.clone());
        }
        all.extend(
            variables
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        );
        let settings = Settings::load(&Sources {
            variables: all,
            file: None,
        })
        .unwrap();
        let entries = entries();
        let names: Vec<_> = entries.iter().map(|entry| entry.name).collect();
        let mesh = Mesh::start(
            settings,
            World::system(),
            &entries,
            &names,
            Shape::OneProcess,
        );
        let mesh = mesh.await.unwrap();
        let address = mesh.http_addr().unwrap();
        Self {
            mesh: Some(mesh),
            address,
            _database: database,
            _data: data,
        }
    }

    /// Where edge listens.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The wired services, for calls past edge.
    pub fn mesh(&self) -> &Mesh {
        self.mesh.as_ref().unwrap()
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Client {
        Client::new(format!("http://{}", self.address))
    }

    /// The owner of a new organization.
    pub async fn owner(&self, name: &str) -> Client {
        self.stranger().register(name).await
    }

    /// Ends the mesh and waits for it.
    pub async fn stop(mut self) {
        self.mesh.take().unwrap().stop().await;
    }
}

/// The program that reads documents: a test is not one that can be started as its own child. Cargo
/// builds it beside the tests of this package.
fn extract_program() -> String {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("t11-tests-extract");
    assert!(program.exists(), "{} is not built", program.display());
    program.display().to_string()
}

/// Every service, jobs first, edge last.
pub fn entries() -> [Entry; 6] {
    [
        Entry::of::<t11_jobs::Jobs>(),
        Entry::of::<t11_accounts::Accounts>(),
        Entry::of::<t11_llm::Llm>(),
        Entry::of::<t11_crm::Crm>(),
        Entry::of::<t11_agents::Agents>(),
        Entry::of::<t11_edge::Edge>(),
    ]
}

/// Asks until `done`, for at most a minute: for work that runs beside the test.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    for _ in 0..600 {
        if let Some(value) = ask().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} did not happen within a minute");
}
