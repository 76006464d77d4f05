//! A transaction, as the closures of [`Db::read`](crate::Db::read) and
//! [`Db::write`](crate::Db::write) see it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
#[cfg(feature = "simulation")]
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, DeleteMany,
    ExecResult, QueryFilter as _, QueryResult, RuntimeErr, Select, Statement,
    TransactionTrait as _, UpdateMany,
};
use t11_core::{OrgId, OrgScope};
use tokio::sync::{RwLock, RwLockReadGuard};
use tokio::time::timeout;

use crate::db::{Env, PostgresSession};
use crate::outbox::{self, NewJob};
use crate::{Access, OrgOwned, StoreError};

/// A transaction. Clones are the same transaction; after its closure has returned, every clone
/// answers with an error. sea-orm queries take it as their connection: `.one(&tx)`.
#[derive(Clone)]
pub struct Tx(Arc<Inner>);

struct Inner {
    /// `None` once the transaction has ended.
    session: RwLock<Option<Session>>,
    backend: DbBackend,
    /// Longest wait for the answer to a statement.
    patience: Option<Duration>,
    access: Access,
    env: Arc<Env>,
    audit_target: Mutex<Option<String>>,
    /// That the disk is full or has failed: SQLite may end the transaction then.
    trouble: Mutex<Option<StoreError>>,
    enqueued: AtomicBool,
}

impl Tx {
    /// With `patience`, a statement that is not answered for so long has failed.
    pub(crate) fn new(
        session: Session,
        access: Access,
        env: Arc<Env>,
        patience: Option<Duration>,
    ) -> Self {
        Self(Arc::new(Inner {
            backend: session.backend(),
            patience,
            session: RwLock::new(Some(session)),
            access,
            env,
            audit_target: Mutex::new(None),
            trouble: Mutex::new(None),
            enqueued: AtomicBool::new(false),
        }))
    }

    /// Takes the transaction away from all clones, when none of them runs a statement any more.
    pub(crate) async fn end(&self) -> Result<Session, StoreError> {
        self.0
            .session
            .write()
            .await
            .take()
            .ok_or_else(|| StoreError::internal(ENDED))
    }

    async fn session(&self) -> Result<RwLockReadGuard<'_, Session>, DbErr> {
        let session = self.0.session.read().await;
        RwLockReadGuard::try_map(session, Option::as_ref).map_err(|_| ended())
    }

    /// A savepoint as sea-orm's migrations want it.
    ///
    /// # Errors
    /// [`StoreError::Internal`] outside of [`Db::migrate`](crate::Db::migrate).
    pub async fn savepoint(&self) -> Result<DatabaseTransaction, StoreError> {
        match &*self.session().await? {
            Session::Orm(session) => Ok(self.in_time(session.begin()).await?),
            Session::Postgres(_) => Err(StoreError::internal("this is no migration")),
        }
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, DbErr>> + Send,
    ) -> Result<T, DbErr> {
        let outcome = match self.0.patience {
            Some(patience) => timeout(patience, asked)
                .await
                .unwrap_or_else(|_| Err(silent())),
            None => asked.await,
        };
        outcome.inspect_err(|error| {
            let error = StoreError::from(error.clone());
            if matches!(error, StoreError::Full(_) | StoreError::Failed(_)) {
                *self
                    .0
                    .trouble
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        })
    }

    /// What a statement said of the disk, if that was why it failed.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        let trouble = self.0.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn has_enqueued(&self) -> bool {
        self.0.enqueued.load(Ordering::Acquire)
    }

    pub(crate) fn env(&self) -> &Env {
        &self.0.env
    }

    /// The organization, `None` with [`System`](crate::System) access.
    pub fn org(&self) -> Option<OrgId> {
        self.0.access.org()
    }

    /// The organization.
    ///
    /// # Errors
    /// [`StoreError::WrongOrganization`] with [`System`](crate::System) access.
    pub fn org_id(&self) -> Result<OrgId, StoreError> {
        self.org().ok_or(StoreError::WrongOrganization)
    }

    /// The scope, `None` with [`System`](crate::System) access.
    pub fn scope(&self) -> Option<&OrgScope> {
        self.0.access.scope()
    }

    /// A query over the rows of the organization.
    ///
    /// # Errors
    /// [`StoreError::WrongOrganization`] with [`System`](crate::System) access.
    pub fn find<E: OrgOwned>(&self) -> Result<Select<E>, StoreError> {
        Ok(E::find().filter(self.own::<E>()?))
    }

    /// An update of rows of the organization.
    ///
    /// # Errors
    /// [`StoreError::WrongOrganization`] with [`System`](crate::System) access.
    pub fn update_many<E: OrgOwned>(&self) -> Result<UpdateMany<E>, StoreError> {
        Ok(E::update_many().filter(self.own::<E>()?))
    }

    /// A deletion of rows of the organization.
    ///
    /// # Errors
    /// [`StoreError::WrongOrganization`] with [`System`](crate::System) access.
    pub fn delete_many<E: OrgOwned>(&self) -> Result<DeleteMany<E>, StoreError> {
        Ok(E::delete_many().filter(self.own::<E>()?))
    }

    /// Whether a row is of the organization.
    fn own<E: OrgOwned>(&self) -> Result<SimpleExpr, StoreError> {
        let own = E::ORG.eq(self.org_id()?.0);
        #[cfg(feature = "simulation")]
        if self.env().left_out.is_of(E::default().table_name()) {
            return Ok(Expr::cust("1 = 1"));
        }
        Ok(own)
    }

    /// Writes the job into the outbox: it exists if and only if this transaction commits.
    ///
    /// # Errors
    /// [`StoreError::WrongOrganization`] when the job names an organization other than the
    /// scope's; [`StoreError::Conflict`] when a job of this id is still in the outbox.
    pub async fn enqueue(&self, job: NewJob) -> Result<(), StoreError> {
        outbox::insert(self, job).await?;
        self.0.enqueued.store(true, Ordering::Release);
        Ok(())
    }

    /// Names the resource that this audited change is about: `agents/0190…`.
    pub fn audit_target(&self, name: impl Into<String>) {
        *self
            .0
            .audit_target
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(name.into());
    }

    pub(crate) fn take_audit_target(&self) -> Option<String> {
        self.0
            .audit_target
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

const ENDED: &str = "the transaction has ended";

/// The server did not answer in time.
pub(crate) fn silent() -> DbErr {
    let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
    DbErr::Conn(RuntimeErr::SqlxError(sqlx::Error::Io(error).into()))
}

fn ended() -> DbErr {
    DbErr::Custom(ENDED.to_owned())
}

/// What a transaction runs on.
pub(crate) enum Session {
    /// Of SQLite, and of migrations.
    Orm(DatabaseTransaction),
    Postgres(PostgresSession),
}

impl Session {
    fn backend(&self) -> DbBackend {
        match self {
            Self::Orm(session) => session.get_database_backend(),
            Self::Postgres(_) => DbBackend::Postgres,
        }
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Orm(session) => session.commit().await,
            Self::Postgres(session) => session.commit().await,
        }
    }

    pub(crate) async fn roll_back(self) -> Result<(), DbErr> {
        match self {
            Self::Orm(session) => session.rollback().await,
            Self::Postgres(session) => session.roll_back().await,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.0.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &*self.session().await? {
            Session::Orm(session) => self.in_time(session.execute_raw(statement)).await,
            Session::Postgres(session) => self.in_time(session.execute_raw(statement)).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &*self.session().await? {
            Session::Orm(session) => self.in_time(session.execute_unprepared(sql)).await,
            Session::Postgres(session) => self.in_time(session.execute_unprepared(sql)).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &*self.session().await? {
            Session::Orm(session) => self.in_time(session.query_one_raw(statement)).await,
            Session::Postgres(session) => self.in_time(session.query_one_raw(statement)).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &*self.session().await? {
            Session::Orm(session) => self.in_time(session.query_all_raw(statement)).await,
            Session::Postgres(session) => self.in_time(session.query_all_raw(statement)).await,
        }
    }
}
