//! SQLite: one writer with group commit, and a pool of readers beside it.

mod writer;

use std::future::Future;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, SqlxSqliteConnector, TransactionTrait as _};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use self::writer::{Keep, Writer};
use super::{Connections, Counters, Env, Written, connections, run_read};
use crate::{Access, DatabaseConfig, StoreError, Tx};

/// How long a statement waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Sqlite {
    writer: Writer,
    writer_pool: SqlitePool,
    /// `None` in memory, where the writer's connection is the database.
    readers: Option<Readers>,
    transaction_timeout: Duration,
}

struct Readers {
    pool: SqlitePool,
    connection: DatabaseConnection,
}

impl Sqlite {
    pub(super) async fn connect(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(&config.url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            // An acknowledged write survives a power cut; one flush serves a whole batch.
            .synchronous(SqliteSynchronous::Full);
        let options = if config.is_memory() {
            options.shared_cache(false)
        } else {
            create_folder(options.get_filename())?;
            options.journal_mode(SqliteJournalMode::Wal)
        };
        let acquire_timeout = Duration::from_millis(config.acquire_timeout_ms);
        let pool = |size| {
            // Connections live as long as the pool: opening one costs, and in memory it is the data.
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_timeout(acquire_timeout)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let writer_pool = pool(1).connect_with(options.clone()).await?;
        let readers = if config.is_memory() {
            None
        } else {
            let pool = pool(config.max_connections.max(1))
                .connect_with(options.pragma("query_only", "ON"))
                .await?;
            let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.clone());
            Some(Readers { pool, connection })
        };
        let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer_pool.clone());
        Ok(Self {
            writer: Writer::start(connection, acquire_timeout),
            writer_pool,
            readers,
            transaction_timeout: Duration::from_millis(config.statement_timeout_ms),
        })
    }

    pub(super) async fn write<T, E, F, Fut>(
        &self,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<Written<T>, E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer
            .run(
                access,
                env,
                Keep::OnSuccess,
                Some(self.transaction_timeout),
                work,
            )
            .await
    }

    pub(super) async fn read<T, E, F, Fut>(
        &self,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let Some(readers) = &self.readers else {
            let limit = Some(self.transaction_timeout);
            let read = self
                .writer
                .run(access, env, Keep::Nothing, limit, work)
                .await;
            return read.map(|written| written.value);
        };
        let session = readers.connection.begin().await.map_err(StoreError::from)?;
        let tx = Tx::new(session, access, env);
        let result = run_read(tx.clone(), work).await;
        tx.end().await?.rollback().await.map_err(StoreError::from)?;
        result
    }

    pub(super) async fn migrate<E, F, Fut>(
        &self,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<(), E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let migrated = self
            .writer
            .run(access, env, Keep::OnSuccess, None, work)
            .await;
        migrated.map(|written| written.value)
    }

    pub(super) fn counters(&self) -> Counters {
        self.writer.counters()
    }

    /// Those for reading, which callers wait for.
    pub(super) fn connections(&self) -> Connections {
        let pool = self
            .readers
            .as_ref()
            .map_or(&self.writer_pool, |readers| &readers.pool);
        connections(pool.size(), pool.num_idle())
    }

    pub(super) async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.pool.close().await;
        }
        // Last, for the last connection to close folds the write-ahead log into the file.
        self.writer_pool.close().await;
    }
}

fn create_folder(file: &Path) -> Result<(), StoreError> {
    let Some(folder) = file.parent() else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|error| {
        StoreError::Config(format!(
            "cannot make the folder `{}`: {error}",
            folder.display()
        ))
    })
}
