//! The relay: hands the jobs of an outbox to the jobs service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sea_orm::ConnectionTrait as _;
use tokio_util::sync::CancellationToken;

use crate::outbox::{self, OutboxJob};
use crate::{Db, Engine, StoreError, System};

/// Why jobs could not be handed over; logged by the relay.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Takes jobs from a relay.
#[async_trait]
pub trait JobSink: Send + Sync + 'static {
    /// Takes all of `jobs`, which come in the order of their enqueuing. Must hold each durably
    /// before `Ok`, and take a job that it already has, known by its id, as done.
    ///
    /// # Errors
    /// Anything that makes trying all of them again worth while. A job that can never be taken
    /// must not be an error, for those behind it would wait forever.
    async fn deliver(&self, jobs: &[OutboxJob]) -> Result<(), SinkError>;
}

/// Most jobs handed over at once.
const MAX_BATCH: u64 = 128;
/// Payload bytes handed over at once, far below gRPC's usual limit of 4 MiB; a single larger job
/// still goes alone.
const MAX_BATCH_BYTES: usize = 1 << 20;
/// Without a wake-up (another process has filled the outbox) jobs are looked for this often.
const SWEEP: Duration = Duration::from_secs(1);
/// How often the outbox is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const MAX_BACK_OFF: Duration = Duration::from_secs(10);

/// Hands the jobs of a database's outbox to a sink: each at least once, in the order of
/// enqueuing, starting right after the commit.
pub struct Relay {
    service: &'static str,
    db: Db,
    sink: Arc<dyn JobSink>,
    batch: u64,
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("the outbox cannot be read or cleared")]
    Store(#[from] StoreError),
    #[error("the jobs service does not take the jobs")]
    Sink(#[source] SinkError),
}

impl Relay {
    /// A relay from `db`, the database of `service`, to `sink`.
    pub fn new(service: &'static str, db: Db, sink: Arc<dyn JobSink>) -> Self {
        Self {
            service,
            db,
            sink,
            batch: MAX_BATCH,
        }
    }

    /// Relays until `stop`, and publishes how much waits; a delivery under way is finished first.
    pub async fn run(self, stop: CancellationToken) {
        let measure = measure(self.service, self.db.clone(), stop.clone());
        tokio::join!(self.relay(stop), measure);
    }

    async fn relay(mut self, stop: CancellationToken) {
        let mut back_off = FIRST_BACK_OFF;
        while !stop.is_cancelled() {
            match self.pass().await {
                Ok(rest) => {
                    back_off = FIRST_BACK_OFF;
                    self.batch = MAX_BATCH;
                    if rest == Rest::None {
                        self.wait(&stop).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        batch = self.batch,
                        "jobs stay in the outbox"
                    );
                    // Smaller, in case the size is what the sink refuses.
                    self.batch = (self.batch / 2).max(1);
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(back_off) => {}
                    }
                    back_off = (back_off * 2).min(MAX_BACK_OFF);
                }
            }
        }
    }

    /// Until something is put into the outbox: what was put there during the last pass counts.
    async fn wait(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.db.outbox_filled() => {}
            () = tokio::time::sleep(SWEEP) => {}
        }
    }

    /// Hands over one batch.
    async fn pass(&self) -> Result<Rest, RelayError> {
        match self.db.engine() {
            Engine::Sqlite => self.pass_outside().await,
            Engine::Postgres => self.pass_locked().await,
        }
    }

    /// Read, deliver, delete: the writer of SQLite must not wait for the sink.
    async fn pass_outside(&self) -> Result<Rest, RelayError> {
        let batch = self.batch;
        let jobs = self
            .db
            .read(
                RELAY,
                move |tx| async move { outbox::oldest(&tx, batch).await },
            )
            .await?;
        let Delivered { positions, rest } = deliver(self.sink.as_ref(), jobs, batch).await?;
        if !positions.is_empty() {
            self.db
                .write(RELAY, move |tx| async move {
                    outbox::remove(&tx, &positions).await
                })
                .await?;
        }
        Ok(rest)
    }

    /// The same under a lock, so that of several replicas one relays at a time: else each would
    /// deliver what the other is delivering.
    async fn pass_locked(&self) -> Result<Rest, RelayError> {
        let (sink, batch) = (self.sink.clone(), self.batch);
        self.db
            .write(RELAY, move |tx| async move {
                tx.execute_unprepared(LOCK)
                    .await
                    .map_err(StoreError::from)?;
                let jobs = outbox::oldest(&tx, batch).await?;
                let Delivered { positions, rest } = deliver(sink.as_ref(), jobs, batch).await?;
                if !positions.is_empty() {
                    outbox::remove(&tx, &positions).await?;
                }
                Ok(rest)
            })
            .await
    }
}

/// Publishes how many jobs wait in the outbox, and since when the first of them: each replica of a
/// service the same.
async fn measure(service: &'static str, db: Db, stop: CancellationToken) {
    loop {
        let measured = db.read(RELAY, move |tx| async move { outbox::waiting(&tx).await });
        match measured.await {
            Ok(waiting) => {
                let oldest_age = waiting.oldest_age.as_secs_f64();
                metrics::gauge!("t11_outbox_pending", "service" => service)
                    .set(waiting.jobs as f64);
                metrics::gauge!("t11_outbox_oldest_age_seconds", "service" => service)
                    .set(oldest_age);
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, service, "the outbox cannot be measured");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(MEASURE_EVERY) => {}
        }
    }
}

const RELAY: System = System("outbox relay");
const LOCK: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('t11.outbox.' || current_schema(), 0))";

/// Whether a pass has left jobs that it saw, or could not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    Some,
}

/// What was handed over.
struct Delivered {
    positions: Vec<i64>,
    rest: Rest,
}

/// Hands over as many of `jobs`, of which at most `batch` were read, as fit into one call.
async fn deliver(
    sink: &dyn JobSink,
    jobs: Vec<(i64, OutboxJob)>,
    batch: u64,
) -> Result<Delivered, RelayError> {
    let read = jobs.len();
    let (mut bytes, is_full) = (0, read as u64 >= batch);
    let (positions, jobs): (Vec<_>, Vec<_>) = jobs
        .into_iter()
        .enumerate()
        .take_while(|(index, (_, job))| {
            bytes += job.payload.len();
            *index == 0 || bytes <= MAX_BATCH_BYTES
        })
        .map(|(_, job)| job)
        .unzip();
    if !jobs.is_empty() {
        sink.deliver(&jobs).await.map_err(RelayError::Sink)?;
    }
    metrics::counter!("t11_store_outbox_delivered_total").increment(jobs.len() as u64);
    let rest = if is_full || jobs.len() < read {
        Rest::Some
    } else {
        Rest::None
    };
    Ok(Delivered { positions, rest })
}
