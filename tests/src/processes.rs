//! The mesh as it runs in production: each service several times, as processes of the `t11`
//! binary, behind two Envoys, on Postgres and Redis.

mod certificates;
mod child;
mod database;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::certificates::Certificates;
use self::child::{Process, free_address};
pub(crate) use self::database::OwnDatabase;
use crate::{Client, eventually};

/// The services, edge last.
pub const SERVICES: [&str; 6] = ["jobs", "accounts", "llm", "crm", "agents", "edge"];

/// What a test of processes needs, by the variables that `cargo xtask test` sets.
struct Given {
    database_url: String,
    redis_url: String,
    envoy: PathBuf,
}

impl Given {
    fn read() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Some(Self {
            database_url: variable("T11_TEST_DATABASE_URL")?,
            redis_url: variable("T11_TEST_REDIS_URL")?,
            envoy: variable("T11_TEST_ENVOY")?.into(),
        })
    }
}

struct Replica {
    service: &'static str,
    /// `None` after it was killed.
    process: Option<Process>,
    address: SocketAddr,
    admin: SocketAddr,
}

/// A mesh of processes. Fields are dropped in this order: the database goes last.
pub struct ProcessMesh {
    /// Front and mesh.
    _envoys: Vec<Process>,
    replicas: Vec<Replica>,
    front: SocketAddr,
    shared: Shared,
}

/// What all processes are told.
struct Shared {
    binary: PathBuf,
    /// Where all services find each other.
    mesh: SocketAddr,
    redis_url: String,
    variables: Vec<(String, String)>,
    certificates: Option<Certificates>,
    database: OwnDatabase,
    folder: TempDir,
}

impl ProcessMesh {
    /// A mesh of `replicas` processes a service; `None`, with a word, where Postgres, Redis or Envoy
    /// is not given.
    pub async fn start(replicas: usize) -> Option<Self> {
        Self::with(replicas, &[]).await
    }

    /// The same with these variables set for every process.
    pub async fn with(replicas: usize, variables: &[(&str, &str)]) -> Option<Self> {
        Self::made(replicas, variables, false).await
    }

    /// The same with mutual TLS between the processes.
    pub async fn with_mutual_tls(replicas: usize) -> Option<Self> {
        Self::made(replicas, &[], true).await
    }

    async fn made(replicas: usize, variables: &[(&str, &str)], with_tls: bool) -> Option<Self> {
        let Some(given) = Given::read() else {
            eprintln!(
                "not run: T11_TEST_DATABASE_URL, T11_TEST_REDIS_URL and T11_TEST_ENVOY are not set"
            );
            return None;
        };
        t11_runtime::init_process();
        let mut shared = Shared::make(&given, variables).await;
        if with_tls {
            let names = [&SERVICES[..], &["mesh"]].concat();
            let folder = shared.folder.path().join("tls");
            shared.certificates = Some(Certificates::make(folder, &names));
        }
        shared.migrate();
        let mut running = Vec::new();
        for number in 0..replicas {
            running.extend(SERVICES.map(|service| shared.start(service, number, None)));
        }
        let front = free_address();
        let envoys = vec![
            shared.mesh_proxy(&given.envoy, &running),
            shared.front_proxy(&given.envoy, &running, front),
        ];
        let mesh = Self {
            _envoys: envoys,
            replicas: running,
            front,
            shared,
        };
        mesh.until_ready().await;
        Some(mesh)
    }

    /// Where the front listens.
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
        let mut replicas = self.replicas.iter();
        let mut of_service = replicas
            .by_ref()
            .filter(|replica| replica.service == service);
        of_service.nth(number).unwrap().address
    }

    /// Kills one replica of `service` (SIGKILL).
    pub fn kill(&mut self, service: &str, number: usize) {
        drop(self.replica(service, number).process.take());
    }

    /// Asks one replica to end (SIGTERM) and waits for it; how long it took.
    pub fn terminate(&mut self, service: &str, number: usize) -> Duration {
        let mut process = self.replica(service, number).process.take().unwrap();
        let start = Instant::now();
        process.terminate();
        let status = process.wait();
        assert!(status.success(), "{status}:\n{}", process.said());
        start.elapsed()
    }

    /// Starts a replica that has ended, where it was.
    pub fn restart(&mut self, service: &'static str, number: usize) {
        let at = self.replica(service, number).address;
        let started = self.shared.start(service, number, Some(at));
        *self.replica(service, number) = started;
    }

    fn replica(&mut self, service: &str, number: usize) -> &mut Replica {
        let mut replicas = self.replicas.iter_mut();
        let mut of_service = replicas
            .by_ref()
            .filter(|replica| replica.service == service);
        of_service.nth(number).unwrap()
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
}

async fn is_well(http: &reqwest::Client, url: &str) -> Option<()> {
    let response = http.get(url).send().await.ok()?;
    response.status().is_success().then_some(())
}

impl Shared {
    async fn make(given: &Given, variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let own = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            binary: binary(),
            mesh: free_address(),
            redis_url: given.redis_url.clone(),
            variables: own.collect(),
            certificates: None,
            database: OwnDatabase::make(&given.database_url).await,
            folder,
        }
    }

    fn migrate(&self) {
        let migrated = Command::new(&self.binary)
            .arg("migrate")
            .env_clear()
            .env("DATABASE_URL", &self.database.url)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&migrated.stderr);
        assert!(migrated.status.success(), "{said}");
    }

    /// Starts one replica, at any address or `at` the given one.
    fn start(&self, service: &'static str, number: usize, at: Option<SocketAddr>) -> Replica {
        let name = format!("{service}-{number}");
        let address = at.map_or_else(|| "127.0.0.1:0".to_owned(), |at| at.to_string());
        let mut variables = self.common(&name);
        variables.push(match service {
            "edge" => ("T11_HTTP_ADDR".to_owned(), address),
            _ => (format!("T11_LISTEN__{}", service.to_uppercase()), address),
        });
        if let Some(certificates) = &self.certificates {
            variables.extend(certificates.variables(service));
        }
        variables.extend(self.variables.iter().cloned());
        let mut process = Process::start(
            &self.binary,
            &["serve", service],
            &variables,
            self.folder.path().join(format!("{name}.log")),
        );
        let address = process.listens_at(service);
        let admin = process.listens_at("admin");
        Replica {
            service,
            process: Some(process),
            address,
            admin,
        }
    }

    fn common(&self, name: &str) -> Vec<(String, String)> {
        let path = |below: &str| self.folder.path().join(below).display().to_string();
        let key = "6b".repeat(32);
        let mut variables = vec![
            ("T11_DATA_DIR", path(name)),
            ("T11_ADMIN_ADDR", "127.0.0.1:0".to_owned()),
            ("T11_ASSETS_URL", format!("file://{}", path("assets"))),
            ("T11_LOG", "info".to_owned()),
            ("DATABASE_URL", self.database.url.clone()),
            ("REDIS_URL", self.redis_url.clone()),
            ("JOB_QUEUE_NAME", self.database.name.clone()),
            ("ENCRYPTION_KEY", key.clone()),
            ("T11_SIGNING_KEY", key),
            // Long enough for two health checks of the proxies.
            ("T11_DRAIN_DELAY_SECONDS", "3".to_owned()),
            ("T11_LLM__DEMO_WORD_DELAY_MS", "0".to_owned()),
            ("T11_EDGE__LIMITS__ENABLED", "false".to_owned()),
            ("T11_EDGE__TRUSTED_PROXIES", "[\"127.0.0.1\"]".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<Vec<_>>();
        for service in SERVICES.into_iter().filter(|service| *service != "edge") {
            let name = format!("T11_PEERS__{}", service.to_uppercase());
            let scheme = self.certificates.as_ref().map_or("http", |_| "https");
            variables.push((name, format!("{scheme}://{}", self.mesh)));
        }
        variables
    }

    fn mesh_proxy(&self, envoy: &Path, replicas: &[Replica]) -> Process {
        let services = replicas.iter().filter(|one| one.service != "edge");
        let to = services.map(|one| format!("--to={}={}", one.service, one.address));
        let mut told = vec![format!("--listen={}", self.mesh)];
        if let Some(certificates) = &self.certificates {
            let folder = certificates.proxy_folder("mesh");
            told.push(format!("--mtls={}", folder.display()));
        }
        told.extend(to);
        self.proxy(envoy, "mesh", told)
    }

    fn front_proxy(&self, envoy: &Path, replicas: &[Replica], front: SocketAddr) -> Process {
        let edges = replicas.iter().filter(|one| one.service == "edge");
        let to = edges.map(|one| format!("--edge={}", one.address));
        let told = [format!("--listen={front}"), "--tls=-".to_owned()];
        self.proxy(envoy, "front", told.into_iter().chain(to).collect())
    }

    fn proxy(&self, envoy: &Path, kind: &str, mut told: Vec<String>) -> Process {
        told.push(format!("--admin={}", free_address()));
        told.push(format!("--probes={}", free_address()));
        let printed = Command::new(&self.binary)
            .args(["envoy", kind])
            .args(told)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&printed.stderr);
        assert!(printed.status.success(), "{said}");
        let config = self.folder.path().join(format!("{kind}.yaml"));
        std::fs::write(&config, printed.stdout).unwrap();
        let log = self.folder.path().join(format!("envoy-{kind}.log"));
        let config = config.display().to_string();
        Process::start(
            envoy,
            &[
                "--concurrency",
                "1",
                "--use-dynamic-base-id",
                "--log-level",
                "warn",
                "-c",
                &config,
            ],
            &[],
            log,
        )
    }
}

/// The `t11` that cargo built with this test.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.ancestors().nth(2).unwrap().join("t11");
    assert!(
        binary.exists(),
        "{} is not built; `cargo build --bin t11` with the same packages does",
        binary.display()
    );
    binary
}
