//! Settings as one typed tree: defaults, then `t11.toml`, then the environment.
//!
//! Well-known variables (`DATABASE_URL`, `OPENROUTER_API_KEY`, …) are names for places in the
//! tree; any other place is reached by `T11_<SERVICE>__<KEY>`. Every variable that holds a secret
//! may instead be given as `NAME_FILE`, the path of a file with its value.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::Dict;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use t11_store::DatabaseConfig;

use crate::Secret;

/// A well-known variable and the place it sets.
#[derive(Debug, Clone, Copy)]
pub struct EnvName {
    pub name: &'static str,
    /// Dotted path in the tree: `llm.api_key`.
    pub path: &'static str,
    /// Also read from the file named by `NAME_FILE`.
    pub secret: bool,
}

const fn plain(name: &'static str, path: &'static str) -> EnvName {
    EnvName {
        name,
        path,
        secret: false,
    }
}

const fn secret(name: &'static str, path: &'static str) -> EnvName {
    EnvName {
        name,
        path,
        secret: true,
    }
}

/// Every well-known variable. docs/SECRETS.md says which of the original system each stands for.
pub const ENV: &[EnvName] = &[
    plain("T11_HTTP_ADDR", "http_addr"),
    plain("T11_ADMIN_ADDR", "admin_addr"),
    plain("T11_DATA_DIR", "data_dir"),
    plain("T11_ENVIRONMENT", "environment"),
    plain("T11_LOG", "log"),
    plain("T11_LOG_FORMAT", "log_format"),
    plain("T11_DRAIN_DELAY_SECONDS", "drain_delay_seconds"),
    plain("T11_MAX_CALLS", "max_calls"),
    plain("T11_WEB_DIR", "edge.web_dir"),
    plain("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint"),
    secret("DATABASE_URL", "database_url"),
    secret("REDIS_URL", "redis_url"),
    plain("T11_ASSETS_URL", "assets_url"),
    secret("ENCRYPTION_KEY", "encryption_key"),
    secret("T11_KEYRING", "keyring"),
    secret("T11_SIGNING_KEY", "signing_key"),
    secret("T11_JWKS", "jwks"),
    secret("OPENROUTER_API_KEY", "llm.api_key"),
    plain("OPENROUTER_BASE_URL", "llm.base_url"),
    plain("KOMMO_TEST_HOSTS", "crm.test_hosts"),
    plain("KOMMO_OAUTH_URL", "crm.oauth_url"),
    plain("KOMMO_OAUTH_REDIRECT_BASE", "crm.redirect_base"),
    secret("KOMMO_WEBHOOK_SECRET", "crm.webhook_secret"),
    plain("JOB_CONCURRENCY", "job_concurrency"),
    plain("JOB_QUEUE_NAME", "namespace"),
];

/// Where the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// One machine, one process: makes and keeps its own keys.
    #[default]
    Development,
    /// Refuses to start without keys that were given to it.
    Production,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings that every service shares.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Common {
    /// Address of edge: REST, gRPC, gRPC-web and the web client.
    pub http_addr: SocketAddr,
    /// Address of livez, readyz and metrics; unset = none in one process, `0.0.0.0:9090` apart.
    pub admin_addr: Option<SocketAddr>,
    /// Where one process keeps its databases, files and generated keys.
    pub data_dir: PathBuf,
    /// `development` or `production`.
    pub environment: Environment,
    /// Filter of log lines, in the words of `tracing`: `info`, `warn,t11_agents=debug`.
    pub log: String,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// Where traces go, over OTLP/gRPC; unset = nowhere.
    pub otlp_endpoint: Option<String>,
    /// `sqlite://…` or `postgres://…`; unset = SQLite files in `data_dir`.
    pub database_url: Option<Secret>,
    /// `redis://…` or `rediss://…`; unset = wake-ups and limits inside the process.
    pub redis_url: Option<Secret>,
    /// Begins the name of everything in Redis, so that several meshes may share one: 1 to 64
    /// letters, digits, `-`, `_` or `.`.
    pub namespace: String,
    /// `file://…` or `s3://bucket?endpoint=…`: the bucket `agent-assets`; unset = in `data_dir`.
    pub assets_url: Option<String>,
    /// 32 bytes in base64 or hexadecimal: seals secrets in the database.
    pub encryption_key: Option<Secret>,
    /// Further keys that old rows are sealed with, `id:key` separated by commas.
    pub keyring: Option<Secret>,
    /// 32 bytes in base64 or hexadecimal: signs caller tokens.
    pub signing_key: Option<Secret>,
    /// JSON Web Key Set: whose caller tokens are believed; unset = those of `signing_key`.
    pub jwks: Option<Secret>,
    /// Jobs a service runs at a time, 1–64. Most of them wait: for a model, for Kommo, for a database.
    pub job_concurrency: u16,
    /// How long a process that was told to stop still takes calls while it says that it is not
    /// ready, so that proxies hear of it, in seconds; unset = 5 in production, else 0.
    pub drain_delay_seconds: Option<u64>,
    /// Longest wait for running calls and jobs after that, in seconds.
    pub drain_seconds: u64,
    /// Calls that each service of this process answers at a time. Streams count while they last.
    /// Over 70 % of it background work is refused with OVERLOADED, over 90 % people's calls.
    pub max_calls: u32,
    /// Where services listen: `agents = "0.0.0.0:50052"`; unset = that port on every address. Port 0
    /// is any free one; `T11 agents listens at …` on standard output tells which.
    pub listen: BTreeMap<String, SocketAddr>,
    /// Addresses of services that run elsewhere: `agents = "http://agents:50052"`; `https` with TLS.
    pub peers: BTreeMap<String, String>,
    /// Mutual TLS between services: all three files or none.
    pub tls: TlsFiles,
}

/// PEM files. They are read again when they change; connections that are open stay so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsFiles {
    /// This process's certificate, with the chain up to the authority.
    pub cert: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// The authorities whose certificates are believed, of callers and of neighbours.
    pub ca: Option<PathBuf>,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            http_addr: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin_addr: None,
            data_dir: PathBuf::from(".t11"),
            environment: Environment::default(),
            log: "info".to_owned(),
            log_format: LogFormat::default(),
            otlp_endpoint: None,
            database_url: None,
            redis_url: None,
            namespace: "t11".to_owned(),
            assets_url: None,
            encryption_key: None,
            keyring: None,
            signing_key: None,
            jwks: None,
            job_concurrency: 32,
            drain_delay_seconds: None,
            drain_seconds: 15,
            max_calls: 1_000,
            listen: BTreeMap::new(),
            peers: BTreeMap::new(),
            tls: TlsFiles::default(),
        }
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{0}")]
    Figment(#[from] Box<figment::Error>),
    #[error("`{name}_FILE` names `{path}`, which cannot be read")]
    SecretFile {
        name: String,
        path: String,
        source: std::io::Error,
    },
    #[error("the data directory `{path}` cannot be made")]
    DataDir {
        path: String,
        source: std::io::Error,
    },
    #[error("both `{name}` and `{name}_FILE` are set; give one")]
    Both { name: String },
}

/// Of each service's section: a database of its own instead of the shared one.
const DATABASE_URL: &str = "database_url";

/// Where settings are read from. The only reader of the environment.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub variables: BTreeMap<String, String>,
    pub file: Option<PathBuf>,
}

impl Sources {
    /// The environment of the process, and the file named by `T11_CONFIG` or `./t11.toml`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn process() -> Self {
        let variables: BTreeMap<_, _> = std::env::vars().collect();
        let file = variables.get("T11_CONFIG").map(PathBuf::from);
        let file = file.or_else(|| Some(PathBuf::from("t11.toml")).filter(|path| path.exists()));
        Self { variables, file }
    }
}

/// The whole tree: what is common, and a section a service.
#[derive(Debug, Clone)]
pub struct Settings {
    pub common: Common,
    tree: Figment,
}

impl Settings {
    /// Reads the tree.
    ///
    /// # Errors
    /// [`SettingsError`] naming the setting, the place it came from and what is wrong.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let mut tree = Figment::new();
        if let Some(file) = &sources.file {
            tree = tree.merge(Toml::file_exact(file));
        }
        for (path, value) in variables(&sources.variables)? {
            tree = tree.merge(Serialized::default(&path, value));
        }
        let common = tree.extract().map_err(Box::new)?;
        Ok(Self { common, tree })
    }

    /// The section of one service, with its defaults.
    ///
    /// # Errors
    /// [`SettingsError::Figment`] naming the setting at fault.
    pub fn section<C: DeserializeOwned + Default>(&self, name: &str) -> Result<C, SettingsError> {
        if self.tree.find_value(name).is_err() {
            return Ok(C::default());
        }
        let mut section: Dict = self.tree.extract_inner(name).map_err(Box::new)?;
        // Read by `database_config`, not by the services.
        section.remove(DATABASE_URL);
        let section = Figment::from(Serialized::defaults(section));
        section
            .extract()
            .map_err(|error| Box::new(error.with_path(name)).into())
    }

    /// Where the database of a service is: its own, or its part of the shared one.
    ///
    /// # Errors
    /// When the service's section cannot be read, or the data directory cannot be made.
    pub fn database_config(&self, service: &str) -> Result<DatabaseConfig, SettingsError> {
        if let Ok(own) = self
            .tree
            .extract_inner::<Secret>(&format!("{service}.{DATABASE_URL}"))
        {
            return Ok(DatabaseConfig::new(own.expose()).own_of_service(service));
        }
        let shared = match &self.common.database_url {
            Some(url) => url.expose().to_owned(),
            None => {
                let dir = &self.common.data_dir;
                std::fs::create_dir_all(dir).map_err(|source| SettingsError::DataDir {
                    path: dir.display().to_string(),
                    source,
                })?;
                format!("sqlite://{}", self.data_path("t11.db").display())
            }
        };
        Ok(DatabaseConfig::new(shared).for_service(service))
    }

    /// How long the process takes calls after it was told to stop.
    pub fn drain_delay(&self) -> Duration {
        let in_production = self.common.environment == Environment::Production;
        let unset = if in_production { 5 } else { 0 };
        Duration::from_secs(self.common.drain_delay_seconds.unwrap_or(unset))
    }

    /// A path below the data directory.
    pub fn data_path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.common.data_dir.join(below)
    }
}

/// Each variable that sets something: its path and its value.
fn variables(
    environment: &BTreeMap<String, String>,
) -> Result<Vec<(String, figment::value::Value)>, SettingsError> {
    let mut found = Vec::new();
    for known in ENV {
        if let Some(text) = value_of(known, environment)? {
            found.push((known.path.to_owned(), parse(known.secret, &text)));
        }
    }
    for (name, text) in environment {
        if let Some(path) = name.strip_prefix("T11_").filter(|rest| rest.contains("__")) {
            found.push((path.to_lowercase().replace("__", "."), parse(false, text)));
        }
    }
    Ok(found)
}

fn value_of(
    known: &EnvName,
    environment: &BTreeMap<String, String>,
) -> Result<Option<String>, SettingsError> {
    let name = known.name;
    let direct = environment.get(name).filter(|text| !text.is_empty());
    let file = environment
        .get(&format!("{name}_FILE"))
        .filter(|_| known.secret);
    match (direct, file) {
        (Some(_), Some(_)) => Err(SettingsError::Both {
            name: name.to_owned(),
        }),
        (direct, None) => Ok(direct.cloned()),
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text.trim_end().to_owned())),
            Err(source) => Err(SettingsError::SecretFile {
                name: name.to_owned(),
                path: path.clone(),
                source,
            }),
        },
    }
}

/// Numbers, booleans and lists as TOML would read them; secrets always as text.
fn parse(secret: bool, text: &str) -> figment::value::Value {
    if secret {
        return figment::value::Value::from(text.to_owned());
    }
    // Infallible: whatever is no number, boolean or list is a text.
    text.parse()
        .unwrap_or_else(|_| figment::value::Value::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Section {
        api_key: Option<String>,
        timeout_ms: u32,
    }

    fn load(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Settings::load(&Sources {
            variables,
            file: None,
        })
    }

    #[test]
    fn known_names_and_sections() {
        let settings = load(&[
            ("T11_HTTP_ADDR", "127.0.0.1:9999"),
            ("OPENROUTER_API_KEY", "123"),
            ("T11_LLM__TIMEOUT_MS", "7"),
        ])
        .unwrap();
        assert_eq!(settings.common.http_addr.port(), 9999);
        let section: Section = settings.section("llm").unwrap();
        assert_eq!(
            section,
            Section {
                api_key: Some("123".to_owned()),
                timeout_ms: 7
            }
        );
        assert_eq!(
            settings.section::<Section>("crm").unwrap(),
            Section::default()
        );
    }

    #[test]
    fn a_secret_may_come_from_a_file_but_not_from_both() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "s3cret\n").unwrap();
        let file = path.to_str().unwrap();
        let settings = load(&[("ENCRYPTION_KEY_FILE", file)]).unwrap();
        assert_eq!(settings.common.encryption_key.unwrap().expose(), "s3cret");
        let both = load(&[("ENCRYPTION_KEY_FILE", file), ("ENCRYPTION_KEY", "x")]);
        assert!(matches!(both, Err(SettingsError::Both { .. })));
    }

    #[test]
    fn services_listen_where_they_are_told() {
        let settings = load(&[("T11_LISTEN__AGENTS", "127.0.0.1:0")]).unwrap();
        let address = settings.common.listen["agents"];
        assert_eq!(address, "127.0.0.1:0".parse().unwrap());
        assert!(load(&[("T11_LISTEN__AGENTS", "somewhere")]).is_err());
    }

    #[test]
    fn only_production_waits_for_proxies() {
        assert_eq!(load(&[]).unwrap().drain_delay(), Duration::ZERO);
        let production = ("T11_ENVIRONMENT", "production");
        let delay = load(&[production]).unwrap().drain_delay();
        assert_eq!(delay, Duration::from_secs(5));
        let told = load(&[production, ("T11_DRAIN_DELAY_SECONDS", "1")]);
        assert_eq!(told.unwrap().drain_delay(), Duration::from_secs(1));
    }

    #[test]
    fn a_wrong_value_is_named() {
        let error = load(&[("T11_HTTP_ADDR", "nowhere")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("http_addr"), "{error}");
    }

    #[test]
    fn secrets_do_not_print() {
        let settings = load(&[("ENCRYPTION_KEY", "topsecret")]).unwrap();
        assert!(!format!("{:?}", settings.common).contains("topsecret"));
        assert!(
            !serde_json::to_string(&settings.common)
                .unwrap()
                .contains("topsecret")
        );
    }
}
