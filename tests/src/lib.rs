//! A whole mesh in a test: real services, real sockets, a data directory of its own.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]
#![expect(clippy::panic, reason = "a test that meets a surprise fails")]

pub mod client;
pub mod live;
#[expect(
    clippy::disallowed_methods,
    reason = "what it measures is how late a thread wakes"
)]
pub mod machine;
#[expect(clippy::print_stderr, reason = "a test says why it did not run")]
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no settings to read, and wait for other processes"
)]
pub mod processes;

#[expect(clippy::print_stderr, reason = "a test says why it did not run")]
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no settings to read, and wait for other processes"
)]
pub mod servers;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use t11_core::World;
use t11_grpc::{Peer, Signer, Verifier};
use t11_runtime::{Entry, Mesh, Settings, Shape, Sources};
use t11_store::Db;
use tempfile::TempDir;
use tonic::transport::Channel;

pub use client::{Answer, Client};

use crate::processes::{OwnDatabase, Plan, ProcessMesh, free_address};

/// A whole mesh in one of its three shapes, which every scenario passes unchanged: one process on
/// SQLite; one process on PostgreSQL, where [`URL_VARIABLE`] names a server; and where
/// [`SHAPE_VARIABLE`] is `processes`, two processes of each service behind Envoy, on PostgreSQL and
/// Redis.
///
/// [`URL_VARIABLE`]: t11_store::testing::URL_VARIABLE
pub struct TestMesh {
    running: Running,
    world: World,
}

/// `processes` asks for the third shape.
pub const SHAPE_VARIABLE: &str = "T11_TEST_SHAPE";

enum Running {
    OneProcess(Box<OneProcess>),
    Processes(Box<ProcessMesh>),
}

struct OneProcess {
    mesh: Mesh,
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
        Self::at(free_address(), variables).await
    }

    /// The same with its door at this address.
    pub async fn at(front: SocketAddr, variables: &[(&str, &str)]) -> Self {
        t11_runtime::init_process();
        let running = match shape().as_deref() {
            None => Running::OneProcess(Box::new(OneProcess::start(front, variables).await)),
            Some("processes") => {
                let plan = Plan {
                    replicas: 2,
                    variables,
                    front: Some(front),
                    ..Plan::default()
                };
                Running::Processes(Box::new(ProcessMesh::planned(plan).await.unwrap()))
            }
            Some(other) => panic!("{SHAPE_VARIABLE} is `{other}`"),
        };
        Self {
            running,
            world: World::system(),
        }
    }

    fn address(&self) -> SocketAddr {
        match &self.running {
            Running::OneProcess(one) => one.address,
            Running::Processes(mesh) => mesh.front(),
        }
    }

    /// A path at the door of its users.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// A service, for calls past edge.
    pub fn peer(&self, service: &'static str) -> Peer {
        match &self.running {
            Running::OneProcess(one) => one.mesh.context().peer(service),
            Running::Processes(mesh) => {
                let address = format!("http://{}", mesh.address(service, 0));
                let channel = Channel::from_shared(address).unwrap().connect_lazy();
                Peer::remote(service, channel, self.world.clone())
            }
        }
    }

    /// Signs callers as this mesh's services do.
    pub fn signer(&self) -> Signer {
        match &self.running {
            Running::OneProcess(one) => one.mesh.context().signer(),
            Running::Processes(mesh) => mesh.signer(),
        }
    }

    /// Verifies the callers that its services sign.
    pub fn verifier(&self) -> Verifier {
        match &self.running {
            Running::OneProcess(one) => one.mesh.context().verifier(),
            Running::Processes(mesh) => mesh.verifier(),
        }
    }

    /// The databases of the services that are in this process, by service.
    pub fn databases(&self) -> HashMap<String, Db> {
        match &self.running {
            Running::OneProcess(one) => one.mesh.context().databases(),
            Running::Processes(_) => HashMap::new(),
        }
    }

    /// The time and chance that the mesh lives by.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Client {
        Client::new(format!("http://{}", self.address()))
    }

    /// The owner of a new organization.
    pub async fn owner(&self, name: &str) -> Client {
        self.stranger().register(name).await
    }

    /// Ends the mesh and waits for it.
    pub async fn stop(self) {
        match self.running {
            Running::OneProcess(one) => one.mesh.stop().await,
            Running::Processes(mesh) => drop(mesh),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no settings to read it from"
)]
fn shape() -> Option<String> {
    std::env::var(SHAPE_VARIABLE).ok()
}

impl OneProcess {
    async fn start(front: SocketAddr, variables: &[(&str, &str)]) -> Self {
        let data = TempDir::new().unwrap();
        let mut all = BTreeMap::from([
            ("T11_HTTP_ADDR".to_owned(), front.to_string()),
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
        Self {
            address: mesh.http_addr().unwrap(),
            mesh,
            _database: database,
            _data: data,
        }
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
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    within(Duration::from_secs(60), what, ask).await
}

/// The same for work that takes longer.
pub async fn within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let began = Instant::now();
    while began.elapsed() < patience {
        if let Some(value) = ask().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} did not happen within {} s", patience.as_secs());
}
