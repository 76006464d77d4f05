//! The pool of connections, and how one that has died without a word is found out: a peer that
//! vanishes leaves connections that take what is written and never answer. sqlx would wait for
//! them, each with a place of the pool, for as long as the kernel does.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use parking_lot::Mutex;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgPoolOptions};

/// Longest wait for a new connection.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection that has rested longer than this is tried before it is used.
const TRY_AFTER_IDLE: Duration = Duration::from_secs(5);
/// Longest wait for the answer of a connection that is tried: longer than a slow link takes.
const TRY: Duration = Duration::from_secs(4);
/// The same while there is reason to think that it is dead.
const TRY_IN_DOUBT: Duration = Duration::from_secs(1);

/// When a connection was last found dead: others that have rested since before may be dead too.
type Doubt = Arc<Mutex<Option<Instant>>>;

/// A pool of at most `size` connections, each tried when it is given back (what was interrupted
/// must be over), and before it is used where that is not certain to succeed.
pub(super) fn options(size: u32) -> PgPoolOptions {
    let doubt = Doubt::default();
    let doubt_at_end = doubt.clone();
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(CONNECT)
        .test_before_acquire(false)
        .before_acquire(move |connection, rest| {
            let doubt = doubt.clone();
            async move {
                let is_in_doubt = is_older(rest.idle_for, &doubt);
                if is_in_doubt {
                    tried(connection, TRY_IN_DOUBT, &doubt).await?;
                } else if rest.idle_for > TRY_AFTER_IDLE {
                    tried(connection, TRY, &doubt).await?;
                }
                Ok(true)
            }
            .boxed()
        })
        .after_release(move |connection, _| {
            let doubt = doubt_at_end.clone();
            async move { tried(connection, TRY, &doubt).await.map(|()| true) }.boxed()
        })
}

/// Whether one that has rested for so long was last used before another was found dead.
fn is_older(rest: Duration, doubt: &Doubt) -> bool {
    doubt.lock().is_some_and(|found| found.elapsed() < rest)
}

async fn tried(
    connection: &mut PgConnection,
    patience: Duration,
    doubt: &Doubt,
) -> Result<(), sqlx::Error> {
    let outcome = match tokio::time::timeout(patience, connection.ping()).await {
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
