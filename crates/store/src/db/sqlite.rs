//! SQLite: one writer with group commit, and a pool of readers beside it.

mod writer;

use std::future::Future;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use sea_orm::{DatabaseConnection, SqlxSqliteConnector, TransactionTrait as _};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqliteConnection};

use self::writer::{Keep, Writer};
use super::{Connections, Counters, Env, Written, connections, run_read};
use crate::tx::Session;
use crate::{Access, DatabaseConfig, StoreError, Tx};

/// How long a statement waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages the writer may keep in memory, in KiB; taken as they are needed. A batch that outgrows
/// them is written to the log before its end, and read back from there.
const WRITER_CACHE_KIB: u32 = 16 * 1024;
/// Pages in the write-ahead log that set off its folding into the file: 16 MiB of 4 KiB each.
const CHECKPOINT_PAGES: u32 = 4096;

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
        let writer_options = options
            .clone()
            // Each closure of a batch has a savepoint: what undoes it would go through a file.
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string());
        let writer_pool = pool(1).connect_with(writer_options).await?;
        let readers = if config.is_memory() {
            None
        } else {
            let pool = pool(config.max_connections.max(1))
                .after_release(|connection, _| is_done(connection).boxed())
                .connect_with(options.pragma("query_only", "ON"))
                .await?;
            let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.clone());
            Some(Readers { pool, connection })
        };
        let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer_pool.clone());
        let kept = readers.is_some().then(|| writer_pool.clone());
        Ok(Self {
            writer: Writer::start(connection, kept, acquire_timeout),
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
        let tx = Tx::new(Session::Orm(session), access, env, None);
        let result = run_read(tx.clone(), work).await;
        tx.end()
            .await?
            .roll_back()
            .await
            .map_err(StoreError::from)?;
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

    /// Why nothing is written any more, if that is so.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.writer.failure()
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

/// Whether nothing is left open: after an error of the disk SQLite ends a transaction by itself, the
/// driver goes on counting from it, and later readers would see what was there then for ever.
async fn is_done(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback may be on its way.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
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
