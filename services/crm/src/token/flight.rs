//! One at a time for each connection, within the process.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

type Seat = tokio::sync::Mutex<()>;

/// Callers who want the same wait for one of them, and so do not ask the database together.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Uuid, Weak<Seat>>>);

impl Flights {
    /// Waits until nobody of this process is at it.
    pub(super) async fn board(&self, connection: Uuid) -> OwnedMutexGuard<()> {
        let seat = self.seat(connection);
        seat.lock_owned().await
    }

    fn seat(&self, connection: Uuid) -> Arc<Seat> {
        let mut seats = self.0.lock();
        if let Some(seat) = seats.get(&connection).and_then(Weak::upgrade) {
            return seat;
        }
        seats.retain(|_, seat| seat.strong_count() > 0);
        let seat = Arc::new(Seat::default());
        seats.insert(connection, Arc::downgrade(&seat));
        seat
    }
}
