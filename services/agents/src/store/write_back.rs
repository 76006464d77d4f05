//! What of a turn outlives it, in the commit that ends it: what is done in the CRM, what is
//! remembered, how often plays were used.

use t11_core::World;
use t11_store::Tx;
use uuid::Uuid;

use super::actions::{self, LeadRef};
use super::memories::{self, Remembering};
use super::plays;
use crate::Error;
use crate::turn::{Report, State};

/// A turn that ends.
pub(super) struct Ending<'a> {
    pub(super) conversation_id: Uuid,
    pub(super) turn_id: Uuid,
    /// Whose memories it adds to.
    pub(super) client: &'a str,
    /// Days that the agent remembers.
    pub(super) memory_days: i32,
    /// `None`: nothing is done in the CRM.
    pub(super) lead: Option<LeadRef>,
    /// Whether it answers a client of the CRM: the test chat counts nothing.
    pub(super) is_live: bool,
    pub(super) state: State,
}

/// Keeps it. What a draft would do is done when the draft is approved.
pub(super) async fn keep(
    tx: &Tx,
    world: &World,
    ending: &Ending<'_>,
    report: &Report,
) -> Result<(), Error> {
    let remembering = Remembering {
        client: ending.client,
        turn_id: ending.turn_id,
        days: ending.memory_days,
    };
    memories::remember(tx, world, &remembering, &report.memories).await?;
    if !ending.is_live {
        return Ok(());
    }
    let (conversation_id, turn_id) = (ending.conversation_id, ending.turn_id);
    plays::count(tx, world, conversation_id, turn_id, &report.plays).await?;
    let Some(lead) = ending.lead else {
        return Ok(());
    };
    let kept = actions::keep(tx, world, conversation_id, turn_id, lead, &report.actions).await?;
    if !kept || ending.state == State::Draft {
        return Ok(());
    }
    actions::release(tx, world, turn_id).await
}

#[cfg(test)]
mod tests;
