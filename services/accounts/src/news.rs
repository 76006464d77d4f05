//! Hints that an organization's notifications have changed, here and at other replicas.

use std::collections::HashMap;

use parking_lot::Mutex;
use t11_core::OrgId;
use t11_runtime::Bus;
use t11_runtime::bus::Subscription;
use tokio::sync::watch;

/// Brings hints to those who watch.
pub(crate) struct News {
    here: Mutex<HashMap<OrgId, watch::Sender<()>>>,
    bus: Bus,
}

/// Watches an organization.
pub(crate) struct Watch {
    here: watch::Receiver<()>,
    elsewhere: Subscription,
}

impl News {
    /// Hints that the other members of `bus` hear too.
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
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe();
        Watch { here, elsewhere }
    }

    /// Tells those who watch the organization to look.
    pub(crate) fn tell(&self, org: OrgId) {
        self.bus.publish(&topic(org), Default::default);
        let mut watched = self.here.lock();
        if let Some(watchers) = watched.get(&org)
            && watchers.send(()).is_err()
        {
            // The last one has left.
            watched.remove(&org);
        }
    }
}

impl Watch {
    /// Resolves when it is worth looking.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            told = self.here.changed() => if told.is_err() {
                // Nobody tells any more; there is nothing to wait for here.
                self.elsewhere.heard().await;
            },
            _ = self.elsewhere.heard() => {}
        }
    }
}

fn topic(org: OrgId) -> String {
    format!("accounts.notifications.{}", org.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use t11_core::World;
    use t11_runtime::bus::InProcess;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn hints_reach_their_organization_here_and_elsewhere() {
        let carrier = Arc::new(InProcess::default());
        let member = || News::new(Bus::join(carrier.clone(), &World::system()));
        let (here, elsewhere) = (member(), member());
        let (own, other) = (OrgId(Uuid::from_u128(1)), OrgId(Uuid::from_u128(2)));
        let mut watches = [here.watch(own).await, elsewhere.watch(own).await];
        here.tell(other);
        for watch in &mut watches {
            assert!(watch.next().now_or_never().is_none(), "another's");
        }
        here.tell(own);
        for watch in &mut watches {
            watch.next().await;
            assert!(watch.next().now_or_never().is_none(), "told once");
        }
        drop(watches);
        here.tell(own);
        assert!(here.here.lock().is_empty(), "nobody watching keeps nothing");
    }
}
