//! Live news of jobs for those who watch an organization.
//!
//! Changes are told as a hint to read the rows anew: every change gives its job the next revision
//! of the organization, so a watcher that reads what is beyond its last revision misses nothing,
//! whoever made the change. Only progress between two writes of it travels by itself.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use t11_core::OrgId;
use t11_runtime::Bus;
use t11_runtime::bus::{Heard, Subscription};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use crate::job::Progress;

/// News that wait for a slow watcher. One that misses some reads the rows anew.
const AHEAD: usize = 64;

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    /// Jobs of the organization have changed.
    Changed,
    /// A running job has come further than the database says.
    Progress(Advance),
}

/// How far a running job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advance {
    pub job: Uuid,
    /// The lease under which it was reported.
    pub fence: i64,
    /// The revision of the job then.
    pub revision: i64,
    pub progress: Progress,
}

/// Brings news to watchers, here and at other replicas.
pub struct Changes {
    here: Mutex<HashMap<OrgId, broadcast::Sender<News>>>,
    bus: Bus,
}

/// Watches an organization.
pub struct Watch {
    here: broadcast::Receiver<News>,
    elsewhere: Subscription,
}

impl Changes {
    /// News that the other members of `bus` bring to their watchers too.
    pub fn new(bus: Bus) -> Self {
        Self {
            here: Mutex::default(),
            bus,
        }
    }

    /// Watches an organization from now on.
    pub async fn watch(&self, org: OrgId) -> Watch {
        let elsewhere = self.bus.subscribe(&topic(org)).await;
        let mut watched = self.here.lock();
        let here = watched
            .entry(org)
            .or_insert_with(|| broadcast::channel(AHEAD).0)
            .subscribe();
        Watch { here, elsewhere }
    }

    /// Tells the organization's watchers, if there are any.
    pub fn tell(&self, org: OrgId, news: News) {
        self.bus
            .publish(&topic(org), || crate::wake::message(&news));
        let mut watched = self.here.lock();
        if let Some(watchers) = watched.get(&org)
            && watchers.send(news).is_err()
        {
            // The last one has left.
            watched.remove(&org);
        }
    }
}

impl Watch {
    /// The next news; whatever was missed is a change. `None` when there will be no more.
    pub async fn next(&mut self) -> Option<News> {
        tokio::select! {
            news = self.here.recv() => match news {
                Ok(news) => Some(news),
                Err(RecvError::Lagged(_)) => Some(News::Changed),
                Err(RecvError::Closed) => None,
            },
            heard = self.elsewhere.heard() => {
                let Heard::Message(message) = heard else {
                    return Some(News::Changed);
                };
                // What another version tells is in the rows too.
                Some(serde_json::from_slice(&message).unwrap_or(News::Changed))
            }
        }
    }
}

fn topic(org: OrgId) -> String {
    format!("jobs.news.{}", org.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use t11_core::World;
    use t11_runtime::bus::InProcess;

    use super::*;

    fn replicas() -> [Changes; 2] {
        let carrier = Arc::new(InProcess::default());
        [(); 2].map(|()| Changes::new(Bus::join(carrier.clone(), &World::system())))
    }

    #[tokio::test]
    async fn news_reach_the_watchers_of_their_organization_only() {
        let [changes, other_replica] = replicas();
        let (own, other) = (OrgId(Uuid::from_u128(1)), OrgId(Uuid::from_u128(2)));
        let mut watches = [changes.watch(own).await, other_replica.watch(own).await];
        changes.tell(other, News::Changed);
        let progress = News::Progress(Advance {
            job: Uuid::from_u128(7),
            fence: 3,
            revision: 9,
            progress: Progress {
                step: "embed".to_owned(),
                ..Progress::default()
            },
        });
        changes.tell(own, progress.clone());
        changes.tell(own, News::Changed);
        for watch in &mut watches {
            assert_eq!(watch.next().await, Some(progress.clone()));
            assert_eq!(watch.next().await, Some(News::Changed));
            assert!(watch.next().now_or_never().is_none(), "told once");
        }
    }

    #[tokio::test]
    async fn nobody_watching_keeps_nothing() {
        let [changes, _] = replicas();
        let org = OrgId(Uuid::from_u128(1));
        drop(changes.watch(org).await);
        changes.tell(org, News::Changed);
        assert!(changes.here.lock().is_empty());
    }
}
