//! Databases for tests.

use std::future::Future;
use std::ops::Deref;

use t11_core::World;
use tempfile::TempDir;

use crate::{DatabaseConfig, Db, StoreError};

/// Where tests find a PostgreSQL server; without it they use SQLite.
pub const URL_VARIABLE: &str = "T11_TEST_DATABASE_URL";

/// The role that tests act as on a PostgreSQL server, as services do: it owns nothing.
const ROLE: &str = "t11_test";

/// Longest wait for a connection, in milliseconds: tests run beside each other on small machines.
const PATIENCE_MS: u64 = 10_000;

/// A migrated database of its own: a SQLite file, or with [`URL_VARIABLE`] set a PostgreSQL
/// schema. Removed when dropped. Derefs to [`Db`].
pub struct TestDb {
    db: Db,
    config: DatabaseConfig,
    /// Removed last.
    _folder: Option<TempDir>,
}

impl TestDb {
    /// A database migrated by `migrate`, with the system's clock.
    ///
    /// # Panics
    /// When the database cannot be made or migrated.
    pub async fn new<F, Fut, T>(migrate: F) -> Self
    where
        F: FnOnce(Db) -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        Self::with_world(World::system(), migrate).await
    }

    /// A database migrated by `migrate`, with the given clock and randomness.
    ///
    /// # Panics
    /// When the database cannot be made or migrated.
    #[expect(clippy::expect_used, reason = "a test without its database must fail")]
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no configuration to read it from"
    )]
    pub async fn with_world<F, Fut, T>(world: World, migrate: F) -> Self
    where
        F: FnOnce(Db) -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let (config, folder) = match std::env::var(URL_VARIABLE) {
            Ok(url) => {
                let schema = format!("test_{}", World::system().new_id().simple());
                let config = DatabaseConfig {
                    schema: Some(schema),
                    role: Some(ROLE.to_owned()),
                    acquire_timeout_ms: PATIENCE_MS,
                    ..DatabaseConfig::new(url)
                };
                (config, None)
            }
            Err(_) => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}", folder.path().join("test.db").display());
                (DatabaseConfig::new(url), Some(folder))
            }
        };
        let db = Db::connect(&config, world)
            .await
            .expect("the test database opens");
        // The role must be there even if the test makes no tables.
        db.migrate(|_| async { Ok::<_, StoreError>(()) })
            .await
            .expect("the test's role is made");
        migrate(db.clone())
            .await
            .expect("the test database is migrated");
        Self {
            db,
            config,
            _folder: folder,
        }
    }

    /// The database.
    pub fn db(&self) -> Db {
        self.db.clone()
    }

    /// How the database is reached, for a second [`Db`] on it.
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let (Some(schema), Ok(url)) = (self.config.schema.clone(), self.config.url.parse()) else {
            return;
        };
        // The test's runtime may be of one thread, which is here.
        let dropped = std::thread::spawn(move || drop_schema(url, &schema)).join();
        if !matches!(dropped, Ok(Ok(()))) {
            tracing::warn!("a test schema was left behind");
        }
    }
}

fn drop_schema(url: sqlx::postgres::PgConnectOptions, schema: &str) -> Result<(), sqlx::Error> {
    use sqlx::{ConnectOptions as _, Executor as _};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = url.options([("lock_timeout", "5000")]).connect().await?;
        let drop = format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE");
        connection
            .execute(sqlx::AssertSqlSafe(drop))
            .await
            .map(|_| ())
    })
}
