//! What a service is given to build itself with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use parking_lot::Mutex;
use t11_core::{PageTokens, World};
use t11_grpc::{Peer, Signer, Verifier};
use t11_store::{Db, Engine, Keyring};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::bus::{self, Bus, Carrier};
use crate::clock::ServerClock;
use crate::{Environment, Health, Keys, Redis, Secret, Settings, keys, metrics};

/// Clock, keys, databases, neighbours: everything from outside that a service needs.
#[derive(Clone)]
pub struct Context {
    pub(crate) settings: Arc<Settings>,
    world: World,
    clock: Arc<ServerClock>,
    keys: Keys,
    peers: Arc<HashMap<&'static str, Peer>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    health: Health,
    databases: Arc<Mutex<HashMap<String, Db>>>,
    redis: Option<Redis>,
    carrier: Arc<dyn Carrier>,
    migrate: bool,
}

impl Context {
    /// # Errors
    /// When `redis_url` or `namespace` cannot be used. Whether Redis is there does not matter.
    pub(crate) fn new(
        settings: Arc<Settings>,
        world: World,
        keys: Keys,
        peers: HashMap<&'static str, Peer>,
        migrate: bool,
    ) -> Result<Self> {
        let common = &settings.common;
        let redis = match &common.redis_url {
            Some(url) => Some(Redis::connect(url, &common.namespace)?),
            None => None,
        };
        let carrier: Arc<dyn Carrier> = match &redis {
            Some(redis) => Arc::new(bus::OverRedis::new(redis)),
            None => Arc::new(bus::InProcess::default()),
        };
        let clock = ServerClock::new(world.clone());
        Ok(Self {
            settings,
            world: world.with_clock(clock.clone()),
            clock,
            keys,
            peers: Arc::new(peers),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
            health: Health::default(),
            databases: Arc::default(),
            redis,
            carrier,
            migrate,
        })
    }

    /// Randomness, and the clock: that of the database server where there is one.
    pub fn world(&self) -> World {
        self.world.clone()
    }

    /// The settings that services share.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The neighbour `name`, here or elsewhere.
    ///
    /// # Panics
    /// Never for the six names of the mesh.
    #[expect(
        clippy::expect_used,
        reason = "names are literals in wiring code, run at start-up"
    )]
    pub fn peer(&self, name: &str) -> Peer {
        self.peers
            .get(name)
            .cloned()
            .expect("a service of the mesh")
    }

    /// Whether the process may be sent calls; a service adds what that depends on.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Cancelled when the process takes no more work: some time after it said that it is not ready.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Work that outlives the call it began in; waited for when the process drains.
    pub fn tasks(&self) -> TaskTracker {
        self.tasks.clone()
    }

    /// A new member of the bus between replicas, in this process while no Redis is set.
    pub fn bus(&self) -> Bus {
        Bus::join(self.carrier.clone(), &self.world)
    }

    /// The Redis of the mesh, if one is set.
    pub fn redis(&self) -> Option<Redis> {
        self.redis.clone()
    }

    /// Signs caller tokens.
    pub fn signer(&self) -> Signer {
        self.keys.signer.clone()
    }

    /// Verifies caller tokens.
    pub fn verifier(&self) -> Verifier {
        self.keys.verifier.clone()
    }

    /// Seals secrets for the database.
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keys.keyring.clone()
    }

    /// Signs page tokens.
    pub fn page_tokens(&self) -> PageTokens {
        self.keys.page_tokens.clone()
    }

    /// A key of one service's own, as text: `given` by its settings; in development one that is
    /// missing is made once and kept under `name`, readable by the owner only.
    ///
    /// # Errors
    /// When it is missing in production, or cannot be kept.
    pub fn key(&self, given: Option<&Secret>, name: &str) -> Result<Secret> {
        keys::given(&self.settings, given, name, &self.world).map(Secret::from)
    }

    /// The directory of a single process's own files.
    pub fn data_dir(&self) -> PathBuf {
        self.settings.common.data_dir.clone()
    }

    /// The database of a service, connected; migrated too when the process runs alone.
    ///
    /// # Errors
    /// When it cannot be reached, or [`check_database`] finds it unfit.
    pub async fn database(&self, service: &'static str) -> Result<Db> {
        let config = self.settings.database_config(service)?;
        let masked = config.masked_url();
        let db = Db::connect(&config, self.world())
            .await
            .with_context(|| format!("database of `{service}` at {masked}"))?
            .with_trace_context(t11_grpc::traceparent);
        if self.migrate {
            t11_migrations::migrate(service, &db)
                .await
                .with_context(|| format!("migrations of `{service}`"))?;
        }
        self.clock.ask(&db).await?;
        let is_production = self.settings.common.environment == Environment::Production;
        check_database(service, &db, is_production)
            .await
            .with_context(|| format!("database of `{service}` at {masked}"))?;
        self.tasks.spawn(metrics::count_connections(
            service,
            db.clone(),
            self.shutdown(),
        ));
        if db.engine() == Engine::Postgres {
            let kept = self.clock.clone().keep(db.clone(), self.shutdown());
            self.tasks.spawn(kept);
        }
        self.databases.lock().insert(service.to_owned(), db.clone());
        Ok(db)
    }

    /// The clock to be set by the neighbour `name`: that of a process without a database, by who
    /// believes its tokens.
    pub(crate) fn clock_by(&self, name: &str) -> Option<Arc<ServerClock>> {
        let has_database = !self.databases.lock().is_empty();
        (name == "accounts" && !has_database).then(|| self.clock.clone())
    }

    /// The databases opened so far, by service.
    pub fn databases(&self) -> HashMap<String, Db> {
        self.databases.lock().clone()
    }

    /// The bucket `agent-assets`.
    ///
    /// # Errors
    /// When `assets_url` is malformed or its directory cannot be made.
    pub fn assets(&self) -> Result<Arc<dyn ObjectStore>> {
        let Some(text) = &self.settings.common.assets_url else {
            return local_assets(self.settings.data_path("agent-assets"));
        };
        let url = Url::parse(text).context("T11_ASSETS_URL")?;
        match url.scheme() {
            "file" => local_assets(PathBuf::from(url.path())),
            "s3" => s3_assets(&url),
            other => bail!("T11_ASSETS_URL: `{other}` is neither `file` nor `s3`"),
        }
    }
}

/// Whether a service may use its database: its tables are up to date, and its role and the server
/// are what the promises of the platform rest on.
///
/// # Errors
/// Everything that is wrong, each with how to mend it; or the database does not answer.
pub async fn check_database(service: &str, db: &Db, is_production: bool) -> Result<()> {
    let pending = t11_migrations::pending(service, db).await?;
    let mut refusals = db.refusals(is_production).await?;
    if !pending.is_empty() {
        let count = pending.len();
        refusals.push(format!(
            "{count} migrations are not applied; run `t11 migrate`"
        ));
    }
    if refusals.is_empty() {
        return Ok(());
    }
    bail!("{}", refusals.join("; "))
}

fn local_assets(path: PathBuf) -> Result<Arc<dyn ObjectStore>> {
    std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
    Ok(Arc::new(
        LocalFileSystem::new_with_prefix(&path)?.with_fsync(true),
    ))
}

fn s3_assets(url: &Url) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env().with_url(url.as_str());
    for (key, value) in url.query_pairs() {
        builder = match &*key {
            "endpoint" => {
                let allow_http = value.starts_with("http://");
                builder.with_endpoint(value).with_allow_http(allow_http)
            }
            "region" => builder.with_region(value),
            other => bail!("T11_ASSETS_URL: unknown parameter `{other}`"),
        };
    }
    Ok(Arc::new(builder.build()?))
}
