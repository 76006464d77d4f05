//! How a message that Kommo has taken fares in its channel.

use chrono::TimeDelta;
use t11_core::OrgScope;
use t11_kommo::Lane;
use t11_kommo::client::Message as KommoMessage;

use super::reconcile::said_since;
use super::send::Messages;
use super::{Message, Seen, State};
use crate::error::Error;

/// How long a message is watched.
const WATCHED_FOR: TimeDelta = TimeDelta::hours(1);

impl Messages {
    /// Whether there may be news of the message.
    pub(crate) fn is_watched(&self, message: &Message) -> bool {
        let age = message.accept_time.map(|time| self.world.now() - time);
        message.is_on_its_way() && age.is_some_and(|age| age < WATCHED_FOR)
    }

    /// Asks Kommo how the message fares, and tells the agents what is new.
    ///
    /// # Errors
    /// Those of Kommo, also when the account's messages cannot be read at all.
    pub(crate) async fn watch(&self, scope: &OrgScope, message: &Message) -> Result<(), Error> {
        if !self.is_watched(message) {
            return Ok(());
        }
        let connection = message.new.connection;
        let look = self.kommo.with(scope, connection, Lane::Sync, |client| {
            let message = message.clone();
            async move { said_since(&client, &message).await }
        });
        let messages = look.await?;
        let Some(own) = self.own(scope, message, &messages).await? else {
            return Ok(());
        };
        if let Some(state) = own.delivery_status.as_deref().and_then(fared) {
            self.store.note_delivery(scope, message, state).await?;
        }
        Ok(())
    }

    /// Our message among those of its talk: by its id; what a bot has said for us by its text.
    async fn own<'a>(
        &self,
        scope: &OrgScope,
        message: &Message,
        messages: &'a [KommoMessage],
    ) -> Result<Option<&'a KommoMessage>, Error> {
        let ids = [message.message_id.as_deref(), message.seen_id.as_deref()];
        let has_id = |one: &&KommoMessage| ids.contains(&Some(one.id.as_str()));
        if let Some(own) = messages.iter().find(has_id) {
            return Ok(Some(own));
        }
        for one in messages.iter().filter(|one| !one.author.is_staff()) {
            let seen = seen(message, one);
            if !message.may_be(&seen) {
                continue;
            }
            let store = &self.store;
            let (connection, id) = (seen.connection, seen.message_id.clone());
            if store.is_sent_by_us(scope, connection, id).await? {
                continue;
            }
            let owner = store.maybe_sent_by_us(scope, seen).await?;
            if owner == Some(message.new.idempotency_key) {
                return Ok(Some(one));
            }
        }
        Ok(None)
    }
}

fn seen(message: &Message, one: &KommoMessage) -> Seen {
    Seen {
        connection: message.new.connection,
        message_id: one.id.0.clone(),
        talk_id: message.new.talk_id,
        chat_id: message.new.chat_id.clone(),
        lead_id: message.new.lead_id,
        text: one.text.clone(),
        time: one.created_at.unwrap_or_default(),
    }
}

/// What a word of Kommo's says; `None` when it says no more than is known.
fn fared(status: &str) -> Option<State> {
    match status {
        "delivered" => Some(State::Delivered),
        "read" => Some(State::Read),
        "error" | "failed" | "undelivered" => Some(State::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_known_say_nothing() {
        assert_eq!(fared("read"), Some(State::Read));
        assert_eq!(fared("error"), Some(State::Failed));
        for word in ["", "sent", "queued"] {
            assert_eq!(fared(word), None);
        }
    }
}
