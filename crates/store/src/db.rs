//! The database of a service.

#[cfg(feature = "simulation")]
mod lockstep;
mod postgres;
mod sqlite;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use t11_core::World;
use tokio::sync::Notify;
use tracing::Instrument as _;

#[cfg(feature = "simulation")]
use self::lockstep::Lockstep;
#[cfg(feature = "simulation")]
pub use self::lockstep::{Commit, Commits};
use self::postgres::Postgres;
pub(crate) use self::postgres::PostgresSession;
use self::sqlite::Sqlite;
use crate::{Access, AuditSink, DatabaseConfig, Engine, StoreError, System, Tx, audit};

/// The database of a service. Clones share its connections.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    env: Arc<Env>,
}

struct Shared {
    backend: Backend,
    outbox_filled: Notify,
}

enum Backend {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
    #[cfg(feature = "simulation")]
    Lockstep(Lockstep),
}

/// What every transaction of a database has at hand.
#[derive(Clone)]
pub(crate) struct Env {
    pub(crate) world: World,
    pub(crate) audit_sink: Option<AuditSink>,
    pub(crate) trace_context: Option<fn() -> Option<String>>,
    #[cfg(feature = "simulation")]
    pub(crate) left_out: crate::left_out::LeftOut,
}

/// How much a database has written since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Transactions committed to disk. On SQLite one carries many calls of [`Db::write`].
    pub commits: u64,
    /// Calls of [`Db::write`] whose closures were run.
    pub writes: u64,
}

/// The connections of a database that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// Waiting for work.
    pub idle: u32,
    /// At work.
    pub used: u32,
}

fn connections(open: u32, idle: usize) -> Connections {
    let idle = u32::try_from(idle).unwrap_or(open).min(open);
    Connections {
        idle,
        used: open - idle,
    }
}

impl Db {
    /// Opens the database. A SQLite file is made when it is missing; tables are made by
    /// [`Db::migrate`]. Must be called inside a tokio runtime, which then runs the SQLite writer.
    ///
    /// # Errors
    /// [`StoreError::Config`] for a URL of neither database, [`StoreError::Unavailable`] or
    /// [`StoreError::Internal`] when it cannot be opened.
    pub async fn connect(config: &DatabaseConfig, world: World) -> Result<Self, StoreError> {
        let backend = match config.engine()? {
            Engine::Sqlite => Backend::Sqlite(Sqlite::connect(config).await?),
            Engine::Postgres => Backend::Postgres(Box::new(Postgres::connect(config).await?)),
        };
        Ok(Self::over(backend, world))
    }

    /// Opens a SQLite file for a simulation: while a transaction runs, the calling thread stands
    /// still and no simulated time passes. `commits` decides how each commit goes.
    ///
    /// # Errors
    /// As [`Db::connect`].
    #[cfg(feature = "simulation")]
    pub fn connect_lockstep(
        config: &DatabaseConfig,
        world: World,
        commits: Commits,
    ) -> Result<Self, StoreError> {
        let backend = Backend::Lockstep(Lockstep::connect(config, commits)?);
        Ok(Self::over(backend, world))
    }

    fn over(backend: Backend, world: World) -> Self {
        Self {
            shared: Arc::new(Shared {
                backend,
                outbox_filled: Notify::new(),
            }),
            env: Arc::new(Env {
                world,
                audit_sink: None,
                trace_context: None,
                #[cfg(feature = "simulation")]
                left_out: crate::left_out::LeftOut::default(),
            }),
        }
    }

    /// The same database, whose audit records go to `sink` instead of the outbox.
    #[must_use]
    pub fn with_audit_sink(mut self, sink: AuditSink) -> Self {
        Arc::make_mut(&mut self.env).audit_sink = Some(sink);
        self
    }

    /// The same database, whose enqueued jobs carry the W3C `traceparent` that `current` gives
    /// inside the span of the caller.
    #[must_use]
    pub fn with_trace_context(mut self, current: fn() -> Option<String>) -> Self {
        Arc::make_mut(&mut self.env).trace_context = Some(current);
        self
    }

    /// Plants a fault: [`Tx::find`] and its siblings no longer ask for the organization in the
    /// tables that `of_table` names. Holds for every clone of this database.
    #[cfg(feature = "simulation")]
    pub fn leave_out_organization(&self, of_table: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.env.left_out.set(Arc::new(of_table));
    }

    /// Which database this is.
    pub fn engine(&self) -> Engine {
        match self.shared.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
            #[cfg(feature = "simulation")]
            Backend::Lockstep(_) => Engine::Sqlite,
        }
    }

    /// Runs `work` in a transaction and commits it when it returns `Ok`; the answer comes after
    /// the commit is durable. Any error rolls back all that `work` did.
    ///
    /// On SQLite waiting calls share one commit, each in a savepoint of its own, one after the
    /// other: `work` must touch nothing slow besides the database, and must not call `read` or
    /// `write` itself. When the caller goes away, work that has begun is still finished and
    /// committed on SQLite, and rolled back on PostgreSQL.
    ///
    /// # Errors
    /// What `work` returns, or a [`StoreError`] as `E` when the transaction could not be begun or
    /// committed, took too long, or panicked.
    pub async fn write<T, E, F, Fut>(&self, access: impl Into<Access>, work: F) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (access, env) = (access.into(), self.env.clone());
        let outcome = match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.write(access, env, work).await,
            Backend::Postgres(postgres) => postgres.write(access, env, work).await,
            #[cfg(feature = "simulation")]
            Backend::Lockstep(lockstep) => lockstep.write(access, env, work),
        };
        let Written { value, enqueued } = outcome?;
        if enqueued {
            self.shared.outbox_filled.notify_one();
        }
        Ok(value)
    }

    /// Runs `work` in a transaction that can only read. On SQLite all its queries see the state at
    /// the first; on PostgreSQL each sees what was committed before it.
    ///
    /// # Errors
    /// What `work` returns, or a [`StoreError`] as `E` when the transaction could not be begun or
    /// panicked.
    pub async fn read<T, E, F, Fut>(&self, access: impl Into<Access>, work: F) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (access, env) = (access.into(), self.env.clone());
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.read(access, env, work).await,
            Backend::Postgres(postgres) => postgres.read(access, env, work).await,
            #[cfg(feature = "simulation")]
            Backend::Lockstep(lockstep) => lockstep.read(access, env, work),
        }
    }

    /// Runs `work`, which changes tables, with system access and without a time limit. On
    /// PostgreSQL the schema is made when it is missing, an advisory lock keeps other processes
    /// from migrating it at the same time, and no statement waits for a lock longer than 5 s.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn migrate<E, F, Fut>(&self, work: F) -> Result<(), E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (access, env) = (System("migration").into(), self.env.clone());
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.migrate(access, env, work).await,
            Backend::Postgres(postgres) => postgres.migrate(access, env, work).await,
            #[cfg(feature = "simulation")]
            Backend::Lockstep(lockstep) => lockstep.migrate(access, env, work),
        }
    }

    /// Answers when the database does: for readiness.
    ///
    /// # Errors
    /// What [`Db::read`] would meet, and [`StoreError::Failed`] when SQLite's writer has stopped
    /// for good.
    pub async fn ping(&self) -> Result<(), StoreError> {
        use sea_orm::ConnectionTrait as _;
        if let Backend::Sqlite(sqlite) = &self.shared.backend
            && let Some(failure) = sqlite.failure()
        {
            return Err(failure);
        }
        self.read(System("readiness"), |tx| async move {
            tx.execute_unprepared("SELECT 1").await?;
            Ok(())
        })
        .await
    }

    /// The time of the server, as exact as the answer is quick. `None` on SQLite, which has none of
    /// its own.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn time(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
        if self.engine() == Engine::Sqlite {
            return Ok(None);
        }
        self.read(System("the time of the server"), |tx| async move {
            let ask = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp()");
            let row = tx.query_one_raw(ask).await?;
            let row = row.ok_or_else(|| StoreError::internal("the server gave no time"))?;
            Ok(Some(row.try_get_by_index(0)?))
        })
        .await
    }

    /// What keeps a service from using this database, in words for its operator: on PostgreSQL a
    /// role that row security does not bind, or a server that may lose what it acknowledged;
    /// `is_production` asks for more. Always empty on SQLite.
    ///
    /// # Errors
    /// [`StoreError::Config`] when the role of the service is missing or cannot be taken, otherwise
    /// as [`Db::read`].
    pub async fn refusals(&self, is_production: bool) -> Result<Vec<String>, StoreError> {
        if self.engine() == Engine::Sqlite {
            return Ok(Vec::new());
        }
        self.read(System("checks at start"), move |tx| async move {
            postgres::refusals(&tx, is_production).await
        })
        .await
    }

    /// How much has been written.
    pub fn counters(&self) -> Counters {
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.counters(),
            Backend::Postgres(postgres) => postgres.counters(),
            #[cfg(feature = "simulation")]
            Backend::Lockstep(lockstep) => lockstep.counters(),
        }
    }

    /// Its open connections; of SQLite those for reading.
    pub fn connections(&self) -> Connections {
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.connections(),
            Backend::Postgres(postgres) => postgres.connections(),
            #[cfg(feature = "simulation")]
            Backend::Lockstep(_) => Connections::default(),
        }
    }

    /// Waits for running transactions and closes every connection; later calls are answered with
    /// [`StoreError::Unavailable`]. On SQLite this folds the write-ahead log into the file.
    pub async fn close(&self) {
        match &self.shared.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres(postgres) => postgres.close().await,
            #[cfg(feature = "simulation")]
            Backend::Lockstep(lockstep) => lockstep.close(),
        }
    }

    /// Returns when a commit has put jobs into the outbox since the last return.
    pub(crate) async fn outbox_filled(&self) {
        self.shared.outbox_filled.notified().await;
    }
}

/// What a committed write gives.
struct Written<T> {
    value: T,
    enqueued: bool,
}

/// Runs a closure and, when it succeeds, what belongs into its transaction.
async fn run<T, E, F, Fut>(tx: Tx, work: F) -> Result<T, E>
where
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: From<StoreError>,
{
    caught(async {
        let value = work(tx.clone()).await?;
        audit::append(&tx).await?;
        Ok(value)
    })
    .await
}

/// Runs a closure that only reads.
async fn run_read<T, E, F, Fut>(tx: Tx, work: F) -> Result<T, E>
where
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: From<StoreError>,
{
    caught(async { work(tx).await }).await
}

/// A panic as [`StoreError::Panicked`].
async fn caught<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!("a transaction panicked and is rolled back");
            Err(StoreError::Panicked.into())
        })
}

/// `work`, in the span of whoever called.
fn in_callers_span<F, Fut>(work: F) -> impl FnOnce(Tx) -> tracing::instrument::Instrumented<Fut>
where
    F: FnOnce(Tx) -> Fut,
    Fut: Future,
{
    let span = tracing::Span::current();
    move |tx| work(tx).instrument(span)
}
