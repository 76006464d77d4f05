//! What our own rows say to a turn beyond its conversation.

use t11_core::OrgScope;
use t11_store::Tx;
use uuid::Uuid;

use super::{Store, chunks, memories, plays, price_book, triggers, versions};
use crate::Error;
use crate::agent::Agent;
use crate::turn::{Editions, Known};

impl Store {
    /// An agent's plays and triggers for a conversation, and what is remembered of `client`, whose
    /// memories are left out with `None`, and what it answers from. Nothing of the CRM.
    pub(crate) async fn known(
        &self,
        scope: &OrgScope,
        agent: Agent,
        conversation: Uuid,
        client: Option<String>,
    ) -> Result<Known, Error> {
        let now = self.world.now();
        self.db
            .read(scope, move |tx| async move {
                let (scripts, responses) = plays::usable(&tx, &agent).await?;
                let memories = match client {
                    Some(client) => memories::of_client(&tx, &client, now).await?,
                    None => Vec::new(),
                };
                let triggers = triggers::armed(&tx, agent.id, conversation, now).await?;
                Ok(Known {
                    crm: None,
                    memories,
                    scripts,
                    responses,
                    triggers,
                    editions: editions(&tx, &agent).await?,
                })
            })
            .await
    }
}

/// Those of the agent's version, or of today.
async fn editions(tx: &Tx, agent: &Agent) -> Result<Editions, Error> {
    let frozen = agent.frozen.as_deref();
    let pinned = match frozen.and_then(|frozen| frozen.version) {
        Some(version) => Some(versions::pinned(tx, version.id).await?),
        None => None,
    };
    let prices = match frozen {
        Some(frozen) => frozen.snapshot.prices.map(|(version, _)| version),
        None => price_book::live_version(tx).await?,
    };
    Ok(Editions {
        knowledge: chunks::current_version(tx).await?,
        pinned,
        prices,
    })
}
