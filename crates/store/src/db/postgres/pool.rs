//! Connections: how many there may be, who uses one, and how one that has died without a word is
//! found out. A peer that vanishes leaves connections that take what is written and never answer;
//! nobody may wait for them for as long as the kernel does.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::{
    self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts,
};
use parking_lot::Mutex;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::room::{Place, Room};
use crate::StoreError;
use crate::db::{Connections, connections};

/// Longest wait for a new connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Before a server that refuses is asked again; twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// A connection that was not used for longer than this is tried before it is used.
const TRY_AFTER: Duration = Duration::from_secs(5);
/// Longest wait for the answer of a connection that is tried: longer than a slow link takes.
const TRY: Duration = Duration::from_secs(4);
/// The same while there is reason to think that it is dead.
const TRY_IN_DOUBT: Duration = Duration::from_secs(1);
/// A connection that was not used for longer is closed: the load has fallen.
const LONGEST_REST: Duration = Duration::from_secs(600);
/// No connection lives longer: what it keeps on the server is given up, and after a failover all
/// come to the new server.
const LONGEST_LIFE: Duration = Duration::from_secs(1_800);

/// When a connection was last found dead: others that have rested since before may be dead too.
type Doubt = Arc<Mutex<Option<Instant>>>;

/// The connections of a database. Clones share them.
#[derive(Clone)]
pub(super) struct Pool {
    room: Room,
    connections: managed::Pool<Maker>,
    doubt: Doubt,
    /// What brings interrupted connections back.
    recoveries: TaskTracker,
}

impl Pool {
    /// At most `size` connections, each waited for no longer than `patience`. None is made yet.
    pub(super) fn new(
        options: PgConnectOptions,
        size: u32,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let doubt = Doubt::default();
        let maker = Maker {
            options,
            doubt: doubt.clone(),
        };
        let room = Room::new(size, patience);
        let connections = managed::Pool::builder(maker)
            .max_size(room.size())
            // The last used first: it is the surest to live.
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts {
                wait: None,
                create: Some(CONNECT),
                recycle: None,
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Config(error.to_string()))?;
        Ok(Self {
            room,
            connections,
            doubt,
            recoveries: TaskTracker::new(),
        })
    }

    /// A connection, when there is room.
    ///
    /// # Errors
    /// As [`Room::enter`]; [`StoreError::Unavailable`] when the server does not answer.
    pub(super) async fn take(&self) -> Result<Held, StoreError> {
        let place = self.room.enter().await?;
        let connection = self.connections.get().await.map_err(refused)?;
        Ok(Held {
            connection: Some(connection),
            place: Some(place),
            pool: self.clone(),
        })
    }

    pub(super) fn connections(&self) -> Connections {
        let open = self.connections.status().size;
        let idle = open.saturating_sub(self.room.taken());
        connections(u32::try_from(open).unwrap_or(u32::MAX), idle)
    }

    /// Waits until nobody uses a connection any more, and closes them.
    pub(super) async fn close(&self) {
        self.room.close().await;
        let rested = self.connections.retain(|_, _| false);
        self.connections.close();
        for connection in rested.removed {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "a connection to the database was not closed in order");
            }
        }
    }

    fn close_rested(&self) {
        let is_used = |_: &PgConnection, metrics: Metrics| metrics.last_used() < LONGEST_REST;
        self.connections.retain(is_used);
    }
}

/// A connection in use. It comes back to the pool by [`Held::give_back`]; dropped before, it comes
/// back once what was interrupted is over.
pub(super) struct Held {
    connection: Option<Object<Maker>>,
    /// Given up last: there never are more connections than places.
    place: Option<Place>,
    pool: Pool,
}

impl Held {
    /// # Errors
    /// Never while it is in use: there is a connection until it is given back.
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.connection
            .as_deref_mut()
            .ok_or(sqlx::Error::PoolClosed)
    }

    /// A transaction has begun: the database is there.
    pub(super) fn begin_work(&mut self) {
        if let Some(place) = &mut self.place {
            place.begin_work();
        }
    }

    /// The transaction has ended in order.
    pub(super) fn give_back(mut self) {
        drop(self.connection.take());
        self.pool.close_rested();
    }

    /// Nobody can tell what it is in the middle of.
    pub(super) fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(mut connection), place) = (self.connection.take(), self.place.take()) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            // The process ends.
            drop(Object::take(connection));
            return;
        };
        let doubt = self.pool.doubt.clone();
        let recovery = async move {
            let interrupted = async { connection.execute("ROLLBACK").await.map(drop) };
            match in_time(interrupted, TRY, &doubt).await {
                Ok(()) => drop(connection),
                Err(error) => {
                    tracing::debug!(%error, "an interrupted connection is closed");
                    drop(Object::take(connection));
                }
            }
            drop(place);
        };
        self.pool.recoveries.spawn_on(recovery, &runtime);
    }
}

/// Makes connections, and tries those that may be dead.
struct Maker {
    options: PgConnectOptions,
    doubt: Doubt,
}

impl managed::Manager for Maker {
    type Type = PgConnection;
    type Error = sqlx::Error;

    /// A server that starts, or that has no room for the moment, is asked again until the wait for
    /// a connection is over.
    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            // In a box, for it is large and a part of every transaction that hardly ever runs.
            match Box::pin(PgConnection::connect_with(&self.options)).await {
                Err(error) if is_passing(&error) => tokio::time::sleep(pause).await,
                made => return made,
            }
            pause *= 2;
        }
    }

    async fn recycle(
        &self,
        connection: &mut PgConnection,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        if metrics.age() > LONGEST_LIFE {
            return Err(RecycleError::message("it is old"));
        }
        let rest = metrics.last_used();
        let patience = if is_older(rest, &self.doubt) {
            TRY_IN_DOUBT
        } else if rest > TRY_AFTER {
            TRY
        } else {
            return Ok(());
        };
        Ok(in_time(connection.ping(), patience, &self.doubt).await?)
    }
}

fn is_passing(error: &sqlx::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            ConnectionRefused | ConnectionAborted | ConnectionReset
        ),
        sqlx::Error::Database(error) => error.is_transient_in_connect_phase(),
        _ => false,
    }
}

fn refused(error: PoolError<sqlx::Error>) -> StoreError {
    match error {
        PoolError::Backend(error) => error.into(),
        _ => StoreError::Unavailable(None),
    }
}

/// Whether one that has rested for so long was last used before another was found dead.
fn is_older(rest: Duration, doubt: &Doubt) -> bool {
    doubt.lock().is_some_and(|found| found.elapsed() < rest)
}

async fn in_time(
    asked: impl Future<Output = Result<(), sqlx::Error>>,
    patience: Duration,
    doubt: &Doubt,
) -> Result<(), sqlx::Error> {
    let outcome = match timeout(patience, asked).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    };
    if outcome.is_err() {
        *doubt.lock() = Some(Instant::now());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rested_before_another_died_is_in_doubt() {
        let doubt = Doubt::default();
        assert!(!is_older(Duration::from_secs(60), &doubt));
        *doubt.lock() = Some(Instant::now());
        assert!(is_older(Duration::from_secs(60), &doubt));
        assert!(!is_older(Duration::ZERO, &doubt));
    }
}
