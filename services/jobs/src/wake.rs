//! Wake-ups: how those who wait hear that there is something to look at.
//!
//! A wake-up carries nothing and promises nothing. The truth is in the database, which everyone
//! also looks at without being woken, only later; a lost wake-up costs time and no job.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What can be waited for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bell {
    /// A job of this queue may be ready.
    Queue(String),
    /// There is something to tell this worker.
    Worker(String),
    /// A job may be due sooner than was thought.
    Due,
}

/// Resolves when the bell is rung.
pub type Rung = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Wakes those who wait, in this process or in all replicas.
pub trait Wake: Send + Sync + 'static {
    /// Wakes up to `sleepers` of those who listen.
    fn ring(&self, bell: &Bell, sleepers: usize);

    /// Listens from now on. A listener dropped after it was woken wakes another.
    fn listen(&self, bell: &Bell) -> Rung;
}

/// Wake-ups within one process.
#[derive(Default)]
pub struct InProcess {
    bells: Mutex<HashMap<Bell, Arc<Notify>>>,
}

/// Bells kept before those nobody listens to are forgotten: names of workers come and go.
const KEPT: usize = 256;
/// Woken at once at most; those who find more than they can take wake others.
const MAX_SLEEPERS: usize = 64;

impl InProcess {
    fn bell(&self, bell: &Bell) -> Arc<Notify> {
        let mut bells = self.bells.lock();
        if bells.len() >= KEPT {
            bells.retain(|_, notify| Arc::strong_count(notify) > 1);
        }
        bells.entry(bell.clone()).or_default().clone()
    }
}

impl Wake for InProcess {
    fn ring(&self, bell: &Bell, sleepers: usize) {
        let notify = self.bell(bell);
        for _ in 0..sleepers.min(MAX_SLEEPERS) {
            notify.notify_one();
        }
    }

    fn listen(&self, bell: &Bell) -> Rung {
        let mut rung = Box::pin(self.bell(bell).notified_owned());
        rung.as_mut().enable();
        rung
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn agents() -> Bell {
        Bell::Queue("agents".to_owned())
    }

    #[tokio::test]
    async fn a_bell_wakes_as_many_as_asked() {
        let wake = InProcess::default();
        let mut sleepers: Vec<_> = (0..3).map(|_| wake.listen(&agents())).collect();
        wake.ring(&agents(), 2);
        wake.ring(&Bell::Queue("crm".to_owned()), 5);
        let awake = sleepers
            .iter_mut()
            .filter_map(|sleeper| sleeper.now_or_never())
            .count();
        assert_eq!(awake, 2);
    }

    #[tokio::test]
    async fn a_woken_listener_that_leaves_wakes_the_next() {
        let wake = InProcess::default();
        let first = wake.listen(&agents());
        let second = wake.listen(&agents());
        wake.ring(&agents(), 1);
        drop(first);
        second.await;
    }

    #[tokio::test]
    async fn ringing_before_anyone_listens_is_not_lost() {
        let wake = InProcess::default();
        wake.ring(&agents(), 1);
        wake.listen(&agents()).await;
    }
}
