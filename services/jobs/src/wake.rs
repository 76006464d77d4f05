//! Wake-ups: how those who wait hear that there is something to look at.
//!
//! A wake-up carries nothing and promises nothing. The truth is in the database, which everyone
//! also looks at without being woken, only later; a lost wake-up costs time and no job.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use t11_runtime::Bus;
use t11_runtime::bus::Heard;
use tokio::sync::Notify;

/// What can be waited for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// Wakes those who wait, here and at other replicas.
pub struct Bells {
    here: Mutex<Here>,
    bus: Bus,
}

/// The bells of this replica.
#[derive(Default)]
struct Here {
    bells: HashMap<Bell, Hung>,
    /// How often bells were rung, all together.
    rings: u64,
}

struct Hung {
    notify: Arc<Notify>,
    /// Which of the rings was its last.
    last_ring: u64,
}

/// A bell rung at another replica.
#[derive(Serialize, Deserialize)]
struct Ring {
    bell: Bell,
    sleepers: usize,
}

/// What replicas tell each other of bells.
const TOPIC: &str = "jobs.bells";
/// Bells kept before those nobody listens to are forgotten: names of workers come and go.
const KEPT: usize = 256;
/// Woken at once at most; those who find more than they can take wake others.
const MAX_SLEEPERS: usize = 64;

impl Bells {
    /// Bells that ring at the other members of `bus` too.
    pub fn new(bus: Bus) -> Self {
        Self {
            here: Mutex::default(),
            bus,
        }
    }

    /// Wakes up to `sleepers` of those who listen here, and as many at each other replica: where
    /// the workers wait is not known.
    pub fn ring(&self, bell: &Bell, sleepers: usize) {
        self.ring_here(bell, sleepers);
        self.bus.publish(TOPIC, || {
            let bell = bell.clone();
            message(&Ring { bell, sleepers })
        });
    }

    /// Wakes up to `sleepers` of those who listen here.
    pub fn ring_here(&self, bell: &Bell, sleepers: usize) {
        let notify = self.here.lock().ring(bell);
        for _ in 0..sleepers.min(MAX_SLEEPERS) {
            notify.notify_one();
        }
    }

    /// Listens from now on. A listener dropped after it was woken wakes another.
    pub fn listen(&self, bell: &Bell) -> Rung {
        let notify = self.here.lock().bell(bell).notify.clone();
        let mut rung = Box::pin(notify.notified_owned());
        rung.as_mut().enable();
        rung
    }

    /// How often bells were rung here so far, all together.
    pub fn rings(&self) -> u64 {
        self.here.lock().rings
    }

    /// Whether the bell may have been rung here since there were so many rings.
    pub fn has_rung_since(&self, bell: &Bell, rings: u64) -> bool {
        let here = self.here.lock();
        let hung = here.bells.get(bell);
        hung.is_none_or(|hung| hung.last_ring > rings)
    }

    /// Rings here what is rung at other replicas, for ever.
    pub async fn hear_others(&self) {
        let mut others = self.bus.subscribe(TOPIC).await;
        loop {
            let rung = match others.heard().await {
                Heard::Message(message) => serde_json::from_slice::<Ring>(&message).ok(),
                Heard::Gap => None,
            };
            match rung {
                Some(Ring { bell, sleepers }) => self.ring_here(&bell, sleepers),
                // What was missed, or what another version means, could be any of them.
                None => self.wake_all_here(),
            }
        }
    }

    fn wake_all_here(&self) {
        let mut here = self.here.lock();
        here.rings += 1;
        let rings = here.rings;
        for hung in here.bells.values_mut() {
            hung.last_ring = rings;
            hung.notify.notify_waiters();
        }
    }
}

impl Here {
    /// Counts a ring of the bell. It is counted before anyone is woken: who listens, and then finds
    /// it not counted, is woken.
    fn ring(&mut self, bell: &Bell) -> Arc<Notify> {
        self.rings += 1;
        let ring = self.rings;
        let hung = self.bell(bell);
        hung.last_ring = ring;
        hung.notify.clone()
    }

    /// The bell, new if it is not there: one that was forgotten may have been rung, so it begins as
    /// rung just now.
    fn bell(&mut self, bell: &Bell) -> &mut Hung {
        if self.bells.len() >= KEPT {
            self.bells
                .retain(|_, hung| Arc::strong_count(&hung.notify) > 1);
        }
        let rings = &mut self.rings;
        self.bells.entry(bell.clone()).or_insert_with(|| {
            *rings += 1;
            Hung {
                notify: Arc::default(),
                last_ring: *rings,
            }
        })
    }
}

/// A message to other replicas. Empty is one that none of them understands, which tells them to
/// look.
pub(crate) fn message(told: &impl Serialize) -> Bytes {
    serde_json::to_vec(told)
        .map(Bytes::from)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use t11_core::World;
    use t11_runtime::bus::InProcess;

    use super::*;

    fn bells() -> Bells {
        Bells::new(Bus::join(Arc::new(InProcess::default()), &World::system()))
    }

    fn agents() -> Bell {
        Bell::Queue("agents".to_owned())
    }

    #[tokio::test]
    async fn a_bell_wakes_as_many_as_asked() {
        let wake = bells();
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
        let wake = bells();
        let first = wake.listen(&agents());
        let second = wake.listen(&agents());
        wake.ring(&agents(), 1);
        drop(first);
        second.await;
    }

    #[tokio::test]
    async fn ringing_before_anyone_listens_is_not_lost() {
        let wake = bells();
        wake.ring(&agents(), 1);
        wake.listen(&agents()).await;
    }

    #[tokio::test]
    async fn it_is_known_which_bells_have_rung() {
        let wake = bells();
        let crm = Bell::Queue("crm".to_owned());
        let _listening = [wake.listen(&agents()), wake.listen(&crm)];
        let before = wake.rings();
        wake.ring(&agents(), 1);
        assert!(wake.has_rung_since(&agents(), before));
        assert!(!wake.has_rung_since(&agents(), wake.rings()));
        assert!(!wake.has_rung_since(&crm, before));
        wake.wake_all_here();
        assert!(wake.has_rung_since(&crm, before));
    }

    #[tokio::test]
    async fn a_bell_that_was_forgotten_may_have_rung() {
        let wake = bells();
        drop(wake.listen(&agents()));
        let before = wake.rings();
        assert!(!wake.has_rung_since(&agents(), before));
        for worker in 0..KEPT {
            drop(wake.listen(&Bell::Worker(worker.to_string())));
        }
        assert!(wake.has_rung_since(&agents(), before), "it is not there");
        drop(wake.listen(&agents()));
        assert!(wake.has_rung_since(&agents(), before), "it is new");
    }
}
