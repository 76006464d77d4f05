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
mod session;

use std::future::Future;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseConnection, DbBackend, SqlxPostgresConnector,
    Statement, TransactionTrait as _,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::timeout;

pub(super) use self::guard::refusals;
use self::pool::Pool;
pub(crate) use self::session::Session as PostgresSession;
use super::{Connections, Counters, Env, Written, run, run_read};
use crate::tx::{self, Session};
use crate::{Access, DatabaseConfig, StoreError, Tx};

/// Longest statement, but for those of migrations.
const LONGEST_STATEMENT: Duration = Duration::from_secs(8);
/// What an answer may take beyond the longest statement: the server stops that one itself, so who
/// has not answered by then is gone.
const ANSWER_SLACK: Duration = Duration::from_secs(1);
/// Longest wait for the end of a transaction that is given up.
const ROLLBACK: Duration = Duration::from_secs(4);

pub(super) struct Postgres {
    pool: Pool,
    options: PgConnectOptions,
    schema: String,
    role: Option<String>,
    /// Connections may carry statements that another client has prepared.
    is_pooled: bool,
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
        let patience = Duration::from_millis(config.acquire_timeout_ms);
        let pool = Pool::new(options.clone(), config.max_connections.max(1), patience)?;
        // That the server is there and lets us in is told at once.
        pool.take().await?.give_back();
        Ok(Self {
            pool,
            options,
            schema,
            role,
            is_pooled,
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
        let session = self.begin(&access, AccessMode::ReadWrite).await?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let patience = self.patience();
        let tx = Tx::new(Session::Postgres(session), access, env, Some(patience));
        let result = run(tx.clone(), work).await;
        let written = conclude(tx, result, patience).await?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(written)
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
        let patience = Some(self.patience());
        let tx = Tx::new(Session::Postgres(session), access, env, patience);
        let result = run_read(tx.clone(), work).await;
        roll_back(tx.end().await?).await;
        result
    }

    /// On a connection of its own: sea-orm's migrations want a transaction of sea-orm's.
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
        let options = self.options.clone();
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(options);
        let pool = pool.await.map_err(StoreError::from)?;
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        let migrated = self.migrate_on(&connection, access, env, prepared).await;
        pool.close().await;
        migrated
    }

    async fn migrate_on<E, F, Fut>(
        &self,
        connection: &DatabaseConnection,
        access: Access,
        env: Arc<Env>,
        work: F,
    ) -> Result<(), E>
    where
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<(), E>>,
        E: From<StoreError>,
    {
        let session = connection.begin().await.map_err(StoreError::from)?;
        let opening = self.opening(&access, AccessMode::ReadWrite, None);
        let opened = session.execute_unprepared(&opening).await;
        opened.map_err(StoreError::from)?;
        let tx = Tx::new(Session::Orm(session), access, env, None);
        let result = run(tx.clone(), work).await;
        conclude(tx, result, self.patience()).await.map(drop)
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            commits: self.commits.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn connections(&self) -> Connections {
        self.pool.connections()
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Longest wait for the answer to a statement.
    fn patience(&self) -> Duration {
        self.statement_timeout + ANSWER_SLACK
    }

    async fn begin(
        &self,
        access: &Access,
        mode: AccessMode,
    ) -> Result<PostgresSession, StoreError> {
        let held = self.pool.take().await?;
        let role = self.role.as_deref();
        let opening = format!("BEGIN; {}", self.opening(access, mode, role));
        match timeout(self.patience(), PostgresSession::begin(held, opening)).await {
            Ok(begun) => begun.map_err(|error| roles::explain(error, role)),
            Err(_) => Err(tx::silent().into()),
        }
    }

    /// What is set for a transaction, all of it in one round trip.
    ///
    /// A transaction may become read-only at any time, so no `BEGIN READ ONLY`. Connections keep the
    /// plans of prepared statements, made perhaps when a table was empty and any plan was good; one
    /// that reads the whole table is bad ever after. So where there is an index it is used, and such
    /// a plan is not compiled for what it claims to cost.
    fn opening(&self, access: &Access, mode: AccessMode, role: Option<&str>) -> String {
        // sqlx names its statements, and another client's of the same name may be there.
        let forget = if self.is_pooled {
            "DEALLOCATE ALL; "
        } else {
            ""
        };
        let (org, system) = match access.org() {
            Some(org) => (org.to_string(), "off"),
            None => (String::new(), "on"),
        };
        let is_read_only = match mode {
            AccessMode::ReadOnly => "on",
            AccessMode::ReadWrite => "off",
        };
        let timeout = self.statement_timeout.as_millis();
        let schema = &self.schema;
        // Nothing in it is text of others: the organization is a UUID, the names are checked ones.
        let role = role.map_or("NONE".to_owned(), |role| format!("\"{role}\""));
        format!(
            "{forget}SET LOCAL app.organization_id = '{org}'; SET LOCAL app.system = '{system}'; \
             SET LOCAL search_path = \"{schema}\", public; SET LOCAL statement_timeout = {timeout}; \
             SET LOCAL transaction_read_only = {is_read_only}; SET LOCAL enable_seqscan = off; \
             SET LOCAL jit = off; SET LOCAL ROLE {role}"
        )
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

/// Commits what went well, rolls back what did not.
async fn conclude<T, E: From<StoreError>>(
    tx: Tx,
    result: Result<T, E>,
    patience: Duration,
) -> Result<Written<T>, E> {
    let session = tx.end().await?;
    match result {
        Ok(value) => {
            match timeout(patience, session.commit()).await {
                Ok(committed) => committed.map_err(StoreError::from)?,
                Err(_) => return Err(StoreError::from(tx::silent()).into()),
            }
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

/// A failed rollback closes the connection, which rolls back too.
async fn roll_back(session: Session) {
    match timeout(ROLLBACK, session.roll_back()).await {
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
