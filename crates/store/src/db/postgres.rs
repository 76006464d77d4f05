//! PostgreSQL: a transaction a call.
//!
//! All settings are given inside the transaction, so that a pooler in transaction mode (PgBouncer,
//! Supabase's) may stand between; `pgbouncer=true` in the URL is for those that do not know
//! prepared statements. So is the role: one login may serve every service, each of them
//! acting as a role that owns nothing and that row security binds.

mod guard;
mod pool;
mod roles;
mod room;

use std::future::Future;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqlxPostgresConnector, Statement, TransactionTrait as _,
};
use sqlx::postgres::{PgConnectOptions, PgPool};
use tokio::time::timeout;

pub(super) use self::guard::refusals;
use self::room::{Place, Room};
use super::{Connections, Counters, Env, Written, connections, run, run_read};
use crate::{Access, DatabaseConfig, StoreError, Tx, tx};

/// Longest statement, but for those of migrations.
const LONGEST_STATEMENT: Duration = Duration::from_secs(8);
/// What an answer may take beyond the longest statement: the server stops that one itself, so who
/// has not answered by then is gone.
const ANSWER_SLACK: Duration = Duration::from_secs(1);
/// Longest wait for the end of a transaction that is given up.
const ROLLBACK: Duration = Duration::from_secs(4);

/// One round trip. A transaction may become read-only at any time, so no `BEGIN READ ONLY` either.
///
/// Connections keep the plans of prepared statements, made perhaps when a table was empty and any
/// plan was good; one that reads the whole table is bad ever after. So where there is an index it is
/// used, and such a plan is not compiled for what it claims to cost.
const BEGIN: &str = "SELECT set_config('app.organization_id', $1, true), \
     set_config('app.system', $2, true), set_config('search_path', $3, true), \
     set_config('statement_timeout', $4, true), set_config('transaction_read_only', $5, true), \
     set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true), \
     set_config('role', $6, true)";

/// What [`BEGIN`] gives as the role when none is to be taken.
const LOGIN_ROLE: &str = "none";

pub(super) struct Postgres {
    pool: PgPool,
    connection: DatabaseConnection,
    schema: String,
    role: Option<String>,
    /// Connections may carry statements that another client has prepared.
    is_pooled: bool,
    room: Room,
    statement_timeout: Duration,
    commits: AtomicU64,
    writes: AtomicU64,
}

impl Postgres {
    pub(super) async fn connect(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let schema = config.schema_name()?.to_owned();
        let role = config.role_name()?.map(ToOwned::to_owned);
        let (url, is_pooled) = without_pooler_mark(&config.url);
        let mut options = PgConnectOptions::from_str(&url)?.application_name("t11");
        if is_pooled {
            options = options.statement_cache_capacity(0);
        }
        let size = config.max_connections.max(1);
        let pool = pool::options(size).connect_with(options).await?;
        Ok(Self {
            connection: SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone()),
            pool,
            schema,
            role,
            is_pooled,
            room: Room::new(size, Duration::from_millis(config.acquire_timeout_ms)),
            statement_timeout: Duration::from_millis(config.statement_timeout_ms)
                .min(LONGEST_STATEMENT),
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
        let role = self.role.as_deref();
        let patience = Some(self.patience());
        self.write_as(role, patience, access, env, work).await
    }

    async fn write_as<T, E, F, Fut>(
        &self,
        role: Option<&str>,
        patience: Option<Duration>,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<Written<T>, E>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<StoreError>,
    {
        let mut place = self.room.enter().await?;
        let mode = AccessMode::ReadWrite;
        let session = self.begin(&mut place, &access, mode, role).await?;
        let tx = Tx::new(session, access, env, patience);
        self.writes.fetch_add(1, Ordering::Relaxed);
        let result = run(tx.clone(), work).await;
        let session = tx.end().await?;
        match result {
            Ok(value) => {
                self.in_time(session.commit()).await?;
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
        let role = self.role.as_deref();
        let mut place = self.room.enter().await?;
        let mode = AccessMode::ReadOnly;
        let session = self.begin(&mut place, &access, mode, role).await?;
        let tx = Tx::new(session, access, env, Some(self.patience()));
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
        let (schema, role) = (self.schema.clone(), self.role.clone());
        let prepared = move |tx: Tx| async move {
            prepare_migration(&tx, &schema).await?;
            work(tx.clone()).await?;
            if let Some(role) = role {
                roles::grant(&tx, &schema, &role).await?;
            }
            Ok(())
        };
        self.write_as(None, None, access, env, prepared)
            .await
            .map(|written| written.value)
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            commits: self.commits.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn connections(&self) -> Connections {
        connections(self.pool.size(), self.pool.num_idle())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Longest wait for the answer to a statement.
    fn patience(&self) -> Duration {
        self.statement_timeout + ANSWER_SLACK
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, StoreError> {
        match timeout(self.patience(), asked).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(tx::silent().into()),
        }
    }

    async fn begin(
        &self,
        place: &mut Place<'_>,
        access: &Access,
        mode: AccessMode,
        role: Option<&str>,
    ) -> Result<DatabaseTransaction, StoreError> {
        let session = self.in_time(self.connection.begin()).await;
        // There is a place, so what was waited for is the server.
        let session = session.map_err(|error| match error {
            StoreError::Busy => StoreError::Unavailable(None),
            other => other,
        })?;
        if self.is_pooled {
            // sqlx names its statements, and another client's of the same name may be there.
            self.in_time(session.execute_unprepared("DEALLOCATE ALL"))
                .await?;
        }
        let (org, system) = match access.org() {
            Some(org) => (org.to_string(), "off"),
            None => (String::new(), "on"),
        };
        let settings = [
            org.into(),
            system.into(),
            format!("\"{}\", public", self.schema).into(),
            self.statement_timeout.as_millis().to_string().into(),
            if mode == AccessMode::ReadOnly {
                "on"
            } else {
                "off"
            }
            .into(),
            role.unwrap_or(LOGIN_ROLE).into(),
        ];
        let begin = Statement::from_sql_and_values(DbBackend::Postgres, BEGIN, settings);
        match timeout(self.patience(), session.execute_raw(begin)).await {
            Ok(begun) => begun.map_err(|error| roles::explain(error, role))?,
            Err(_) => return Err(tx::silent().into()),
        };
        place.begin_work();
        Ok(session)
    }
}

/// Takes `pgbouncer=true` out of the query of a URL, where others' clients look for it too.
fn without_pooler_mark(url: &str) -> (String, bool) {
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), false);
    };
    let rest: Vec<_> = query
        .split('&')
        .filter(|part| *part != "pgbouncer=true")
        .collect();
    if rest.len() == query.split('&').count() {
        (url.to_owned(), false)
    } else if rest.is_empty() {
        (base.to_owned(), true)
    } else {
        (format!("{base}?{}", rest.join("&")), true)
    }
}

/// A failed rollback closes the connection, which rolls back too.
async fn roll_back(session: DatabaseTransaction) {
    match timeout(ROLLBACK, session.rollback()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a transaction could not be rolled back"),
        Err(_) => tracing::warn!("the database does not answer to a rollback"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_pooler_is_taken_out_of_the_url() {
        let (marked, plain) = ("postgres://u@h/d?pgbouncer=true", "postgres://u@h/d?a=b");
        assert_eq!(
            without_pooler_mark(marked),
            ("postgres://u@h/d".to_owned(), true)
        );
        assert_eq!(without_pooler_mark(plain), (plain.to_owned(), false));
        assert_eq!(
            without_pooler_mark("postgres://u@h/d?a=b&pgbouncer=true"),
            (plain.to_owned(), true)
        );
    }
}
