//! Word that a session or an API key of an organization has ended, or may do less than before.
//!
//! Edges remember for a few seconds whom they believe. They hear of an ending at once over the bus, and
//! forget; an edge that does not hear of it is wrong for those seconds and no longer.

use bytes::Bytes;
use t11_core::OrgId;
use uuid::Uuid;

use crate::bus::{Bus, Heard, Subscription};

const TOPIC: &str = "accounts.endings";

/// Where endings are told and heard of. Clones are the same member of the bus.
#[derive(Clone)]
pub struct Endings(Bus);

/// Hears of the endings that others tell.
pub struct Hearing(Subscription);

impl Endings {
    /// Over this bus.
    pub fn new(bus: Bus) -> Self {
        Self(bus)
    }

    /// Tells all edges to believe nobody of the organization without asking again. For after the
    /// commit.
    pub fn tell(&self, org: OrgId) {
        self.0
            .publish(TOPIC, || Bytes::copy_from_slice(org.0.as_bytes()));
    }

    /// Hears what is told from now on.
    pub async fn hear(&self) -> Hearing {
        Hearing(self.0.subscribe(TOPIC).await)
    }
}

impl Hearing {
    /// The organization of the next ending. What was missed is passed over: it is found out within
    /// seconds, and to ask about everybody at once would be a flood.
    pub async fn next(&mut self) -> OrgId {
        loop {
            if let Heard::Message(message) = self.0.heard().await
                && let Ok(org) = Uuid::from_slice(&message)
            {
                return OrgId(org);
            }
        }
    }
}
