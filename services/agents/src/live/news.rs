//! Live news of conversations: hints to read them anew, here and at other replicas.

use std::collections::HashMap;

use bytes::Bytes;
use parking_lot::Mutex;
use t11_core::OrgId;
use t11_runtime::Bus;
use t11_runtime::bus::{Heard, Subscription};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

/// News that wait for a slow watcher. One that misses some reads all anew.
const AHEAD: usize = 256;

/// What a watcher is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Conversation(Uuid),
    /// Some were missed.
    Any,
}

impl Change {
    /// Whether a conversation may have changed.
    fn concerns(self, conversation: Uuid) -> bool {
        matches!(self, Self::Any) || self == Self::Conversation(conversation)
    }
}

/// Brings news to watchers.
pub(crate) struct News {
    here: Mutex<HashMap<OrgId, broadcast::Sender<Uuid>>>,
    bus: Bus,
}

/// Watches an organization.
pub(crate) struct Watch {
    here: broadcast::Receiver<Uuid>,
    elsewhere: Subscription,
}

impl News {
    /// News that the other members of `bus` bring to their watchers too.
    pub(crate) fn new(bus: Bus) -> Self {
        Self {
            here: Mutex::default(),
            bus,
        }
    }

    /// Watches an organization from now on.
    pub(crate) async fn watch(&self, org: OrgId) -> Watch {
        let elsewhere = self.bus.subscribe(&topic(org)).await;
        let mut watched = self.here.lock();
        let here = watched
            .entry(org)
            .or_insert_with(|| broadcast::channel(AHEAD).0)
            .subscribe();
        Watch { here, elsewhere }
    }

    /// Tells the organization's watchers that a conversation has changed.
    pub(crate) fn tell(&self, org: OrgId, conversation: Uuid) {
        self.bus.publish(&topic(org), || {
            Bytes::copy_from_slice(conversation.as_bytes())
        });
        let mut watched = self.here.lock();
        if let Some(watchers) = watched.get(&org)
            && watchers.send(conversation).is_err()
        {
            // The last one has left.
            watched.remove(&org);
        }
    }
}

impl Watch {
    /// The next news.
    pub(crate) async fn next(&mut self) -> Change {
        tokio::select! {
            told = self.here.recv() => match told {
                Ok(conversation) => Change::Conversation(conversation),
                Err(RecvError::Lagged(_)) => Change::Any,
                // Nobody tells any more; there is nothing to wait for here.
                Err(RecvError::Closed) => heard(&mut self.elsewhere).await,
            },
            change = heard(&mut self.elsewhere) => change,
        }
    }

    /// The next news of a conversation.
    pub(crate) async fn about(&mut self, conversation: Uuid) -> Change {
        loop {
            let change = self.next().await;
            if change.concerns(conversation) {
                return change;
            }
        }
    }
}

async fn heard(elsewhere: &mut Subscription) -> Change {
    match elsewhere.heard().await {
        Heard::Message(message) => {
            Uuid::from_slice(&message).map_or(Change::Any, Change::Conversation)
        }
        Heard::Gap => Change::Any,
    }
}

fn topic(org: OrgId) -> String {
    format!("agents.conversations.{}", org.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use t11_core::World;
    use t11_runtime::bus::InProcess;

    use super::*;

    #[tokio::test]
    async fn news_reach_the_watchers_of_their_organization_here_and_elsewhere() {
        let carrier = Arc::new(InProcess::default());
        let member = || News::new(Bus::join(carrier.clone(), &World::system()));
        let (here, elsewhere) = (member(), member());
        let (own, other) = (OrgId(Uuid::from_u128(1)), OrgId(Uuid::from_u128(2)));
        let mut watches = [here.watch(own).await, elsewhere.watch(own).await];
        here.tell(other, Uuid::from_u128(3));
        here.tell(own, Uuid::from_u128(4));
        for watch in &mut watches {
            let change = watch.next().await;
            assert_eq!(change, Change::Conversation(Uuid::from_u128(4)));
            assert!(watch.next().now_or_never().is_none(), "told once");
        }
    }

    #[tokio::test]
    async fn nobody_watching_keeps_nothing() {
        let carrier = Arc::new(InProcess::default());
        let news = News::new(Bus::join(carrier, &World::system()));
        let org = OrgId(Uuid::from_u128(1));
        drop(news.watch(org).await);
        news.tell(org, Uuid::from_u128(4));
        assert!(news.here.lock().is_empty());
    }
}
