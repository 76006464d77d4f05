//! What our own rows say to a turn beyond its conversation.

use t11_core::OrgScope;
use uuid::Uuid;

use super::{Store, memories, plays, triggers};
use crate::Error;
use crate::agent::Agent;
use crate::turn::Known;

impl Store {
    /// An agent's plays and triggers for a conversation, and what is remembered of `client`, whose
    /// memories are left out with `None`. Nothing of the CRM.
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
                })
            })
            .await
    }
}
