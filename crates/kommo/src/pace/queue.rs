//! Those who wait for one budget, the most urgent first.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Budget, Lane, Meter};

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<BTreeSet<(Lane, u64)>>,
    /// Whenever somebody comes or goes.
    changed: Notify,
    tickets: AtomicU64,
}

impl Queue {
    pub(super) fn join(self: &Arc<Self>, lane: Lane) -> Ticket {
        let place = (lane, self.tickets.fetch_add(1, Ordering::Relaxed));
        self.waiting.lock().insert(place);
        self.changed.notify_waiters();
        Ticket {
            queue: self.clone(),
            place,
        }
    }
}

/// A place in the queue, given up when dropped.
pub(super) struct Ticket {
    queue: Arc<Queue>,
    place: (Lane, u64),
}

impl Ticket {
    /// Waits to be the first, and then for the budget. One who is more urgent may come between.
    pub(super) async fn pass(&self, meter: &dyn Meter, budget: Budget<'_>) {
        loop {
            let mut changed = pin!(self.queue.changed.notified());
            // Before looking, so that no change is missed.
            changed.as_mut().enable();
            if !self.is_first() {
                changed.await;
                continue;
            }
            let Err(wait) = meter.count(budget).await else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed => {}
            }
        }
    }

    fn is_first(&self) -> bool {
        self.queue.waiting.lock().first() == Some(&self.place)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.waiting.lock().remove(&self.place);
        self.queue.changed.notify_waiters();
    }
}
