//! What people do in live conversations, and how they see them change.

use std::sync::Arc;

use t11_core::OrgScope;
use uuid::Uuid;

use crate::Error;
use crate::clients::Accounts;
use crate::conversation::{Conversation, Message};
use crate::live::news::{News, Watch};
use crate::store::{Draft, Store};

/// The inbox of organizations.
#[derive(Clone)]
pub(crate) struct Inbox {
    pub(crate) store: Store,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) news: Arc<News>,
}

impl Inbox {
    /// Takes the word from the agent.
    pub(crate) async fn take_over(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
    ) -> Result<Conversation, Error> {
        let taken = self.store.take_over(scope, conversation).await?;
        self.news.tell(scope.org(), conversation);
        Ok(taken)
    }

    /// Gives the word back to the agent.
    pub(crate) async fn hand_back(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
    ) -> Result<Conversation, Error> {
        let zone = self.accounts.organization(scope.org()).await?.zone;
        let given = self.store.hand_back(scope, conversation, zone).await?;
        self.news.tell(scope.org(), conversation);
        Ok(given)
    }

    /// Writes to the client; a repeated request is answered with what was sent.
    pub(crate) async fn send(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
        text: String,
        request_id: Option<Uuid>,
    ) -> Result<Message, Error> {
        let sending = self
            .store
            .send_human_message(scope, conversation, text, request_id);
        let sent = sending.await?;
        self.news.tell(scope.org(), conversation);
        Ok(sent)
    }

    /// Sends a draft, as it is or with other words.
    pub(crate) async fn approve(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
        draft: Uuid,
        text: Option<String>,
    ) -> Result<Draft, Error> {
        let approving = self.store.approve_draft(scope, conversation, draft, text);
        let approved = approving.await?;
        self.news.tell(scope.org(), conversation);
        Ok(approved)
    }

    /// Throws a draft away.
    pub(crate) async fn reject(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
        draft: Uuid,
        reason: String,
    ) -> Result<Draft, Error> {
        let rejecting = self.store.reject_draft(scope, conversation, draft, reason);
        let rejected = rejecting.await?;
        self.news.tell(scope.org(), conversation);
        Ok(rejected)
    }

    /// Hears of conversations that change from now on.
    pub(crate) async fn watch(&self, scope: &OrgScope) -> Watch {
        self.news.watch(scope.org()).await
    }
}
