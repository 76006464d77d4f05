//! Queues that were found dry a moment ago.
//!
//! A look at the queue is a transaction and its flush, also when there is nothing. Most calls of
//! workers come right after the job before was given, and find nothing. So it is remembered for a
//! moment that a look found fewer jobs than it had slots for; until a bell of that queue rings,
//! another one would find none either. Whom a job goes to depends on nothing but its queue, so the
//! look of one worker speaks for all.
//!
//! Whatever makes a job ready here rings after its commit: a look that came too early for it began
//! before the ring. What another replica does, or a change whose ring was lost, is found when the
//! moment is over.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::store::Want;
use crate::wake::{Bell, Bells};

/// How long a look is remembered: by so much a job may be late of which nothing was heard here.
const REMEMBERED: Duration = Duration::from_secs(1);

/// What looks found.
#[derive(Default)]
pub(crate) struct Dry {
    /// The look that found the queue dry.
    looks: Mutex<HashMap<String, Look>>,
}

/// A look at the database, as of before it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// How many times bells had been rung.
    pub(crate) rings: u64,
    pub(crate) time: Instant,
}

impl Look {
    fn end(self) -> Instant {
        self.time + REMEMBERED
    }
}

impl Dry {
    /// Remembers that a look found these queues dry.
    pub(crate) fn remember(&self, queues: Vec<String>, look: Look) {
        if queues.is_empty() {
            return;
        }
        let mut looks = self.looks.lock();
        looks.retain(|_, known| look.time < known.end());
        looks.extend(queues.into_iter().map(|queue| (queue, look)));
    }

    /// Until when there is nothing in any of the queues that are wanted, unless a bell rings;
    /// `None` when there may be something now.
    pub(crate) fn until(&self, wants: &[Want], bells: &Bells, now: Instant) -> Option<Instant> {
        let looks = self.looks.lock();
        let ends = wants.iter().map(|want| {
            let look = looks.get(&want.queue)?;
            let bell = Bell::Queue(want.queue.clone());
            let holds = now < look.end() && !bells.has_rung_since(&bell, look.rings);
            holds.then(|| look.end())
        });
        ends.collect::<Option<Vec<_>>>()?.into_iter().min()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use t11_core::World;
    use t11_runtime::Bus;
    use t11_runtime::bus::InProcess;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    struct Bed {
        dry: Dry,
        bells: Bells,
        start: Instant,
    }

    impl Bed {
        /// Bells of these queues hang, and nothing is known of the queues.
        fn new(queues: &[&str]) -> Self {
            let bed = Self {
                dry: Dry::default(),
                bells: Bells::new(Bus::join(Arc::new(InProcess::default()), &World::system())),
                start: Instant::now(),
            };
            for queue in queues {
                drop(bed.bells.listen(&bell(queue)));
            }
            bed
        }

        fn look(&self, after: Duration) -> Look {
            Look {
                rings: self.bells.rings(),
                time: self.start + after,
            }
        }

        fn remember(&self, queue: &str, look: Look) {
            self.dry.remember(vec![queue.to_owned()], look);
        }

        /// How long after the start there is nothing, asked `after` it.
        fn until(&self, queues: &[&str], after: Duration) -> Option<Duration> {
            let want = |queue: &&str| Want {
                queue: (*queue).to_owned(),
                slots: 1,
            };
            let wants: Vec<_> = queues.iter().map(want).collect();
            let until = self.dry.until(&wants, &self.bells, self.start + after)?;
            Some(until - self.start)
        }
    }

    fn bell(queue: &str) -> Bell {
        Bell::Queue(queue.to_owned())
    }

    #[test]
    fn a_dry_queue_is_remembered_for_a_moment() {
        let bed = Bed::new(&["agents"]);
        assert_eq!(bed.until(&["agents"], MOMENT), None, "nobody has looked");
        bed.remember("agents", bed.look(MOMENT));
        assert_eq!(
            bed.until(&["agents"], REMEMBERED),
            Some(REMEMBERED + MOMENT)
        );
        assert_eq!(bed.until(&["agents"], REMEMBERED + MOMENT), None);
        assert_eq!(bed.until(&["crm"], MOMENT), None, "another queue");
        assert_eq!(bed.until(&[], MOMENT), None, "nothing is wanted");
    }

    #[test]
    fn a_ring_of_the_queue_ends_it() {
        let bed = Bed::new(&["agents", "crm"]);
        bed.remember("agents", bed.look(MOMENT));
        bed.bells.ring(&bell("crm"), 1);
        assert!(bed.until(&["agents"], MOMENT).is_some());
        bed.bells.ring_here(&bell("agents"), 1);
        assert_eq!(bed.until(&["agents"], MOMENT), None);
        bed.remember("agents", bed.look(MOMENT));
        assert!(bed.until(&["agents"], MOMENT).is_some(), "a later look");
    }

    #[test]
    fn a_ring_while_the_look_is_under_way_counts() {
        let bed = Bed::new(&["agents"]);
        let look = bed.look(MOMENT);
        bed.bells.ring_here(&bell("agents"), 1);
        bed.remember("agents", look);
        assert_eq!(bed.until(&["agents"], MOMENT), None);
    }

    #[test]
    fn of_several_queues_all_must_be_dry() {
        let bed = Bed::new(&["agents", "crm"]);
        bed.remember("agents", bed.look(MOMENT));
        assert_eq!(bed.until(&["agents", "crm"], MOMENT), None);
        bed.remember("crm", bed.look(MOMENT * 2));
        assert_eq!(
            bed.until(&["crm", "agents"], MOMENT * 2),
            Some(REMEMBERED + MOMENT),
            "the older look is forgotten first"
        );
    }

    #[test]
    fn old_looks_are_not_kept() {
        let bed = Bed::new(&["agents", "crm"]);
        bed.remember("agents", bed.look(MOMENT));
        bed.remember("crm", bed.look(REMEMBERED + MOMENT));
        assert_eq!(bed.dry.looks.lock().len(), 1);
    }
}
