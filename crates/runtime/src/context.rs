//! What a service is given to build itself with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use parking_lot::Mutex;
use t11_core::{PageTokens, World};
use t11_grpc::{Peer, Signer, Verifier};
use t11_store::{Db, Keyring};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::{Keys, Settings};

/// Clock, keys, databases, neighbours: everything from outside that a service needs.
#[derive(Clone)]
pub struct Context {
    pub(crate) settings: Arc<Settings>,
    world: World,
    keys: Keys,
    peers: Arc<HashMap<&'static str, Peer>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    databases: Arc<Mutex<HashMap<String, Db>>>,
    migrate: bool,
}

impl Context {
    pub(crate) fn new(
        settings: Arc<Settings>,
        world: World,
        keys: Keys,
        peers: HashMap<&'static str, Peer>,
        migrate: bool,
    ) -> Self {
        Self {
            settings,
            world,
            keys,
            peers: Arc::new(peers),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
            databases: Arc::default(),
            migrate,
        }
    }

    /// Clock and randomness.
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

    /// Cancelled when the process begins to drain.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Work that outlives the call it began in; waited for when the process drains.
    pub fn tasks(&self) -> TaskTracker {
        self.tasks.clone()
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

    /// The directory of a single process's own files.
    pub fn data_dir(&self) -> PathBuf {
        self.settings.common.data_dir.clone()
    }

    /// The database of a service, connected; migrated too when the process runs alone.
    ///
    /// # Errors
    /// When it cannot be reached, or its schema cannot be brought up to date.
    pub async fn database(&self, service: &'static str) -> Result<Db> {
        let config = self.settings.database_config(service)?;
        let masked = config.masked_url();
        let db = Db::connect(&config, self.world())
            .await
            .with_context(|| format!("database of `{service}` at {masked}"))?;
        if self.migrate {
            t11_migrations::migrate(service, &db)
                .await
                .with_context(|| format!("migrations of `{service}`"))?;
        }
        self.databases.lock().insert(service.to_owned(), db.clone());
        Ok(db)
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
            other => anyhow::bail!("T11_ASSETS_URL: `{other}` is neither `file` nor `s3`"),
        }
    }
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
            other => anyhow::bail!("T11_ASSETS_URL: unknown parameter `{other}`"),
        };
    }
    Ok(Arc::new(builder.build()?))
}
