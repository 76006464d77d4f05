//! Brings together what a turn knows beyond the conversation.

use std::sync::Arc;

use t11_core::{Fault as _, FaultKind, OrgScope, Violations};
use uuid::Uuid;

use crate::Error;
use crate::agent::Agent;
use crate::catalog::Catalog;
use crate::clients::catalog::Catalogs;
use crate::clients::leads::Leads;
use crate::conversation::Conversation;
use crate::crm_settings::{CrmRules, CrmSettings, StageSettings};
use crate::memory;
use crate::store::{LeadRef, Store};
use crate::turn::known::{Crm, Known, Lead};

/// Reads what a turn is to know.
pub(crate) struct Briefing {
    pub(crate) store: Store,
    pub(crate) catalogs: Arc<Catalogs>,
    pub(crate) leads: Arc<Leads>,
}

impl Briefing {
    /// For a client of the CRM. When crm does not answer, the turn knows no lead and does nothing
    /// to it.
    ///
    /// # Errors
    /// When our own rows cannot be read.
    pub(crate) async fn live(
        &self,
        scope: &OrgScope,
        agent: &Agent,
        settings: &CrmSettings,
        stage: Option<&StageSettings>,
        conversation: &Conversation,
    ) -> Result<Known, Error> {
        let known = self.own(scope, agent, conversation).await?;
        let live = conversation.live()?;
        let at = LeadRef {
            connection_id: live.connection_id,
            lead_id: live.lead_id,
        };
        let crm = match self.crm(scope, settings.rules.clone(), stage, at).await {
            Ok(crm) => {
                // What is back is noted when crm tells: the catalog may be older than the settings.
                if settings.has_lost_more(&crm.catalog) {
                    let noting = self.with_gone(scope, settings.clone(), &crm.catalog);
                    noting.await?;
                }
                Some(crm)
            }
            Err(fault) => {
                tracing::warn!(
                    reason = fault.reason(),
                    conversation.id = %conversation.id,
                    "the turn knows no lead, for crm does not answer"
                );
                None
            }
        };
        Ok(Known { crm, ..known })
    }

    /// An agent's settings, with what of them the account has no longer; as it was last known when
    /// crm does not answer.
    ///
    /// # Errors
    /// When there is no such agent.
    pub(crate) async fn crm_settings(
        &self,
        scope: &OrgScope,
        agent: Uuid,
    ) -> Result<CrmSettings, Error> {
        let settings = self.store.crm_settings(scope, agent).await?;
        let Some(connection) = settings.rules.connection else {
            return Ok(settings);
        };
        match self.catalogs.read(connection).await {
            Ok(catalog) => self.with_gone(scope, settings, &catalog).await,
            Err(fault) => {
                tracing::warn!(reason = fault.reason(), "the account's catalog is not read");
                Ok(settings)
            }
        }
    }

    /// Notes what is gone where that has changed: on a stage that is gone the agent pauses.
    async fn with_gone(
        &self,
        scope: &OrgScope,
        mut settings: CrmSettings,
        catalog: &Catalog,
    ) -> Result<CrmSettings, Error> {
        let gone = settings.rules.gone(catalog);
        if gone != settings.gone {
            if let Some(connection) = settings.rules.connection {
                let noting = self.store.note_gone(scope, connection, catalog.clone());
                noting.await?;
            }
            settings.gone = gone;
        }
        Ok(settings)
    }

    /// Notes what of all agents' settings an account has no longer, for it is set up differently.
    ///
    /// # Errors
    /// crm's refusal.
    pub(crate) async fn note_catalog(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<(), Error> {
        let catalog = self.catalogs.reread(scope.org(), connection).await?;
        let noting = self
            .store
            .note_gone(scope, connection, Catalog::clone(&catalog));
        noting.await
    }

    /// The address of the person who is responsible for a lead; empty when nobody is known.
    ///
    /// # Errors
    /// crm's refusal.
    pub(crate) async fn responsible(&self, scope: &OrgScope, at: LeadRef) -> Result<String, Error> {
        if at.lead_id == 0 {
            return Ok(String::new());
        }
        let lead = self.leads.lead(at).await?;
        let catalog = self.catalogs.recent(scope.org(), at.connection_id).await?;
        let user = catalog.user(lead.responsible_user_id);
        Ok(user.map_or_else(String::new, |user| user.email.clone()))
    }

    /// Replaces an agent's settings, when the account has all that they name.
    ///
    /// # Errors
    /// Violations, a stale etag, a stage that another agent has, crm's refusal.
    pub(crate) async fn replace_crm_settings(
        &self,
        scope: &OrgScope,
        agent: Uuid,
        rules: CrmRules,
        etag: String,
    ) -> Result<CrmSettings, Error> {
        let catalog = match rules.connection {
            Some(connection) => Some(self.catalog(connection).await?),
            None => None,
        };
        let rules = rules.check(catalog.as_ref())?;
        let replacing = self.store.replace_crm_settings(scope, agent, rules, etag);
        replacing.await
    }

    async fn catalog(&self, connection: Uuid) -> Result<Catalog, Error> {
        match self.catalogs.read(connection).await {
            Err(fault) if fault.kind() == FaultKind::NotFound => {
                let mut violations = Violations::default();
                let words = "there is no such connection";
                violations.add("crm_settings.connection", "NOT_FOUND", words);
                Err(violations.into())
            }
            read => read,
        }
    }

    async fn crm(
        &self,
        scope: &OrgScope,
        rules: CrmRules,
        stage: Option<&StageSettings>,
        at: LeadRef,
    ) -> Result<Crm, Error> {
        let catalog = self.catalogs.recent(scope.org(), at.connection_id).await?;
        let lead = match at.lead_id {
            0 => Lead::default(),
            _ => self.leads.lead(at).await?,
        };
        Ok(Crm {
            connection: at.connection_id,
            rules,
            stage: stage.cloned(),
            catalog,
            lead,
        })
    }

    /// For the test chat: a lead without values on the first stage that the agent works on, so that
    /// its rules can be tried.
    ///
    /// # Errors
    /// When our own rows cannot be read.
    pub(crate) async fn test(
        &self,
        scope: &OrgScope,
        agent: &Agent,
        conversation: &Conversation,
    ) -> Result<Known, Error> {
        let known = self.own(scope, agent, conversation).await?;
        let crm = match &agent.frozen {
            None => self.trial(scope, agent.id).await?,
            Some(frozen) => self.tried(scope, frozen.snapshot.crm.clone()).await,
        };
        Ok(Known { crm, ..known })
    }

    /// The lead of a test; `None` where no account is connected, or it cannot be read.
    ///
    /// # Errors
    /// When our own rows cannot be read.
    pub(crate) async fn trial(&self, scope: &OrgScope, agent: Uuid) -> Result<Option<Crm>, Error> {
        let settings = self.store.crm_settings(scope, agent).await?;
        Ok(self.tried(scope, settings.rules).await)
    }

    async fn tried(&self, scope: &OrgScope, rules: CrmRules) -> Option<Crm> {
        match self.imagined(scope, rules).await {
            Ok(crm) => crm,
            Err(fault) => {
                tracing::warn!(reason = fault.reason(), "the test knows no account");
                None
            }
        }
    }

    async fn imagined(&self, scope: &OrgScope, rules: CrmRules) -> Result<Option<Crm>, Error> {
        let (Some(connection), Some(pipeline)) = (rules.connection, rules.pipelines.first()) else {
            return Ok(None);
        };
        let catalog = self.catalogs.recent(scope.org(), connection).await?;
        let stage = pipeline.stages.first().cloned();
        let first = catalog
            .pipeline(pipeline.pipeline_id)
            .and_then(|known| known.stages.first())
            .map(|stage| stage.stage_id);
        let stage_id = stage.as_ref().map(|stage| stage.stage_id).or(first);
        let lead = Lead {
            pipeline_id: pipeline.pipeline_id,
            stage_id: stage_id.unwrap_or(0),
            ..Lead::default()
        };
        Ok(Some(Crm {
            connection,
            rules,
            stage,
            catalog,
            lead,
        }))
    }

    async fn own(
        &self,
        scope: &OrgScope,
        agent: &Agent,
        conversation: &Conversation,
    ) -> Result<Known, Error> {
        let remembers = agent.settings.memory_enabled;
        let client = remembers.then(|| client_key(conversation));
        let known = self
            .store
            .known(scope, agent.clone(), conversation.id, client);
        known.await
    }
}

/// Whose memories a conversation has: those of the contact, or of the conversation itself while no
/// contact is known.
pub(crate) fn client_key(conversation: &Conversation) -> String {
    let contact = conversation
        .live
        .as_ref()
        .map(|live| (live.connection_id, live.contact_id));
    memory::client_key(contact, conversation.id)
}

/// What screens show of a client's memories: the most important first, what is outdone by its own
/// source left out.
pub(crate) async fn memories(
    store: &Store,
    scope: &OrgScope,
    conversation: Uuid,
) -> Result<Vec<memory::Memory>, Error> {
    let conversation = store.conversation(scope, conversation).await?;
    let known = store.memories(scope, client_key(&conversation)).await?;
    Ok(memory::listed(known))
}

/// Forgets one thing of the client of a conversation, or with `None` everything.
pub(crate) async fn forget(
    store: &Store,
    scope: &OrgScope,
    conversation: Uuid,
    memory: Option<Uuid>,
) -> Result<(), Error> {
    let found = store.conversation(scope, conversation).await?;
    let forgotten = store.forget(scope, client_key(&found), memory).await?;
    match memory {
        Some(id) if !forgotten => {
            let name = format!("conversations/{conversation}/memories/{id}");
            Err(Error::NotFound(name))
        }
        _ => Ok(()),
    }
}
