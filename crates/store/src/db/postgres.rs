//! PostgreSQL: a transaction a call.
//!
//! All settings are given inside the transaction, so that a pooler in transaction mode (PgBouncer,
//! Supabase's) may stand between.

use std::future::Future;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqlxPostgresConnector, Statement, TransactionTrait as _,
};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::{Counters, Env, Written, run, run_read};
use crate::{Access, DatabaseConfig, StoreError, Tx};

/// A pooled connection that has rested longer than this is tried before it is used.
const TRY_AFTER_IDLE: Duration = Duration::from_secs(5);

/// One round trip. A transaction may become read-only at any time, so no `BEGIN READ ONLY` either.
const BEGIN: &str = "SELECT set_config('app.organization_id', $1, true), \
     set_config('app.system', $2, true), set_config('search_path', $3, true), \
     set_config('statement_timeout', $4, true), set_config('transaction_read_only', $5, true)";

pub(super) struct Postgres {
    pool: PgPool,
    connection: DatabaseConnection,
    schema: String,
    statement_timeout_ms: u64,
    commits: AtomicU64,
    writes: AtomicU64,
}

impl Postgres {
    pub(super) async fn connect(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let schema = config.schema_name()?.to_owned();
        let options = PgConnectOptions::from_str(&config.url)?.application_name("t11");
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections.max(1))
            .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
            .test_before_acquire(false)
            .before_acquire(|connection, rest| {
                async move {
                    if rest.idle_for > TRY_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                }
                .boxed()
            })
            .connect_with(options)
            .await?;
        Ok(Self {
            connection: SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone()),
            pool,
            schema,
            statement_timeout_ms: config.statement_timeout_ms,
            commits: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        })
    }

    pub(super) async fn write<T, E, F, Fut>(
        &self,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<Written<T>, E>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<StoreError>,
    {
        let session = self.begin(&access, AccessMode::ReadWrite).await?;
        let tx = Tx::new(session, access, env);
        self.writes.fetch_add(1, Ordering::Relaxed);
        let result = run(tx.clone(), work).await;
        let session = tx.end().await?;
        match result {
            Ok(value) => {
                session.commit().await.map_err(StoreError::from)?;
                self.commits.fetch_add(1, Ordering::Relaxed);
                Ok(Written {
                    value,
                    enqueued: tx.has_enqueued(),
                })
            }
            Err(error) => {
                roll_back(session).await;
                Err(error)
            }
        }
    }

    pub(super) async fn read<T, E, F, Fut>(
        &self,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<StoreError>,
    {
        let session = self.begin(&access, AccessMode::ReadOnly).await?;
        let tx = Tx::new(session, access, env);
        let result = run_read(tx.clone(), work).await;
        roll_back(tx.end().await?).await;
        result
    }

    pub(super) async fn migrate<E, F, Fut>(
        &self,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<(), E>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<(), E>>,
        E: From<StoreError>,
    {
        let schema = self.schema.clone();
        let prepared = move |tx: Tx| async move {
            prepare_migration(&tx, &schema).await?;
            work(tx).await
        };
        self.write(access, env, prepared)
            .await
            .map(|written| written.value)
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            commits: self.commits.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(
        &self,
        access: &Access,
        mode: AccessMode,
    ) -> Result<DatabaseTransaction, StoreError> {
        let session = self.connection.begin().await?;
        let (org, system) = match access.org() {
            Some(org) => (org.to_string(), "off"),
            None => (String::new(), "on"),
        };
        let settings = [
            org.into(),
            system.into(),
            format!("\"{}\", public", self.schema).into(),
            self.statement_timeout_ms.to_string().into(),
            if mode == AccessMode::ReadOnly {
                "on"
            } else {
                "off"
            }
            .into(),
        ];
        let begin = Statement::from_sql_and_values(DbBackend::Postgres, BEGIN, settings);
        session.execute_raw(begin).await?;
        Ok(session)
    }
}

/// A failed rollback closes the connection, which rolls back too.
async fn roll_back(session: DatabaseTransaction) {
    if let Err(error) = session.rollback().await {
        tracing::warn!(%error, "a transaction could not be rolled back");
    }
}

async fn prepare_migration(tx: &Tx, schema: &str) -> Result<(), StoreError> {
    // `schema` is a checked name of the configuration: a-z, 0-9 and `_`.
    let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended('t11.migrate.{schema}', 0))");
    tx.execute_unprepared("SELECT set_config('statement_timeout', '0', true)")
        .await?;
    tx.execute_unprepared(&lock).await?;
    tx.execute_unprepared("SELECT set_config('lock_timeout', '5000', true)")
        .await?;
    let exists = format!("SELECT 1 WHERE to_regnamespace('\"{schema}\"') IS NOT NULL");
    let exists = Statement::from_string(DbBackend::Postgres, exists);
    // `IF NOT EXISTS` alone asks for the right to create even when there is nothing to create.
    if tx.query_one_raw(exists).await?.is_none() {
        tx.execute_unprepared(&format!("CREATE SCHEMA \"{schema}\""))
            .await?;
    }
    Ok(())
}
