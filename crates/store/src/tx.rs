//! A transaction, as the closures of [`Db::read`](crate::Db::read) and
//! [`Db::write`](crate::Db::write) see it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
#[cfg(feature = "simulation")]
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{
    AccessMode, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr,
    DeleteMany, ExecResult, IsolationLevel, QueryFilter as _, QueryResult, RuntimeErr, Select,
    Statement, TransactionError, TransactionOptions, TransactionTrait, UpdateMany,
};
use t11_core::{OrgId, OrgScope};
use tokio::sync::RwLock;
use tokio::time::timeout;

use crate::db::Env;
use crate::outbox::{self, NewJob};
use crate::{Access, OrgOwned, StoreError};

/// A transaction. Clones are the same transaction; after its closure has returned, every clone
/// answers with an error. sea-orm queries take it as their connection: `.one(&tx)`.
#[derive(Clone)]
pub struct Tx(Arc<Inner>);

struct Inner {
    /// `None` once the transaction has ended.
    session: RwLock<Option<DatabaseTransaction>>,
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
        session: DatabaseTransaction,
        access: Access,
        env: Arc<Env>,
        patience: Option<Duration>,
    ) -> Self {
        Self(Arc::new(Inner {
            backend: session.get_database_backend(),
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
    pub(crate) async fn end(&self) -> Result<DatabaseTransaction, StoreError> {
        self.0
            .session
            .write()
            .await
            .take()
            .ok_or_else(|| StoreError::internal(ENDED))
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

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.0.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let session = self.0.session.read().await;
        let session = session.as_ref().ok_or_else(ended)?;
        self.in_time(session.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let session = self.0.session.read().await;
        let session = session.as_ref().ok_or_else(ended)?;
        self.in_time(session.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let session = self.0.session.read().await;
        let session = session.as_ref().ok_or_else(ended)?;
        self.in_time(session.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let session = self.0.session.read().await;
        let session = session.as_ref().ok_or_else(ended)?;
        self.in_time(session.query_all_raw(statement)).await
    }
}

/// Savepoints. On PostgreSQL a statement that may fail and be recovered from belongs into one, for
/// a failed statement otherwise ends the whole transaction.
#[async_trait]
impl TransactionTrait for Tx {
    type Transaction = DatabaseTransaction;

    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let session = self.0.session.read().await;
        let session = session.as_ref().ok_or_else(ended)?;
        self.in_time(session.begin()).await
    }

    async fn begin_with_config(
        &self,
        _isolation: Option<IsolationLevel>,
        _access: Option<AccessMode>,
    ) -> Result<DatabaseTransaction, DbErr> {
        self.begin().await
    }

    async fn begin_with_options(
        &self,
        _options: TransactionOptions,
    ) -> Result<DatabaseTransaction, DbErr> {
        self.begin().await
    }

    async fn transaction<F, T, E>(&self, work: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(
                &'c DatabaseTransaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        let savepoint = self.begin().await.map_err(TransactionError::Connection)?;
        let result = work(&savepoint)
            .await
            .map_err(TransactionError::Transaction);
        let ended = match result {
            Ok(_) => savepoint.commit().await,
            Err(_) => savepoint.rollback().await,
        };
        ended.map_err(TransactionError::Connection)?;
        result
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        work: F,
        _isolation: Option<IsolationLevel>,
        _access: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(
                &'c DatabaseTransaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        self.transaction(work).await
    }
}
