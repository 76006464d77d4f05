//! Starts the processes of a mesh, each with all that it is told.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use t11_grpc::{Signer, parse_key};
use tempfile::TempDir;

use super::certificates::Certificates;
use super::child::{Process, free_address};
use super::database::OwnDatabase;
use super::proxy::Proxy;
use super::{Plan, SERVICES};

/// What a test of processes needs, by the variables that `cargo xtask test` sets.
pub(super) struct Given {
    pub(super) database_url: String,
    pub(super) redis_url: String,
    pub(super) envoy: PathBuf,
}

impl Given {
    pub(super) fn read() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Some(Self {
            database_url: variable("T11_TEST_DATABASE_URL")?,
            redis_url: variable("T11_TEST_REDIS_URL")?,
            envoy: variable("T11_TEST_ENVOY")?.into(),
        })
    }
}

/// One process of a service.
pub(super) struct Replica {
    pub(super) service: &'static str,
    /// `None` after it was killed.
    pub(super) process: Option<Process>,
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// What all processes are told.
pub(super) struct Shared {
    binary: PathBuf,
    /// Where all services find each other.
    pub(super) mesh: SocketAddr,
    redis_url: String,
    variables: Vec<(String, String)>,
    memory: Option<u64>,
    pub(super) certificates: Option<Certificates>,
    pub(super) database: OwnDatabase,
    folder: TempDir,
}

/// Seals in every process; what the tests themselves sign with it, about anybody, is believed.
pub(super) fn key() -> String {
    "6b".repeat(32)
}

/// What a service signs with, and nobody else has.
fn signing_key(service: &str) -> String {
    let place = SERVICES.iter().position(|name| *name == service).unwrap();
    format!("{:02x}", 0x71 + place).repeat(32)
}

pub(super) fn signer(key: &str) -> Signer {
    Signer::from_seed(&parse_key(key).unwrap()).unwrap()
}

/// The keys that are believed: each service's about itself, as in production, and the tests' own.
pub(super) fn believed_keys() -> String {
    let signers = SERVICES.map(|service| (service, signer(&signing_key(service))));
    let of_services = signers.iter().map(|(service, signer)| (*service, signer));
    let sets = [Signer::jwks_by_service(of_services), signer(&key()).jwks()];
    let keys = sets.iter().flat_map(|set| {
        let mut set: Value = serde_json::from_str(set).unwrap();
        std::mem::take(set["keys"].as_array_mut().unwrap())
    });
    json!({"keys": keys.collect::<Vec<_>>()}).to_string()
}

impl Shared {
    pub(super) async fn make(given: &Given, plan: &Plan<'_>) -> Self {
        let folder = TempDir::new().unwrap();
        let given = (&given.database_url[..], &given.redis_url[..]);
        let (postgres, redis) = plan.stores.unwrap_or(given);
        let own = plan
            .variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            binary: binary(),
            mesh: free_address(),
            redis_url: redis.to_owned(),
            variables: own.collect(),
            memory: plan.memory,
            certificates: plan.mutual_tls.then(|| {
                let names = [&SERVICES[..], &["mesh"]].concat();
                Certificates::make(folder.path().join("tls"), &names)
            }),
            database: OwnDatabase::make(postgres).await,
            folder,
        }
    }

    pub(super) async fn migrate(&self) {
        let migrated = Command::new(&self.binary)
            .arg("migrate")
            .env_clear()
            .env("DATABASE_URL", &self.database.url)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&migrated.stderr);
        assert!(migrated.status.success(), "{said}");
        self.database.let_services_in().await;
    }

    /// Starts one replica, at any address or `at` the given one.
    pub(super) fn start(
        &self,
        service: &'static str,
        number: usize,
        at: Option<SocketAddr>,
    ) -> Replica {
        let name = format!("{service}-{number}");
        // Of its own from the start: it is to be there again after a restart.
        let address = at.unwrap_or_else(free_address).to_string();
        let mut variables = self.common(&name);
        variables.push(("T11_SIGNING_KEY".to_owned(), signing_key(service)));
        if service == "edge" {
            variables.push(("T11_HTTP_ADDR".to_owned(), address));
        } else {
            let listen = format!("T11_LISTEN__{}", service.to_uppercase());
            variables.push((listen, address));
            variables.push(("DATABASE_URL".to_owned(), self.database.url_of(service)));
        }
        if let Some(certificates) = &self.certificates {
            variables.extend(certificates.variables(service));
        }
        variables.extend(self.variables.iter().cloned());
        let log = self.folder.path().join(format!("{name}.log"));
        let mut process = self.process(&["serve", service], &variables, log);
        let address = process.listens_at(service);
        let admin = process.listens_at("admin");
        Replica {
            service,
            process: Some(process),
            address,
            admin,
        }
    }

    fn process(&self, arguments: &[&str], variables: &[(String, String)], log: PathBuf) -> Process {
        let Some(memory) = self.memory else {
            return Process::start(&self.binary, arguments, variables, log);
        };
        let limit = format!("--data={memory}");
        let binary = self.binary.display().to_string();
        let command = [&[&limit[..], &binary], arguments].concat();
        Process::start(Path::new("/usr/bin/prlimit"), &command, variables, log)
    }

    fn common(&self, name: &str) -> Vec<(String, String)> {
        let path = |below: &str| self.folder.path().join(below).display().to_string();
        let key = key();
        let mut variables = vec![
            ("T11_DATA_DIR", path(name)),
            ("T11_ADMIN_ADDR", "127.0.0.1:0".to_owned()),
            ("T11_ASSETS_URL", format!("file://{}", path("assets"))),
            ("T11_LOG", "info".to_owned()),
            ("REDIS_URL", self.redis_url.clone()),
            ("JOB_QUEUE_NAME", self.database.name.clone()),
            ("ENCRYPTION_KEY", key.clone()),
            ("KOMMO_WEBHOOK_SECRET", key),
            ("T11_JWKS", believed_keys()),
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

    pub(super) fn mesh_proxy(&self, envoy: &Path, replicas: &[Replica]) -> Proxy {
        let services = replicas.iter().filter(|one| one.service != "edge");
        let to = services.map(|one| format!("--to={}={}", one.service, one.address));
        let mut told = vec![format!("--listen={}", self.mesh)];
        if let Some(certificates) = &self.certificates {
            let folder = certificates.proxy_folder("mesh");
            told.push(format!("--mtls={}", folder.display()));
        }
        told.extend(to);
        Proxy::start(envoy, &self.binary, self.folder.path(), "mesh", told)
    }

    pub(super) fn front_proxy(
        &self,
        envoy: &Path,
        replicas: &[Replica],
        front: SocketAddr,
    ) -> Proxy {
        let edges = replicas.iter().filter(|one| one.service == "edge");
        let to = edges.map(|one| format!("--edge={}", one.address));
        let told = [format!("--listen={front}"), "--tls=-".to_owned()];
        let told = told.into_iter().chain(to).collect();
        Proxy::start(envoy, &self.binary, self.folder.path(), "front", told)
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
