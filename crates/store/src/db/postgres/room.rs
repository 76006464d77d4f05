//! Places at the connections, so that who finds none is told soon, and told why.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::StoreError;

/// As many places as there are connections.
pub(super) struct Room {
    size: usize,
    places: Semaphore,
    patience: Duration,
    /// Transactions that have begun and not ended.
    at_work: AtomicUsize,
}

/// A place, given back when dropped.
pub(super) struct Place<'a> {
    room: &'a Room,
    is_at_work: bool,
    _permit: SemaphorePermit<'a>,
}

impl Room {
    /// `size` places, each of which is waited for no longer than `patience`.
    pub(super) fn new(size: u32, patience: Duration) -> Self {
        let size = usize::try_from(size).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            size,
            places: Semaphore::new(size),
            patience,
            at_work: AtomicUsize::new(0),
        }
    }

    /// # Errors
    /// [`StoreError::Busy`] when all places are at work for too long;
    /// [`StoreError::Unavailable`] when those who have them wait for the database themselves.
    pub(super) async fn enter(&self) -> Result<Place<'_>, StoreError> {
        match tokio::time::timeout(self.patience, self.places.acquire()).await {
            Ok(Ok(permit)) => Ok(Place {
                room: self,
                is_at_work: false,
                _permit: permit,
            }),
            Ok(Err(_closed)) => Err(StoreError::Unavailable(None)),
            Err(_) if self.at_work.load(Ordering::Relaxed) >= self.size => Err(StoreError::Busy),
            Err(_) => Err(StoreError::Unavailable(None)),
        }
    }
}

impl Place<'_> {
    /// The transaction has begun: the database is there.
    pub(super) fn begin_work(&mut self) {
        if !std::mem::replace(&mut self.is_at_work, true) {
            self.room.at_work.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_at_work {
            self.room.at_work.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_is_told_why() {
        let room = Room::new(2, Duration::from_secs(1));
        let mut first = room.enter().await.unwrap();
        let mut second = room.enter().await.unwrap();
        first.begin_work();
        let refused = room.enter().await.err();
        assert!(matches!(refused, Some(StoreError::Unavailable(None))));
        second.begin_work();
        assert!(matches!(room.enter().await.err(), Some(StoreError::Busy)));
        drop(first);
        room.enter().await.unwrap();
    }
}
