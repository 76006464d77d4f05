//! Places at the connections, so that who finds none is told soon, and told why.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::StoreError;

/// As many places as there may be connections. Clones share them.
#[derive(Clone)]
pub(super) struct Room {
    size: u32,
    places: Arc<Semaphore>,
    patience: Duration,
    /// Transactions that have begun and not ended.
    at_work: Arc<AtomicUsize>,
}

/// A place, given back when dropped.
pub(super) struct Place {
    at_work: Arc<AtomicUsize>,
    is_at_work: bool,
    _permit: OwnedSemaphorePermit,
}

impl Room {
    /// `size` places, each of which is waited for no longer than `patience`.
    pub(super) fn new(size: u32, patience: Duration) -> Self {
        Self {
            size,
            places: Arc::new(Semaphore::new(size as usize)),
            patience,
            at_work: Arc::default(),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    /// Places that somebody has.
    pub(super) fn taken(&self) -> usize {
        self.size().saturating_sub(self.places.available_permits())
    }

    /// # Errors
    /// [`StoreError::Busy`] when all places are at work for too long;
    /// [`StoreError::Unavailable`] when those who have them wait for the database themselves, and
    /// once it is closed.
    pub(super) async fn enter(&self) -> Result<Place, StoreError> {
        let entering = self.places.clone().acquire_owned();
        match tokio::time::timeout(self.patience, entering).await {
            Ok(Ok(permit)) => Ok(Place {
                at_work: self.at_work.clone(),
                is_at_work: false,
                _permit: permit,
            }),
            Ok(Err(_closed)) => Err(StoreError::Unavailable(None)),
            Err(_) if self.at_work.load(Ordering::Relaxed) >= self.size() => Err(StoreError::Busy),
            Err(_) => Err(StoreError::Unavailable(None)),
        }
    }

    /// Waits until all places are given back; nobody is let in any more.
    pub(super) async fn close(&self) {
        // An error says that it is closed already.
        let all = self.places.acquire_many(self.size).await;
        self.places.close();
        drop(all);
    }
}

impl Place {
    /// The transaction has begun: the database is there.
    pub(super) fn begin_work(&mut self) {
        if !std::mem::replace(&mut self.is_at_work, true) {
            self.at_work.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_at_work {
            self.at_work.fetch_sub(1, Ordering::Relaxed);
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
