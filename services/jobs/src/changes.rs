//! Live news of jobs for those who watch an organization.
//!
//! Changes are told as a hint to read the rows anew: every change gives its job the next revision
//! of the organization, so a watcher that reads what is beyond its last revision misses nothing,
//! whoever made the change. Only progress between two writes of it travels by itself.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use t11_core::OrgId;
use tokio::sync::broadcast;

use crate::job::Job;

/// News that wait for a slow watcher. One that misses some reads the rows anew.
const AHEAD: usize = 64;

/// What a watcher is told.
#[derive(Debug, Clone)]
pub enum News {
    /// Jobs of the organization have changed.
    Changed,
    /// The job as it is in the database but for its progress, which is newer.
    Progress(Arc<Job>),
}

/// Brings news to the watchers in this process.
#[derive(Debug, Default)]
pub struct Changes {
    watched: Mutex<HashMap<OrgId, broadcast::Sender<News>>>,
}

impl Changes {
    /// Watches an organization from now on.
    pub fn watch(&self, org: OrgId) -> broadcast::Receiver<News> {
        let mut watched = self.watched.lock();
        watched
            .entry(org)
            .or_insert_with(|| broadcast::channel(AHEAD).0)
            .subscribe()
    }

    /// Tells the organization's watchers, if there are any.
    pub fn tell(&self, org: OrgId, news: News) {
        let mut watched = self.watched.lock();
        if let Some(watchers) = watched.get(&org)
            && watchers.send(news).is_err()
        {
            // The last one has left.
            watched.remove(&org);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn news_reach_the_watchers_of_their_organization_only() {
        let changes = Changes::default();
        let (own, other) = (OrgId(Uuid::from_u128(1)), OrgId(Uuid::from_u128(2)));
        let mut watcher = changes.watch(own);
        changes.tell(other, News::Changed);
        assert!(watcher.try_recv().is_err());
        changes.tell(own, News::Changed);
        assert!(matches!(watcher.recv().await, Ok(News::Changed)));
    }

    #[test]
    fn nobody_watching_keeps_nothing() {
        let changes = Changes::default();
        let org = OrgId(Uuid::from_u128(1));
        drop(changes.watch(org));
        changes.tell(org, News::Changed);
        assert!(changes.watched.lock().is_empty());
    }
}
