//! The mesh as it runs in production: each service several times, as processes of the `t11`
//! binary, behind two Envoys, on Postgres and Redis.

mod certificates;
mod child;
mod database;
mod proxy;
mod start;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use t11_grpc::{Signer, Verifier};

pub use self::certificates::Certificate;
use self::child::Process;
pub use self::child::free_address;
pub use self::database::OwnDatabase;
use self::proxy::Proxy;
use self::start::{Given, Replica, Shared, believed_keys, key, signer};
use crate::{Client, eventually};

/// The services, edge last.
pub const SERVICES: [&str; 6] = ["jobs", "accounts", "llm", "crm", "agents", "edge"];

/// A mesh of processes. Fields are dropped in this order: the database goes last.
pub struct ProcessMesh {
    front_proxy: Proxy,
    mesh_proxy: Proxy,
    replicas: Vec<Replica>,
    front: SocketAddr,
    shared: Shared,
}

/// How a mesh of processes is made.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Processes of each service.
    pub replicas: usize,
    /// Set for every process.
    pub variables: &'a [(&'a str, &'a str)],
    /// Where the front listens; `None` is anywhere.
    pub front: Option<SocketAddr>,
    /// Servers of the test's own instead of those it is given: the URLs of PostgreSQL and Redis.
    pub stores: Option<(&'a str, &'a str)>,
    /// Mutual TLS between the processes.
    pub mutual_tls: bool,
    /// What each process may have of memory of its own, in bytes (`RLIMIT_DATA`).
    pub memory: Option<u64>,
}

impl Default for Plan<'_> {
    /// One process of each service, as they are in production otherwise.
    fn default() -> Self {
        Self {
            replicas: 1,
            variables: &[],
            front: None,
            stores: None,
            mutual_tls: false,
            memory: None,
        }
    }
}

impl ProcessMesh {
    /// A mesh of `replicas` processes a service; `None`, with a word, where Postgres, Redis or Envoy
    /// is not given.
    pub async fn start(replicas: usize) -> Option<Self> {
        Self::with(replicas, &[]).await
    }

    /// The same with these variables set for every process.
    pub async fn with(replicas: usize, variables: &[(&str, &str)]) -> Option<Self> {
        Self::planned(Plan {
            replicas,
            variables,
            ..Plan::default()
        })
        .await
    }

    /// A mesh made by `plan`; `None` as for [`ProcessMesh::start`].
    pub async fn planned(plan: Plan<'_>) -> Option<Self> {
        let Some(given) = Given::read() else {
            eprintln!(
                "not run: T11_TEST_DATABASE_URL, T11_TEST_REDIS_URL and T11_TEST_ENVOY are not set"
            );
            return None;
        };
        t11_runtime::init_process();
        let shared = Shared::make(&given, &plan).await;
        shared.migrate().await;
        let mut running = Vec::new();
        for number in 0..plan.replicas {
            running.extend(SERVICES.map(|service| shared.start(service, number, None)));
        }
        let front = plan.front.unwrap_or_else(free_address);
        let mesh = Self {
            front_proxy: shared.front_proxy(&given.envoy, &running, front),
            mesh_proxy: shared.mesh_proxy(&given.envoy, &running),
            replicas: running,
            front,
            shared,
        };
        mesh.until_ready().await;
        Some(mesh)
    }

    /// Where the front listens.
    pub fn front(&self) -> SocketAddr {
        self.front
    }

    /// Lets the database plan for what is in it now.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn analyze(&self) {
        self.shared.database.analyze().await.unwrap();
    }

    /// Signs callers of every kind.
    pub fn signer(&self) -> Signer {
        signer(&key())
    }

    /// Verifies the callers that any process of it signs.
    ///
    /// # Panics
    /// Never: the keys are the tests' own.
    pub fn verifier(&self) -> Verifier {
        Verifier::from_jwks(&believed_keys()).unwrap()
    }

    /// A path at the front.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.front)
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Client {
        Client::new(format!("http://{}", self.front))
    }

    /// The owner of a new organization.
    pub async fn owner(&self, name: &str) -> Client {
        self.stranger().register(name).await
    }

    /// Where a replica listens, past the proxies.
    pub fn address(&self, service: &str, number: usize) -> SocketAddr {
        self.replica(service, number).address
    }

    /// Where the services find each other: the proxy between them.
    pub fn between(&self) -> SocketAddr {
        self.shared.mesh
    }

    /// The process of one replica.
    pub fn id(&self, service: &str, number: usize) -> u32 {
        self.process(service, number).id()
    }

    /// Kills one replica of `service` (SIGKILL).
    pub fn kill(&mut self, service: &str, number: usize) {
        drop(self.replica_mut(service, number).process.take());
    }

    /// Lets one replica end as a process does that gives itself up (SIGABRT), and waits for it.
    pub fn abort(&mut self, service: &str, number: usize) {
        let process = self.replica_mut(service, number).process.as_mut().unwrap();
        process.signal("ABRT");
        process.wait();
    }

    /// Asks one replica to end (SIGTERM) and waits for it; how long it took.
    pub fn terminate(&mut self, service: &str, number: usize) -> Duration {
        let start = Instant::now();
        self.process(service, number).terminate();
        self.until_ended(service, number);
        start.elapsed()
    }

    /// Asks this replica of every service to end, all at once, and waits for them; how long the
    /// slowest took.
    pub fn terminate_all(&mut self, number: usize) -> Duration {
        let start = Instant::now();
        for service in SERVICES {
            self.process(service, number).terminate();
        }
        for service in SERVICES {
            self.until_ended(service, number);
        }
        start.elapsed()
    }

    fn until_ended(&mut self, service: &str, number: usize) {
        let mut process = self.replica_mut(service, number).process.take().unwrap();
        let status = process.wait();
        assert!(status.success(), "{status}:\n{}", process.said());
    }

    /// Starts a replica that has ended, where it was.
    pub fn restart(&mut self, service: &'static str, number: usize) {
        let at = self.replica(service, number).address;
        let started = self.shared.start(service, number, Some(at));
        *self.replica_mut(service, number) = started;
    }

    /// Stops one replica where it is (SIGSTOP): its connections stay, and nobody answers.
    pub fn freeze(&self, service: &str, number: usize) {
        self.process(service, number).signal("STOP");
    }

    /// Lets a frozen replica go on (SIGCONT).
    pub fn thaw(&self, service: &str, number: usize) {
        self.process(service, number).signal("CONT");
    }

    /// Whether one replica has ended by itself.
    pub fn has_ended(&mut self, service: &str, number: usize) -> bool {
        let replica = self.replica_mut(service, number);
        replica.process.as_mut().is_some_and(Process::has_ended)
    }

    /// What one replica has said on standard error since it was started last.
    pub fn log(&self, service: &str, number: usize) -> String {
        self.process(service, number).log()
    }

    /// Leaves one replica no more memory of its own than it has (`RLIMIT_DATA`).
    pub fn starve(&self, service: &str, number: usize) {
        self.process(service, number).starve();
    }

    /// Kills the proxy that users come to (SIGKILL).
    pub fn kill_front(&mut self) {
        self.front_proxy.kill();
    }

    /// Starts it where it was.
    pub fn restart_front(&mut self) {
        self.front_proxy.restart();
    }

    /// Gives every process of `service` certificates of `kind`.
    ///
    /// # Panics
    /// Without mutual TLS.
    pub fn certify(&self, service: &str, kind: Certificate) {
        let certificates = self.shared.certificates.as_ref().unwrap();
        certificates.put(service, kind);
    }

    /// How many calls the proxy between the services has sent to `service`.
    pub async fn sent_to(&self, service: &str) -> u64 {
        self.mesh_proxy.sent_to(service).await
    }

    fn replica(&self, service: &str, number: usize) -> &Replica {
        let replicas = self.replicas.iter();
        let mut of_service = replicas.filter(|replica| replica.service == service);
        of_service.nth(number).unwrap()
    }

    fn replica_mut(&mut self, service: &str, number: usize) -> &mut Replica {
        let replicas = self.replicas.iter_mut();
        let mut of_service = replicas.filter(|replica| replica.service == service);
        of_service.nth(number).unwrap()
    }

    fn process(&self, service: &str, number: usize) -> &Process {
        self.replica(service, number).process.as_ref().unwrap()
    }

    /// Waits until every replica that runs says that it is ready, and the proxies know it.
    pub async fn until_ready(&self) {
        let http = reqwest::Client::new();
        let running = self.replicas.iter().filter(|one| one.process.is_some());
        for replica in running {
            let url = format!("http://{}/readyz", replica.admin);
            eventually(replica.service, || is_well(&http, &url)).await;
        }
        let url = self.url("/api/health/ready");
        eventually("the mesh", || is_well(&http, &url)).await;
    }

    /// Waits until the proxies send calls to every replica that runs.
    pub async fn until_balanced(&self) {
        eventually("all replicas in turn", || async {
            self.are_put_aside().await.is_empty().then_some(())
        })
        .await;
    }

    /// Waits until the proxies have put one replica aside.
    pub async fn until_put_aside(&self, service: &str, number: usize) {
        let address = self.address(service, number);
        eventually("a replica put aside", || async {
            self.are_put_aside().await.contains(&address).then_some(())
        })
        .await;
    }

    /// The replicas that run and are sent no calls.
    async fn are_put_aside(&self) -> Vec<SocketAddr> {
        let mut well = self.front_proxy.well().await;
        well.extend(self.mesh_proxy.well().await);
        let running = self.replicas.iter().filter(|one| one.process.is_some());
        running
            .map(|replica| replica.address)
            .filter(|address| !well.contains(address))
            .collect()
    }
}

async fn is_well(http: &reqwest::Client, url: &str) -> Option<()> {
    let response = http.get(url).send().await.ok()?;
    response.status().is_success().then_some(())
}
