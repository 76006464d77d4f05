//! The one task that writes to a SQLite file.
//!
//! Flushing a commit to disk costs far more than the statements in it, so the closures that wait
//! are run one after the other in one `BEGIN IMMEDIATE … COMMIT`, each in a savepoint: its error
//! undoes only its own changes. Callers are answered after the commit.
//!
//! When a commit fails because of the disk, nobody knows what of it is there, and a second flush
//! may succeed without having written what the first could not. So the writer writes nothing more:
//! the next start reads what the disk really holds.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use sqlx::SqlitePool;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};

use super::super::{Counters, Env, Written, in_callers_span, run, run_read};
use crate::tx::Session;
use crate::{Access, StoreError, Tx};

/// Most closures in one commit: bounds how long the first waits for the last.
const MAX_BATCH: usize = 128;
/// A batch that has run this long takes no more closures.
const MAX_BATCH_TIME: Duration = Duration::from_millis(50);
/// Closures that may wait for the writer before callers wait for room.
const QUEUE: usize = 1024;

/// What of a closure's changes stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// All of them when it returns `Ok`.
    OnSuccess,
    /// Nothing: it only reads.
    Nothing,
}

/// The way to the writer task, which ends when this is dropped.
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    room_timeout: Duration,
    totals: Arc<Totals>,
    failure: Failure,
}

/// Why the writer has stopped for good.
type Failure = Arc<OnceLock<StoreError>>;

#[derive(Default)]
struct Totals {
    commits: AtomicU64,
    writes: AtomicU64,
}

impl Writer {
    /// Writes through `connection`, which is the one of `pool`. In memory there is no pool to take
    /// another from.
    pub(super) fn start(
        connection: DatabaseConnection,
        pool: Option<SqlitePool>,
        room_timeout: Duration,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let totals = Arc::new(Totals::default());
        let failure = Failure::default();
        let task = Task {
            connection,
            pool,
            is_unsure: false,
            waiting,
            totals: totals.clone(),
            failure: failure.clone(),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends when its queue is dropped, after the batch under way"
        )]
        tokio::spawn(task.run());
        Self {
            queue,
            room_timeout,
            totals,
            failure,
        }
    }

    /// Has `work` run by the writer, for no longer than `limit`.
    pub(super) async fn run<T, E, F, Fut>(
        &self,
        access: Access,
        env: Arc<Env>,
        keep: Keep,
        limit: Option<Duration>,
        work: F,
    ) -> Result<Written<T>, E>
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Some(in_callers_span(work));
        let job = WriteJob {
            access,
            env,
            keep,
            limit,
            work,
            result: None,
            reply,
        };
        self.queue
            .send_timeout(Box::new(job), self.room_timeout)
            .await
            .map_err(|refused| match refused {
                SendTimeoutError::Timeout(_) => StoreError::Busy,
                SendTimeoutError::Closed(_) => StoreError::Unavailable(None),
            })?;
        // Dropped unanswered only when the runtime shuts down.
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable(None).into()))
    }

    /// Why nothing is written any more, if that is so.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.failure.get().cloned()
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            commits: self.totals.commits.load(Ordering::Relaxed),
            writes: self.totals.writes.load(Ordering::Relaxed),
        }
    }
}

/// A closure on its way through the writer, its types erased.
trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Runs the closure in `savepoint` and ends the savepoint. An error means that the savepoint
    /// could not be ended, and with it that the batch is lost.
    fn run(&mut self, savepoint: DatabaseTransaction) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Answers the caller, once the fate of the batch is known.
    fn answer(self: Box<Self>, batch: Result<(), StoreError>);
}

struct WriteJob<F, T, E> {
    access: Access,
    env: Arc<Env>,
    keep: Keep,
    limit: Option<Duration>,
    work: Option<F>,
    result: Option<Result<Written<T>, E>>,
    reply: oneshot::Sender<Result<Written<T>, E>>,
}

impl<F, Fut, T, E> Job for WriteJob<F, T, E>
where
    F: FnOnce(Tx) -> Fut + Send,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, savepoint: DatabaseTransaction) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let Some(work) = self.work.take() else {
                return Ok(());
            };
            let tx = Tx::new(
                Session::Orm(savepoint),
                self.access.clone(),
                self.env.clone(),
                None,
            );
            let result = match self.keep {
                Keep::OnSuccess => within(self.limit, run(tx.clone(), work)).await,
                Keep::Nothing => within(self.limit, run_read(tx.clone(), work)).await,
            };
            let savepoint = tx.end().await?;
            let ended = if result.is_ok() && self.keep == Keep::OnSuccess {
                savepoint.commit().await
            } else {
                savepoint.roll_back().await
            };
            // Without room SQLite ends the whole transaction, and then there is no savepoint.
            ended.map_err(|error| tx.trouble().unwrap_or_else(|| error.into()))?;
            let enqueued = tx.has_enqueued();
            self.result = Some(result.map(|value| Written { value, enqueued }));
            Ok(())
        }
        .boxed()
    }

    fn answer(self: Box<Self>, batch: Result<(), StoreError>) {
        let not_run = || Err(StoreError::Unavailable(None).into());
        // An error of the closure may rest on what others of a lost batch did: it is lost as well.
        let answer = match batch {
            Ok(()) => self.result.unwrap_or_else(not_run),
            Err(error) => Err(error.into()),
        };
        // A caller that has gone away wants no answer.
        let _gone = self.reply.send(answer);
    }
}

async fn within<T, E: From<StoreError>>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match limit {
        Some(limit) => match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Timeout.into()),
        },
        None => work.await,
    }
}

struct Task {
    connection: DatabaseConnection,
    pool: Option<SqlitePool>,
    /// A batch was lost, and with it what the driver knows of the connection's transactions.
    is_unsure: bool,
    waiting: mpsc::Receiver<Box<dyn Job>>,
    totals: Arc<Totals>,
    failure: Failure,
}

impl Task {
    async fn run(mut self) {
        while let Some(first) = self.waiting.recv().await {
            if let Some(failure) = self.failure.get() {
                first.answer(Err(failure.clone()));
                continue;
            }
            if let Err(error) = self.renew().await {
                first.answer(Err(error));
                continue;
            }
            let mut batch = vec![first];
            // Closures are caught on their own; this is for what panics while it is dropped.
            let writing = AssertUnwindSafe(self.write_batch(&mut batch)).catch_unwind();
            let fate = writing.await.unwrap_or(Err(StoreError::Panicked));
            metrics::histogram!("t11_store_batch_writes").record(batch.len() as f64);
            if let Err(error) = &fate {
                tracing::error!(writes = batch.len(), ?error, "a batch of writes is lost");
                self.is_unsure = true;
            }
            if let Err(failure @ StoreError::Failed(_)) = &fate {
                tracing::error!("the disk has failed: nothing more is written by this process");
                // Set once: this loop ends all later batches before they begin.
                self.failure.get_or_init(|| failure.clone());
            }
            for job in batch {
                job.answer(fate.clone());
            }
        }
    }

    /// Closes the connection of a lost batch. SQLite ends a transaction by itself when there is no
    /// room; the driver goes on counting from it, and what it then takes for a commit is none.
    async fn renew(&mut self) -> Result<(), StoreError> {
        if self.is_unsure
            && let Some(pool) = &self.pool
        {
            pool.acquire().await?.close().await?;
        }
        self.is_unsure = false;
        Ok(())
    }

    /// Runs the batch, and all that comes to wait meanwhile as far as the limits allow, in one
    /// transaction. Every job taken from the queue ends up in `batch`.
    async fn write_batch(&mut self, batch: &mut Vec<Box<dyn Job>>) -> Result<(), StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.connection.begin_with_options(options).await?;
        let started = Instant::now();
        let mut next = 0;
        while let Some(job) = batch.get_mut(next) {
            if !job.is_abandoned() {
                job.run(transaction.begin().await?).await?;
                self.totals.writes.fetch_add(1, Ordering::Relaxed);
            }
            next += 1;
            if next < MAX_BATCH && started.elapsed() < MAX_BATCH_TIME {
                batch.extend(self.waiting.try_recv().ok());
            }
        }
        transaction.commit().await?;
        self.totals.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
