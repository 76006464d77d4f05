//! One time for all replicas: that of their database server. Leases, schedules and sessions are
//! written by one process and read by another; a machine whose clock is wrong would take the work
//! of others for abandoned, and let their sessions expire. Edge, which has no database, takes the time
//! from accounts: what it signs with a clock that is behind would be refused as expired.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;
use t11_core::{Clock, World};
use t11_store::{Db, StoreError};
use tokio_util::sync::CancellationToken;

/// How often the server is asked.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// A smaller difference is left as it is, for each change makes time jump.
const TOLERANCE: TimeDelta = TimeDelta::milliseconds(250);
/// The machine's own clock may differ by so much before it is worth a word.
const WORTH_A_WORD: TimeDelta = TimeDelta::seconds(5);

/// The clock of a process: the machine's own until a server has been asked, then the server's,
/// carried on by a clock that nobody can set.
pub(crate) struct ServerClock {
    own: World,
    anchor: RwLock<Option<Anchor>>,
}

/// What the time was, and when.
#[derive(Clone, Copy)]
struct Anchor {
    time: DateTime<Utc>,
    at: Instant,
}

impl Anchor {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.at.elapsed()).unwrap_or_default();
        self.time + elapsed
    }
}

impl Clock for ServerClock {
    fn now(&self) -> DateTime<Utc> {
        let anchor = *self.anchor.read();
        anchor.map_or_else(|| self.own.now(), |anchor| anchor.now())
    }
}

impl ServerClock {
    pub(crate) fn new(own: World) -> Arc<Self> {
        Arc::new(Self {
            own,
            anchor: RwLock::default(),
        })
    }

    /// Asks the server of `db` for the time; nothing to ask on SQLite.
    ///
    /// # Errors
    /// Those of the database; the clock goes on as it was.
    pub(crate) async fn ask(&self, db: &Db) -> Result<(), StoreError> {
        let asked = Instant::now();
        if let Some(time) = db.time().await? {
            self.told(time, asked.elapsed());
        }
        Ok(())
    }

    /// Asks again and again until `stop`.
    pub(crate) async fn keep(self: Arc<Self>, db: Db, stop: CancellationToken) {
        loop {
            let pause = tokio::time::sleep(ASK_EVERY);
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
            if let Err(error) = self.ask(&db).await {
                tracing::debug!(%error, "the database does not tell the time");
            }
        }
    }

    /// The server said `time` in an answer that took `took`: it is exact to half of that.
    pub(crate) fn told(&self, time: DateTime<Utc>, took: Duration) {
        let half = took / 2;
        let anchor = Anchor {
            time: time + TimeDelta::from_std(half).unwrap_or_default(),
            at: Instant::now(),
        };
        let inexact = TOLERANCE + TimeDelta::from_std(half).unwrap_or_default();
        let mut kept = self.anchor.write();
        match *kept {
            Some(known) if (known.now() - anchor.now()).abs() <= inexact => {}
            Some(_) => *kept = Some(anchor),
            None => {
                let ahead = self.own.now() - anchor.now();
                if ahead.abs() > WORTH_A_WORD + inexact {
                    let seconds = ahead.num_seconds();
                    tracing::warn!(
                        seconds,
                        "the clock of this machine is wrong by that of the database"
                    );
                }
                *kept = Some(anchor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use t11_core::ManualWorld;

    use super::*;

    fn clock() -> (Arc<ManualWorld>, Arc<ServerClock>) {
        let own = ManualWorld::new(DateTime::UNIX_EPOCH, 1);
        (own.clone(), ServerClock::new(own.world()))
    }

    #[test]
    fn the_servers_time_counts_and_the_machines_does_not() {
        let (own, clock) = clock();
        own.advance(TimeDelta::days(90));
        assert_eq!(clock.now(), own.now());
        let server = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        clock.told(server, Duration::ZERO);
        own.advance(TimeDelta::days(-200));
        let since = clock.now() - server;
        assert!(since >= TimeDelta::zero() && since < TimeDelta::minutes(1));
    }

    #[test]
    fn a_small_difference_and_a_slow_answer_move_nothing() {
        let (_, clock) = clock();
        let server = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        clock.told(server, Duration::ZERO);
        let before = clock.now();
        clock.told(before + TimeDelta::milliseconds(100), Duration::ZERO);
        clock.told(before, Duration::from_secs(4));
        assert!(clock.now() - before < TimeDelta::milliseconds(90));
        clock.told(before + TimeDelta::hours(1), Duration::ZERO);
        assert!(clock.now() - before >= TimeDelta::hours(1));
    }
}
