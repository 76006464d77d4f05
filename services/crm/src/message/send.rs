//! Sending: a try is written down before it leaves, and its outcome after.

use std::time::Duration;

use t11_core::{OrgScope, World};
use t11_kommo::Lane;
use uuid::Uuid;

use super::{Message, NewMessage, Outcome, Refusal, State};
use crate::connection::Transport;
use crate::error::Error;
use crate::kommo::Kommo;
use crate::store::{Begun, Started, Store};
use crate::transport::{self, Attempt, OwnChannel, Try};

/// When a try is given up: before anybody takes it for one whose process has died.
const GIVEN_UP: Duration = Duration::from_secs(50);

/// Sends messages to clients, and finds out what became of them.
#[derive(Clone)]
pub(crate) struct Messages {
    pub(crate) store: Store,
    pub(crate) kommo: Kommo,
    pub(crate) world: World,
    pub(crate) channel: Option<OwnChannel>,
}

impl Messages {
    /// Sends a message once; of a key that is known, what is known.
    ///
    /// # Errors
    /// [`Error::ConnectionState`], and those that trying again may mend; nothing was sent then.
    pub(crate) async fn send(&self, scope: &OrgScope, new: NewMessage) -> Result<Message, Error> {
        // Not begun with an account that nothing can be sent to now.
        let account = self.kommo.account(scope, new.connection, Lane::Reply).await;
        match self.store.start(scope, new, account.is_ok()).await? {
            Started::Begun(begun) => Box::pin(self.try_send(scope, *begun)).await,
            Started::Known(message) if message.state == State::Pending => {
                account.map(|_open| *message)
            }
            Started::Known(message) if message.is_lost(self.world.now()) => {
                self.look_once(scope, *message).await
            }
            Started::Known(message) => Ok(*message),
        }
    }

    pub(crate) async fn get(&self, scope: &OrgScope, key: Uuid) -> Result<Message, Error> {
        self.store.message(scope, key).await
    }

    /// Looks for a lost message. When Kommo cannot be asked it stays what it is.
    async fn look_once(&self, scope: &OrgScope, message: Message) -> Result<Message, Error> {
        let key = message.new.idempotency_key;
        match self.reconcile(scope, &message).await {
            Ok(()) => self.store.message(scope, key).await,
            Err(Error::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    message.key = %key,
                    "a lost message cannot be looked for now"
                );
                Ok(message)
            }
        }
    }

    async fn try_send(&self, scope: &OrgScope, begun: Begun) -> Result<Message, Error> {
        let mut attempt = Try {
            kommo: &self.kommo,
            channel: self.channel.as_ref(),
            scope,
            connection: &begun.connection,
            message: begun.message,
        };
        let tried = Box::pin(self.go_through(&mut attempt, &begun.candidates));
        match tokio::time::timeout(GIVEN_UP, tried).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => self.end(&attempt, Outcome::Unknown).await,
        }
    }

    /// Tries one transport after the other, as long as certainly nothing was sent. With none to try
    /// it is over as it begins.
    async fn go_through(
        &self,
        attempt: &mut Try<'_>,
        candidates: &[Transport],
    ) -> Result<Message, Error> {
        let mut first_refusal = None;
        for (index, kind) in candidates.iter().enumerate() {
            if index > 0 && !self.go_on_with(attempt, *kind).await? {
                break;
            }
            let refusal = match transport::send(attempt, *kind).await {
                Attempt::Accepted(id) => return self.end(attempt, Outcome::Accepted(id)).await,
                Attempt::Unknown => return self.end(attempt, Outcome::Unknown).await,
                Attempt::Later(error) => {
                    self.end(attempt, Outcome::Pending).await?;
                    return Err(error);
                }
                Attempt::Superseded => {
                    let key = attempt.message.new.idempotency_key;
                    return self.store.message(attempt.scope, key).await;
                }
                Attempt::Refused(refusal) => refusal,
            };
            self.note_refusal(attempt, *kind, &refusal).await?;
            let may_go_on = refusal.is_of_transport();
            // Why the best of them could not says more than what is wrong with the last.
            first_refusal.get_or_insert(refusal);
            if !may_go_on {
                break;
            }
        }
        let refusal = first_refusal.unwrap_or_else(|| transport::no_candidate(attempt.connection));
        self.end(attempt, Outcome::Failed(refusal)).await
    }

    async fn go_on_with(&self, attempt: &mut Try<'_>, kind: Transport) -> Result<bool, Error> {
        let (scope, talk) = (attempt.scope, attempt.message.new.talk_id);
        let store = &self.store;
        let next = store.go_on_with(scope, &attempt.message, kind, talk).await;
        match next {
            Ok(Some(message)) => {
                attempt.message = message;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => {
                // Nothing has been sent by those before.
                self.end(attempt, Outcome::Pending).await?;
                Err(error)
            }
        }
    }

    async fn note_refusal(
        &self,
        attempt: &Try<'_>,
        kind: Transport,
        refusal: &Refusal,
    ) -> Result<(), Error> {
        tracing::info!(
            transport = kind.as_str(),
            reason = %refusal.reason,
            "a transport did not take a message"
        );
        let labels = [
            ("transport", kind.as_str().to_owned()),
            ("reason", refusal.reason.to_string()),
        ];
        metrics::counter!("t11_crm_message_refusals_total", &labels).increment(1);
        if kind == Transport::Talk && refusal.reason == Refusal::QUOTA_EXCEEDED {
            let connection = attempt.connection.id;
            self.store
                .note_quota_exceeded(attempt.scope, connection)
                .await?;
        }
        Ok(())
    }

    async fn end(&self, attempt: &Try<'_>, outcome: Outcome) -> Result<Message, Error> {
        self.store
            .end_try(attempt.scope, &attempt.message, outcome)
            .await
    }
}
